//! The larger of two numbers, lane by lane; no number where either is none.
//!
//! The instruction of x86 gives its second operand where they are equal or one is no number. With the operands the other way
//! round only `b` must be looked at, which a chain of results need not wait for.

use pulp::Simd;

/// Instructions that compare.
pub(crate) trait Larger: Simd {
    /// The larger of both; no number where either is none, `a` where they are equal.
    #[inline(always)]
    fn larger(self, a: Self::f32s, b: Self::f32s) -> Self::f32s {
        let larger = self.select_f32s(self.less_than_f32s(a, b), b, a);
        self.select_f32s(self.equal_f32s(b, b), larger, b)
    }
}

impl Larger for pulp::Scalar {}

#[cfg(target_arch = "aarch64")]
impl Larger for pulp::aarch64::Neon {}

#[cfg(target_arch = "x86_64")]
impl Larger for pulp::x86::V3 {
    #[inline(always)]
    fn larger(self, a: Self::f32s, b: Self::f32s) -> Self::f32s {
        let larger = self.avx._mm256_max_ps(bytemuck::cast(b), bytemuck::cast(a));
        self.select_f32s(self.equal_f32s(b, b), bytemuck::cast(larger), b)
    }
}

#[cfg(target_arch = "x86_64")]
impl Larger for pulp::x86::V4 {
    #[inline(always)]
    fn larger(self, a: Self::f32s, b: Self::f32s) -> Self::f32s {
        let larger = self.avx512f._mm512_max_ps(bytemuck::cast(b), bytemuck::cast(a));
        self.select_f32s(self.equal_f32s(b, b), bytemuck::cast(larger), b)
    }
}

#[cfg(test)]
mod tests {
    use crate::lanes::{LANES, Lanes, Line};
    use crate::processor::{Kernel, Processor};

    struct Run<'a>(&'a Line, &'a Line);

    impl Kernel for Run<'_> {
        type Output = Line;

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> Line {
            let mut line = Line::ZERO;
            lanes.store(&mut line, lanes.larger(lanes.load(self.0), lanes.load(self.1)));
            line
        }
    }

    #[test]
    fn it_is_the_larger_or_no_number() {
        let all = [0.0, -0.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e-45];
        for processor in Processor::available() {
            for a in all {
                for b in all {
                    let expected = if a.is_nan() || b.is_nan() {
                        f32::NAN
                    } else if a < b {
                        b
                    } else {
                        a
                    };
                    let found = processor.run(Run(&Line([a; LANES]), &Line([b; LANES])));
                    for lane in found.0 {
                        let same = lane.to_bits() == expected.to_bits();
                        let none = lane.is_nan() && expected.is_nan();
                        assert!(same || none, "{a} and {b} on {}: {lane}", processor.name());
                    }
                }
            }
        }
    }
}
