//! Activations against the networks written out in double precision, on tiny pictures; properties of
//! batches, threads and derivatives; and sizes that are refused.

#![allow(clippy::unwrap_used, clippy::panic)]

mod agreement;
mod definition;

use agreement::Row;
use definition::{Definition, Grid, hanning_pool, max_pool};
use lookalike_nn::{Backbone, Error, Packing, Parameters as _, Planes, Seeded, Trunk, processor};

/// Numbers of either sign that look like a normalised picture.
fn picture(batch: usize, height: usize, width: usize, seed: &str) -> Planes {
    let shape = [batch, 3, height, width];
    let numbers = Seeded::new(seed).f32("lin", &shape).unwrap();
    Planes::new(shape, numbers.iter().map(|v| 4.0 * v - 2.0).collect()).unwrap()
}

fn trunk(backbone: Backbone, seed: &str) -> Trunk {
    Trunk::new(backbone, &Seeded::new(seed)).unwrap()
}

// Winograd's transforms cost a digit per deep layer.
const DEFINITION: Row = Row {
    what: "activations of all networks, of the largest value",
    with: "their definitions written out in double precision, seeded networks",
    allowed: 1e-5,
};

fn assert_close(found: &Planes, index: usize, expected: &Grid, what: &str) {
    let [_, channels, height, width] = found.shape();
    assert_eq!(
        (channels, height, width),
        (expected.channels, expected.height, expected.width),
        "{what}"
    );
    let largest = expected.data.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let error = found.picture(index).iter().zip(&expected.data);
    let error = error.map(|(&f, e)| (f64::from(f) - e).abs()).fold(0.0, f64::max);
    DEFINITION.check(error / largest, what);
}

#[test]
fn activations_follow_the_definitions() {
    let seeded = |net: &str| Seeded::new(net);
    for (backbone, net, (height, width)) in [
        (Backbone::AlexNet, "alex", (35, 47)),
        (Backbone::SqueezeNet1_1, "squeeze", (17, 38)),
        (Backbone::Vgg16, "vgg", (16, 19)),
        (Backbone::Vgg16HanningPool, "vgg", (17, 16)),
    ] {
        let parameters = seeded(net);
        let definition = Definition(&parameters);
        let input = picture(2, height, width, "picture");
        let taps = trunk(backbone, net).taps(&input).unwrap();
        let x = Grid::of(&input, 1);
        let expected = match backbone {
            Backbone::AlexNet => definition.alexnet(&x),
            Backbone::SqueezeNet1_1 => definition.squeezenet(&x),
            Backbone::Vgg16 => definition.vgg16(&x, |x| max_pool(x, 2, false)),
            _ => definition.vgg16(&x, hanning_pool),
        };
        assert_eq!(taps.len(), expected.len());
        for (tap, (found, expected)) in taps.iter().zip(&expected).enumerate() {
            assert_close(found, 1, expected, &format!("{} tap {tap}", backbone.name()));
        }
    }
}

#[test]
fn a_batch_and_any_threads_give_the_bits_of_single_pictures() {
    for backbone in Backbone::ALL {
        let trunk = trunk(backbone, "any");
        let input = picture(3, 37, 45, "batch");
        let together = trunk.taps(&input).unwrap();
        for index in 0..3 {
            let single = Planes::new([1, 3, 37, 45], input.picture(index).to_vec()).unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1 + 2 * index).build().unwrap();
            let alone = pool.install(|| trunk.taps(&single)).unwrap();
            for (tap, alone) in alone.iter().enumerate() {
                assert!(
                    alone.data() == together[tap].picture(index),
                    "{} tap {tap} picture {index}",
                    backbone.name()
                );
            }
        }
    }
}

#[test]
fn packing_for_every_batch_and_looking_in_passing_give_the_same_bits() {
    for backbone in [Backbone::AlexNet, Backbone::SqueezeNet1_1, Backbone::ResNet18] {
        let kept = trunk(backbone, "any");
        let anew = Trunk::with_packing(backbone, Seeded::new("any"), Packing::EveryBatch).unwrap();
        let input = picture(2, 41, 37, "x");
        let taps = kept.taps(&input).unwrap();
        assert!(anew.taps(&input).unwrap() == taps, "{}", backbone.name());
        let mut seen = 0;
        let look = |tap: usize, blocks: &lookalike_nn::Blocks| {
            assert!(blocks.to_planes() == taps[tap].data(), "{} tap {tap}", backbone.name());
            seen += 1;
        };
        anew.visit(&input, look).unwrap();
        assert_eq!(seen, taps.len());
        let slope = |trunk: &Trunk| -> Planes {
            let itself = |taps: &[&lookalike_nn::Blocks]| -> Result<_, Error> {
                Ok(taps.iter().map(|&tap| tap.clone()).collect())
            };
            trunk.gradient(&input, itself).unwrap()
        };
        assert!(slope(&kept) == slope(&anew), "{}", backbone.name());
    }
}

