//! A grid of numbers, the working form of every metric.

use rayon::prelude::*;

use crate::dispatch::{sum_of, vectorised};

/// Numbers that one task works on: enough to be worth one, few enough to stay in the cache.
const CHUNK: usize = 1 << 14;

/// `width × height` numbers, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The numbers.
    pub data: Vec<f64>,
}

impl Plane {
    /// A plane from its numbers, of which there are `width × height`.
    pub fn new(width: usize, height: usize, data: Vec<f64>) -> Self {
        debug_assert_eq!(data.len(), width * height);
        Self { width, height, data }
    }

    /// A plane of zeros.
    pub fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0.0; width * height] }
    }

    /// A plane computed position by position.
    pub fn from_fn(
        width: usize,
        height: usize,
        mut value: impl FnMut(usize, usize) -> f64,
    ) -> Self {
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                data.push(value(x, y));
            }
        }
        Self { width, height, data }
    }

    /// One row.
    pub fn row(&self, y: usize) -> &[f64] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    /// The number at column `x`, row `y`.
    pub fn at(&self, x: usize, y: usize) -> f64 {
        self.data[y * self.width + x]
    }

    /// The shorter side.
    pub fn shorter_side(&self) -> usize {
        self.width.min(self.height)
    }

    /// The plane with a function applied to each number.
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64 + Sync) -> Self {
        let mut out = Self::zeros(self.width, self.height);
        let chunks = out.data.par_chunks_mut(CHUNK).zip(self.data.par_chunks(CHUNK));
        chunks.for_each(|(out, from)| {
            vectorised(
                #[inline(always)]
                || out.iter_mut().zip(from).for_each(|(out, &v)| *out = f(v)),
            );
        });
        out
    }

    /// Two planes of one shape combined number by number.
    #[must_use]
    pub fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64 + Sync) -> Self {
        debug_assert_eq!((self.width, self.height), (other.width, other.height));
        let mut out = Self::zeros(self.width, self.height);
        let from = self.data.par_chunks(CHUNK).zip(other.data.par_chunks(CHUNK));
        out.data.par_chunks_mut(CHUNK).zip(from).for_each(|(out, (a, b))| {
            vectorised(
                #[inline(always)]
                || out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (&a, &b))| *out = f(a, b)),
            );
        });
        out
    }

    /// The sum over all positions of a function of two planes of one shape.
    pub fn sum_with(&self, other: &Self, f: impl Fn(f64, f64) -> f64 + Sync) -> f64 {
        debug_assert_eq!((self.width, self.height), (other.width, other.height));
        let chunks = self.data.par_chunks(CHUNK).zip(other.data.par_chunks(CHUNK));
        let sums: Vec<f64> = chunks
            .map(|(a, b)| {
                let count = a.len().min(b.len());
                let (a, b) = (&a[..count], &b[..count]);
                vectorised(
                    #[inline(always)]
                    || sum_of(count, |i| f(a[i], b[i])),
                )
            })
            .collect();
        sums.iter().sum()
    }

    /// Sum of all numbers, in an order that depends on their count alone and keeps rounding errors
    /// small.
    pub fn sum(&self) -> f64 {
        self.sum_with(self, |v, _| v)
    }

    /// Mean of all numbers.
    pub fn mean(&self) -> f64 {
        self.sum() / self.data.len() as f64
    }

    /// The rectangle that starts at (`left`, `top`); it must lie inside.
    #[must_use]
    pub fn crop(&self, left: usize, top: usize, width: usize, height: usize) -> Self {
        let rows = (top..top + height).flat_map(|y| &self.row(y)[left..left + width]);
        Self { width, height, data: rows.copied().collect() }
    }
}
