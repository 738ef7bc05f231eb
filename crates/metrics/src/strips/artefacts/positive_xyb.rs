//! From linear light to XYB with an offset that keeps it positive, for both pictures of a pair at
//! once, as sum and difference.
//!
//! XYB is the colour space of JPEG XL (ISO/IEC 18181-1, annex L.2): cube roots of three mixtures of
//! linear light, X = (l − m)/2, Y = (l + m)/2, B. SSIMULACRA2 takes 14·X + 0.42, Y + 0.01 and
//! B − Y + 0.55.

use pulp::{Simd, WithSimd};

/// Shares of red, green and blue in the long, middle and short mixtures.
const MIXTURES: [[f32; 3]; 3] =
    [[0.3, 0.622, 0.078], [0.23, 0.692, 0.078], [0.243_422_69, 0.204_767_45, 0.551_809_86]];
/// Added to every mixture, and its cube root taken off again.
const BIAS: f32 = 0.003_793_073_4;
const ROOT_OF_BIAS: f32 = 0.155_954_2;

/// What is taken off each colour's sum of two pictures: variances lose fewer digits around 0. About
/// twice the colour of middle grey.
pub(super) const SHIFT: [f32; 3] = [0.84, 0.9, 1.1];

/// Writes s = x + y − [`SHIFT`] and d = y − x of each colour; all rows have one length.
pub(super) struct SumAndDifference<'a> {
    /// Red, green and blue light of the reference, at least 0.
    pub(super) reference: [&'a [f32]; 3],
    /// The same of the candidate.
    pub(super) candidate: [&'a [f32]; 3],
    pub(super) sum: [&'a mut [f32]; 3],
    pub(super) difference: [&'a mut [f32]; 3],
}

impl WithSimd for SumAndDifference<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let colours = Colours::new(simd);
        let (x, end_of_x) = heads_and_tails(self.reference.map(S::as_simd_f32s));
        let (y, end_of_y) = heads_and_tails(self.candidate.map(S::as_simd_f32s));
        let [[s0, s1, s2], [d0, d1, d2]] =
            [self.sum, self.difference].map(|rows| rows.map(S::as_mut_simd_f32s));
        let vectors = s0.0.len();
        let [x0, x1, x2] = x.map(|row| &row[..vectors]);
        let [y0, y1, y2] = y.map(|row| &row[..vectors]);
        let s = [&mut s0.0[..vectors], &mut s1.0[..vectors], &mut s2.0[..vectors]];
        let d = [&mut d0.0[..vectors], &mut d1.0[..vectors], &mut d2.0[..vectors]];
        for i in 0..vectors {
            let of_pair = colours.of_pair([x0[i], x1[i], x2[i]], [y0[i], y1[i], y2[i]]);
            [s[0][i], s[1][i], s[2][i]] = of_pair.0;
            [d[0][i], d[1][i], d[2][i]] = of_pair.1;
        }
        let [x, y] = [end_of_x, end_of_y].map(|light| {
            let [red, green, blue] = light;
            [
                simd.partial_load_f32s(red),
                simd.partial_load_f32s(green),
                simd.partial_load_f32s(blue),
            ]
        });
        let (sums, differences) = colours.of_pair(x, y);
        for (to, numbers) in [s0.1, s1.1, s2.1].into_iter().zip(sums) {
            simd.partial_store_f32s(to, numbers);
        }
        for (to, numbers) in [d0.1, d1.1, d2.1].into_iter().zip(differences) {
            simd.partial_store_f32s(to, numbers);
        }
    }
}

/// The same bits where both rows of light are the same, from the reference's alone.
pub(super) struct OfOnePicture<'a>(pub(super) SumAndDifference<'a>);

impl WithSimd for OfOnePicture<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(SumAndDifference { reference, sum, difference, .. }) = self;
        let colours = Colours::new(simd);
        let ([x0, x1, x2], [red, green, blue]) = heads_and_tails(reference.map(S::as_simd_f32s));
        let [s0, s1, s2] = sum.map(S::as_mut_simd_f32s);
        let vectors = s0.0.len();
        let (x0, x1, x2) = (&x0[..vectors], &x1[..vectors], &x2[..vectors]);
        let s = [&mut s0.0[..vectors], &mut s1.0[..vectors], &mut s2.0[..vectors]];
        for i in 0..vectors {
            [s[0][i], s[1][i], s[2][i]] = colours.twice([x0[i], x1[i], x2[i]]);
        }
        let rest = [
            simd.partial_load_f32s(red),
            simd.partial_load_f32s(green),
            simd.partial_load_f32s(blue),
        ];
        for (to, numbers) in [s0.1, s1.1, s2.1].into_iter().zip(colours.twice(rest)) {
            simd.partial_store_f32s(to, numbers);
        }
        for row in difference {
            row.fill(0.0);
        }
    }
}

