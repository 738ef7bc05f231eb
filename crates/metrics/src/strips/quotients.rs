//! SSIM's quotients, and their derivatives, in all lanes at once.
//!
//! From the moments (G∗s, G∗s², G∗d, G∗d²) of one position, as in the oracle
//! ([`dissimilarity`](crate::ssim::dissimilarity), [`value_and_gradient`](crate::ssim::value_and_gradient)):
//! 1 − l = 2μd² / (μs² + μd² + 2C1) and 1 − cs = 2Vd / (Vs + Vd + 2C2).

use pulp::Simd;

use super::box_sums::LENGTH;
use super::kernel::{HALF, TAPS};
use crate::filter::Border;
use crate::ssim::{Constants, Window};

/// What the quotients need to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Formula {
    /// The window from its edge to its centre; a shorter window has zeros around it.
    pub(super) weights: [f32; HALF],
    /// How many of the outermost weights on each side are those zeros.
    pub(super) edge: usize,
    /// Whether columns are added up exactly and all weights are those of the rows: a uniform window
    /// of [`LENGTH`] over 8-bit samples.
    pub(super) sums: bool,
    /// C1 in the unit of the samples squared.
    pub(super) c1: f32,
    /// C2 in the unit of the samples squared.
    pub(super) c2: f32,
    /// Factor of variances: 1, or N/(N − 1).
    pub(super) covariance_factor: f32,
    /// What was taken off s.
    pub(super) full_scale: f32,
}

impl Formula {
    /// The formula under a window, with samples whose full intensity is `full_scale`; `None` for
    /// windows that the kernels do not know.
    pub(super) fn new(window: &Window, constants: Constants, full_scale: f32) -> Option<Self> {
        let taps = window.taps();
        if taps.len().is_multiple_of(2) || window.variance_floor() != 0.0 {
            return None;
        }
        let edge = TAPS.checked_sub(taps.len())? / 2;
        let symmetric = taps.iter().eq(taps.iter().rev());
        let unit = f64::from(full_scale) * f64::from(full_scale);
        symmetric.then(|| Self {
            weights: core::array::from_fn(|k| k.checked_sub(edge).map_or(0.0, |k| taps[k] as f32)),
            edge,
            sums: false,
            c1: (constants.c1 * unit) as f32,
            c2: (constants.c2 * unit) as f32,
            covariance_factor: window.covariance_factor() as f32,
            full_scale,
        })
    }

    /// The formula for samples of which it is known whether s and d are integers up to 255.
    pub(super) fn over(self, integers: bool) -> Self {
        let [.., centre] = self.weights;
        let within = self.weights[self.edge..].iter().all(|&weight| weight == centre);
        let sums = integers && within && self.edge == (TAPS - LENGTH) / 2;
        Self { sums, ..self }
    }

    /// Whether the quotients are 0 where the pictures are the same, and never 0/0.
    pub(super) fn vanishes(&self) -> bool {
        self.c1 > 0.0 && self.c2 > 0.0
    }

    /// Whether the window fills all taps.
    pub(super) fn is_whole(&self) -> bool {
        self.edge == 0
    }
}

/// Pixels that have to be added on every side of a picture for the kernels' taps to find the
/// positions of a shorter window; what is in them has no weight.
pub(crate) fn margin_of(window: &Window) -> usize {
    match window.border() {
        Border::Valid => (TAPS - window.length().min(TAPS)) / 2,
        _ => TAPS / 2,
    }
}

/// SSIM's factors from the moments (G∗s, G∗s², G∗d, G∗d²), as in
/// [`statistics`](crate::ssim::dissimilarity).
#[derive(Clone, Copy)]
pub(super) struct Quotients<S: Simd> {
    simd: S,
    two_c1: S::f32s,
    two_c2: S::f32s,
    factor: S::f32s,
    full_scale: S::f32s,
    zero: S::f32s,
}

