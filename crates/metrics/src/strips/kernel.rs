//! The inner loops: the 11×11 Gaussian over a few rows at once, with SSIM's quotients behind it.
//!
//! A pass takes [`ROWS`] positions of the map below each other, tile by tile. It filters down the
//! columns first: 14 rows of s and d give four rows each of G∗s, G∗s², G∗d, G∗d², with the two
//! samples that share a weight added before they are multiplied. The tile then lies in the nearest
//! cache for the filter along the rows and the quotients. Samples stay interleaved: a step of one
//! pixel is a step of `CHANNELS` numbers.
//!
//! Every number of a map is the result of the same operations in the same order, wherever its tile
//! or its strip begins.

#![allow(clippy::needless_range_loop, reason = "several slices advance together")]

use pulp::{Simd, WithSimd};

use super::quotients::{Formula, Quotients};

/// Taps of the window.
pub(crate) const TAPS: usize = 11;
/// Taps that differ; the window is symmetric.
pub(super) const HALF: usize = TAPS / 2 + 1;
/// Rows of the map in one pass.
pub(super) const ROWS: usize = 4;
/// Rows of samples that a pass reads.
pub(super) const REACH: usize = ROWS + TAPS - 1;
/// Numbers of a map's row in one tile: a multiple of all lanes and of three.
pub(super) const TILE: usize = 480;
/// Numbers of a tile after the filter down the columns, a whole number of the widest vectors.
pub(super) const STRIDE: usize = (TILE + 3 * (TAPS - 1) + 2 * WIDEST) / WIDEST * WIDEST;
/// Lanes of the widest vectors.
pub(super) const WIDEST: usize = 16;

/// What a pass computes at every position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// 1 − cs.
    Structure,
    /// 1 − l·cs.
    Combined,
    /// 1 − l, 1 − cs and 1 − l·cs.
    Factors,
    /// 1 − l·cs, and the three numbers that the adjoint window spreads for the gradient.
    Gradient,
}

impl Wanted {
    /// Numbers per position.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Structure | Self::Combined => 1,
            Self::Factors => 3,
            Self::Gradient => 4,
        }
    }

    /// How many of them, from the first, are added up over the map.
    pub(super) fn summed(self) -> usize {
        match self {
            Self::Structure | Self::Combined | Self::Gradient => 1,
            Self::Factors => 3,
        }
    }
}

/// Room for the results of one tile: at most four numbers per position.
pub(super) struct Tile {
    pub(super) filtered: Vec<f32>,
    pub(super) results: Vec<f32>,
}

impl Tile {
    pub(super) fn new() -> Self {
        Self { filtered: vec![0.0; 4 * ROWS * STRIDE], results: vec![0.0; 4 * ROWS * STRIDE] }
    }

    /// Result `kind` of row `row`.
    pub(super) fn result(&self, kind: usize, row: usize) -> &[f32] {
        &self.results[(kind * ROWS + row) * STRIDE..][..TILE]
    }
}

/// One tile of a pass.
pub(super) struct Pass<'a, const CHANNELS: usize> {
    /// Rows of s from the tile's first number on, each with a vector to spare.
    pub(super) sum: [&'a [f32]; REACH],
    /// Rows of d likewise.
    pub(super) difference: [&'a [f32]; REACH],
    /// Numbers of the map's row in this tile, at most [`TILE`].
    pub(super) length: usize,
    pub(super) formula: &'a Formula,
    pub(super) wanted: Wanted,
    pub(super) tile: &'a mut Tile,
}

impl<const CHANNELS: usize> WithSimd for Pass<'_, CHANNELS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sum, difference, length, formula, wanted, tile } = self;
        let weights = splat(simd, formula.weights);
        let read = (length + CHANNELS * (TAPS - 1)).div_ceil(S::F32_LANES);
        let (of_sum, of_difference) = tile.filtered.split_at_mut(2 * ROWS * STRIDE);
        down_columns::<S, 0>(simd, sum, weights, read, of_sum);
        down_columns::<S, 0>(simd, difference, weights, read, of_difference);
        let vectors = length.div_ceil(S::F32_LANES);
        for row in 0..ROWS {
            let plane = |index: usize| &tile.filtered[(index * ROWS + row) * STRIDE..][..STRIDE];
            let planes = [plane(0), plane(1), plane(2), plane(3)];
            let out = &mut tile.results[..];
            along_row::<S, CHANNELS>(simd, planes, weights, vectors, formula, wanted, out, row);
        }
    }
}