/// Three rows as whole vectors, and what is left of them.
#[inline(always)]
fn heads_and_tails<'a, V>(
    [red, green, blue]: [(&'a [V], &'a [f32]); 3],
) -> ([&'a [V]; 3], [&'a [f32]; 3]) {
    ([red.0, green.0, blue.0], [red.1, green.1, blue.1])
}

/// Constants in all lanes.
#[derive(Clone, Copy)]
struct Colours<S: Simd> {
    simd: S,
    mixtures: [[S::f32s; 3]; 3],
    bias: S::f32s,
    half: S::f32s,
    seven: S::f32s,
    /// What is left of the constants of X, Y and B in a sum of two pictures.
    constants: [S::f32s; 3],
    root: CubeRoot<S>,
}

impl<S: Simd> Colours<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let [long, middle, short] = MIXTURES;
        // Twice each colour's constant, less the shift.
        let x = 2.0 * 0.42 - SHIFT[0];
        let y = 2.0 * (0.01 - ROOT_OF_BIAS) - SHIFT[1];
        let b = 2.0 * 0.55 - SHIFT[2];
        Self {
            simd,
            mixtures: [splat(simd, long), splat(simd, middle), splat(simd, short)],
            bias: simd.splat_f32s(BIAS),
            half: simd.splat_f32s(0.5),
            seven: simd.splat_f32s(7.0),
            constants: splat(simd, [x, y, b]),
            root: CubeRoot::new(simd),
        }
    }

    /// s and d of X, Y and B. The root of the bias falls out of X and B, and constants fall out
    /// of d.
    #[inline(always)]
    fn of_pair(self, x: [S::f32s; 3], y: [S::f32s; 3]) -> ([S::f32s; 3], [S::f32s; 3]) {
        let simd = self.simd;
        let [long_x, middle_x, short_x] = self.roots(x);
        let [long_y, middle_y, short_y] = self.roots(y);
        let sums = self.sums([
            simd.add_f32s(long_x, long_y),
            simd.add_f32s(middle_x, middle_y),
            simd.add_f32s(short_x, short_y),
        ]);
        let differences = self.opponent([
            simd.sub_f32s(long_y, long_x),
            simd.sub_f32s(middle_y, middle_x),
            simd.sub_f32s(short_y, short_x),
        ]);
        (sums, differences)
    }

    /// s of X, Y and B where both pictures have this light.
    #[inline(always)]
    fn twice(self, light: [S::f32s; 3]) -> [S::f32s; 3] {
        let simd = self.simd;
        let [long, middle, short] = self.roots(light);
        self.sums([
            simd.add_f32s(long, long),
            simd.add_f32s(middle, middle),
            simd.add_f32s(short, short),
        ])
    }

    /// s from the sums of the roots.
    #[inline(always)]
    fn sums(self, roots: [S::f32s; 3]) -> [S::f32s; 3] {
        let simd = self.simd;
        let (sums, constants) = (self.opponent(roots), self.constants);
        [
            simd.add_f32s(sums[0], constants[0]),
            simd.add_f32s(sums[1], constants[1]),
            simd.add_f32s(sums[2], constants[2]),
        ]
    }

    /// 7·(l − m), (l + m)/2 and s less the latter.
    #[inline(always)]
    fn opponent(self, [long, middle, short]: [S::f32s; 3]) -> [S::f32s; 3] {
        let simd = self.simd;
        let both = simd.mul_f32s(self.half, simd.add_f32s(long, middle));
        let apart = simd.mul_f32s(self.seven, simd.sub_f32s(long, middle));
        [apart, both, simd.sub_f32s(short, both)]
    }

    /// The cube roots of the three mixtures.
    #[inline(always)]
    fn roots(self, [red, green, blue]: [S::f32s; 3]) -> [S::f32s; 3] {
        let [long, middle, short] = self.mixtures;
        [
            self.root_of(long, [red, green, blue]),
            self.root_of(middle, [red, green, blue]),
            self.root_of(short, [red, green, blue]),
        ]
    }

    #[inline(always)]
    fn root_of(self, [r, g, b]: [S::f32s; 3], [red, green, blue]: [S::f32s; 3]) -> S::f32s {
        let simd = self.simd;
        let mixture = simd.mul_add_e_f32s(b, blue, self.bias);
        let mixture = simd.mul_add_e_f32s(g, green, mixture);
        self.root.of(simd.mul_add_e_f32s(r, red, mixture))
    }
}

/// Three numbers, each in all lanes.
#[inline(always)]
fn splat<S: Simd>(simd: S, [a, b, c]: [f32; 3]) -> [S::f32s; 3] {
    [simd.splat_f32s(a), simd.splat_f32s(b), simd.splat_f32s(c)]
}

/// The cube root of positive numbers within 1.5e-7 of itself.
#[derive(Clone, Copy)]
struct CubeRoot<S: Simd> {
    simd: S,
    cut: S::u32s,
    whole: S::u32s,
    minus_third: S::f32s,
    centre: S::f32s,
    minus_one: S::f32s,
    series: [S::f32s; 5],
}

