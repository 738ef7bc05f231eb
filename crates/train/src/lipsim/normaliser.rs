//! The normaliser of an SDP-based layer and its derivatives with respect to the layer's parameters.
//!
//! T_i = Σ_j A_ij exp(q_j − q_i), A_ij = Σ_δ |G_ij(δ)|, G_ij(δ) = ⟨M_i shifted by δ, M_j⟩, over the 25 shifts of
//! two 3×3 kernels, or the one shift of dense rows. With D_ij(δ) = (∂/∂T_i)·exp(q_j − q_i)·sign G_ij(δ):
//!
//! * ∂/∂M = Σ_δ D(δ)ᵀ shift_δ(M) + shift_δ⁻¹(D(δ) M);
//! * ∂/∂q_k = Σ_i ∂T_i A_ik exp(q_k − q_i) − Σ_j ∂T_k A_kj exp(q_j − q_k), where i = j cancels.
//!
//! Source: the layer is that of Araujo et al., ICLR 2023, as `lipschitz/sll.rs` of the networks has it; the
//! derivatives are written out here and checked by finite differences. Choices: sign(0) = 0. Limits: single
//! precision, for learning alone; what ships is normalised anew in double precision, rounded upwards.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// to += or = a·b, of row-major matrices.
pub(super) fn product(
    to: &mut [f32],
    accumulate: bool,
    (a, rows, inner, a_turned): (&[f32], usize, usize, bool),
    (b, columns, b_turned): (&[f32], usize, bool),
    factor: f32,
) {
    let a = if a_turned {
        MatRef::from_row_major_slice(a, inner, rows).transpose()
    } else {
        MatRef::from_row_major_slice(a, rows, inner)
    };
    let b = if b_turned {
        MatRef::from_row_major_slice(b, columns, inner).transpose()
    } else {
        MatRef::from_row_major_slice(b, inner, columns)
    };
    let accumulate = if accumulate { Accum::Add } else { Accum::Replace };
    let to = MatMut::from_row_major_slice_mut(to, rows, columns);
    matmul(to, accumulate, a, b, factor, Par::Seq);
}

/// T of a layer, and what its derivatives need.
pub(super) struct Normaliser {
    rows: usize,
    width: usize,
    kernel: bool,
    /// G, by shift.
    grams: Vec<Vec<f32>>,
    /// A.
    sums: Vec<f32>,
    /// exp(q_j − q_i).
    ratios: Vec<f32>,
    /// T.
    pub(super) totals: Vec<f32>,
}

/// Shifts of a 3×3 kernel, or none of a row.
fn shifts(kernel: bool) -> Vec<[isize; 2]> {
    if !kernel {
        return vec![[0, 0]];
    }
    (-2..=2).flat_map(|y| (-2..=2).map(move |x| [y, x])).collect()
}

/// Every kernel of a matrix moved: the tap (y, x) of the result is the tap (y + δy, x + δx) of the kernel.
fn shifted(matrix: &[f32], kernel: bool, [dy, dx]: [isize; 2]) -> Vec<f32> {
    if !kernel {
        return matrix.to_vec();
    }
    let mut found = vec![0.0; matrix.len()];
    for (to, from) in found.chunks_exact_mut(9).zip(matrix.chunks_exact(9)) {
        for y in 0..3_usize {
            let Some(v) = y.checked_add_signed(dy).filter(|&v| v < 3) else { continue };
            for x in 0..3_usize {
                let Some(u) = x.checked_add_signed(dx).filter(|&u| u < 3) else { continue };
                to[3 * y + x] = from[3 * v + u];
            }
        }
    }
    found
}

impl Normaliser {
    /// Of `q.len()` rows of `width` numbers, kernels of nine taps where `kernel` says so.
    pub(super) fn new(matrix: &[f32], q: &[f32], kernel: bool) -> Self {
        let rows = q.len();
        let width = matrix.len() / rows.max(1);
        let mut sums = vec![0.0_f32; rows * rows];
        let mut grams = Vec::new();
        for shift in shifts(kernel) {
            let moved = shifted(matrix, kernel, shift);
            let mut gram = vec![0.0; rows * rows];
            product(&mut gram, false, (&moved, rows, width, false), (matrix, rows, true), 1.0);
            sums.iter_mut().zip(&gram).for_each(|(sum, g)| *sum += g.abs());
            grams.push(gram);
        }
        let ratio = |at: usize| (q[at % rows] - q[at / rows]).exp();
        let ratios: Vec<f32> = (0..rows * rows).map(ratio).collect();
        let row = |i: usize| {
            let own = i * rows..(i + 1) * rows;
            sums[own.clone()].iter().zip(&ratios[own]).map(|(a, r)| a * r).sum()
        };
        let totals = (0..rows).map(row).collect();
        Self { rows, width, kernel, grams, sums, ratios, totals }
    }