impl<S: Simd> Quotients<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, formula: &Formula) -> Self {
        Self {
            simd,
            two_c1: simd.splat_f32s(2.0 * formula.c1),
            two_c2: simd.splat_f32s(2.0 * formula.c2),
            factor: simd.splat_f32s(formula.covariance_factor),
            full_scale: simd.splat_f32s(formula.full_scale),
            zero: simd.splat_f32s(0.0),
        }
    }

    /// factor · (E[v²] − E[v]²), not below 0.
    #[inline(always)]
    fn variance(self, mean: S::f32s, square: S::f32s) -> S::f32s {
        let simd = self.simd;
        let variance = simd.sub_f32s(square, simd.mul_f32s(mean, mean));
        simd.max_f32s(simd.mul_f32s(self.factor, variance), self.zero)
    }

    /// 2μd² and μs² + μd² + 2C1.
    #[inline(always)]
    pub(super) fn luminance(
        self,
        [mean_sum, _, mean_difference, _]: [S::f32s; 4],
    ) -> (S::f32s, S::f32s) {
        let simd = self.simd;
        let mean_sum = simd.add_f32s(mean_sum, self.full_scale);
        let square = simd.mul_f32s(mean_difference, mean_difference);
        let denominator = simd.add_f32s(square, self.two_c1);
        (simd.add_f32s(square, square), simd.mul_add_e_f32s(mean_sum, mean_sum, denominator))
    }

    /// 2Vd and Vs + Vd + 2C2.
    #[inline(always)]
    pub(super) fn structure(self, moments: [S::f32s; 4]) -> (S::f32s, S::f32s) {
        let simd = self.simd;
        let of_sum = self.variance(moments[0], moments[1]);
        let of_difference = self.variance(moments[2], moments[3]);
        let denominator = simd.add_f32s(simd.add_f32s(of_sum, of_difference), self.two_c2);
        (simd.add_f32s(of_difference, of_difference), denominator)
    }

    /// 1 − l·cs = (a·D + b·C − a·b) / (C·D) for 1 − l = a/C and 1 − cs = b/D: one division.
    #[inline(always)]
    pub(super) fn combined(self, moments: [S::f32s; 4]) -> S::f32s {
        let simd = self.simd;
        let (a, c) = self.luminance(moments);
        let (b, d) = self.structure(moments);
        let by_structure = simd.mul_f32s(b, simd.sub_f32s(c, a));
        let numerator = simd.mul_add_e_f32s(a, d, by_structure);
        simd.div_f32s(numerator, simd.mul_f32s(c, d))
    }

    /// The three numbers that the adjoint window spreads, as in the oracle's
    /// [`value_and_gradient`](crate::ssim::value_and_gradient): with a = ∂/∂Vs and b = ∂/∂Vd,
    /// direct = p + q − 2aμs − 2bμd, a and b. Means are of s − L here; the terms with a are the
    /// same for every constant taken off s.
    #[inline(always)]
    pub(super) fn derivatives(self, moments: [S::f32s; 4]) -> [S::f32s; 3] {
        let simd = self.simd;
        let [mean_sum, _, mean_difference, _] = moments;
        let one = simd.splat_f32s(1.0);
        let two = simd.splat_f32s(2.0);
        let (b, d) = self.structure(moments);
        let (a, c) = self.luminance(moments);
        let (inverse_c, inverse_d) = (simd.div_f32s(one, c), simd.div_f32s(one, d));
        let luminance = simd.sub_f32s(one, simd.mul_f32s(a, inverse_c));
        let structure = simd.sub_f32s(one, simd.mul_f32s(b, inverse_d));
        // 2·l/D² times Vd and −(Vs + 2C2); the latter is D − Vd, and b is 2Vd.
        let scale = simd.mul_f32s(
            simd.mul_f32s(two, self.factor),
            simd.mul_f32s(luminance, simd.mul_f32s(inverse_d, inverse_d)),
        );
        let half = simd.splat_f32s(0.5);
        let variance = simd.mul_f32s(half, b);
        let by_sum = simd.mul_f32s(scale, variance);
        let by_difference = simd.mul_f32s(scale, simd.sub_f32s(variance, d));
        // 4·cs·μd·(μd·ms − ms² − 2C1)/C²; ms² + 2C1 is C − μd².
        let mean = simd.add_f32s(mean_sum, self.full_scale);
        let square = simd.mul_f32s(half, a);
        let inner = simd.mul_add_e_f32s(mean_difference, mean, simd.sub_f32s(square, c));
        let four = simd.splat_f32s(4.0);
        let outer = simd.mul_f32s(
            simd.mul_f32s(simd.mul_f32s(four, structure), mean_difference),
            simd.mul_f32s(inverse_c, inverse_c),
        );
        let by_variances =
            simd.mul_add_e_f32s(by_sum, mean_sum, simd.mul_f32s(by_difference, mean_difference));
        let direct = simd.sub_f32s(simd.mul_f32s(outer, inner), simd.mul_f32s(two, by_variances));
        [direct, by_sum, by_difference]
    }

    /// The same three numbers when cs alone is differentiated.
    #[inline(always)]
    pub(super) fn derivatives_of_structure(self, moments: [S::f32s; 4]) -> [S::f32s; 3] {
        let simd = self.simd;
        let [mean_sum, _, mean_difference, _] = moments;
        let (b, d) = self.structure(moments);
        let inverse = simd.div_f32s(simd.splat_f32s(1.0), d);
        // 2/D² times Vd and −(Vs + 2C2); the latter is D − Vd, and b is 2Vd.
        let two = simd.splat_f32s(2.0);
        let scale = simd.mul_f32s(simd.mul_f32s(two, self.factor), simd.mul_f32s(inverse, inverse));
        let variance = simd.mul_f32s(simd.splat_f32s(0.5), b);
        let by_sum = simd.mul_f32s(scale, variance);
        let by_difference = simd.mul_f32s(scale, simd.sub_f32s(variance, d));
        let by_variances =
            simd.mul_add_e_f32s(by_sum, mean_sum, simd.mul_f32s(by_difference, mean_difference));
        let direct = simd.mul_f32s(simd.splat_f32s(-2.0), by_variances);
        [direct, by_sum, by_difference]
    }
}
