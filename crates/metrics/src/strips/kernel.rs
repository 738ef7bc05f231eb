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

use super::ahead::{Ahead, FromMemory, InRegisters, has_16_lanes, in_registers};
use super::aligned::Aligned;
use super::box_sums;
use super::processor::Processor;
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
/// Outermost weights on each side that windows of seven taps leave at 0; shorter windows are treated
/// alike.
pub(super) const SHORT: usize = 2;
/// Lanes of the widest vectors.
pub(super) const WIDEST: usize = 16;

/// What a pass computes at every position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// 1 − cs.
    Structure,
    /// 1 − l·cs.
    Combined,
    /// 1 − cs and 1 − l·cs.
    StructureAndCombined,
    /// 1 − l, 1 − cs and 1 − l·cs.
    Factors,
    /// 1 − l·cs, and the three numbers that the adjoint window spreads for its gradient.
    Gradient,
    /// 1 − cs, and the three numbers for its gradient.
    StructureGradient,
}

impl Wanted {
    /// Numbers per position.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Structure | Self::Combined => 1,
            Self::StructureAndCombined => 2,
            Self::Factors => 3,
            Self::Gradient | Self::StructureGradient => 4,
        }
    }

    /// Which of them is 1 − cs.
    pub(super) fn structure(self) -> Option<usize> {
        match self {
            Self::Structure | Self::StructureAndCombined | Self::StructureGradient => Some(0),
            Self::Factors => Some(1),
            Self::Combined | Self::Gradient => None,
        }
    }

    /// Which of them is 1 − l·cs.
    pub(super) fn combined(self) -> Option<usize> {
        match self {
            Self::Structure | Self::StructureGradient => None,
            Self::Combined | Self::Gradient => Some(0),
            Self::StructureAndCombined => Some(1),
            Self::Factors => Some(2),
        }
    }

    /// Whether all of them are 0 where the pictures are the same.
    pub(super) fn vanishes(self) -> bool {
        match self {
            Self::Structure | Self::Combined | Self::StructureAndCombined | Self::Factors => true,
            Self::Gradient | Self::StructureGradient => false,
        }
    }

    /// How many of them, from the first, are added up over the map.
    pub(super) fn summed(self) -> usize {
        match self {
            Self::Structure | Self::Combined => 1,
            Self::Gradient | Self::StructureGradient => 1,
            Self::StructureAndCombined => 2,
            Self::Factors => 3,
        }
    }
}

/// Room for the results of one tile: at most four numbers per position.
pub(super) struct Tile {
    pub(super) filtered: Aligned,
    pub(super) results: Aligned,
    /// How the processor makes vectors that begin between aligned ones, when not by memory.
    pub(super) in_registers: Option<InRegisters>,
}

impl Tile {
    #[cfg(any(test, feature = "ssimulacra2"))]
    pub(super) fn new(processor: Processor) -> Self {
        let [filtered, results] = [(); 2].map(|()| Aligned::zeros(4 * ROWS * STRIDE));
        Self { in_registers: in_registers(processor), filtered, results }
    }

    /// One in which is what was left there.
    pub(super) fn uncleared(processor: Processor) -> Self {
        let [filtered, results] = [(); 2].map(|()| Aligned::anything(4 * ROWS * STRIDE));
        Self { in_registers: in_registers(processor), filtered, results }
    }

    /// Makes the first `length` results of the first `kinds` kinds 0.
    pub(super) fn clear(&mut self, kinds: usize, length: usize) {
        for row in self.results.chunks_exact_mut(STRIDE).take(kinds * ROWS) {
            row[..length].fill(0.0);
        }
    }

    /// Result `kind` of row `row`.
    pub(super) fn result(&self, kind: usize, row: usize) -> &[f32] {
        &self.results[(kind * ROWS + row) * STRIDE..][..TILE]
    }
}

