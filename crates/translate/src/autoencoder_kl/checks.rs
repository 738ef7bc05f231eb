//! What the tests of this module have in common: numbers, a small network, comparisons.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lookalike_nn::{Parameters, Seeded};

use super::config::Config;
use super::latent_scaling::LatentScaling;
use super::tensors::tensors;
use super::{AutoencoderKl, Feature};

/// Numbers in −1…1.
pub(super) fn noise(count: usize, seed: u64) -> Vec<f32> {
    Seeded::new(seed.to_string())
        .f32("weight", &[count])
        .unwrap()
        .iter()
        .map(|n| 2.0 * (n - 1.0))
        .collect()
}

/// Differences are measured by the largest number.
pub(super) fn assert_near(found: &[f32], expected: &[f64], tolerance: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1.0_f64, |largest, number| largest.max(number.abs()));
    let mut worst = 0.0_f64;
    for (place, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / largest;
        assert!(error <= tolerance, "{place}: {found}, expected {expected}");
        worst = worst.max(error);
    }
    worst
}

/// The same bits with any number of threads.
pub(super) fn bits_for_any_threads(act: impl Fn() -> Vec<f32> + Sync) {
    let bits = |threads: usize| -> Vec<u32> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(&act).into_iter().map(f32::to_bits).collect()
    };
    assert!(bits(1) == bits(3), "one thread and three differ");
}

/// Three levels with a change of channels, of which neither number is a multiple of sixteen.
pub(super) fn small_config() -> Config {
    Config {
        channels: 3,
        block_out_channels: vec![8, 20, 20],
        layers_per_block: 1,
        latent_channels: 4,
        groups: 4,
        quant_conv: true,
        post_quant_conv: true,
        scaling: LatentScaling::STABLE_DIFFUSION,
    }
}

pub(super) fn small() -> AutoencoderKl {
    AutoencoderKl::new(small_config(), &Seeded::new("small autoencoder")).unwrap()
}

/// A tensor's shape and numbers.
pub(super) type Numbers = (Vec<usize>, Vec<f32>);

/// The tensors of [`small`], by today's names.
pub(super) fn small_tensors() -> BTreeMap<String, Numbers> {
    let seeded = Seeded::new("small autoencoder");
    let all = tensors(&small_config()).into_iter().map(|(name, shape)| {
        let numbers = seeded.f32(&name, &shape).unwrap();
        (name, (shape, numbers))
    });
    all.collect()
}

/// The recorded values, or `None`, said aloud, where they are absent.
pub(super) fn recorded(name: &str) -> Option<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/reference/dit");
    let path = PathBuf::from(folder).join(name);
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// All numbers of features, one after the other.
pub(super) fn joined(features: &[Feature]) -> Vec<f32> {
    features.iter().flat_map(|feature| feature.planes.iter().copied()).collect()
}
