//! Upper bounds of spectral norms by squaring Gram matrices.
//!
//! ‖W‖₂² = ‖WᵀW‖₂, so with G₀ = W and G_{k+1} = G_kᵀG_k, ‖W‖₂ = ‖G_n‖₂^(1/2ⁿ) ≤ ‖G_n‖_F^(1/2ⁿ): an upper bound at every n,
//! within a factor rank^(1/2ⁿ⁺¹) of the norm. Power iteration, in contrast, gives lower bounds.
//!
//! Of convolutions G_n are kernels of growing support, the full correlation of one with itself, and the norm of the
//! last is at most its largest absolute row sum over channels and shifts (Schur's test; it is symmetric). That holds
//! for the operator on the whole plane, of which zeros around a picture make a part (`sll_convolution.rs`).
//!
//! Source: Delattre, Barthélemy, Araujo, Allauzen, "Efficient Bound of Lipschitz Constant for Convolutional Layers by
//! Gram Iteration", ICML 2023, and its sequel of 2024 on zero padding. Choices: every G is divided by its Frobenius
//! norm (or largest row sum), so nothing overflows; and rounding is carried outwards. With H the computed G/f and P the
//! computed HᵀH, ‖G‖ ≤ f·√(‖P‖ + e), where e bounds what the products and the division may be off by.
//!
//! Limits: costs of dense products; kernels of convolutions double their support with every iteration.

use super::Bound;
use super::bound::{How, sum_error};
use crate::{Error, Result};

/// An upper bound of the spectral norm of a matrix of rows of `columns` numbers.
///
/// # Errors
/// [`Error::Numbers`] where the rows are not whole; [`Error::Unfit`] for numbers that are not finite.
pub fn gram_iteration(matrix: &[f32], columns: usize, iterations: usize) -> Result<Bound> {
    let rows = matrix.len() / columns.max(1);
    Error::expect_numbers("a matrix", rows * columns, matrix.len())?;
    finite(matrix)?;
    let double: Vec<f64> = matrix.iter().map(|&w| f64::from(w)).collect();
    // The smaller of both Gram matrices has the same norm.
    let value = if rows < columns {
        dense(&transposed(&double, columns), rows, iterations)
    } else {
        dense(&double, columns, iterations)
    };
    Ok(Bound { value, how: How::GramIteration })
}

/// The same of a convolution of kernels `[inner][channels][side][side]`, with zeros around the picture.
///
/// # Errors
/// As [`gram_iteration`].
pub fn gram_iteration_of_kernels(
    kernels: &[f32],
    channels: usize,
    side: usize,
    iterations: usize,
) -> Result<Bound> {
    let inner = kernels.len() / (channels * side * side).max(1);
    Error::expect_numbers("kernels", inner * channels * side * side, kernels.len())?;
    finite(kernels)?;
    let data = kernels.iter().map(|&w| f64::from(w)).collect();
    let all = Kernels { rows: inner, columns: channels, side, data };
    let value = all.norm(iterations.max(1));
    Ok(Bound { value, how: How::GramIteration })
}

fn finite(numbers: &[f32]) -> Result<()> {
    if numbers.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    Err(Error::Unfit("expected finite numbers in a matrix".to_owned()))
}

fn transposed(matrix: &[f64], columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|i| matrix.iter().skip(i).step_by(columns).copied()).collect()
}

/// Room for the roundings of the few operations between products.
const OUTWARD: f64 = 1.0 + 1e-14;

fn dense(matrix: &[f64], columns: usize, iterations: usize) -> f64 {
    let squares: f64 = matrix.iter().map(|x| x * x).sum();
    let length = squares.sqrt() * (1.0 + sum_error(matrix.len()));
    if iterations == 0 || length == 0.0 {
        return length * OUTWARD;
    }
    let unit: Vec<f64> = matrix.iter().map(|x| x / length).collect();
    let turned = transposed(&unit, columns);
    let rows = matrix.len() / columns.max(1);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let gram: Vec<f64> = turned
        .chunks_exact(rows)
        .flat_map(|a| turned.chunks_exact(rows).map(move |b| (a, b)))
        .map(|(a, b)| dot(a, b))
        .collect();
    // ‖fl(HᵀH) − HᵀH‖ is at most γ‖H‖_F², and ‖G/f − H‖ at most half an ulp of ‖H‖_F = 1.
    let error = sum_error(rows) * OUTWARD + 4.0 * f64::EPSILON;
    length * (dense(&gram, columns, iterations - 1) + error).sqrt() * OUTWARD
}

/// Kernels between channels on the plane.
struct Kernels {
    rows: usize,
    columns: usize,
    side: usize,
    /// `[row][column][side][side]`.
    data: Vec<f64>,
}

impl Kernels {
    fn of(&self, row: usize, column: usize) -> &[f64] {
        let area = self.side * self.side;
        &self.data[(row * self.columns + column) * area..][..area]
    }

    /// The largest absolute sums over all that a row, and a column, has.
    fn sums(&self) -> [f64; 2] {
        let absolute = |row: usize, column: usize| -> f64 {
            self.of(row, column).iter().map(|x| x.abs()).sum()
        };
        let of_row =
            |row: usize| (0..self.columns).map(|column| absolute(row, column)).sum::<f64>();
        let of_column =
            |column: usize| (0..self.rows).map(|row| absolute(row, column)).sum::<f64>();
        let outward = 1.0 + sum_error(self.data.len());
        let most = |sums: &mut dyn Iterator<Item = f64>| sums.fold(0.0, f64::max) * outward;
        [most(&mut (0..self.rows).map(of_row)), most(&mut (0..self.columns).map(of_column))]
    }

    fn norm(&self, iterations: usize) -> f64 {
        let [rows, columns] = self.sums();
        // Schur's test.
        let scale = (rows * columns).sqrt() * OUTWARD;
        if iterations == 0 || scale == 0.0 {
            return scale;
        }
        let unit = Self { data: self.data.iter().map(|x| x / scale).collect(), ..*self };
        let gram = unit.gram();
        let [rows, columns] = unit.sums();
        let terms = self.columns * self.side * self.side;
        // Each product's error is at most γ times the same of absolute values, whose sums are those of H and Hᵀ.
        let error = (sum_error(terms) * rows * columns + 4.0 * f64::EPSILON) * OUTWARD;
        scale * (gram.norm(iterations - 1) + error).sqrt() * OUTWARD
    }

    /// K Kᵀ: correlations of all rows with each other, over the columns and all shifts.
    fn gram(&self) -> Self {
        let (side, large) = (self.side, 2 * self.side - 1);
        let mut data = vec![0.0; self.rows * self.rows * large * large];
        for i in 0..self.rows {
            for j in 0..self.rows {
                let to = &mut data[(i * self.rows + j) * large * large..][..large * large];
                for column in 0..self.columns {
                    let (a, b) = (self.of(i, column), self.of(j, column));
                    for (at, x) in a.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                        let (y, x_) = (at / side + side - 1, at % side + side - 1);
                        for v in 0..side {
                            let row = &mut to[(y - v) * large..][..large];
                            for u in 0..side {
                                row[x_ - u] += x * b[v * side + u];
                            }
                        }
                    }
                }
            }
        }
        Self { rows: self.rows, columns: self.rows, side: large, data }
    }
}