/// One tile of a pass.
pub(super) struct Pass<'a, const CHANNELS: usize> {
    /// Rows of s from the tile's first number on, each with a vector to spare.
    pub(super) sum: &'a [&'a [f32]; REACH],
    /// Rows of d likewise.
    pub(super) difference: &'a [&'a [f32]; REACH],
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
        let mut weights = splat(simd, formula.weights);
        let read = (length + CHANNELS * (TAPS - 1)).div_ceil(S::F32_LANES);
        let (of_sum, of_difference) = tile.filtered.split_at_mut(2 * ROWS * STRIDE);
        if formula.sums {
            box_sums::down_columns::<S>(simd, sum, read, of_sum);
            box_sums::down_columns::<S>(simd, difference, read, of_difference);
            let share = simd.splat_f32s(1.0 / box_sums::LENGTH as f32);
            for weight in &mut weights {
                *weight = simd.mul_f32s(*weight, share);
            }
        } else if formula.edge >= SHORT {
            down_columns::<S, SHORT>(simd, sum, weights, read, of_sum);
            down_columns::<S, SHORT>(simd, difference, weights, read, of_difference);
        } else {
            down_columns::<S, 0>(simd, sum, weights, read, of_sum);
            down_columns::<S, 0>(simd, difference, weights, read, of_difference);
        }
        let along = AlongRows::<S, CHANNELS> { simd, weights, length, formula, wanted };
        match tile.in_registers {
            Some(ahead) if has_16_lanes::<S>() => along.run(tile, ahead),
            _ => along.run(tile, FromMemory),
        }
    }
}

