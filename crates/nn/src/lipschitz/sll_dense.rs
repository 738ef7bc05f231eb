//! The dense SDP-based Lipschitz layer: y = x − 2 Wᵀ ((1/T) σ(W x + b)).
//!
//! Proof, source and choices: `sll.rs`. Reproduces the layer of LipSim, whose published weights have the
//! shape \[inner, width\], within 2e-5 in single precision and 1e-12 in double.
//!
//! The derivative with respect to x is I − 2 Wᵀ D Λ W, with Λ the indicator of W x + b > 0 (0 is taken for
//! the derivative of σ at 0). It is symmetric, so that the same code pulls gradients back.

use rayon::prelude::*;

use super::bound::reciprocal_below;
use super::gram::row_sums;
use super::real::dot;
use super::{Bound, Real, Rounding, Weighting};
use crate::{Error, Result};

/// Columns of one task.
const COLUMNS: usize = 512;

/// A dense layer with its normaliser.
#[derive(Clone, Debug)]
pub struct SllDense {
    width: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
    sums: Vec<f64>,
    scale: Vec<f64>,
}

impl SllDense {
    /// A layer on `width` numbers; `weight` is `[inner][width]`, `bias` has `inner` numbers. T is
    /// computed here, once.
    ///
    /// # Errors
    /// [`Error::Numbers`] where the lengths do not fit.
    pub fn new(
        width: usize,
        weight: Vec<f32>,
        bias: Vec<f32>,
        weighting: Weighting<'_>,
    ) -> Result<Self> {
        let inner = bias.len();
        Error::expect_numbers("the weight of a dense layer", inner * width, weight.len())?;
        Error::expect_numbers("q of a dense layer", inner, weighting.len().unwrap_or(inner))?;
        let sums = row_sums(&weight, width, |i, j| weighting.ratio(i, j));
        Self::with_normalisers(width, weight, bias, sums)
    }

    /// A layer whose T is known: W Wᵀ ≤ diag(T) must hold.
    pub(crate) fn with_normalisers(
        width: usize,
        weight: Vec<f32>,
        bias: Vec<f32>,
        sums: Vec<f64>,
    ) -> Result<Self> {
        Error::expect_numbers("the weight of a dense layer", bias.len() * width, weight.len())?;
        let scale = sums.iter().map(|&sum| reciprocal_below(sum)).collect();
        Ok(Self { width, weight, bias, sums, scale })
    }

    /// Numbers read and written.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of the weight.
    pub fn inner(&self) -> usize {
        self.bias.len()
    }

    /// T, rounded up.
    pub fn normalisers(&self) -> &[f64] {
        &self.sums
    }

    /// Its Lipschitz constant.
    pub fn bound(&self) -> Bound {
        Bound::ONE
    }

    /// How far values may be from those of exact arithmetic.
    pub fn rounding(&self, before: Rounding, unit: f64) -> Rounding {
        let norm = absolute_norm(&self.weight, self.width);
        before.residual(unit, [self.width, self.inner()], norm, &self.bias, &self.scale, 1)
    }

    /// The values for vectors of `width` numbers, one after the other. With `active`, which has `inner`
    /// truth values per vector, what was positive is noted for [`backward`](Self::backward).
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn forward<R: Real>(&self, x: &[R], active: Option<&mut [bool]>) -> Result<Vec<R>> {
        let (count, z) = self.products(x)?;
        let mut s = z;
        for (i, values) in s.chunks_exact_mut(count.max(1)).enumerate() {
            let (bias, scale) = (R::of(self.bias[i]), R::below(2.0 * self.scale[i]));
            for value in values {
                let sum = *value + bias;
                *value = if sum > R::default() { scale * sum } else { R::default() };
            }
        }
        if let Some(active) = active {
            Error::expect_numbers("active units", count * self.inner(), active.len())?;
            for (i, values) in s.chunks_exact(count.max(1)).enumerate() {
                // A unit with t = 0 is inactive, which its derivative is as well.
                for (k, value) in values.iter().enumerate() {
                    active[k * self.inner() + i] = *value > R::default();
                }
            }
        }
        Ok(self.without(x, &s, count))
    }

    /// The derivative with respect to the vectors of [`forward`](Self::forward), given that with respect
    /// to its values.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn backward<R: Real>(&self, upstream: &[R], active: &[bool]) -> Result<Vec<R>> {
        let (count, mut s) = self.products(upstream)?;
        Error::expect_numbers("active units", count * self.inner(), active.len())?;
        for (i, values) in s.chunks_exact_mut(count.max(1)).enumerate() {
            let scale = R::below(2.0 * self.scale[i]);
            for (k, value) in values.iter_mut().enumerate() {
                let on = active[k * self.inner() + i];
                *value = if on { scale * *value } else { R::default() };
            }
        }
        Ok(self.without(upstream, &s, count))
    }

    /// How many vectors there are, and W x as `[inner][vector]`.
    fn products<R: Real>(&self, x: &[R]) -> Result<(usize, Vec<R>)> {
        let count = x.len() / self.width.max(1);
        Error::expect_numbers("vectors of a dense layer", count * self.width, x.len())?;
        let mut z = vec![R::default(); self.inner() * count];
        if count > 0 {
            let rows = self.weight.par_chunks_exact(self.width);
            rows.zip(z.par_chunks_exact_mut(count)).for_each(|(row, to)| {
                let vectors = x.chunks_exact(self.width);
                to.iter_mut().zip(vectors).for_each(|(to, x)| *to = dot(row, x));
            });
        }
        Ok((count, z))
    }

    /// x − Wᵀ s.
    fn without<R: Real>(&self, x: &[R], s: &[R], count: usize) -> Vec<R> {
        let width = self.width;
        let starts: Vec<usize> = (0..width).step_by(COLUMNS).collect();
        let parts: Vec<Vec<R>> = starts
            .par_iter()
            .map(|&start| {
                let end = width.min(start + COLUMNS);
                let mut sums = vec![R::default(); count * (end - start)];
                for (row, s) in self.weight.chunks_exact(width).zip(s.chunks_exact(count.max(1))) {
                    let row = &row[start..end];
                    for (sums, &s) in sums.chunks_exact_mut(row.len()).zip(s) {
                        if s != R::default() {
                            sums.iter_mut().zip(row).for_each(|(sum, &w)| *sum += R::of(w) * s);
                        }
                    }
                }
                sums
            })
            .collect();
        let mut y = x.to_vec();
        for (part, &start) in parts.iter().zip(&starts) {
            let columns = part.len() / count.max(1);
            for (k, sums) in part.chunks_exact(columns.max(1)).enumerate() {
                let to = &mut y[k * width + start..][..columns];
                to.iter_mut().zip(sums).for_each(|(y, &sum)| *y = *y - sum);
            }
        }
        y
    }
}

/// An upper bound of the spectral norm of the matrix of absolute values: √(‖·‖₁ ‖·‖∞).
fn absolute_norm(matrix: &[f32], width: usize) -> f64 {
    let mut columns = vec![0.0_f64; width];
    let mut largest = 0.0_f64;
    for row in matrix.chunks_exact(width.max(1)) {
        let mut sum = 0.0;
        for (&w, column) in row.iter().zip(&mut columns) {
            sum += f64::from(w.abs());
            *column += f64::from(w.abs());
        }
        largest = largest.max(sum);
    }
    let column = columns.into_iter().fold(0.0, f64::max);
    (largest * column).sqrt() * (1.0 + 1e-9)
}
