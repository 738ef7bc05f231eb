//! Sixteen by sixteen numbers, rows for columns.
//!
//! Planes become blocks of sixteen channels this way. AVX-512 exchanges halves of registers in four
//! rounds; other instruction sets go through memory, which stays in the first cache.

use bytemuck::cast;
use pulp::Simd;

use crate::lanes::LANES;

/// Instructions that transpose.
pub(crate) trait Transpose: Simd {
    /// Lane `i` of number `j` becomes lane `j` of number `i`; a number is `N` registers.
    #[inline(always)]
    fn transpose<const N: usize>(self, rows: [[Self::f32s; N]; LANES]) -> [[Self::f32s; N]; LANES] {
        let mut result = rows;
        let mut from = [[0.0_f32; LANES]; LANES];
        for (numbers, &row) in from.iter_mut().zip(&rows) {
            *numbers = cast(row);
        }
        for i in 0..LANES {
            let mut column = [0.0; LANES];
            for j in 0..LANES {
                column[j] = from[j][i];
            }
            result[i] = cast(column);
        }
        result
    }
}

impl Transpose for pulp::Scalar {}

#[cfg(target_arch = "aarch64")]
impl Transpose for pulp::aarch64::Neon {}

#[cfg(target_arch = "x86_64")]
impl Transpose for pulp::x86::V3 {}

#[cfg(target_arch = "x86_64")]
impl Transpose for pulp::x86::V4 {
    #[inline(always)]
    fn transpose<const N: usize>(self, rows: [[Self::f32s; N]; LANES]) -> [[Self::f32s; N]; LANES] {
        use std::arch::x86_64::{__m512, __m512d};

        let avx = self.avx512f;
        let mut a: [__m512; LANES] = [cast([0.0_f32; LANES]); LANES];
        for (register, &row) in a.iter_mut().zip(&rows) {
            *register = cast(row);
        }
        // Within quarters: pairs of numbers, then pairs of pairs.
        let mut b = a;
        for i in 0..LANES / 2 {
            b[2 * i] = avx._mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]);
            b[2 * i + 1] = avx._mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);
        }
        for i in (0..LANES).step_by(4) {
            let [p, q, r, s]: [__m512d; 4] =
                [cast(b[i]), cast(b[i + 1]), cast(b[i + 2]), cast(b[i + 3])];
            a[i] = cast(avx._mm512_unpacklo_pd(p, r));
            a[i + 1] = cast(avx._mm512_unpackhi_pd(p, r));
            a[i + 2] = cast(avx._mm512_unpacklo_pd(q, s));
            a[i + 3] = cast(avx._mm512_unpackhi_pd(q, s));
        }
        // Whole quarters: a[4·i + j] holds columns j, 4 + j, 8 + j, 12 + j of rows 4·i … 4·i + 3.
        let mut result = rows;
        for j in 0..4 {
            let [p, q, r, s] = [a[j], a[4 + j], a[8 + j], a[12 + j]];
            let left = avx._mm512_shuffle_f32x4::<0b10_00_10_00>(p, q);
            let left_odd = avx._mm512_shuffle_f32x4::<0b11_01_11_01>(p, q);
            let right = avx._mm512_shuffle_f32x4::<0b10_00_10_00>(r, s);
            let right_odd = avx._mm512_shuffle_f32x4::<0b11_01_11_01>(r, s);
            result[j] = cast(avx._mm512_shuffle_f32x4::<0b10_00_10_00>(left, right));
            result[4 + j] = cast(avx._mm512_shuffle_f32x4::<0b10_00_10_00>(left_odd, right_odd));
            result[8 + j] = cast(avx._mm512_shuffle_f32x4::<0b11_01_11_01>(left, right));
            result[12 + j] = cast(avx._mm512_shuffle_f32x4::<0b11_01_11_01>(left_odd, right_odd));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{Lanes, Line};
    use crate::processor::{Kernel, Processor};

    struct Run<'a>(&'a mut [Line; LANES]);

    impl Kernel for Run<'_> {
        type Output = ();

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) {
            let mut rows = [lanes.splat(0.0); LANES];
            for (row, line) in rows.iter_mut().zip(&*self.0) {
                *row = lanes.load(line);
            }
            for (line, row) in self.0.iter_mut().zip(lanes.transpose(rows)) {
                lanes.store(line, row);
            }
        }
    }

    #[test]
    fn rows_become_columns() {
        for processor in Processor::available() {
            let mut square = [Line::ZERO; LANES];
            for (i, line) in square.iter_mut().enumerate() {
                line.0 = std::array::from_fn(|j| (i * LANES + j) as f32);
            }
            processor.run(Run(&mut square));
            for (i, line) in square.iter().enumerate() {
                assert_eq!(line.0, std::array::from_fn(|j| (j * LANES + i) as f32));
            }
        }
    }
}
