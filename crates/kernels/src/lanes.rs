//! Sixteen numbers at a time, on every processor.
//!
//! Activations are kept in blocks of sixteen channels, so all kernels are written over sixteen lanes:
//! one register of AVX-512, two of AVX2, four of NEON, and single numbers elsewhere. The crate `pulp`
//! brings the instructions; a value of a type that implements [`Lanes`] is the proof that the processor
//! has them.

use bytemuck::{Pod, Zeroable};

use crate::bfloat16::{HasPairs, Pairs};
use crate::larger::Larger;
use crate::transpose::Transpose;

/// Sixteen numbers that fill one cache line.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Line(pub [f32; LANES]);

/// Numbers in a [`Line`].
pub const LANES: usize = 16;

impl Line {
    /// Sixteen zeros.
    pub const ZERO: Self = Self([0.0; LANES]);
    /// What debug builds fill memory with that is to be written before it is read.
    pub(crate) const NAN: Self = Self([f32::NAN; LANES]);
}

/// Operations on sixteen numbers.
///
/// What calls them must be inlined into [`Processor::run`](crate::Processor::run): functions over
/// `Lanes` carry `#[inline(always)]`, or they run without the instructions they are meant for.
pub(crate) trait Lanes: Copy + Send + Sync {
    /// The numbers in registers.
    type V: Copy;

    /// Lines of outputs whose sums a matrix product keeps in registers, for six rows.
    const PANEL: usize;

