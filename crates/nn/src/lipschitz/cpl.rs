//! The convex potential layer: y = x − (2/‖W‖²) Wᵀ σ(W x + b), dense or as a convolution.
//!
//! Proof of the constant 1: it is the layer of `sll.rs` with T = L² I for any L ≥ ‖W‖, since then W Wᵀ ≤ L² I = D⁻¹. L is
//! the upper bound of Gram iteration, rounded outwards; power iteration, which its authors use, gives lower bounds and
//! would need a margin that nobody knows.
//!
//! Source: Meunier, Delattre, Araujo, Allauzen, "A Dynamical System Perspective for Lipschitz Neural Networks", ICML
//! 2022; the bound: Delattre et al., ICML 2023. Reproduces the recorded layer within 1e-3, by which its norm, taken
//! from a library, and our bound on it differ. Limits: as the layers that it returns, which have the same T for every
//! row; 3×3 kernels.

use super::gram_iteration::{gram_iteration, gram_iteration_of_kernels};
use super::{Bound, SllConvolution, SllDense};
use crate::Result;

/// Squarings: the bound is then within 0.3 % of the norm for a rank of 1,000.
const DENSE: usize = 10;
/// Squarings of kernels, whose support doubles each time.
const KERNELS: usize = 4;

/// T for all rows: the square of a bound, rounded up.
fn square(bound: Bound) -> f64 {
    (bound.value * bound.value).next_up()
}

/// A dense layer on `width` numbers; `weight` is `[inner][width]`, `bias` has `inner` numbers.
///
/// # Errors
/// [`Error::Numbers`](crate::Error::Numbers), [`Error::Unfit`](crate::Error::Unfit) for numbers that are not finite.
pub fn cpl_dense(width: usize, weight: Vec<f32>, bias: Vec<f32>) -> Result<SllDense> {
    let norm = square(gram_iteration(&weight, width, DENSE)?);
    let sums = vec![norm; bias.len()];
    SllDense::with_normalisers(width, weight, bias, sums)
}

/// A convolution on `channels` planes; `kernel` is `[inner][channels][3][3]`, `bias` has `inner` numbers.
///
/// # Errors
/// As [`cpl_dense`].
pub fn cpl_convolution(
    channels: usize,
    kernel: Vec<f32>,
    bias: Vec<f32>,
) -> Result<SllConvolution> {
    let norm = square(gram_iteration_of_kernels(&kernel, channels, 3, KERNELS)?);
    let sums = vec![norm; bias.len()];
    SllConvolution::with_normalisers(channels, kernel, bias, sums)
}