#[test]
fn sizes_and_channels_that_do_not_fit_are_refused() {
    for backbone in Backbone::ALL {
        let trunk = trunk(backbone, "any");
        let least = trunk.minimum_side();
        assert!(trunk.taps(&picture(1, least, least + 3, "x")).is_ok(), "{}", backbone.name());
        if least > 1 {
            let error = trunk.taps(&picture(1, least + 3, least - 1, "x")).unwrap_err();
            assert!(
                matches!(error, Error::TooSmall { minimum, .. } if minimum == least),
                "{error}"
            );
        }
        let grey = Planes::zeros([1, 1, 64, 64]);
        assert!(matches!(trunk.taps(&grey).unwrap_err(), Error::Channels { found: 1, .. }));
    }
}

#[test]
fn derivatives_agree_with_differences_of_the_definition() {
    let parameters = Seeded::new("alex");
    let trunk = trunk(Backbone::AlexNet, "alex");
    let input = picture(1, 33, 31, "x");
    // The number is Σ over taps of Σ activation·constant.
    let constants = |tap: usize, shape: [usize; 4]| {
        Planes::new(shape, Seeded::new("c").f32(&format!("tap{tap}.c"), &shape).unwrap()).unwrap()
    };
    let gradient = trunk
        .gradient(&input, |taps| {
            taps.iter()
                .enumerate()
                .map(|(tap, blocks)| constants(tap, blocks.shape()).to_blocks())
                .collect::<Result<_, Error>>()
        })
        .unwrap();
    let number = |x: &Grid| -> f64 {
        let taps = Definition(&parameters).alexnet(x);
        let sums = taps.iter().enumerate().map(|(tap, grid)| {
            let constants = constants(tap, [1, grid.channels, grid.height, grid.width]);
            grid.data.iter().zip(constants.data()).map(|(v, &c)| v * f64::from(c)).sum::<f64>()
        });
        sums.sum()
    };
    let direction = Seeded::new("d").f32("direction", &input.shape()).unwrap();
    let step = 1e-4;
    let moved = |sign: f64| {
        let mut x = Grid::of(&input, 0);
        let pairs = x.data.iter_mut().zip(&direction);
        pairs.for_each(|(x, &d)| *x += sign * step * f64::from(d));
        number(&x)
    };
    let expected = (moved(1.0) - moved(-1.0)) / (2.0 * step);
    let found = gradient.data().iter().zip(&direction);
    let found: f64 = found.map(|(&g, &d)| f64::from(g) * f64::from(d)).sum();
    assert!((found - expected).abs() <= 1e-3 * expected.abs(), "{found} against {expected}");
}

#[test]
fn derivatives_of_another_shape_are_refused() {
    let trunk = trunk(Backbone::AlexNet, "alex");
    let input = picture(1, 31, 31, "x");
    let answer = trunk.gradient(&input, |taps| {
        taps.iter().map(|_| Planes::zeros([1, 1, 1, 1]).to_blocks()).collect::<Result<_, Error>>()
    });
    assert!(matches!(answer.unwrap_err(), Error::Derivatives { tap: 0, .. }));
    assert!(trunk.gradient(&input, |_| Ok::<_, Error>(Vec::new())).is_err());
}

#[test]
fn kernels_give_what_the_engine_gives() {
    for (backbone, (height, width)) in [
        (Backbone::AlexNet, (67, 79)),
        (Backbone::SqueezeNet1_1, (40, 71)),
        (Backbone::Vgg16, (33, 50)),
        (Backbone::Vgg16HanningPool, (33, 50)),
        (Backbone::ResNet18, (64, 65)),
        (Backbone::ResNet50, (45, 66)),
        (Backbone::MobileNetV2, (64, 67)),
    ] {
        let seeded = Seeded::new("any");
        let engine = Trunk::on_engine(backbone, &seeded, &processor()).unwrap();
        let input = picture(2, height, width, "picture");
        let [expected, found] = [&engine, &trunk(backbone, "any")].map(|trunk| {
            let taps = trunk.taps(&input).unwrap();
            let constants = |taps: &[&lookalike_nn::Blocks]| -> Result<Vec<_>, Error> {
                let constants = taps.iter().enumerate().map(|(tap, blocks)| {
                    let name = format!("tap{tap}.c");
                    let numbers = Seeded::new("c").f32(&name, &blocks.shape())?;
                    Planes::new(blocks.shape(), numbers)?.to_blocks()
                });
                constants.collect()
            };
            (taps, trunk.gradient(&input, constants).unwrap())
        });
        let error = |found: &Planes, expected: &Planes| {
            assert_eq!(found.shape(), expected.shape());
            let largest = expected.data().iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            let pairs = found.data().iter().zip(expected.data());
            pairs.map(|(f, e)| (f - e).abs()).fold(0.0, f32::max) / largest
        };
        for (tap, (found, expected)) in found.0.iter().zip(&expected.0).enumerate() {
            let error = error(found, expected);
            // Fifty layers without a pool between them: both round at each of them.
            let limit = if backbone == Backbone::MobileNetV2 { 3e-5 } else { 1e-5 };
            assert!(error < limit, "{} tap {tap}: {error:e}", backbone.name());
        }
        let error = error(&found.1, &expected.1);
        assert!(error < 1e-4, "{} gradient: {error:e}", backbone.name());
    }
}
