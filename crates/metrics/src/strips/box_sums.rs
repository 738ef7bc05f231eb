//! Sums of seven rows for uniform windows over 8-bit samples.
//!
//! s and d of 8-bit samples are integers, and so are their squares; the sum of seven of these is at
//! most 7·255² < 2²⁴, where every integer is a number in f32. Whatever the order of additions, such
//! sums are exact. One sum therefore becomes the next by a number that leaves it and one that
//! enters, and still no bit depends on where a pass begins.

use pulp::Simd;

use super::kernel::{REACH, ROWS, SHORT, STRIDE, column, rows_of_vectors, vectors_of};

/// Rows of the window.
pub(super) const LENGTH: usize = 7;

/// Σv and Σv² of seven of 14 rows, for [`ROWS`] positions and `vectors` vectors.
#[inline(always)]
pub(super) fn down_columns<S: Simd>(
    simd: S,
    rows: &[&[f32]; REACH],
    vectors: usize,
    out: &mut [f32],
) {
    let rows = vectors_of::<S>(rows, vectors);
    let (sum, square) = out.split_at_mut(ROWS * STRIDE);
    let sum = rows_of_vectors::<S>(sum, vectors);
    let square = rows_of_vectors::<S>(square, vectors);
    for i in 0..vectors {
        let mut values = column::<S>(&rows, i);
        [sum[0][i], sum[1][i], sum[2][i], sum[3][i]] = sums(simd, &values);
        for value in &mut values {
            *value = simd.mul_f32s(*value, *value);
        }
        [square[0][i], square[1][i], square[2][i], square[3][i]] = sums(simd, &values);
    }
}

/// Sums of seven numbers from the third on, from the fourth on, and so forth.
#[inline(always)]
fn sums<S: Simd>(simd: S, values: &[S::f32s; REACH]) -> [S::f32s; ROWS] {
    let v = &values[SHORT..];
    let first = simd.add_f32s(simd.add_f32s(v[0], v[1]), simd.add_f32s(v[2], v[3]));
    let first = simd.add_f32s(first, simd.add_f32s(simd.add_f32s(v[4], v[5]), v[6]));
    let second = simd.add_f32s(first, simd.sub_f32s(v[7], v[0]));
    let third = simd.add_f32s(second, simd.sub_f32s(v[8], v[1]));
    let fourth = simd.add_f32s(third, simd.sub_f32s(v[9], v[2]));
    [first, second, third, fourth]
}