/// G∗v and G∗v² down the columns of 14 rows, for [`ROWS`] positions and `vectors` vectors.
#[inline(always)]
pub(super) fn down_columns<S: Simd, const EDGE: usize>(
    simd: S,
    rows: [&[f32]; REACH],
    weights: [S::f32s; HALF],
    vectors: usize,
    out: &mut [f32],
) {
    let rows = vectors_of::<S>(rows, vectors);
    let (mean, square) = out.split_at_mut(ROWS * STRIDE);
    let mean = rows_of_vectors::<S>(mean, vectors);
    let square = rows_of_vectors::<S>(square, vectors);
    for i in 0..vectors {
        let mut values = column::<S>(&rows, i);
        for r in 0..ROWS {
            mean[r][i] = folded::<S, EDGE>(simd, weights, window_at::<S>(&values, r));
        }
        for value in &mut values {
            *value = simd.mul_f32s(*value, *value);
        }
        for r in 0..ROWS {
            square[r][i] = folded::<S, EDGE>(simd, weights, window_at::<S>(&values, r));
        }
    }
}

/// The vectors at one place of 14 rows. Lists are written out in this file where a closure would
/// hide the instruction set from the compiler.
#[inline(always)]
pub(super) fn column<S: Simd>(rows: &[&[S::f32s]; REACH], i: usize) -> [S::f32s; REACH] {
    let [a, b, c, d, e, f, g, h, j, k, l, m, n, o] = *rows;
    [a[i], b[i], c[i], d[i], e[i], f[i], g[i], h[i], j[i], k[i], l[i], m[i], n[i], o[i]]
}

/// The 11 vectors of a column that position `r` looks at.
#[inline(always)]
pub(super) fn window_at<S: Simd>(values: &[S::f32s; REACH], r: usize) -> [S::f32s; TAPS] {
    let v = values;
    [
        v[r],
        v[r + 1],
        v[r + 2],
        v[r + 3],
        v[r + 4],
        v[r + 5],
        v[r + 6],
        v[r + 7],
        v[r + 8],
        v[r + 9],
        v[r + 10],
    ]
}

/// One row of a tile as the window sees it: the same numbers from every tap's place on.
pub(super) struct Shifted<'a, S: Simd>([&'a [S::f32s]; TAPS]);

impl<'a, S: Simd> Shifted<'a, S> {
    /// `vectors` positions; taps are `step` numbers apart.
    #[inline(always)]
    pub(super) fn new(row: &'a [f32], step: usize, vectors: usize) -> Self {
        let mut taps: [&[S::f32s]; TAPS] = [&[]; TAPS];
        for (k, tap) in taps.iter_mut().enumerate() {
            *tap = &S::as_simd_f32s(&row[k * step..]).0[..vectors];
        }
        Self(taps)
    }

    #[inline(always)]
    pub(super) fn folded<const EDGE: usize>(
        &self,
        simd: S,
        weights: [S::f32s; HALF],
        i: usize,
    ) -> S::f32s {
        let [a, b, c, d, e, f, g, h, j, k, l] = self.0;
        let values = [a[i], b[i], c[i], d[i], e[i], f[i], g[i], h[i], j[i], k[i], l[i]];
        folded::<S, EDGE>(simd, weights, values)
    }
}

/// The window in all lanes.
#[inline(always)]
pub(super) fn splat<S: Simd>(simd: S, weights: [f32; HALF]) -> [S::f32s; HALF] {
    let mut lanes = [simd.splat_f32s(0.0); HALF];
    for (lanes, weight) in lanes.iter_mut().zip(weights) {
        *lanes = simd.splat_f32s(weight);
    }
    lanes
}

/// The first `vectors` vectors of 14 rows.
#[inline(always)]
pub(super) fn vectors_of<S: Simd>(rows: [&[f32]; REACH], vectors: usize) -> [&[S::f32s]; REACH] {
    rows.map(|row| &S::as_simd_f32s(row).0[..vectors])
}