/// G∗v and G∗v² down the columns of 14 rows, for [`ROWS`] positions and `vectors` vectors.
#[inline(always)]
pub(super) fn down_columns<S: Simd, const EDGE: usize>(
    simd: S,
    rows: &[&[f32]; REACH],
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

/// One row of a tile as the window sees it: the same numbers from every tap's place on; taps are
/// `STEP` numbers apart.
pub(super) struct Shifted<'a, S: Simd, A, const STEP: usize> {
    /// Vectors from every tap on.
    taps: [&'a [S::f32s]; TAPS],
    /// Aligned vectors, and those one and two further on.
    aligned: [&'a [S::f32s]; 3],
    ahead: A,
}

impl<'a, S: Simd, A: Ahead, const STEP: usize> Shifted<'a, S, A, STEP> {
    /// `vectors` positions.
    #[inline(always)]
    pub(super) fn new(row: &'a [f32], ahead: A, vectors: usize) -> Self {
        let mut taps: [&[S::f32s]; TAPS] = [&[]; TAPS];
        let mut aligned: [&[S::f32s]; 3] = [&[]; 3];
        if A::IN_REGISTERS {
            for (k, aligned) in aligned.iter_mut().enumerate() {
                *aligned = &S::as_simd_f32s(row).0[k..][..vectors];
            }
        }
        for (k, tap) in taps.iter_mut().enumerate() {
            *tap = &S::as_simd_f32s(&row[k * STEP..]).0[..vectors];
        }
        Self { taps, aligned, ahead }
    }

    #[inline(always)]
    pub(super) fn folded<const EDGE: usize>(
        &self,
        simd: S,
        weights: [S::f32s; HALF],
        i: usize,
    ) -> S::f32s {
        let values = if A::IN_REGISTERS { self.loaded_and_made(i) } else { self.loaded(i) };
        folded::<S, EDGE>(simd, weights, values)
    }

    #[inline(always)]
    fn loaded(&self, i: usize) -> [S::f32s; TAPS] {
        let [a, b, c, d, e, f, g, h, j, k, l] = self.taps;
        [a[i], b[i], c[i], d[i], e[i], f[i], g[i], h[i], j[i], k[i], l[i]]
    }

    /// Every second vector is made of aligned ones: loads and shuffles go on side by side, and
    /// neither has to wait for the other.
    #[inline(always)]
    fn loaded_and_made(&self, i: usize) -> [S::f32s; TAPS] {
        let [u, v, w] = [self.aligned[0][i], self.aligned[1][i], self.aligned[2][i]];
        let t = &self.taps;
        let by = self.ahead;
        if STEP == 1 {
            [
                u,
                t[1][i],
                by.by::<S, 2>(u, v),
                t[3][i],
                by.by::<S, 4>(u, v),
                t[5][i],
                by.by::<S, 6>(u, v),
                t[7][i],
                by.by::<S, 8>(u, v),
                t[9][i],
                by.by::<S, 10>(u, v),
            ]
        } else {
            [
                u,
                t[1][i],
                by.by::<S, 6>(u, v),
                t[3][i],
                by.by::<S, 12>(u, v),
                t[5][i],
                by.by::<S, 2>(v, w),
                t[7][i],
                by.by::<S, 8>(v, w),
                t[9][i],
                by.by::<S, 14>(v, w),
            ]
        }
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
pub(super) fn vectors_of<'a, S: Simd>(
    rows: &[&'a [f32]; REACH],
    vectors: usize,
) -> [&'a [S::f32s]; REACH] {
    let mut all: [&[S::f32s]; REACH] = [&[]; REACH];
    for (to, row) in all.iter_mut().zip(rows) {
        *to = &S::as_simd_f32s(row).0[..vectors];
    }
    all
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
struct AlongRows<'a, S: Simd, const CHANNELS: usize> {
    simd: S,
    weights: [S::f32s; HALF],
    length: usize,
    formula: &'a Formula,
    wanted: Wanted,
}

impl<S: Simd, const CHANNELS: usize> AlongRows<'_, S, CHANNELS> {
    #[inline(always)]
    fn run<A: Ahead>(&self, tile: &mut Tile, ahead: A) {
        let vectors = self.length.div_ceil(S::F32_LANES);
        for row in 0..ROWS {
            let taps = planes_of_row::<S, A, CHANNELS>(&tile.filtered, row, ahead, vectors);
            self.row(&taps, vectors, &mut tile.results, row);
        }
    }

    #[inline(always)]
    fn row<A: Ahead>(
        &self,
        taps: &[Shifted<'_, S, A, CHANNELS>; 4],
        vectors: usize,
        out: &mut [f32],
        row: usize,
    ) {
        let Self { simd, weights, formula, wanted, .. } = *self;
        let mut results = out.chunks_exact_mut(STRIDE).skip(row).step_by(ROWS);
        let mut next = || match results.next() {
            Some(row) => &mut S::as_mut_simd_f32s(row).0[..vectors],
            None => &mut [],
        };
        let quotients = Quotients::new(simd, formula);
        match wanted {
            Wanted::Structure => {
                let to = next();
                for i in 0..vectors {
                    let (numerator, denominator) =
                        quotients
                            .structure(moments_at::<S, A, CHANNELS, 0>(simd, taps, weights, i));
                    to[i] = simd.div_f32s(numerator, denominator);
                }
            }
            Wanted::Combined if formula.edge >= SHORT => {
                let to = next();
                for i in 0..vectors {
                    let moments = moments_at::<S, A, CHANNELS, SHORT>(simd, taps, weights, i);
                    to[i] = quotients.combined(moments);
                }
            }
            Wanted::Combined => {
                let to = next();
                for i in 0..vectors {
                    to[i] =
                        quotients.combined(moments_at::<S, A, CHANNELS, 0>(simd, taps, weights, i));
                }
            }
            Wanted::StructureAndCombined => {
                let [structure, combined] = [next(), next()];
                for i in 0..vectors {
                    let moments = moments_at::<S, A, CHANNELS, 0>(simd, taps, weights, i);
                    let (numerator, denominator) = quotients.structure(moments);
                    structure[i] = simd.div_f32s(numerator, denominator);
                    combined[i] = quotients.combined(moments);
                }
            }
            Wanted::Factors => {
                let [luminance, structure, combined] = [next(), next(), next()];
                for i in 0..vectors {
                    let moments = moments_at::<S, A, CHANNELS, 0>(simd, taps, weights, i);
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
                    let moments = moments_at::<S, A, CHANNELS, 0>(simd, taps, weights, i);
                    combined[i] = quotients.combined(moments);
                    [direct[i], by_sum[i], by_difference[i]] = quotients.derivatives(moments);
                }
            }
            Wanted::StructureGradient => {
                let [structure, direct, by_sum, by_difference] = [next(), next(), next(), next()];
                for i in 0..vectors {
                    let moments = moments_at::<S, A, CHANNELS, 0>(simd, taps, weights, i);
                    let (numerator, denominator) = quotients.structure(moments);
                    structure[i] = simd.div_f32s(numerator, denominator);
                    [direct[i], by_sum[i], by_difference[i]] =
                        quotients.derivatives_of_structure(moments);
                }
            }
        }
    }
}

/// Row `row` of the four filtered planes of a tile.
#[inline(always)]
pub(super) fn planes_of_row<S: Simd, A: Ahead, const STEP: usize>(
    filtered: &[f32],
    row: usize,
    ahead: A,
    vectors: usize,
) -> [Shifted<'_, S, A, STEP>; 4] {
    let plane = |index: usize| &filtered[(index * ROWS + row) * STRIDE..][..STRIDE];
    [
        Shifted::new(plane(0), ahead, vectors),
        Shifted::new(plane(1), ahead, vectors),
        Shifted::new(plane(2), ahead, vectors),
        Shifted::new(plane(3), ahead, vectors),
    ]
}

/// G∗s, G∗s², G∗d and G∗d² at one place.
#[inline(always)]
pub(super) fn moments_at<S: Simd, A: Ahead, const STEP: usize, const EDGE: usize>(
    simd: S,
    [a, b, c, d]: &[Shifted<'_, S, A, STEP>; 4],
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