    /// Adds the derivatives of a number with respect to matrix and q, given those with respect to T.
    pub(super) fn derive(
        &self,
        matrix: &[f32],
        slopes: &[f32],
        of_matrix: &mut [f32],
        of_q: &mut [f32],
    ) {
        let Self { rows, width, kernel, .. } = *self;
        for i in 0..rows {
            for j in (0..rows).filter(|&j| j != i) {
                let slope = slopes[i] * self.sums[i * rows + j] * self.ratios[i * rows + j];
                of_q[j] += slope;
                of_q[i] -= slope;
            }
        }
        for (shift, gram) in shifts(kernel).into_iter().zip(&self.grams) {
            let signed = |at: usize| {
                let sign = if gram[at] == 0.0 { 0.0 } else { gram[at].signum() };
                slopes[at / rows] * self.ratios[at] * sign
            };
            let d: Vec<f32> = (0..rows * rows).map(signed).collect();
            let moved = shifted(matrix, kernel, shift);
            product(of_matrix, true, (&d, rows, rows, true), (&moved, width, false), 1.0);
            let mut back = vec![0.0; matrix.len()];
            product(&mut back, false, (&d, rows, rows, false), (matrix, width, false), 1.0);
            // The inverse of a shift, where it has one.
            let back = shifted(&back, kernel, shift.map(|by| -by));
            of_matrix.iter_mut().zip(&back).for_each(|(sum, g)| *sum += g);
        }
    }
}

#[cfg(test)]
mod tests {
    use lookalike_nn::lipschitz::{SllConvolution, SllDense, Weighting};

    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut stream =
            crate::random::Stream::new(seed, crate::random::Purpose::Initialisation, 0);
        (0..count).map(|_| stream.symmetric(1.0)).collect()
    }

    #[test]
    fn totals_are_those_of_the_layers() {
        let (q, bias) = (numbers(4, 1), numbers(4, 2));
        let kernel = numbers(4 * 3 * 9, 3);
        let layer =
            SllConvolution::new(3, kernel.clone(), bias.clone(), Weighting::Exponential(&q));
        let found = Normaliser::new(&kernel, &q, true);
        for (found, expected) in found.totals.iter().zip(layer.unwrap().normalisers()) {
            assert!((f64::from(*found) / expected - 1.0).abs() < 1e-5, "{found} {expected}");
        }
        let weight = numbers(4 * 7, 4);
        let layer = SllDense::new(7, weight.clone(), bias, Weighting::Exponential(&q)).unwrap();
        let found = Normaliser::new(&weight, &q, false);
        for (found, expected) in found.totals.iter().zip(layer.normalisers()) {
            assert!((f64::from(*found) / expected - 1.0).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn derivatives_are_differences() {
        for kernel in [true, false] {
            let (q, matrix) = (numbers(3, 5), numbers(3 * 18, 6));
            let slopes = numbers(3, 7);
            let number = |matrix: &[f32], q: &[f32]| -> f64 {
                let found = Normaliser::new(matrix, q, kernel);
                found.totals.iter().zip(&slopes).map(|(t, s)| f64::from(t * s)).sum()
            };
            let (mut of_matrix, mut of_q) = (vec![0.0; matrix.len()], vec![0.0; 3]);
            let found = Normaliser::new(&matrix, &q, kernel);
            found.derive(&matrix, &slopes, &mut of_matrix, &mut of_q);
            let close = |found: f32, expected: f64| {
                assert!((f64::from(found) - expected).abs() < 2e-2, "{found} {expected}");
            };
            for at in (0..matrix.len()).step_by(5) {
                let moved = |step: f32| {
                    let mut moved = matrix.clone();
                    moved[at] += step;
                    number(&moved, &q)
                };
                close(of_matrix[at], (moved(1e-3) - moved(-1e-3)) / 2e-3);
            }
            for at in 0..3 {
                let moved = |step: f32| {
                    let mut moved = q.clone();
                    moved[at] += step;
                    number(&matrix, &moved)
                };
                close(of_q[at], (moved(1e-3) - moved(-1e-3)) / 2e-3);
            }
        }
    }
}
