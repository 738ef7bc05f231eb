//! Where the published certificate of LipSim fails, and what holds in its place.
//!
//! `cargo run -p lookalike-robust --example published_certificate`
//!
//! Small random networks and dark pictures, whose embeddings are shorter than 1. For every decision an attack
//! looks for a change within 0.99 of the published radius that flips it, then within 0.999 of ours.
#![allow(clippy::print_stdout)]

use lookalike_core::{Channels, Picture};
use lookalike_deep::lipsim::{Architecture, LipSim, initial_file};
use lookalike_robust::attack::{Ball, FlipDecision, Loss, Norm, apgd};
use lookalike_robust::{Certifier, Error, Result};

const SMALL: Architecture = Architecture {
    channels: 6,
    depth: 2,
    inner: 4,
    dense: 2,
    dense_inner: 10,
    image: 16,
    outputs: 6,
};

/// Noise up to a level.
fn dark(seed: u64, level: f64) -> Result<Picture> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let samples = (0..16 * 16 * 3).map(|_| level * next()).collect();
    Ok(Picture::from_f64(16, 16, Channels::Rgb, samples)?)
}

fn main() -> Result<()> {
    let (mut decisions, mut fooled, mut withstood) = (0, 0, 0);
    println!("network  norm of f  published  flipped at       ours");
    for network in 0..12_u64 {
        let file = lookalike_weights::read_bytes(initial_file(SMALL, network)?, "random");
        let file = file.map_err(|error| Error::Asked(error.to_string()))?;
        let certifier = Certifier::new(LipSim::from_checkpoint("lipsim@random", file)?);
        let metric = certifier.metric();
        for item in 0..4 {
            let seed = 1000 * network + 3 * item;
            let pictures = [dark(seed, 0.02)?, dark(seed + 1, 0.012)?, dark(seed + 2, 0.008)?];
            let [x, a, b] = pictures.each_ref().map(|picture| certifier.embed(picture));
            let decision = certifier.decide(&x?, &a?, &b?);
            let (Some(left), Some(published)) = (decision.left, decision.compat) else { continue };
            decisions += 1;
            let [f, a, b] = pictures.each_ref().map(|picture| metric.embed::<f64>(picture));
            let (f, a, b) = (f?, a?, b?);
            let (chosen, other) = if left { (&a, &b) } else { (&b, &a) };
            let (network_, head) = (metric.network(), metric.head());
            let loss = Loss::Margin;
            let target = FlipDecision { network: network_, head, chosen, other, loss };
            let centre = metric.planes(&pictures[0])?;
            let within = |eps: f64| -> Result<Option<f64>> {
                let ball = Ball { centre: &centre, norm: Norm::L2, eps };
                let found = apgd(&target, &ball, centre.clone(), 50)?;
                Ok(found.succeeded.then(|| ball.distance(&found.planes)))
            };
            withstood += usize::from(within(0.999 * decision.radius.network)?.is_none());
            if let Some(distance) = within(0.99 * published.radius)? {
                fooled += 1;
                let norm = f.iter().map(|f| f * f).sum::<f64>().sqrt();
                println!(
                    "{network:7}  {norm:9.3}  {:9.4}  {distance:10.4}  {:9.4}",
                    published.radius, decision.radius.network
                );
            }
        }
    }
    println!("{decisions} decisions: {fooled} flipped within the published radius,");
    println!("{} flipped within ours", decisions - withstood);
    Ok(())
}