    fn splat(self, number: f32) -> Self::V;
    fn load(self, line: &Line) -> Self::V;
    fn store(self, line: &mut Line, v: Self::V);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `a·b + c`, in one rounding where the processor can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c − a·b`, in one rounding where the processor can.
    fn negate_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger of both; `a` where it is no number.
    fn at_least(self, a: Self::V, floor: Self::V) -> Self::V;
    /// The smaller of both; `a` where it is no number.
    fn at_most(self, a: Self::V, ceiling: Self::V) -> Self::V;
    /// The sum of all sixteen, always in the same order.
    fn sum(self, a: Self::V) -> f32;
    /// `a` where `condition` is positive, else 0.
    fn where_positive(self, condition: Self::V, a: Self::V) -> Self::V;
    /// The larger of both; no number where either is none, `a` where they are equal.
    fn larger(self, a: Self::V, b: Self::V) -> Self::V;
    /// `then` where `a` is less than `b`, else `or`.
    fn where_less(self, a: Self::V, b: Self::V, then: Self::V, or: Self::V) -> Self::V;
    /// Numbers that stand anywhere.
    fn read(self, numbers: &[f32; LANES]) -> Self::V;
    fn write(self, numbers: &mut [f32; LANES], v: Self::V);
    /// Every even lane exchanged with the odd one behind it.
    fn swap_neighbours(self, a: Self::V) -> Self::V;
    /// Every number in two lanes, one behind the other.
    fn read_twice(self, numbers: &[f32; LANES / 2]) -> Self::V;
    /// `a` without its sign.
    fn magnitude(self, a: Self::V) -> Self::V;
    /// `2ⁿ` for whole numbers −126…127; 0 for −127.
    fn power_of_two(self, n: Self::V) -> Self::V;
    /// The largest of all lanes; left open if one is no number.
    fn largest(self, a: Self::V) -> f32;
    /// Lane `i` of number `j` becomes lane `j` of number `i`.
    fn transpose(self, rows: [Self::V; LANES]) -> [Self::V; LANES];
    /// Thirty-two numbers as sixteen pairs of bfloat16 numbers.
    fn pairs(self, proof: HasPairs, numbers: [Self::V; 2]) -> Self::V;
    /// `sum` and the products of two pairs in every lane.
    fn add_pairs(self, proof: HasPairs, a: Self::V, b: Self::V, sum: Self::V) -> Self::V;
}

/// Sixteen lanes as `N` registers of an instruction set.
#[derive(Clone, Copy)]
pub(crate) struct Sixteen<S, const N: usize, const PANEL: usize>(pub(crate) S);

macro_rules! lane_by_lane {
    ($self:ident, $operation:ident($first:ident $(, $other:ident)*)) => {{
        let mut result = $first;
        for i in 0..N {
            result[i] = $self.0.$operation($first[i] $(, $other[i])*);
        }
        result
    }};
}

impl<S: Transpose + Larger + Pairs, const N: usize, const PANEL: usize> Lanes
    for Sixteen<S, N, PANEL>
{
    type V = [S::f32s; N];

    const PANEL: usize = PANEL;

    #[inline(always)]
    fn splat(self, number: f32) -> Self::V {
        [self.0.splat_f32s(number); N]
    }

    #[inline(always)]
    fn load(self, line: &Line) -> Self::V {
        bytemuck::cast(line.0)
    }

    #[inline(always)]
    fn store(self, line: &mut Line, v: Self::V) {
        line.0 = bytemuck::cast(v);
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        lane_by_lane!(self, add_f32s(a, b))
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        lane_by_lane!(self, sub_f32s(a, b))
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        lane_by_lane!(self, mul_f32s(a, b))
    }

    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        lane_by_lane!(self, div_f32s(a, b))
    }

    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        lane_by_lane!(self, sqrt_f32s(a))
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        lane_by_lane!(self, mul_add_e_f32s(a, b, c))
    }

    #[inline(always)]
    fn negate_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        lane_by_lane!(self, negate_mul_add_e_f32s(a, b, c))
    }

    #[inline(always)]
    fn at_least(self, a: Self::V, floor: Self::V) -> Self::V {
        let mut result = a;
        for i in 0..N {
            result[i] = if S::IS_SCALAR {
                let below = self.0.less_than_f32s(a[i], floor[i]);
                self.0.select_f32s(below, floor[i], a[i])
            } else {
                // One instruction, which takes its second operand where one is no number.
                self.0.max_f32s(floor[i], a[i])
            };
        }
        result
    }

    #[inline(always)]
    fn at_most(self, a: Self::V, ceiling: Self::V) -> Self::V {
        let mut result = a;
        for i in 0..N {
            result[i] = if S::IS_SCALAR {
                let above = self.0.less_than_f32s(ceiling[i], a[i]);
                self.0.select_f32s(above, ceiling[i], a[i])
            } else {
                self.0.min_f32s(ceiling[i], a[i])
            };
        }
        result
    }

    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        let mut line = Line::ZERO;
        self.store(&mut line, a);
        // Halves are added until one number is left: the same order on every processor.
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                line.0[lane] += line.0[lane + half];
            }
            half /= 2;
        }
        line.0[0]
    }

    #[inline(always)]
    fn where_positive(self, condition: Self::V, a: Self::V) -> Self::V {
        let zero = self.0.splat_f32s(0.0);
        let mut result = a;
        for i in 0..N {
            let positive = self.0.less_than_f32s(zero, condition[i]);
            result[i] = self.0.select_f32s(positive, a[i], zero);
        }
        result
    }

    #[inline(always)]
    fn larger(self, a: Self::V, b: Self::V) -> Self::V {
        lane_by_lane!(self, larger(a, b))
    }

    #[inline(always)]
    fn read(self, numbers: &[f32; LANES]) -> Self::V {
        bytemuck::cast(*numbers)
    }

    #[inline(always)]
    fn write(self, numbers: &mut [f32; LANES], v: Self::V) {
        *numbers = bytemuck::cast(v);
    }

    #[inline(always)]
    fn swap_neighbours(self, a: Self::V) -> Self::V {
        let from: [f32; LANES] = bytemuck::cast(a);
        let mut swapped = [0.0; LANES];
        for lane in 0..LANES {
            swapped[lane] = from[lane ^ 1];
        }
        bytemuck::cast(swapped)
    }

    #[inline(always)]
    fn read_twice(self, numbers: &[f32; LANES / 2]) -> Self::V {
        let mut twice = [0.0; LANES];
        for lane in 0..LANES {
            twice[lane] = numbers[lane / 2];
        }
        bytemuck::cast(twice)
    }

    #[inline(always)]
    fn magnitude(self, a: Self::V) -> Self::V {
        lane_by_lane!(self, abs_f32s(a))
    }

    #[inline(always)]
    fn where_less(self, a: Self::V, b: Self::V, then: Self::V, or: Self::V) -> Self::V {
        let mut result = or;
        for i in 0..N {
            let less = self.0.less_than_f32s(a[i], b[i]);
            result[i] = self.0.select_f32s(less, then[i], or[i]);
        }
        result
    }

    #[inline(always)]
    fn power_of_two(self, n: Self::V) -> Self::V {
        // The last bits of the sum are n + 127; shifted into the place of the exponent, they are 2ⁿ.
        let place = self.0.splat_f32s(12_582_912.0 + 127.0);
        let mut result = n;
        for i in 0..N {
            let bits = self.0.transmute_u32s_f32s(self.0.add_f32s(n[i], place));
            let bits = self.0.wrapping_dyn_shl_u32s(bits, self.0.splat_u32s(23));
            result[i] = self.0.transmute_f32s_u32s(bits);
        }
        result
    }

    #[inline(always)]
    fn largest(self, a: Self::V) -> f32 {
        let mut largest = a[0];
        for &register in &a[1..] {
            largest = self.0.max_f32s(largest, register);
        }
        self.0.reduce_max_f32s(largest)
    }

    #[inline(always)]
    fn transpose(self, rows: [Self::V; LANES]) -> [Self::V; LANES] {
        self.0.transpose(rows)
    }

    #[inline(always)]
    fn pairs(self, proof: HasPairs, numbers: [Self::V; 2]) -> Self::V {
        self.0.pairs(proof, numbers)
    }

    #[inline(always)]
    fn add_pairs(self, proof: HasPairs, a: Self::V, b: Self::V, sum: Self::V) -> Self::V {
        self.0.add_pairs(proof, a, b, sum)
    }
}
