//! Times of the closed-form metrics, from decoded samples to the value: `cargo bench -p
//! lookalike-metrics`, with a filter such as `-- ssim` for some of them.
//!
//! Comparisons with other libraries are `benches/peers/run metrics`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::LazyLock;

use divan::Bencher;
use lookalike_core::procedural::{Distortion, scene};
use lookalike_core::{Picture, Want};

/// Wide and high screens' worth of RGB pixels.
const SIZE: (usize, usize) = (1920, 1080);

static PAIR: LazyLock<(Picture, Picture)> = LazyLock::new(|| {
    let reference = scene(1, SIZE.0, SIZE.1);
    let candidate = Distortion::Noise.apply(&reference, 0.2, 1).expect("scenes take noise");
    (reference, candidate)
});

const VALUES: [&str; 16] = [
    "psnr",
    "psnr-hvs-m",
    "ssim",
    "ssim@skimage",
    "ms-ssim",
    "iw-ssim",
    "mix-zhao",
    "uqi",
    "gmsd",
    "mdsi",
    "vifp",
    "fsimc",
    "vsi",
    "haarpsi",
    "ciede2000",
    "flip",
];

const GRADIENTS: [&str; 4] = ["mse", "ssim", "ms-ssim", "gmsd"];

fn main() {
    LazyLock::force(&PAIR);
    divan::main();
}

#[divan::bench(args = VALUES, sample_size = 1, max_time = 2)]
fn value(bencher: Bencher, id: &str) {
    let metric = lookalike_metrics::metric(id).unwrap();
    let (reference, candidate) = &*PAIR;
    bencher.bench(|| metric.compare(reference, candidate, Want::default()).unwrap().value);
}

/// Against a reference that is prepared once.
#[divan::bench(args = GRADIENTS, sample_size = 1, max_time = 2)]
fn gradient(bencher: Bencher, id: &str) {
    let metric = lookalike_metrics::metric(id).unwrap();
    let (reference, candidate) = &*PAIR;
    let prepared = metric.prepare(reference).unwrap();
    bencher.bench(|| prepared.gradient(candidate).unwrap());
}
