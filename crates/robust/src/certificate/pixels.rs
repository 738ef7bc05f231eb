//! Metrics whose embedding is the picture itself: the bar that a learned certificate has to clear.
//!
//! With f(x) = x, of Lipschitz constant 1, `mse`, `rmse` and `psnr` decide by the Euclidean distance and have the
//! bisector radius; `pixel-cosine`, 1 − cos(x − ½, y − ½), has the plane radius of x − ½. Both are exact: a change of
//! that length flips the decision, unless samples would leave 0…1.
//!
//! Source: derived here. The radius is shortened by what sums in double precision may be off, γ of all samples.

use lookalike_deep::lipsim::Head;

use super::{INWARD, distance_to_flip, norm, subtract};

/// What is made of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelMetric {
    /// The Euclidean distance, or a rising function of it.
    Euclidean,
    /// 1 − cos of what samples differ from ½ by.
    Cosine,
}

impl PixelMetric {
    /// That of a metric's family and variant without options, such as `psnr`.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "mse" | "rmse" | "psnr" => Some(Self::Euclidean),
            "pixel-cosine" => Some(Self::Cosine),
            _ => None,
        }
    }

    /// How far the reference may move before the other of two is nearer, less rounding: positive where `left` is
    /// nearer, negative where `right` is.
    pub fn radius(self, reference: &[f64], left: &[f64], right: &[f64]) -> f64 {
        let all = [reference, left, right];
        let terms = (reference.len() as f64 + 8.0) * f64::EPSILON;
        let (distance, slack) = match self {
            Self::Euclidean => {
                let [to_left, to_right] =
                    [left, right].map(|side| norm(&subtract(reference, side)));
                let apart = norm(&subtract(left, right)).max(f64::MIN_POSITIVE);
                let slack = 4.0 * terms * (to_left * to_left + to_right * to_right) / apart;
                (distance_to_flip(Head::Euclidean, reference, left, right), slack)
            }
            Self::Cosine => {
                let [x, left, right] = all.map(|x| x.iter().map(|x| x - 0.5).collect::<Vec<_>>());
                let directions = [&left, &right].map(|side| Head::Cosine.project(side).0);
                let apart = norm(&subtract(&directions[0], &directions[1]));
                let slack = 8.0 * terms * norm(&x) * (1.0 + 1.0 / apart.max(f64::MIN_POSITIVE));
                (distance_to_flip(Head::Cosine, &x, &left, &right), slack)
            }
        };
        if distance.is_finite() && slack.is_finite() {
            ((distance.abs() - slack).max(0.0) * INWARD).copysign(distance)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_at_the_other_flips_just_beyond_the_radius() {
        let numbers = |seed: usize| -> Vec<f64> {
            (0..12).map(|i| (((seed * 31 + i * 17) * 7919) % 101) as f64 / 100.0).collect()
        };
        for seed in 0..30 {
            let [x, a, b] = [3 * seed, 3 * seed + 1, 3 * seed + 2].map(numbers);
            let radius = PixelMetric::Euclidean.radius(&x, &a, &b);
            let nearer = |x: &[f64]| norm(&subtract(x, &a)) < norm(&subtract(x, &b));
            if radius == 0.0 {
                continue;
            }
            assert_eq!(radius > 0.0, nearer(&x));
            let normal = subtract(&a, &b);
            let step = |share: f64| -> Vec<f64> {
                let by = -share * radius / norm(&normal);
                x.iter().zip(&normal).map(|(x, n)| x + by * n).collect()
            };
            assert_eq!(nearer(&step(0.999)), radius > 0.0);
            assert_ne!(nearer(&step(1.001)), radius > 0.0);
        }
        let x = numbers(1);
        assert_eq!(PixelMetric::Cosine.radius(&x, &x, &x), 0.0);
        assert_eq!(PixelMetric::of("ssim"), None);
    }
}
