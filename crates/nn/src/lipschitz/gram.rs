//! Row sums of |W Wᵀ| that are never too small.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::bound::sum_error;

/// Rows of one task.
const BLOCK: usize = 64;

/// Upper bounds of `Σ_j |⟨w_i, w_j⟩|·ratio(i, j)` for rows `w` of `width` numbers in single precision.
///
/// Products are taken in double precision, where those of two single numbers are exact; what the sum of
/// `width` of them may be off is at most [`sum_error`] times ‖w_i‖·‖w_j‖ (Cauchy and Schwarz), which is
/// added.
pub(crate) fn row_sums(
    matrix: &[f32],
    width: usize,
    ratio: impl Fn(usize, usize) -> f64 + Sync,
) -> Vec<f64> {
    if width == 0 || matrix.is_empty() {
        return Vec::new();
    }
    let rows = matrix.len() / width;
    let double: Vec<f64> = matrix.iter().map(|&w| f64::from(w)).collect();
    let norms: Vec<f64> = double
        .chunks_exact(width)
        .map(|row| row.iter().map(|w| w * w).sum::<f64>().sqrt() * (1.0 + sum_error(width)))
        .collect();
    let error = sum_error(width);
    let all = MatRef::from_row_major_slice(&double, rows, width);
    let sums: Vec<Vec<f64>> = double
        .par_chunks(BLOCK * width)
        .enumerate()
        .map(|(block, part)| {
            let count = part.len() / width;
            let own = MatRef::from_row_major_slice(part, count, width);
            let mut gram = vec![0.0; count * rows];
            let to = MatMut::from_row_major_slice_mut(&mut gram, count, rows);
            matmul(to, Accum::Replace, own, all.transpose(), 1.0, Par::Seq);
            let sum = |(k, products): (usize, &[f64])| {
                let i = block * BLOCK + k;
                let terms = products.iter().enumerate().map(|(j, product)| {
                    (product.abs() + error * norms[i] * norms[j]) * ratio(i, j)
                });
                terms.sum::<f64>() * (1.0 + sum_error(rows))
            };
            gram.chunks_exact(rows).enumerate().map(sum).collect()
        })
        .collect();
    sums.concat()
}
