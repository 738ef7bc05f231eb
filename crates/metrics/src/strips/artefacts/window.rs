//! The window of SSIMULACRA2: the Gaussian of σ = 1.5 as a sum of three cosines (Charalampidis,
//! "Recursive Implementation of the Gaussian Filter Using Truncated Cosine Functions", IEEE
//! Transactions on Signal Processing 64, 2016).
//!
//! w(n) = Σ β_k cos(ω_k n) for |n| < N, with N = 5 and ω_k = kπ/(2N) for k = 1, 3, 5. Among all β
//! that give the weights the sum 1 and the variance σ², those closest to the Gaussian's own
//! coefficients exp(−σ²ω²/2)/N are taken. The recursion of the paper, in exact arithmetic, is the
//! filter with these nine weights; nine products are as quick here as three recursions and lose no
//! digits.

use std::f64::consts::PI;

use crate::colour_space::{inverse, transform};
use crate::strips::kernel::HALF;

/// Rows and columns on each side of a position that the kernels read.
pub(super) const RADIUS: usize = HALF - 1;

/// Outermost weights on each side that are 0: cos(ω_k N).
pub(super) const EDGE: usize = 1;

const SIGMA: f64 = 1.5;

/// The weights from the edge of the kernels' window, where they are 0, to its centre.
pub(super) fn weights() -> [f32; HALF] {
    weights_f64().map(|weight| weight as f32)
}

pub(super) fn weights_f64() -> [f64; HALF] {
    let reach = RADIUS as f64;
    let omega = [1.0, 3.0, 5.0].map(|k| k * PI / (2.0 * reach));
    let moment = |power: i32| {
        omega.map(|omega| {
            let term = |n: f64| n.powi(power) * (omega * n).cos();
            (-(RADIUS as i32)..=RADIUS as i32).map(|n| term(f64::from(n))).sum::<f64>()
        })
    };
    let (sum, variance) = (moment(0), moment(2));
    let own = omega.map(|omega| (-0.5 * (SIGMA * omega).powi(2)).exp() / reach);
    // Along the direction that changes neither sum nor variance, β is the Gaussian's own.
    let free = cross(sum, variance);
    let along: f64 = free.iter().zip(own).map(|(a, b)| a * b).sum();
    let beta = transform(&inverse(&[sum, variance, free]), [1.0, SIGMA * SIGMA, along]);
    core::array::from_fn(|k| {
        let n = (RADIUS - k) as f64;
        omega.iter().zip(beta).map(|(omega, beta)| beta * (omega * n).cos()).sum::<f64>()
    })
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