impl<S: Simd> CubeRoot<S> {
    /// Bits that the first guess does without.
    const CUT: u32 = 9;
    /// The bits of 2²³: a number between it and 2²⁴ is an integer, which its lowest bits are.
    const WHOLE: u32 = 0x4b00_0000;
    /// Four thirds of 1's bits, less what centres the error of the guess, cut like them; and what
    /// the 2²³ of a number and that of its guess add.
    const CENTRE: f32 = 13_958_184.0;
    /// ((1 + e)^(−2/3) − 1) / e for e from −0.091 to 0.121, where the guess leaves it, from the
    /// coefficient of 1 to that of e⁴: interpolated at the six Chebyshev nodes, within 3e-8.
    const SERIES: [f32; 5] = [-0.666_666, 0.555_536_6, -0.494_160_24, 0.458_006_3, -0.394_092_7];

    #[inline(always)]
    fn new(simd: S) -> Self {
        Self {
            simd,
            cut: simd.splat_u32s(Self::CUT),
            whole: simd.splat_u32s(Self::WHOLE),
            minus_third: simd.splat_f32s(-1.0 / 3.0),
            centre: simd.splat_f32s(Self::CENTRE),
            minus_one: simd.splat_f32s(-1.0),
            series: [
                simd.splat_f32s(Self::SERIES[0]),
                simd.splat_f32s(Self::SERIES[1]),
                simd.splat_f32s(Self::SERIES[2]),
                simd.splat_f32s(Self::SERIES[3]),
                simd.splat_f32s(Self::SERIES[4]),
            ],
        }
    }

    #[inline(always)]
    fn of(self, v: S::f32s) -> S::f32s {
        let simd = self.simd;
        // Bits are a logarithm: those of r = v^(−1/3) are four thirds of 1's less a third of v's.
        let bits = simd.wrapping_dyn_shr_u32s(simd.transmute_u32s_f32s(v), self.cut);
        let bits = simd.transmute_f32s_u32s(simd.or_u32s(bits, self.whole));
        let bits = simd.mul_add_e_f32s(bits, self.minus_third, self.centre);
        let bits = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(bits), self.cut);
        let guess = simd.transmute_f32s_u32s(bits);
        // With t = v·guess² and 1 + e = t·guess, the root is t·(1 + e)^(−2/3). What t lost by
        // rounding is in e as well, which takes two thirds of it off again.
        let t = simd.mul_f32s(v, simd.mul_f32s(guess, guess));
        let e = simd.mul_add_e_f32s(t, guess, self.minus_one);
        let [c0, c1, c2, c3, c4] = self.series;
        let series = simd.mul_add_e_f32s(c4, e, c3);
        let series = simd.mul_add_e_f32s(series, e, c2);
        let series = simd.mul_add_e_f32s(series, e, c1);
        let series = simd.mul_add_e_f32s(series, e, c0);
        simd.mul_add_e_f32s(simd.mul_f32s(t, e), series, t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strips::processor::Processor;

    struct Roots<'a>(&'a mut [f32]);

    impl WithSimd for Roots<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let root = CubeRoot::new(simd);
            for vector in S::as_mut_simd_f32s(self.0).0 {
                *vector = root.of(*vector);
            }
        }
    }

    #[test]
    fn cube_roots_are_those_of_the_standard_library() {
        let numbers = std::iter::successors(Some(BIAS), |v| Some(v * 1.000_37));
        let mut numbers: Vec<f32> = numbers.take_while(|v| *v < 100.0).collect();
        numbers.truncate(numbers.len() / 16 * 16);
        for processor in Processor::all() {
            let mut roots = numbers.clone();
            processor.run(Roots(&mut roots));
            for (v, found) in numbers.iter().zip(&roots) {
                let error = f64::from(*found) / f64::from(*v).cbrt() - 1.0;
                assert!(error.abs() < 1.5e-7, "{processor:?} {v}: {error:e}");
            }
            let error = roots[0] - ROOT_OF_BIAS;
            assert!(error.abs() < 1e-7, "{error}");
        }
    }

    #[test]
    fn grey_has_no_hue_and_every_length_is_written_whole() {
        for processor in Processor::all() {
            for length in [1, 15, 16, 17, 40] {
                let light: Vec<f32> = (0..length).map(|i| i as f32 / 40.0).collect();
                let mut out = vec![vec![f32::NAN; length]; 6];
                let [a, b, c, d, e, f] = &mut out[..] else { unreachable!() };
                let [reference, candidate] = [[&light[..]; 3]; 2];
                let (sum, difference) = ([&mut a[..], b, c], [&mut d[..], e, f]);
                processor.run(SumAndDifference { reference, candidate, sum, difference });
                for (i, v) in out[0].iter().enumerate() {
                    assert!((v + SHIFT[0] - 0.84).abs() < 1e-5, "{length} {i}: {v}");
                }
                assert!(out[3..].iter().flatten().all(|v| *v == 0.0), "{length}");
                assert!(out[1].windows(2).all(|two| two[0] < two[1]), "{length}: {:?}", out[1]);
            }
        }
    }
}
