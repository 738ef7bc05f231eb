//! Almost-orthogonal layers: M = W diag(T)^-½ with T_i = Σ_j |WᵀW|_ij.
//!
//! Proof of the constant 1: MᵀM = T^-½ WᵀW T^-½, and after the similarity by T^½ the absolute row sums of it are
//! T_i⁻¹ Σ_j |WᵀW|_ij = 1, so no eigenvalue is larger.
//!
//! Source: Prach and Lampert, "Almost-Orthogonal Layers for Efficient General-Purpose Lipschitz Networks",
//! ECCV 2022. Reproduces recorded matrices within 1e-6 (M is stored in single precision). A column of zeros
//! stays one. Limits: dense; M is rounded, so the certified constant is 1 plus some 1e-7.

use super::Linear;
use super::gram::row_sums;
use crate::{Error, Result};

/// The almost-orthogonal matrix of `weight`, rows of `inputs` numbers.
///
/// # Errors
/// [`Error::Numbers`] where the rows are not whole.
pub fn aol(weight: &[f32], inputs: usize) -> Result<Linear> {
    let outputs = weight.len() / inputs.max(1);
    Error::expect_numbers("a matrix", outputs * inputs, weight.len())?;
    let columns: Vec<f32> =
        (0..inputs).flat_map(|i| weight.iter().skip(i).step_by(inputs).copied()).collect();
    let sums = row_sums(&columns, outputs, |_, _| 1.0);
    // 1 is as good as any weight for a column of zeros.
    let roots: Vec<f64> = sums.iter().map(|&t| if t > 0.0 { t.sqrt() } else { 1.0 }).collect();
    let scaled = |(at, &w): (usize, &f32)| f64::from(w) / roots[at % inputs];
    let matrix: Vec<f64> = weight.iter().enumerate().map(scaled).collect();
    Linear::new(inputs, &matrix, Some(&roots))
}
