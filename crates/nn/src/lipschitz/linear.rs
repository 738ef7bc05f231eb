//! A matrix and how much it can stretch.
//!
//! ‖M‖² = λmax(MᵀM) ≤ max_i Σ_j |MᵀM|_ij r_j / r_i for any r > 0 (Gershgorin's circles after a similarity).
//! The bound of a [`Linear`] is the root of that sum for the matrix as it is stored, rounded up. So a
//! matrix that is orthogonal but for rounding to single precision has a constant a little above 1, and it is
//! that constant which is given.
//!
//! Limits: [`spectral_norm`] is a singular value in double precision, up to 1e-9 of itself; power iteration,
//! which gives lower bounds, is used nowhere.

use faer::Mat;

use super::bound::How;
use super::gram::row_sums;
use super::{Bound, Real};
use crate::{Error, Result};

/// y = M x.
#[derive(Clone, Debug)]
pub struct Linear {
    inputs: usize,
    matrix: Vec<f32>,
    bound: Bound,
}

impl Linear {
    /// A matrix of rows of `inputs` numbers, rounded to single precision; `weights` are the r of the
    /// bound, one for each input.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub(crate) fn new(inputs: usize, matrix: &[f64], weights: Option<&[f64]>) -> Result<Self> {
        let outputs = matrix.len() / inputs.max(1);
        Error::expect_numbers("a matrix", outputs * inputs, matrix.len())?;
        let matrix: Vec<f32> = matrix.iter().map(|&m| m as f32).collect();
        let columns: Vec<f32> = (0..inputs)
            .flat_map(|i| matrix.iter().skip(i).step_by(inputs.max(1)).copied())
            .collect();
        let largest = |sums: Vec<f64>| sums.into_iter().fold(0.0, f64::max);
        let of_columns = largest(row_sums(&columns, outputs, |i, j| {
            weights.map_or(1.0, |r| r[j] / r[i]) * (1.0 + 4.0 * f64::EPSILON)
        }));
        // The other Gram matrix has the same largest eigenvalue.
        let of_rows = largest(row_sums(&matrix, inputs, |_, _| 1.0));
        let value = of_columns.min(of_rows).sqrt().next_up();
        Ok(Self { inputs, matrix, bound: Bound { value, how: How::Gershgorin } })
    }

    /// The matrix, row by row.
    pub fn matrix(&self) -> &[f32] {
        &self.matrix
    }

    /// Its Lipschitz constant.
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// M x.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn forward<R: Real>(&self, x: &[R]) -> Result<Vec<R>> {
        Error::expect_numbers("a vector", self.inputs, x.len())?;
        self.matrix.chunks_exact(self.inputs.max(1)).map(|row| R::dot(row, x)).collect()
    }
}

/// The largest singular value of a matrix of rows of `columns` numbers, 1e-9 of itself added.
///
/// # Errors
/// [`Error::Numbers`]; [`Error::Unfit`] where the decomposition does not converge.
pub fn spectral_norm(matrix: &[f64], columns: usize) -> Result<f64> {
    let rows = matrix.len() / columns.max(1);
    Error::expect_numbers("a matrix", rows * columns, matrix.len())?;
    let matrix = Mat::from_fn(rows, columns, |i, j| matrix[i * columns + j]);
    let values = matrix.singular_values();
    let values = values.map_err(|_| Error::Unfit("singular values did not converge".to_owned()))?;
    Ok(values.first().copied().unwrap_or(0.0) * (1.0 + 1e-9))
}
