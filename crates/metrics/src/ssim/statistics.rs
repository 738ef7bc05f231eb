//! Local statistics of a pair in terms of its sum and its difference.
//!
//! With s = x + y, d = y − x and the window G:
//!
//! * μs = G∗s, μd = G∗d, Vs = G∗s² − μs², Vd = G∗d² − μd²
//! * 1 − l = 2μd² / (μs² + μd² + 2C1)
//! * 1 − cs = 2Vd / (Vs + Vd + 2C2)
//!
//! These are the factors of SSIM exactly, since 4μxμy = μs² − μd², 2(μx² + μy²) = μs² + μd² and
//! the same for variances and covariance. Four filters do the work of five, small differences are
//! computed without cancellation, and equal pictures give exactly 0.

use crate::plane::Plane;
use crate::ssim::Window;

/// The constants that keep the quotients defined where the pictures are dark or flat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// Of the luminance term, (K1·L)².
    pub c1: f64,
    /// Of the contrast and structure term, (K2·L)².
    pub c2: f64,
}

impl Constants {
    /// K = (.01, .03) for samples in 0…1 (Wang et al. 2004).
    pub const WANG: Self = Self { c1: 0.01 * 0.01, c2: 0.03 * 0.03 };
}

/// Means and variances of sum and difference at every position of a window.
#[derive(Clone, Debug)]
pub struct Moments {
    /// μs.
    pub mean_sum: Plane,
    /// μd, of candidate − reference.
    pub mean_difference: Plane,
    /// Vs, with the window's covariance factor.
    pub variance_sum: Plane,
    /// Vd, with the window's covariance factor.
    pub variance_difference: Plane,
}

impl Moments {
    /// Of two planes of one shape whose shorter side is at least [`Window::minimum_side`].
    pub fn of(reference: &Plane, candidate: &Plane, window: &Window) -> Self {
        let of = |combined: Plane| {
            let (mean, square) = rayon::join(
                || window.filter(&combined),
                || window.filter(&combined.map(|v| v * v)),
            );
            let (factor, floor) = (window.covariance_factor(), window.variance_floor());
            let variance = square.zip(&mean, |e, m| (factor * (e - m * m)).max(floor));
            (mean, variance)
        };
        let (sum, difference) = rayon::join(
            || of(reference.zip(candidate, |x, y| x + y)),
            || of(reference.zip(candidate, |x, y| y - x)),
        );
        Self {
            mean_sum: sum.0,
            mean_difference: difference.0,
            variance_sum: sum.1,
            variance_difference: difference.1,
        }
    }

    /// 1 − l and 1 − cs at every position.
    pub fn dissimilarity(&self, constants: Constants) -> Dissimilarity {
        let Constants { c1, c2 } = constants;
        let luminance = self
            .mean_sum
            .zip(&self.mean_difference, |s, d| 2.0 * d * d / (s * s + d * d + 2.0 * c1));
        let structure =
            self.variance_sum.zip(&self.variance_difference, |s, d| 2.0 * d / (s + d + 2.0 * c2));
        Dissimilarity { luminance, structure }
    }
}

/// How far the two factors of SSIM lie below 1.
#[derive(Clone, Debug)]
pub struct Dissimilarity {
    /// 1 − l, in 0…2.
    pub luminance: Plane,
    /// 1 − cs, in 0…2: contrast and structure together.
    pub structure: Plane,
}

impl Dissimilarity {
    /// 1 − l·cs at every position.
    pub fn combined(&self) -> Plane {
        self.luminance.zip(&self.structure, |l, cs| l + cs - l * cs)
    }
}

/// The maps of 1 − l and 1 − cs of two planes: the definition every faster form has to meet.
///
/// Both planes have one shape, samples nominally in 0…1 and a shorter side of at least
/// [`Window::minimum_side`]; the maps have the plane's size less length − 1 when the border is
/// [`Valid`](crate::filter::Border::Valid), and the plane's size otherwise.
pub fn dissimilarity(
    reference: &Plane,
    candidate: &Plane,
    window: &Window,
    constants: Constants,
) -> Dissimilarity {
    Moments::of(reference, candidate, window).dissimilarity(constants)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Plane, Plane) {
        let x = Plane::from_fn(15, 12, |x, y| ((x * 7 + y * 13) % 11) as f64 / 11.0);
        let y = Plane::from_fn(15, 12, |x, y| ((x * 5 + y * 3) % 13) as f64 / 13.0);
        (x, y)
    }

    #[test]
    fn equals_the_five_moment_form_of_the_paper() {
        let (x, y) = pair();
        let Constants { c1, c2 } = Constants::WANG;
        for window in [Window::gaussian(11), Window::uniform(7).with_sample_covariance()] {
            let k = window.covariance_factor();
            let (mx, my) = (window.filter(&x), window.filter(&y));
            let xx = window.filter(&x.map(|v| v * v));
            let yy = window.filter(&y.map(|v| v * v));
            let xy = window.filter(&x.zip(&y, |a, b| a * b));
            let found = dissimilarity(&x, &y, &window, Constants::WANG).combined();
            for i in 0..mx.data.len() {
                let (mx, my) = (mx.data[i], my.data[i]);
                let vx = k * (xx.data[i] - mx * mx);
                let vy = k * (yy.data[i] - my * my);
                let cov = k * (xy.data[i] - mx * my);
                let ssim = (2.0 * mx * my + c1) * (2.0 * cov + c2)
                    / ((mx * mx + my * my + c1) * (vx + vy + c2));
                assert!((1.0 - found.data[i] - ssim).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn equal_planes_are_exactly_alike() {
        let (x, _) = pair();
        let maps = dissimilarity(&x, &x, &Window::gaussian(11), Constants::WANG);
        assert!(maps.combined().data.iter().all(|&v| v == 0.0));
    }
}
