//! Parameters of networks that are yet to be trained, distributed as torchvision starts each.
//!
//! | network | filters | biases |
//! |---|---|---|
//! | AlexNet | uniform within 1/√(fan-in) (Kaiming, a = √5) | the same |
//! | SqueezeNet 1.1, our own | uniform within √(6 / fan-in) (Kaiming, a = 0) | 0 |
//! | VGG-16, ResNets, MobileNetV2 | normal with variance 2 / fan-out (Kaiming) | 0 |
//!
//! Fan-in is a filter's numbers, fan-out its positions times the filters, as PyTorch counts them. Batch
//! normalisation starts as the identity. The distributions are torchvision's, the numbers are our own: the
//! streams of [`Seeded`], by name and seed, of which two make a normal one (Box and Muller).

use super::Parameters;
use super::seeded::{Seeded, unit};
use crate::layer::Convolution;
use crate::{Backbone, Result, geometry};

/// Random parameters that a network is trained from.
#[derive(Clone, Debug)]
pub struct Initial {
    backbone: Backbone,
    seeded: Seeded,
    convolutions: Vec<Convolution>,
}

impl Initial {
    /// Those of a network and a seed.
    pub fn new(backbone: Backbone, seed: u64) -> Self {
        let layers = backbone.layers();
        let convolutions = geometry::convolutions(&layers).into_iter().cloned().collect();
        let seeded = Seeded::new(format!("initial/{seed}/{}", backbone.weights()));
        Self { backbone, seeded, convolutions }
    }

    /// The numbers of a parameter.
    pub fn numbers(&self, name: &str, shape: &[usize]) -> Vec<f32> {
        let count: usize = shape.iter().product();
        let key = self.seeded.key(name);
        let uniform =
            |bound: f64| (1..=count as u64).map(|i| unit(key, i) * bound as f32).collect();
        let (path, last) = name.rsplit_once('.').unwrap_or(("", name));
        match (last, shape) {
            ("weight", [filters, rest @ ..]) if !rest.is_empty() => {
                let fan_in = rest.iter().product::<usize>().max(1) as f64;
                match self.backbone {
                    Backbone::AlexNet => uniform(1.0 / fan_in.sqrt()),
                    Backbone::SqueezeNet1_1 | Backbone::Sight => uniform((6.0 / fan_in).sqrt()),
                    _ => {
                        let positions: usize = rest[1..].iter().product();
                        let deviation = (2.0 / (filters * positions).max(1) as f64).sqrt();
                        (0..count as u64).map(|i| (deviation * normal(key, i)) as f32).collect()
                    }
                }
            }
            ("bias", _) if self.backbone == Backbone::AlexNet => {
                let layer = self.convolutions.iter().find(|layer| layer.path == path);
                let fan_in =
                    layer.map_or(1, |l| l.input / l.groups.max(1) * l.kernel * l.kernel).max(1);
                uniform(1.0 / (fan_in as f64).sqrt())
            }
            // Batch normalisation that changes nothing.
            ("weight" | "running_var", _) => vec![1.0; count],
            _ => vec![0.0; count],
        }
    }
}

impl Parameters for Initial {
    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Ok(self.numbers(name, shape))
    }
}

/// Number `i` of the normal distribution.
fn normal(key: u64, i: u64) -> f64 {
    // From 0 on and below 1.
    let share = |index: u64| (f64::from(unit(key, index)) + 1.0) / 2.0;
    let radius = (-2.0 * (1.0 - share(2 * i + 1)).ln()).sqrt();
    radius * (std::f64::consts::TAU * share(2 * i + 2)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Planes, Trunk};

    /// Mean, deviation and the largest absolute value.
    fn moments(numbers: &[f32]) -> [f64; 3] {
        let count = numbers.len() as f64;
        let mean = numbers.iter().map(|&n| f64::from(n)).sum::<f64>() / count;
        let square = numbers.iter().map(|&n| (f64::from(n) - mean).powi(2)).sum::<f64>() / count;
        let most = numbers.iter().fold(0.0_f64, |most, &n| most.max(f64::from(n).abs()));
        [mean, square.sqrt(), most]
    }

    #[test]
    fn filters_have_the_spread_of_torchvision() {
        let shape = [256, 128, 3, 3];
        let (fan_in, fan_out) = (128.0 * 9.0, 256.0 * 9.0);
        for (backbone, deviation, most) in [
            (Backbone::AlexNet, (1.0_f64 / fan_in / 3.0).sqrt(), (1.0_f64 / fan_in).sqrt()),
            (Backbone::SqueezeNet1_1, (2.0_f64 / fan_in).sqrt(), (6.0_f64 / fan_in).sqrt()),
            (Backbone::Vgg16, (2.0_f64 / fan_out).sqrt(), 6.0 * (2.0_f64 / fan_out).sqrt()),
            (Backbone::ResNet18, (2.0_f64 / fan_out).sqrt(), 6.0 * (2.0_f64 / fan_out).sqrt()),
        ] {
            let numbers = Initial::new(backbone, 3).numbers("x.weight", &shape);
            let [mean, found, largest] = moments(&numbers);
            assert!(mean.abs() < 0.01 * deviation, "{backbone:?}: {mean}");
            assert!((found / deviation - 1.0).abs() < 0.01, "{backbone:?}: {found} {deviation}");
            assert!(largest <= most, "{backbone:?}: {largest} {most}");
        }
    }

    #[test]
    fn biases_and_normalisation_start_as_they_do_there() {
        let alex = Initial::new(Backbone::AlexNet, 1);
        let bound = 1.0 / (3.0 * 121.0_f64).sqrt();
        let [_, deviation, most] = moments(&alex.numbers("features.0.bias", &[64]));
        assert!(most <= bound && deviation > 0.4 * bound, "{deviation} {most}");
        let resnet = Initial::new(Backbone::ResNet18, 1);
        assert_eq!(resnet.numbers("bn1.weight", &[2]), [1.0, 1.0]);
        assert_eq!(resnet.numbers("bn1.running_var", &[2]), [1.0, 1.0]);
        assert_eq!(resnet.numbers("bn1.running_mean", &[2]), [0.0, 0.0]);
        assert_eq!(resnet.numbers("bn1.bias", &[2]), [0.0, 0.0]);
        assert_eq!(Initial::new(Backbone::Vgg16, 1).numbers("features.0.bias", &[2]), [0.0, 0.0]);
    }

    #[test]
    fn every_network_answers_and_seeds_differ() {
        let input: Vec<f32> = (0..3 * 32 * 32).map(|i| (i * 7 % 13) as f32 / 13.0).collect();
        let input = Planes::new([1, 3, 32, 32], input).unwrap();
        for backbone in [Backbone::AlexNet, Backbone::SqueezeNet1_1, Backbone::ResNet18] {
            let last = |seed| {
                let trunk = Trunk::new(backbone, &Initial::new(backbone, seed)).unwrap();
                trunk.activations(&input).unwrap().pop().unwrap().to_planes()
            };
            let [first, again, other] = [1, 1, 2].map(last);
            assert_eq!(first, again, "{backbone:?}");
            assert_ne!(first, other, "{backbone:?}");
            assert!(first.iter().all(|n| n.is_finite()) && first.iter().any(|&n| n > 0.0));
        }
    }
}
