//! CMMD: Gaussian maximum mean discrepancy of CLIP embeddings.
//!
//! k(x, y) = exp(−‖x − y‖² / (2σ²)), σ = 10; CMMD = 1000·(mean k(xᵢ, xⱼ) + mean k(yᵢ, yⱼ) − 2 mean k(xᵢ, yⱼ)) over all
//! pairs, an item with itself among them, of embeddings of unit length.
//!
//! Source: Jayasumana, Ramalingam, Veit, Glasner, Chakrabarti, Kumar, "Rethinking FID: Towards a Better
//! Evaluation Metric for Image Generation", CVPR 2024, and the authors' `distance.py`.
//!
//! Choices: rows are normalised here, as the authors' embedding does before; the estimate is biased, as
//! published, so it is 0 and above, and above 0 for two samples of one distribution. As σ is far beyond
//! distances of unit vectors the sums of kernels nearly cancel: 1 − k is summed, to keep the digits that
//! the authors' single precision loses.
//!
//! Reproduces the published formula in NumPy's double precision, 1e-9. The name is right only for embeddings of
//! CLIP ViT-L/14 at 336 pixels, resized as the authors do.

use super::features::check_columns;
use super::{Features, products};
use crate::Result;

/// The distance, from 0 to 2000.
///
/// # Errors
/// [`Error::Columns`](crate::Error::Columns); [`Error::NoDirection`](crate::Error::NoDirection) of a row of zeros.
pub fn of(left: &Features, right: &Features) -> Result<f64> {
    check_columns(left, right)?;
    let (left, right) = (left.normalised()?, right.normalised()?);
    let across = 2.0 * unlikeness(&left, &right);
    Ok((1000.0 * (across - unlikeness(&left, &left) - unlikeness(&right, &right))).max(0.0))
}

/// The mean of 1 − k.
fn unlikeness(left: &Features, right: &Features) -> f64 {
    let of_row = |_, row: &mut [f64]| -> f64 { row.iter().map(|d| -(-d / 200.0).exp_m1()).sum() };
    let sum: f64 = products::squared_distances(left, right, of_row).iter().sum();
    sum / (left.rows() as f64 * right.rows() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn opposites_and_equals() {
        let features = |values: &[f64]| Features::new(2, values.to_vec()).unwrap();
        let (one, other) = (features(&[3.0, 0.0]), features(&[-0.5, 0.0]));
        let expected = 2000.0 * (1.0 - (-4.0_f64 / 200.0).exp());
        assert!((of(&one, &other).unwrap() - expected).abs() < 1e-10);
        assert_eq!(of(&one, &one), Ok(0.0));
        let zero = features(&[0.0, 0.0]);
        assert_eq!(of(&one, &zero), Err(Error::NoDirection { index: 0 }));
    }
}
