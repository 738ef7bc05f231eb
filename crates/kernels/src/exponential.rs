//! `exp` and the normal distribution over sixteen lanes.
//!
//! Polynomials were fitted by Remez' exchange. `exp` is within 2 ulp over its whole range, subnormal
//! results included. The normal distribution is within 2·10⁻⁷; its tail is
//! `exp(−a²/2)·R(a)` with a smooth `R`, so that it keeps its relative accuracy where it is small.

use crate::lanes::Lanes;

/// Above this, `exp` is infinite; `2¹²⁸` is still split into powers that exist.
const HIGHEST: f32 = 89.0;
/// Below this, `exp` is zero.
const LOWEST: f32 = -104.0;
/// Here [`of_negative`] is zero; it is the exponent of [`FARTHEST`].
#[cfg(test)]
const NEGLIGIBLE: f32 = -88.025;
/// From here on, the tail of the normal distribution is zero.
const FARTHEST: f32 = 13.268;
/// Adding it rounds to whole numbers, for it leaves no bits behind the point.
const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts; the first has so few bits that its multiples are exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// The tail is a polynomial in `(a − CENTRE)/(a + CENTRE)`.
const CENTRE: f32 = 3.0;
/// `R(a)·(a + CENTRE)`, constant term first.
const TAIL: [f32; 9] = [
    0.729_083_66,
    -0.509_332_3,
    0.230_019_35,
    -0.047_256_1,
    -0.010_479_935,
    0.006_923_921_4,
    0.001_076_036_1,
    -0.000_903_251_35,
    -0.000_266_765_42,
];

/// `eˣ`.
#[inline(always)]
pub(crate) fn exp<L: Lanes>(lanes: L, x: L::V) -> L::V {
    const SERIES: [f32; 5] =
        [0.499_999_94, 0.166_665_2, 0.041_668_393, 0.008_368_781, 0.001_381_446_6];
    let x = lanes.at_most(lanes.at_least(x, lanes.splat(LOWEST)), lanes.splat(HIGHEST));
    let (n, value) = reduced(lanes, x, &SERIES);
    // Neither half of the exponent leaves the range of normal numbers.
    let rounder = lanes.splat(ROUNDER);
    let half = lanes.sub(lanes.mul_add(n, lanes.splat(0.5), rounder), rounder);
    let value = lanes.mul(value, lanes.power_of_two(half));
    lanes.mul(value, lanes.power_of_two(lanes.sub(n, half)))
}

/// `eˣ` for `0 ≥ x ≥` [`NEGLIGIBLE`], which is 0.
#[inline(always)]
fn of_negative<L: Lanes>(lanes: L, x: L::V) -> L::V {
    const SERIES: [f32; 4] = [0.499_992_28, 0.166_671_17, 0.041_890_543, 0.008_312_445];
    let rounder = lanes.splat(ROUNDER);
    let n = lanes.mul_add(x, lanes.splat(std::f32::consts::LOG2_E), rounder);
    let n = lanes.sub(n, rounder);
    let r = lanes.negate_mul_add(n, lanes.splat(std::f32::consts::LN_2), x);
    lanes.mul(near_one(lanes, r, &SERIES), lanes.power_of_two(n))
}

/// A whole number `n` and `e^(x − n·ln 2)`.
#[inline(always)]
fn reduced<L: Lanes, const D: usize>(lanes: L, x: L::V, series: &[f32; D]) -> (L::V, L::V) {
    let rounder = lanes.splat(ROUNDER);
    let n = lanes.mul_add(x, lanes.splat(std::f32::consts::LOG2_E), rounder);
    let n = lanes.sub(n, rounder);
    let r = lanes.negate_mul_add(n, lanes.splat(LN_2[0]), x);
    let r = lanes.negate_mul_add(n, lanes.splat(LN_2[1]), r);
    (n, near_one(lanes, r, series))
}

/// `1 + r + r²·Σ c_i·rⁱ`.
#[inline(always)]
fn near_one<L: Lanes, const D: usize>(lanes: L, r: L::V, c: &[f32; D]) -> L::V {
    let square = lanes.mul(r, r);
    lanes.add(lanes.mul_add(polynomial(lanes, r, c), square, r), lanes.splat(1.0))
}

/// `Σ c_i·xⁱ`.
#[inline(always)]
fn polynomial<L: Lanes, const D: usize>(lanes: L, x: L::V, c: &[f32; D]) -> L::V {
    let mut sum = lanes.splat(c[D - 1]);
    for i in 1..D {
        sum = lanes.mul_add(sum, x, lanes.splat(c[D - 1 - i]));
    }
    sum
}

