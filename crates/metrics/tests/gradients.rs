//! Gradients: against recorded ones, against finite differences, and at singular places.
//!
//! Every metric whose card promises a gradient takes part without being named here.
//!
//! The recorded gradients lie outside the repository (`../shared/reference/classic`); without them
//! that test says so and checks nothing.

// Helpers of tests, not only the tests themselves, may stop and print.
#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use lookalike_core::decode::{DecodeOptions, read};
use lookalike_core::{Channels, Gradient, Metric, Picture, Want};
use lookalike_metrics::{definitions, metric};
use safetensors::SafeTensors;
use serde_json::Value;

fn gradient(metric: &dyn Metric, reference: &Picture, candidate: &Picture) -> Gradient {
    metric.prepare(reference).unwrap().gradient(candidate).unwrap()
}

fn value(metric: &dyn Metric, reference: &Picture, candidate: &Picture) -> f64 {
    metric.compare(reference, candidate, Want::default()).unwrap().value
}

/// All metrics whose card promises a gradient.
fn differentiable() -> Vec<Box<dyn Metric>> {
    let cards = definitions().map(|definition| definition.card).filter(|card| card.gradient);
    cards.map(|card| metric(card.id).unwrap()).collect()
}

mod recorded {
    use super::*;

    fn reference_folder() -> Option<PathBuf> {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/classic");
        if folder.join("gradients.json").is_file() {
            return Some(folder);
        }
        println!("skipped: {} is absent", folder.display());
        None
    }

    /// The id that a group of cases is about, and the tolerance of its gradients.
    fn subject(group: &str) -> (&'static str, f64) {
        match group {
            "ssim_wang" => ("ssim@wang", 1e-9),
            // Halvings agree at the 176 pixels of this group's only case.
            "ms_ssim_wang" | "ms_ssim_avgpool" => ("ms-ssim@wang", 1e-9),
            "ms_ssim_small" => ("ms-ssim@small", 1e-9),
            "ms_ssim_small_unit" => ("ms-ssim@small-unit", 1e-9),
            "gmsd" => ("gmsd", 1e-7),
            "mix_l1_msssim_small" => ("mix", 1e-7),
            "mix_zhao" => ("mix-zhao", 1e-7),
            "mix_kornia" => ("mix-zhao@kornia", 1e-7),
            _ => panic!("no metric is named for the group {group}"),
        }
    }

    /// The part of a picture that a case is about: `[row0, row1, column0, column1, channels]`.
    fn cropped(picture: &Picture, crop: &Value) -> Picture {
        let Some(crop) = crop.as_array() else { return picture.clone() };
        let edge = |index: usize| crop[index].as_u64().unwrap() as usize;
        let (top, bottom, left, right) = (edge(0), edge(1), edge(2), edge(3));
        let part = picture.crop(left, top, right - left, bottom - top).unwrap();
        match crop[4].as_str().unwrap() {
            "RGB" => part,
            "G" => {
                let green = part.plane(1, 1.0);
                Picture::from_f64(part.width(), part.height(), Channels::Grey, green).unwrap()
            }
            other => panic!("no channels are called {other}"),
        }
    }

    fn numbers(bytes: &[u8]) -> Vec<f64> {
        bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
    }

    fn in_double_precision(picture: &Picture) -> Picture {
        let samples = picture.samples();
        let numbers = (0..samples.len()).map(|i| samples.get(i) / samples.full_scale()).collect();
        Picture::from_f64(picture.width(), picture.height(), picture.channels(), numbers).unwrap()
    }

    fn length(vector: impl Iterator<Item = f64>) -> f64 {
        vector.map(|v| v * v).sum::<f64>().sqrt()
    }

