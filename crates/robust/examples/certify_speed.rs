//! How long a network of the published size takes, on random weights.
//!
//! `cargo run -p lookalike-robust --example certify_speed`
#![allow(clippy::print_stdout)]

use std::time::Instant;

use lookalike_core::{Channels, Metric, Picture, Want};
use lookalike_deep::lipsim::{LipSim, Size, initial_file};
use lookalike_robust::{Certifier, Error, Result};

fn main() -> Result<()> {
    let bytes = initial_file(Size::Small.architecture(), 1)?;
    let start = Instant::now();
    let file = lookalike_weights::read_bytes(bytes, "random");
    let file = file.map_err(|error| Error::Asked(error.to_string()))?;
    let metric = LipSim::from_checkpoint("lipsim:small@random", file)?;
    println!("reading and normalisers: {:.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let certifier = Certifier::new(metric);
    println!("bounds: {:.2} s", start.elapsed().as_secs_f64());
    let pictures = [1, 2, 3].map(|seed: usize| {
        let samples = (0..224 * 224 * 3).map(|i| (i / 7 * seed % 251) as u8).collect();
        Picture::from_u8(224, 224, Channels::Rgb, samples)
    });
    let [x, a, b] = pictures;
    let (x, a, b) = (x?, a?, b?);
    let mut best = [f64::INFINITY; 3];
    for _ in 0..5 {
        let start = Instant::now();
        certifier.metric().embed::<f32>(&x)?;
        best[0] = best[0].min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        certifier.metric().embed::<f64>(&x)?;
        best[1] = best[1].min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        certifier.metric().compare(&x, &a, Want::default())?;
        best[2] = best[2].min(start.elapsed().as_secs_f64());
    }
    let [single, double, pair] = best.map(|seconds| 1e3 * seconds);
    println!("an embedding: {single:.0} ms in single precision, {double:.0} ms in double");
    println!("a pair: {pair:.0} ms");
    let known = [&x, &a, &b].map(|picture| certifier.embed(picture));
    let [x, a, b] = known;
    let decision = certifier.decide(&x?, &a?, &b?);
    println!("{:?}, {:?}", decision.radius, decision.evidence);
    Ok(())
}
