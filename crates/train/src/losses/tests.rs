use lookalike_core::Direction;
use lookalike_deep::SeededWeights;

use super::*;
use crate::random::{Purpose, Stream};

const NAMES: [&str; 16] = [
    "mse",
    "l1",
    "charbonnier",
    "tv",
    "ssim@wang",
    "ms-ssim@small",
    "ms-ssim@small-unit",
    "mix",
    "mix-zhao",
    "gmsd",
    "lpips:squeeze",
    "dists",
    "sight",
    "content:squeeze",
    "style:squeeze",
    "0.84*ms-ssim@small,0.16*l1",
];

fn samples(count: usize, seed: u64) -> Vec<f32> {
    let mut stream = Stream::new(seed, Purpose::Observer, 0);
    (0..count).map(|_| 0.1 + 0.8 * stream.unit() as f32).collect()
}

fn terms(name: &str, side: usize) -> Terms {
    Terms::parse(name, side, &SeededWeights).unwrap()
}

/// Pictures that are near each other, as those of a network in training are.
fn pair(shape: [usize; 4]) -> [Vec<f32>; 2] {
    let count = shape.into_iter().product();
    let target = samples(count, 1);
    let noise = samples(count, 2);
    let output = target.iter().zip(noise).map(|(t, n)| 0.7 * t + 0.3 * n).collect();
    [target, output]
}

#[test]
fn gradients_are_differences() {
    let shape = [2, 3, 40, 36];
    let [target, output] = pair(shape);
    let target = Batch::new(shape, &target).unwrap();
    for name in NAMES {
        let terms = terms(name, 36);
        let mut gradient = vec![f32::NAN; output.len()];
        let at = |samples: &[f32], gradient: &mut [f32]| {
            terms.evaluate(&target, &Batch::new(shape, samples).unwrap(), gradient).unwrap().0
        };
        let value = at(&output, &mut gradient);
        assert!(value > 0.0, "{name}");
        // Along a direction that all samples take part in; the gradient itself is too steep for differences in
        // single precision where a few samples have most of it.
        let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        let largest = gradient.iter().fold(0.0_f32, |most, g| most.max(g.abs()));
        let direction: Vec<f32> =
            gradient.iter().map(|g| (g / largest).signum() * (g.abs() / largest).sqrt()).collect();
        let expected: f64 =
            gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let mut unused = vec![0.0; output.len()];
        let difference = [1e-3, 3e-4, 1e-4].map(|step: f32| {
            let mut moved = |by: f32| {
                let samples: Vec<f32> =
                    output.iter().zip(&direction).map(|(x, d)| x + by * d).collect();
                at(&samples, &mut unused)
            };
            (moved(step) - moved(-step)) / f64::from(2.0 * step)
        });
        let off = difference.map(|d| (d - expected).abs()).into_iter().fold(f64::MAX, f64::min);
        assert!(norm > 0.0 && off < 0.01 * expected, "{name}: {expected} {difference:?}");
    }
}

#[test]
fn equal_and_flat_pictures_have_finite_gradients() {
    let shape = [2, 3, 40, 36];
    let count = shape.into_iter().product();
    let [target, _] = pair(shape);
    for name in NAMES {
        let terms = terms(name, 36);
        let mut gradient = vec![f32::NAN; count];
        let (value, _) = terms
            .evaluate(
                &Batch::new(shape, &target).unwrap(),
                &Batch::new(shape, &target).unwrap(),
                &mut gradient,
            )
            .unwrap();
        // Total variation is of the output alone.
        if name != "tv" {
            assert!(value.abs() < 1e-6, "{name}: {value}");
            let most = gradient.iter().fold(0.0_f32, |most, g| most.max(g.abs()));
            assert!(most < 1e-5, "{name}: {most}");
        }
        for (a, b) in [(0.0, 1.0), (1.0, 0.0), (0.5, 0.5), (0.0, 0.0), (1.0, 1.0)] {
            let [a, b] = [a, b].map(|level| vec![level; count]);
            let (value, _) = terms
                .evaluate(
                    &Batch::new(shape, &a).unwrap(),
                    &Batch::new(shape, &b).unwrap(),
                    &mut gradient,
                )
                .unwrap();
            assert!(value.is_finite(), "{name}");
            assert!(gradient.iter().all(|g| g.is_finite()), "{name}");
        }
    }
}

#[test]
fn a_metric_as_a_loss_is_the_metric() {
    let shape = [1, 3, 48, 40];
    let [target, output] = pair(shape);
    let pictures = [&target, &output].map(|planes| {
        let area = 48 * 40;
        let samples = (0..3 * area).map(|at| planes[at % 3 * area + at / 3]).collect();
        lookalike_core::Picture::from_f32(40, 48, lookalike_core::Channels::Rgb, samples).unwrap()
    });
    for name in ["ssim@wang", "ms-ssim@small", "gmsd", "mix"] {
        let metric = lookalike_metrics::metric(name).unwrap();
        let found = metric.prepare(&pictures[0]).unwrap().gradient(&pictures[1]).unwrap();
        let sign = if metric.direction() == Direction::HigherIsBetter { -1.0 } else { 1.0 };
        let mut gradient = vec![0.0; output.len()];
        let batches = [&target, &output].map(|samples| Batch::new(shape, samples).unwrap());
        let (value, _) = terms(name, 40).evaluate(&batches[0], &batches[1], &mut gradient).unwrap();
        let expected = if sign < 0.0 { 1.0 - found.value } else { found.value };
        assert!((value - expected).abs() < 1e-12, "{name}");
        for (found, expected) in gradient.iter().zip(&found.samples) {
            assert!((f64::from(*found) - sign * expected).abs() < 1e-9, "{name}");
        }
    }
}

#[test]
fn samples_beyond_the_range_are_drawn_back() {
    let shape = [1, 1, 16, 16];
    let target = samples(256, 3);
    let mut output = target.clone();
    (output[5], output[9]) = (1.5, -0.25);
    let mut gradient = vec![0.0; 256];
    let batches = [&target, &output].map(|samples| Batch::new(shape, samples).unwrap());
    let (value, _) = terms("ssim", 16).evaluate(&batches[0], &batches[1], &mut gradient).unwrap();
    assert!(value > 0.75 / 256.0);
    assert_eq!((gradient[5], gradient[9]), (1.0 / 256.0, -1.0 / 256.0));
}

#[test]
fn names_are_completed_and_wrong_ones_refused() {
    assert_eq!(terms("ms-ssim", 64).name(), "ms-ssim@small");
    assert_eq!(terms("ms-ssim", 161).name(), "ms-ssim@wang");
    assert_eq!(terms(" 0.5*ssim , tv ", 64).name(), "0.5*ssim@wang,tv");
    let refused = |text: &str| Terms::parse(text, 64, &SeededWeights).err().unwrap().to_string();
    for without in ["psnr", "ssimulacra2"] {
        assert!(refused(without).contains("a gradient"));
    }
    assert!(refused("nothing").contains("expected mse"));
    assert!(refused("x*mse").contains("WEIGHT*NAME"));
    assert!(refused("0*mse").contains("other than 0"));
    assert!(refused("style:none").contains("alex, vgg or squeeze"));
    let shape = [1, 1, 2, 2];
    assert!(Batch::new(shape, &[0.0; 3]).is_err());
}