    #[test]
    fn gradients_agree_with_the_recorded_ones() {
        let Some(folder) = reference_folder() else { return };
        let text = std::fs::read_to_string(folder.join("gradients.json")).unwrap();
        let cases: Value = serde_json::from_str(&text).unwrap();
        let bytes = std::fs::read(folder.join("gradients.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let picture = |name: &Value| {
            let file = folder.join(format!("{}.png", name.as_str().unwrap()));
            read(&file, &DecodeOptions::default()).unwrap()
        };
        let mut worst: std::collections::BTreeMap<(&str, &str), (usize, f64, f64)> =
            Default::default();
        for (name, case) in cases["cases"].as_object().unwrap() {
            let (id, tolerance) = subject(name.split('/').next().unwrap());
            let Ok(metric) = metric(id) else {
                println!("skipped: {name}, {id} is not in this build");
                continue;
            };
            let [reference, candidate] =
                ["reference", "candidate"].map(|k| cropped(&picture(&case[k]), &case["crop"]));
            let tensor = tensors.tensor(&name.replace('/', ".")).unwrap();
            let expected = numbers(tensor.data());
            let norm = length(expected.iter().copied());
            // The formula itself, and the f32 kernels that some metrics have for pictures as decoded.
            let double = [&reference, &candidate].map(in_double_precision);
            let forms = [
                ("in double precision", &double[0], &double[1], 1e-9, tolerance),
                ("as decoded", &reference, &candidate, 1e-6, tolerance.max(1e-5)),
            ];
            for (form, reference, candidate, value_tolerance, tolerance) in forms {
                let found = gradient(metric.as_ref(), reference, candidate);
                assert_eq!(tensor.shape(), [found.channels, found.height, found.width], "{name}");
                let distance = length(expected.iter().zip(&found.samples).map(|(e, f)| e - f));
                let error = if norm == 0.0 { distance } else { distance / norm };
                let difference = (found.value - case["value"].as_f64().unwrap()).abs();
                let entry = worst.entry((id, form)).or_default();
                *entry = (entry.0 + 1, entry.1.max(difference), entry.2.max(error));
                let place = format!("{name} {form}");
                assert!(difference <= value_tolerance, "{place}: the value is {difference:e} away");
                assert!(error <= tolerance, "{place}: the gradient is {error:e} away");
                if norm == 0.0 {
                    assert!(found.samples.iter().all(|&g| g == 0.0), "{place}: not exactly 0");
                }
            }
        }
        for ((id, form), (cases, difference, error)) in &worst {
            println!(
                "{id:20} {form:20} {cases:2} cases, value {difference:.1e}, gradient {error:.1e}"
            );
        }
        assert!(!worst.is_empty());
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): a stream of numbers that is the same everywhere.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn sign(&mut self) -> f64 {
        if self.bits() >> 63 == 0 { 1.0 } else { -1.0 }
    }
}

/// Samples of a random picture, away from both ends of the range.
fn noise(random: &mut Random, count: usize) -> Vec<f64> {
    (0..count).map(|_| random.between(0.2, 0.8)).collect()
}

/// A random pair whose samples differ by 0.02 to 0.12, so that |y − x| has no kink nearby.
fn pair(width: usize, height: usize, channels: Channels, seed: u64) -> (Picture, Picture) {
    let mut random = Random(seed);
    let reference = noise(&mut random, width * height * channels.count());
    let mut apart = || random.between(0.02, 0.12) * random.sign();
    let candidate = reference.iter().map(|v| v + apart()).collect();
    let picture = |samples| Picture::from_f64(width, height, channels, samples).unwrap();
    (picture(reference), picture(candidate))
}

/// The picture moved by `step` along a direction given channel after channel.
fn moved(picture: &Picture, direction: &[f64], step: f64) -> Picture {
    let (count, area) = (picture.channels().count(), picture.width() * picture.height());
    let samples = (0..picture.samples().len())
        .map(|i| picture.samples().get(i) + step * direction[i % count * area + i / count])
        .collect();
    let (width, height) = (picture.width(), picture.height());
    Picture::from_f64(width, height, picture.channels(), samples).unwrap()
}

/// Slope of a metric along a direction by central differences of fourth order.
fn slope(metric: &dyn Metric, reference: &Picture, candidate: &Picture, direction: &[f64]) -> f64 {
    let step = 1e-4;
    let across = |step| {
        value(metric, reference, &moved(candidate, direction, step))
            - value(metric, reference, &moved(candidate, direction, -step))
    };
    (8.0 * across(step) - across(2.0 * step)) / (12.0 * step)
}

/// Compares gradient and slope along a direction, relative to the slope, or to a hundredth of the
/// gradient's length where a direction is nearly level.
fn assert_slope(metric: &dyn Metric, pair: &(Picture, Picture), direction: &[f64]) {
    let (reference, candidate) = pair;
    let gradient = gradient(metric, reference, candidate);
    assert_eq!(gradient.samples.len(), candidate.samples().len(), "{}", metric.id());
    let expected = slope(metric, reference, candidate, direction);
    let found: f64 = gradient.samples.iter().zip(direction).map(|(g, d)| g * d).sum();
    let length = gradient.samples.iter().map(|g| g * g).sum::<f64>().sqrt();
    let error = (found - expected).abs() / expected.abs().max(0.01 * length);
    let size = (candidate.width(), candidate.height());
    assert!(length > 0.0, "{} {size:?}: the gradient vanishes", metric.id());
    assert!(error <= 1e-6, "{} {size:?}: {found} for {expected}, {error:e}", metric.id());
    let difference = (gradient.value - value(metric, reference, candidate)).abs();
    assert!(difference <= 1e-12, "{} {size:?}: values differ by {difference:e}", metric.id());
}

#[test]
fn gradients_agree_with_finite_differences() {
    let metrics = differentiable();
    assert!(!metrics.is_empty());
    for metric in metrics {
        let minimum = metric.card().minimum_side;
        let sizes = if minimum <= 24 {
            vec![(24, 24, Channels::Rgb), (47, 45, Channels::Grey), (49, 62, Channels::Rgb)]
        } else {
            // Odd at every scale of a pyramid, and even beside it.
            vec![(minimum, minimum + 7, Channels::Rgb)]
        };
        for (seed, (width, height, channels)) in (1..).zip(sizes) {
            let pair = pair(width, height, channels, seed);
            let mut random = Random(seed + 100);
            for _ in 0..2 {
                let direction: Vec<f64> =
                    (0..pair.1.samples().len()).map(|_| random.sign()).collect();
                assert_slope(metric.as_ref(), &pair, &direction);
            }
        }
    }
}

#[test]
fn a_uniform_shift_moves_the_value_by_the_sum_of_the_gradient() {
    for id in ["ssim", "ssim:y", "ms-ssim@small", "ms-ssim:y@small", "mix", "mix-zhao"] {
        let metric = metric(id).unwrap();
        let pair = pair(48, 46, Channels::Rgb, 7);
        assert_slope(metric.as_ref(), &pair, &vec![1.0; pair.1.samples().len()]);
    }
}

/// Black, white, grey and random pictures of a size that the metric takes.
fn specimens(metric: &dyn Metric) -> Vec<Picture> {
    let (width, height) = (metric.card().minimum_side.max(16), metric.card().minimum_side.max(17));
    let count = 3 * width * height;
    let random = noise(&mut Random(3), count);
    let coarse = (0..count).map(|i| (i / 3 % width / 4 % 2) as f64).collect();
    [vec![0.0; count], vec![1.0; count], vec![0.5; count], random, coarse]
        .map(|samples| Picture::from_f64(width, height, Channels::Rgb, samples).unwrap())
        .to_vec()
}

#[test]
fn gradients_vanish_where_pictures_are_equal() {
    let flat_there = ["ssim", "ms-ssim", "mix", "mix-zhao", "mae", "mse", "gmsd"];
    let metrics = differentiable();
    let metrics = metrics.iter().filter(|metric| flat_there.contains(&metric.id().family()));
    for metric in metrics {
        for picture in specimens(metric.as_ref()) {
            let gradient = gradient(metric.as_ref(), &picture, &picture);
            assert_eq!(gradient.value, metric.card().equal, "{}", metric.id());
            assert!(gradient.samples.iter().all(|&g| g == 0.0), "{}", metric.id());
        }
    }
}

#[test]
fn gradients_are_finite_on_black_white_and_flat_pictures() {
    for metric in differentiable() {
        let specimens = specimens(metric.as_ref());
        for reference in &specimens {
            for candidate in &specimens {
                let gradient = gradient(metric.as_ref(), reference, candidate);
                assert!(gradient.value.is_finite(), "{}", metric.id());
                assert!(gradient.samples.iter().all(|g| g.is_finite()), "{}", metric.id());
            }
        }
    }
}