/// The first `vectors` vectors of [`ROWS`] rows of a tile.
#[inline(always)]
pub(super) fn rows_of_vectors<S: Simd>(rows: &mut [f32], vectors: usize) -> [&mut [S::f32s]; ROWS] {
    let mut rows = rows.chunks_exact_mut(STRIDE);
    core::array::from_fn(|_| match rows.next() {
        Some(row) => &mut S::as_mut_simd_f32s(row).0[..vectors],
        None => &mut [],
    })
}

/// Σ w_k v_k with a symmetric window: the two samples of one weight are added first. The `EDGE`
/// outermost weights on each side are 0 and cost nothing.
#[inline(always)]
pub(super) fn folded<S: Simd, const EDGE: usize>(
    simd: S,
    weights: [S::f32s; HALF],
    values: [S::f32s; TAPS],
) -> S::f32s {
    let mut sum = simd.mul_f32s(weights[HALF - 1], values[HALF - 1]);
    for k in (EDGE..HALF - 1).rev() {
        let both = simd.add_f32s(values[k], values[TAPS - 1 - k]);
        sum = simd.mul_add_e_f32s(weights[k], both, sum);
    }
    sum
}

/// The row filter of four planes, and what is wanted of the moments.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn along_row<S: Simd, const CHANNELS: usize>(
    simd: S,
    planes: [&[f32]; 4],
    weights: [S::f32s; HALF],
    vectors: usize,
    formula: &Formula,
    wanted: Wanted,
    out: &mut [f32],
    row: usize,
) {
    let mut results = out.chunks_exact_mut(STRIDE).skip(row).step_by(ROWS);
    let mut next = || match results.next() {
        Some(row) => &mut S::as_mut_simd_f32s(row).0[..vectors],
        None => &mut [],
    };
    let [p, q, r, t] = planes;
    let taps = [
        Shifted::<S>::new(p, CHANNELS, vectors),
        Shifted::<S>::new(q, CHANNELS, vectors),
        Shifted::<S>::new(r, CHANNELS, vectors),
        Shifted::<S>::new(t, CHANNELS, vectors),
    ];
    let quotients = Quotients::new(simd, formula);
    match wanted {
        Wanted::Structure => {
            let to = next();
            for i in 0..vectors {
                let (numerator, denominator) =
                    quotients.structure(moments_at::<S, 0>(simd, &taps, weights, i));
                to[i] = simd.div_f32s(numerator, denominator);
            }
        }
        Wanted::Combined => {
            let to = next();
            for i in 0..vectors {
                to[i] = quotients.combined(moments_at::<S, 0>(simd, &taps, weights, i));
            }
        }
        Wanted::Factors => {
            let [luminance, structure, combined] = [next(), next(), next()];
            for i in 0..vectors {
                let moments = moments_at::<S, 0>(simd, &taps, weights, i);
                let (numerator, denominator) = quotients.luminance(moments);
                luminance[i] = simd.div_f32s(numerator, denominator);
                let (numerator, denominator) = quotients.structure(moments);
                structure[i] = simd.div_f32s(numerator, denominator);
                combined[i] = quotients.combined(moments);
            }
        }
        Wanted::Gradient => {
            let [combined, direct, by_sum, by_difference] = [next(), next(), next(), next()];
            for i in 0..vectors {
                let moments = moments_at::<S, 0>(simd, &taps, weights, i);
                combined[i] = quotients.combined(moments);
                [direct[i], by_sum[i], by_difference[i]] = quotients.derivatives(moments);
            }
        }
    }
}

/// G∗s, G∗s², G∗d and G∗d² at one place.
#[inline(always)]
pub(super) fn moments_at<S: Simd, const EDGE: usize>(
    simd: S,
    [a, b, c, d]: &[Shifted<'_, S>; 4],
    weights: [S::f32s; HALF],
    i: usize,
) -> [S::f32s; 4] {
    [
        a.folded::<EDGE>(simd, weights, i),
        b.folded::<EDGE>(simd, weights, i),
        c.folded::<EDGE>(simd, weights, i),
        d.folded::<EDGE>(simd, weights, i),
    ]
}
