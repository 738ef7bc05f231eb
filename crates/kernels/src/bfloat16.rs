//! Pairs of bfloat16 numbers, two in the place of every number of single precision.
//!
//! A bfloat16 number is the upper half of one in single precision, rounded to the nearest, to the even one of two; it
//! has three digits. Processors with `AVX512_BF16` multiply two pairs and add both products to a sum in single precision
//! by one instruction, twice what they do otherwise. Other instruction sets do the same with numbers in single
//! precision, slowly: that is what tests hold the instruction against.
//!
//! Numbers below 2⁻¹²⁶ count as zero where the instruction is used.

use bytemuck::cast;
use half::bf16;
use pulp::Simd;

use crate::lanes::LANES;

/// The proof that the processor has `AVX512_BF16`, or that instructions of AVX-512 are not used.
#[derive(Clone, Copy)]
pub(crate) struct HasPairs(());

impl HasPairs {
    /// # Safety
    /// What it says is true of the kernel that it is given to.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn promised() -> Self {
        Self(())
    }
}

/// Instructions for pairs.
pub(crate) trait Pairs: Simd {
    /// Numbers `2i` and `2i + 1` of thirty-two in lane `i`, the first in the lower half.
    #[inline(always)]
    fn pairs<const N: usize>(self, _: HasPairs, numbers: [[Self::f32s; N]; 2]) -> [Self::f32s; N] {
        let numbers: [[f32; LANES]; 2] = [cast(numbers[0]), cast(numbers[1])];
        let numbers = numbers.as_flattened();
        let mut pairs = [0_u32; LANES];
        for i in 0..LANES {
            pairs[i] = pair(numbers[2 * i], numbers[2 * i + 1]);
        }
        cast(pairs)
    }

    /// `sum + a₀·b₀ + a₁·b₁` of the pairs in every lane.
    #[inline(always)]
    fn add_pairs<const N: usize>(
        self,
        _: HasPairs,
        a: [Self::f32s; N],
        b: [Self::f32s; N],
        sum: [Self::f32s; N],
    ) -> [Self::f32s; N] {
        let (a, b): ([u32; LANES], [u32; LANES]) = (cast(a), cast(b));
        let mut sums: [f32; LANES] = cast(sum);
        for i in 0..LANES {
            let ([a_first, a_second], [b_first, b_second]) = (numbers(a[i]), numbers(b[i]));
            sums[i] = a_second * b_second + (a_first * b_first + sums[i]);
        }
        cast(sums)
    }
}

/// Two numbers as a pair.
fn pair(first: f32, second: f32) -> u32 {
    half_of_pair(first, 0) | half_of_pair(second, 1)
}

/// The part of a pair that its number `at`, 0 or 1, stands in.
pub(crate) fn half_of_pair(number: f32, at: usize) -> u32 {
    u32::from(bf16::from_f32(number).to_bits()) << (16 * at)
}

#[inline(always)]
fn numbers(pair: u32) -> [f32; 2] {
    [f32::from_bits(pair << 16), f32::from_bits(pair & 0xffff_0000)]
}

impl Pairs for pulp::Scalar {}

#[cfg(target_arch = "aarch64")]
impl Pairs for pulp::aarch64::Neon {}

#[cfg(target_arch = "x86_64")]
impl Pairs for pulp::x86::V3 {}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
impl Pairs for pulp::x86::V4 {
    #[inline(always)]
    fn pairs<const N: usize>(self, _: HasPairs, numbers: [[Self::f32s; N]; 2]) -> [Self::f32s; N] {
        use core::arch::x86_64::{__m512, __m512bh, _mm512_cvtne2ps_pbh};

        let [first, second]: [__m512; 2] = numbers.map(cast);
        // SAFETY: the proof says that there is the instruction; both types are 64 bytes, of which every value is one.
        let pairs: __m512 =
            unsafe { core::mem::transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(second, first)) };
        cast(pairs)
    }

    #[inline(always)]
    fn add_pairs<const N: usize>(
        self,
        _: HasPairs,
        a: [Self::f32s; N],
        b: [Self::f32s; N],
        sum: [Self::f32s; N],
    ) -> [Self::f32s; N] {
        use core::arch::x86_64::{__m512, __m512bh, _mm512_dpbf16_ps};

        let [a, b, sum]: [__m512; 3] = [a, b, sum].map(cast);
        // SAFETY: as above.
        let sums: __m512 = unsafe {
            let [a, b] = [a, b].map(|pairs| core::mem::transmute::<__m512, __m512bh>(pairs));
            _mm512_dpbf16_ps(sum, a, b)
        };
        cast(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{Lanes, Line};
    use crate::processor::{Kernel, Processor};

    struct Run<'a>(HasPairs, &'a [Line; 2], &'a [Line; 2], &'a mut [Line; 2]);

    impl Kernel for Run<'_> {
        type Output = ();

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) {
            let Self(proof, a, b, [pairs, to]) = self;
            let [a, b] = [a, b]
                .map(|[first, second]| lanes.pairs(proof, [lanes.load(first), lanes.load(second)]));
            let sums = lanes.add_pairs(proof, a, b, lanes.splat(0.25));
            lanes.store(pairs, a);
            lanes.store(to, sums);
        }
    }

    #[test]
    fn every_instruction_set_rounds_and_adds_alike() {
        let number = |i: usize| (i as f32 * 0.73 - 9.1).powi(3) / 7.0;
        let of = |start: usize| {
            [0, 1].map(|half| Line(std::array::from_fn(|i| number(start + half * LANES + i))))
        };
        let (mut a, b) = (of(0), of(5));
        // A tie, which goes to the even number, infinity, what becomes infinity, and no number.
        let special = [1.003_906_2, 1.011_718_7, f32::INFINITY, f32::MAX, f32::NAN, 1.0];
        a[0].0[..6].copy_from_slice(&special);
        let numbers: Vec<f32> = a.iter().flat_map(|line| line.0).collect();
        for processor in Processor::available() {
            let mut found = [Line::ZERO; 2];
            processor.in_pairs().run_in_pairs(|proof| Run(proof, &a, &b, &mut found));
            for (i, &found) in found[0].0.iter().enumerate() {
                let expected = pair(numbers[2 * i], numbers[2 * i + 1]);
                assert_eq!(found.to_bits(), expected, "{} lane {i}", processor.name());
            }
            assert!(found[1].0[2].is_nan(), "{}", processor.name());
            for i in 3..LANES {
                let round = |line: usize| f64::from(bf16::from_f32(number(line)).to_f32());
                let product = |at: usize| round(at) * round(5 + at);
                let expected = 0.25 + product(2 * i) + product(2 * i + 1);
                let error = (f64::from(found[1].0[i]) - expected).abs();
                assert!(error <= 1e-6 * expected.abs().max(1.0), "{} lane {i}", processor.name());
            }
        }
    }
}
