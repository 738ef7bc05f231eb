//! The inner loop: structure and edges of a few rows of a tile.

use pulp::{Simd, WithSimd};

use super::window::{EDGE, RADIUS};
use crate::strips::ahead::{Ahead, FromMemory, has_16_lanes};
use crate::strips::kernel::{
    HALF, REACH, ROWS, STRIDE, TAPS, Tile, down_columns, moments_at, planes_of_row, splat,
};

/// Keeps the quotient of structure finite.
const C2: f32 = 0.0009;

/// One tile of a pass; the results are structure (kind 0) and edges (kind 1).
pub(super) struct Pass<'a> {
    /// Rows of s from the tile's first number on, each with a vector to spare.
    pub(super) sum: &'a [&'a [f32]; REACH],
    /// Rows of d.
    pub(super) difference: &'a [&'a [f32]; REACH],
    /// Positions in the tile.
    pub(super) length: usize,
    pub(super) weights: [f32; HALF],
    pub(super) tile: &'a mut Tile,
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sum, difference, length, weights, tile } = self;
        let weights = splat(simd, weights);
        let read = (length + TAPS - 1).div_ceil(S::F32_LANES);
        let (of_sum, of_difference) = tile.filtered.split_at_mut(2 * ROWS * STRIDE);
        down_columns::<S, EDGE>(simd, sum, weights, read, of_sum);
        down_columns::<S, EDGE>(simd, difference, weights, read, of_difference);
        let centres = [sum, difference];
        match tile.in_registers {
            Some(ahead) if has_16_lanes::<S>() => {
                along_rows(simd, ahead, centres, length, weights, tile)
            }
            _ => along_rows(simd, FromMemory, centres, length, weights, tile),
        }
    }
}

/// The row filter of a tile, and what is made of the moments.
#[inline(always)]
fn along_rows<S: Simd, A: Ahead>(
    simd: S,
    ahead: A,
    [sum, difference]: [&[&[f32]; REACH]; 2],
    length: usize,
    weights: [S::f32s; HALF],
    tile: &mut Tile,
) {
    let vectors = length.div_ceil(S::F32_LANES);
    let (structure, edges) = tile.results.split_at_mut(ROWS * STRIDE);
    let constant = simd.splat_f32s(C2);
    let (half, one, zero) = (simd.splat_f32s(0.5), simd.splat_f32s(1.0), simd.splat_f32s(0.0));
    for row in 0..ROWS {
        let taps = planes_of_row::<S, A, 1>(&tile.filtered, row, ahead, vectors);
        let s = &S::as_simd_f32s(&sum[row + RADIUS][RADIUS..]).0[..vectors];
        let d = &S::as_simd_f32s(&difference[row + RADIUS][RADIUS..]).0[..vectors];
        let span = row * STRIDE..(row + 1) * STRIDE;
        let to_structure = &mut S::as_mut_simd_f32s(&mut structure[span.clone()]).0[..vectors];
        let to_edges = &mut S::as_mut_simd_f32s(&mut edges[span]).0[..vectors];
        for i in 0..vectors {
            let [mean_s, square_s, mean_d, square_d] =
                moments_at::<S, A, 1, EDGE>(simd, &taps, weights, i);
            let of_s = simd.sub_f32s(square_s, simd.mul_f32s(mean_s, mean_s));
            let square = simd.mul_f32s(mean_d, mean_d);
            let of_d = simd.sub_f32s(square_d, square);
            let numerator = simd.mul_add_e_f32s(half, simd.sub_f32s(of_s, of_d), constant);
            let denominator = simd.mul_add_e_f32s(half, simd.add_f32s(of_s, of_d), constant);
            let apart = simd.mul_add_e_f32s(square, numerator, of_d);
            to_structure[i] = simd.max_f32s(simd.div_f32s(apart, denominator), zero);
            let high_s = simd.mul_f32s(half, simd.sub_f32s(s[i], mean_s));
            let high_d = simd.mul_f32s(half, simd.sub_f32s(d[i], mean_d));
            let of_reference = simd.abs_f32s(simd.sub_f32s(high_s, high_d));
            let of_candidate = simd.abs_f32s(simd.add_f32s(high_s, high_d));
            to_edges[i] = simd.div_f32s(
                simd.sub_f32s(of_candidate, of_reference),
                simd.add_f32s(one, of_reference),
            );
        }
    }
}
