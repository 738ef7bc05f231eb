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
use super::{Bound, Real, Rounding, Weighting};
use crate::{Error, Result};

/// Rows of one task, at least.
const ROWS: usize = 16;
/// Tasks, at most: each has sums of its own.
const TASKS: usize = 16;

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
        before.residual(unit, ([self.width, self.inner()], 1.0), norm, &self.bias, &self.scale, 1)
    }

    /// The values for vectors of `width` numbers, one after the other. With `active`, which has `inner`
    /// truth values per vector, what was positive is noted for [`backward`](Self::backward).
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn forward<R: Real>(&self, x: &[R], active: Option<&mut [bool]>) -> Result<Vec<R>> {
        let positive = |i: usize, z: &mut [R]| {
            let (bias, scale) = (R::of(self.bias[i]), R::below(2.0 * self.scale[i]));
            for value in z {
                let sum = *value + bias;
                *value = if sum > R::default() { scale * sum } else { R::default() };
            }
        };
        let (y, s, count) = self.run(x, positive)?;
        if let Some(active) = active {
            Error::expect_numbers("active units", count * self.inner(), active.len())?;
            for (i, values) in s.chunks_exact(count.max(1)).enumerate() {
                // A unit with t = 0 is inactive, which its derivative is as well.
                for (k, value) in values.iter().enumerate() {
                    active[k * self.inner() + i] = *value > R::default();
                }
            }
        }
        Ok(y)
    }

    /// The derivative with respect to the vectors of [`forward`](Self::forward), given that with respect
    /// to its values.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn backward<R: Real>(&self, upstream: &[R], active: &[bool]) -> Result<Vec<R>> {
        let inner = self.inner();
        let count = upstream.len() / self.width.max(1);
        Error::expect_numbers("active units", count * inner, active.len())?;
        let masked = |i: usize, z: &mut [R]| {
            let scale = R::below(2.0 * self.scale[i]);
            for (k, value) in z.iter_mut().enumerate() {
                *value = if active[k * inner + i] { scale * *value } else { R::default() };
            }
        };
        Ok(self.run(upstream, masked)?.0)
    }

    /// x − Wᵀ s with s = `middle(i, W x)`, s as `[inner][vector]`, and how many vectors there are. A row of
    /// the weight is used twice while it is near: the weight is read once.
    fn run<R: Real>(
        &self,
        x: &[R],
        middle: impl Fn(usize, &mut [R]) + Sync,
    ) -> Result<(Vec<R>, Vec<R>, usize)> {
        let (width, inner) = (self.width, self.inner());
        let count = x.len() / width.max(1);
        Error::expect_numbers("vectors of a dense layer", count * width, x.len())?;
        let mut s = vec![R::default(); inner * count];
        let mut y = x.to_vec();
        if count == 0 || inner == 0 {
            return Ok((y, s, count));
        }
        let rows = ROWS.max(inner.div_ceil(TASKS));
        let tasks = self.weight.par_chunks(rows * width).zip(s.par_chunks_mut(rows * count));
        let parts = tasks.enumerate().map(|(task, (weight, s))| {
            let mut part = vec![R::default(); count * width];
            for (at, (row, z)) in
                weight.chunks_exact(width).zip(s.chunks_exact_mut(count)).enumerate()
            {
                for (z, x) in z.iter_mut().zip(x.chunks_exact(width)) {
                    *z = R::dot(row, x)?;
                }
                middle(task * rows + at, z);
                for (&z, part) in z.iter().zip(part.chunks_exact_mut(width)) {
                    if z != R::default() {
                        R::subtract_multiple(part, row, z)?;
                    }
                }
            }
            Ok(part)
        });
        for part in parts.collect::<Result<Vec<Vec<R>>>>()? {
            y.iter_mut().zip(part).for_each(|(y, part)| *y += part);
        }
        Ok((y, s, count))
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