/// `a = |x|`, but not so large that products with it were infinite, `Φ(−a)` and `e^(−a²/2)`.
#[inline(always)]
pub(crate) fn normal_tail<L: Lanes>(lanes: L, x: L::V) -> [L::V; 3] {
    let a = lanes.at_most(lanes.magnitude(x), lanes.splat(FARTHEST));
    let bell = of_negative(lanes, lanes.mul(a, lanes.mul(a, lanes.splat(-0.5))));
    let inverse = lanes.div(lanes.splat(1.0), lanes.add(a, lanes.splat(CENTRE)));
    let q = lanes.mul(lanes.sub(a, lanes.splat(CENTRE)), inverse);
    let tail = lanes.mul(polynomial(lanes, q, &TAIL), lanes.mul(inverse, bell));
    [a, tail, bell]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::LANES;
    use crate::processor::{Kernel, Processor};

    #[derive(Clone, Copy)]
    enum Which {
        Exp,
        OfNegative,
        Tail,
    }

    struct Run(Which, [f32; LANES]);

    impl Kernel for Run {
        type Output = [f32; LANES];

        #[inline(always)]
        fn run<L: Lanes>(mut self, lanes: L) -> Self::Output {
            let x = lanes.read(&self.1);
            let y = match self.0 {
                Which::Exp => exp(lanes, x),
                Which::OfNegative => of_negative(lanes, x),
                Which::Tail => normal_tail(lanes, x)[1],
            };
            lanes.write(&mut self.1, y);
            self.1
        }
    }

    /// The complementary error function by its continued fraction or by the series of `erf`.
    fn erfc(x: f64) -> f64 {
        let bell = (-x * x).exp();
        if x.abs() > 2.5 {
            let mut fraction = 0.0;
            for n in (1..=200).rev() {
                fraction = f64::from(n) / 2.0 / (x.abs() + fraction);
            }
            let tail = bell / std::f64::consts::PI.sqrt() / (x.abs() + fraction);
            return if x > 0.0 { tail } else { 2.0 - tail };
        }
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        1.0 - 2.0 / std::f64::consts::PI.sqrt() * bell * sum
    }

    /// The distance to the next number of single precision.
    fn ulp(exact: f64) -> f64 {
        let near = exact.abs() as f32;
        f64::from(f32::from_bits(near.to_bits() + 1)) - f64::from(near)
    }

    fn every(which: Which, from: f32, to: f32, check: impl Fn(f32, f32)) {
        for processor in Processor::available() {
            let count = 200_000;
            for i in 0..count / LANES {
                let x = std::array::from_fn(|lane| {
                    from + (to - from) * ((i * LANES + lane) as f32 / (count - 1) as f32)
                });
                for (x, y) in x.into_iter().zip(processor.run(Run(which, x))) {
                    check(x, y);
                }
            }
        }
    }

    #[test]
    fn exp_is_within_two_units_of_the_last_place() {
        every(Which::Exp, -104.0, 88.72, |x, y| {
            let exact = f64::from(x).exp();
            let error = (f64::from(y) - exact).abs() / ulp(exact);
            assert!(error <= 2.0, "{x}: {y}, {error} ulp");
        });
        every(Which::Exp, -1e-3, 1e-3, |x, y| {
            assert!((f64::from(y) - f64::from(x).exp()).abs() <= 1.2e-7, "{x}");
        });
        every(Which::OfNegative, -87.3, 0.0, |x, y| {
            let exact = f64::from(x).exp();
            let limit = 3e-7 + f64::from(-x) * 6e-8;
            assert!((f64::from(y) / exact - 1.0).abs() <= limit, "{x}: {y}");
        });
    }

    #[test]
    fn exp_of_what_is_not_ordinary() {
        let special = [
            (f32::INFINITY, f32::INFINITY),
            (f32::NEG_INFINITY, 0.0),
            (f32::MAX, f32::INFINITY),
            (f32::MIN, 0.0),
            (0.0, 1.0),
            (-0.0, 1.0),
            (1e-40, 1.0),
            (88.8, f32::INFINITY),
            (-103.97, f32::from_bits(1)),
        ];
        for processor in Processor::available() {
            for (x, expected) in special {
                assert_eq!(processor.run(Run(Which::Exp, [x; LANES])), [expected; LANES], "{x}");
            }
            for which in [Which::Exp, Which::OfNegative, Which::Tail] {
                let found = processor.run(Run(which, [f32::NAN; LANES]));
                assert!(found.iter().all(|y| y.is_nan()));
            }
            assert_eq!(processor.run(Run(Which::OfNegative, [NEGLIGIBLE; LANES]))[0], 0.0);
            for far in [FARTHEST, f32::INFINITY] {
                assert_eq!(processor.run(Run(Which::Tail, [far; LANES]))[0], 0.0);
            }
        }
    }

    #[test]
    fn the_tail_of_the_normal_distribution() {
        for (from, to) in [(0.0, 12.9), (0.0, 1e-3), (0.0, 1e-39)] {
            every(Which::Tail, from, to, |a, y| {
                let exact = erfc(f64::from(a) / std::f64::consts::SQRT_2) / 2.0;
                let error = (f64::from(y) - exact).abs();
                assert!(error <= 2e-7, "{a}: {y}, {error}");
                // The exponent is rounded; that counts the more the larger it is.
                let limit = 5e-7 + f64::from(a * a) * 1e-7;
                assert!(error / exact <= limit, "{a}: {y}, {error}");
            });
        }
    }
}
