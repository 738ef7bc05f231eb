//! Gradient magnitude similarity deviation.
//!
//! Luma on 0…255 is halved by 2×2 means. With m the gradient magnitude of the Prewitt operator,
//!
//! * GMS = (2·m_r·m_c + c) / (m_r² + m_c² + c), c = 170, at every position
//! * GMSD = standard deviation of GMS over the picture.
//!
//! Source: Xue, Zhang, Mou, Bovik, "Gradient magnitude similarity deviation", IEEE Transactions on
//! Image Processing 23(2), 2014; equations 1–5. The paper prints c = 0.0026 for samples in 0…1,
//! which is 170/255².
//!
//! Our choices: zeros beyond the border both when halving odd sizes and in the operator. `gmsd` and
//! `gmsd:yi` divide by n − 1 under the root as the authors' code does, on unrounded and on integer
//! BT.601 luma; `gmsd@piq` divides by n.
//!
//! Gradient with respect to the candidate: the chain rule through the deviation, the similarity,
//! the magnitude and the halving. The magnitude has no derivative where it is 0 and the deviation
//! none where it is 0; there the subgradient 0 is taken. Integer luma has no gradient.
//!
//! Reproduces: piq 0.8.0 `gmsd` to 1e-9; the authors' `GMSD.m` on rounded luma to 2e-5 (ties of the
//! rounding).
//!
//! Limits: a deviation, not a mean: a picture that is degraded everywhere to the same degree scores
//! well. The magnitude forgets direction and sign.

use lookalike_core::{
    Channels, ColourUse, Direction, DisplayScale, Luma, MetricCard, Picture, ValueRange, Want,
};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, luma_halved, score_map};
use crate::filter::{PREWITT, derivatives, gradient_magnitude};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::similarity::similarity;

const C: f64 = 170.0;

/// What the sum of squared deviations is divided by.
#[derive(Clone, Copy)]
pub(crate) enum Divisor {
    /// n − 1.
    Sample,
    /// n.
    Population,
}

/// Standard deviation of all numbers of a plane; 0 for a single number.
pub(crate) fn standard_deviation(plane: &Plane, divisor: Divisor) -> f64 {
    let mean = plane.mean();
    (plane.map(|v| (v - mean).powi(2)).sum() / divisor.of(plane)).sqrt()
}

impl Divisor {
    fn of(self, plane: &Plane) -> f64 {
        let n = plane.data.len();
        match self {
            Self::Sample => (n - 1).max(1) as f64,
            Self::Population => n as f64,
        }
    }
}

struct Gmsd {
    luma: Luma,
    divisor: Divisor,
}

struct Edges {
    /// Size and channels of the picture.
    width: usize,
    height: usize,
    channels: Channels,
    /// The halved luma, and the magnitude of its derivatives.
    half: Plane,
    magnitude: Plane,
}

impl ClosedForm for Gmsd {
    type Features = Edges;

    fn features(&self, picture: &Picture) -> Result<Edges, Reason> {
        let half = luma_halved(picture, self.luma);
        let magnitude = gradient_magnitude(&half, PREWITT);
        let (width, height, channels) = (picture.width(), picture.height(), picture.channels());
        Ok(Edges { width, height, channels, half, magnitude })
    }

    fn compare(&self, reference: &Edges, candidate: &Edges, want: Want) -> Result<Outcome, Reason> {
        let map = similarity_map(reference, candidate);
        let worst = map.data.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Outcome::of(standard_deviation(&map, self.divisor))
            .with_part("mean_similarity", map.mean())
            .with_part("min_similarity", worst)
            .with_map(want.map.then(|| score_map(&map, 0, 0, 2))))
    }

    fn gradient(&self, reference: &Edges, candidate: &Edges) -> Option<(f64, Vec<Plane>)> {
        if self.luma != Luma::Y601 {
            return None;
        }
        let map = similarity_map(reference, candidate);
        let (value, mean) = (standard_deviation(&map, self.divisor), map.mean());
        let scale = self.divisor.of(&map) * value;

        // The derivative with respect to each magnitude, divided by that magnitude, so that
        // multiplied by the two derivatives of luma it becomes the derivative to those.
        let mut share = Plane::zeros(map.width, map.height);
        for (i, share) in share.data.iter_mut().enumerate() {
            let (r, c, s) = (reference.magnitude.data[i], candidate.magnitude.data[i], map.data[i]);
            if value > 0.0 && c > 0.0 {
                let similarity_slope = 2.0 * (r - c * s) / (r * r + c * c + C);
                *share = (s - mean) / scale * similarity_slope / c;
            }
        }
        // The operator is odd, so that with zeros beyond the border its adjoint is its negative.
        let (across, down) = derivatives(&candidate.half, PREWITT);
        let (across, _) = derivatives(&share.zip(&across, |s, g| s * g), PREWITT);
        let (_, down) = derivatives(&share.zip(&down, |s, g| s * g), PREWITT);
        let half = across.zip(&down, |a, b| -(a + b));
        let to_luma = Plane::from_fn(candidate.width, candidate.height, |x, y| {
            half.at(x / 2, y / 2) / 4.0 * 255.0
        });
        let planes = match candidate.channels {
            Channels::Grey => vec![to_luma],
            Channels::Rgb => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
                .map(|channel| to_luma.map(|d| d * self.luma.of(channel)))
                .into(),
        };
        Some((value, planes))
    }
}

fn similarity_map(reference: &Edges, candidate: &Edges) -> Plane {
    reference.magnitude.zip(&candidate.magnitude, |r, c| similarity(r, c, C))
}

const GMSD: MetricCard = MetricCard {
    id: "gmsd",
    default_profile: true,
    title: "Gradient magnitude similarity deviation",
    definition: "standard deviation (n - 1) of (2ab + 170)/(a^2 + b^2 + 170), a and b being Prewitt gradient magnitudes of halved luma on 0..255",
    source: "Xue, Zhang, Mou, Bovik: Gradient magnitude similarity deviation, IEEE Transactions on Image Processing 2014",
    reproduces: "an independent f64 implementation, 1e-9; the authors' GMSD.m on rounded luma, 2e-5",
    direction: Direction::LowerIsBetter,
    // Values in 0..1 deviate by at most 1/2 sqrt(n/(n - 1)), and n is at least 4.
    range: ValueRange { low: 0.0, high: 0.58 },
    equal: 0.0,
    minimum_side: 3,
    colour: ColourUse::Luma,
    map: Some(DisplayScale { same: 1.0, different: 0.0 }),
    gradient: true,
    blind_to: &[
        "inversion",
        "chroma",
        "degradation that is the same everywhere",
        "brightness offsets",
    ],
    notes: &[
        "0 means the same degradation everywhere, not only equal pictures",
        "gradient: 0 where the candidate's magnitude is 0 and where the deviation is 0",
        "pyiqa drops the last row and column of odd sizes: up to 1.5e-3 away",
    ],
    ..MetricCard::BASE
};

const GMSD_INTEGER: MetricCard = MetricCard {
    id: "gmsd:yi",
    title: "Gradient magnitude similarity deviation of integer luma",
    reproduces: "the authors' GMSD.m on rounded luma, 2e-5",
    gradient: false,
    ..GMSD
};

const GMSD_PIQ: MetricCard = MetricCard {
    id: "gmsd@piq",
    default_profile: false,
    definition: "standard deviation (n) of (2ab + 170)/(a^2 + b^2 + 170), a and b being Prewitt gradient magnitudes of halved luma on 0..255",
    reproduces: "piq 0.8.0 gmsd, 1e-9",
    range: ValueRange { low: 0.0, high: 0.5 },
    ..GMSD
};

macro_rules! definition {
    ($card:expr, $luma:expr, $divisor:expr) => {
        Definition {
            card: &$card,
            build: |id, card| {
                Ok(Registered::boxed(id, card, Gmsd { luma: $luma, divisor: $divisor }))
            },
        }
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    definition!(GMSD, Luma::Y601, Divisor::Sample),
    definition!(GMSD_INTEGER, Luma::Y601Integer, Divisor::Sample),
    definition!(GMSD_PIQ, Luma::Y601, Divisor::Population),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pictures::{check_card, flat, metric, noisy, textured, value};
    use lookalike_core::Samples;

    #[test]
    fn cards_hold() {
        DEFINITIONS.iter().for_each(|definition| check_card(definition.card.id));
    }

    #[test]
    fn divisors_differ_by_the_factor_they_should() {
        let reference = textured(15, 12, Channels::Rgb, 1);
        let candidate = noisy(&reference, 20.0, 2);
        let n = 8.0 * 6.0_f64;
        let expected = value("gmsd", &reference, &candidate) * ((n - 1.0) / n).sqrt();
        assert!((value("gmsd@piq", &reference, &candidate) - expected).abs() < 1e-15);
    }

    #[test]
    fn map_samples_lie_two_pixels_apart() {
        let reference = flat(16, 12, [50; 3]);
        let mut samples = vec![50_u8; 16 * 12 * 3];
        samples[(8 * 16 + 12) * 3..][..3].fill(250);
        let candidate = Picture::from_u8(16, 12, Channels::Rgb, samples).unwrap();
        let map = metric("gmsd").compare(&reference, &candidate, Want { map: true });
        let map = map.unwrap().map.unwrap();
        assert_eq!((map.width, map.height, map.step), (8, 6, 2));
        assert!(map.at_pixel(10, 8) < 0.5);
        assert_eq!(map.at_pixel(5, 5), 1.0);
    }

    #[test]
    fn gradient_agrees_with_differences() {
        for (id, channels) in [("gmsd", Channels::Rgb), ("gmsd@piq", Channels::Grey)] {
            let metric = metric(id);
            let reference = textured(13, 11, channels, 1);
            let candidate = noisy(&reference, 25.0, 2);
            let samples: Vec<f64> = (0..candidate.samples().len())
                .map(|i| candidate.samples().get(i) / 255.0 * 0.9 + 0.05)
                .collect();
            let picture = |samples: Vec<f64>| Picture::from_f64(13, 11, channels, samples).unwrap();
            let found = metric.prepare(&reference).unwrap();
            let found = found.gradient(&picture(samples.clone())).unwrap();
            let largest = found.samples.iter().fold(0.0_f64, |a, g| a.max(g.abs()));
            let count = channels.count();
            for i in 0..samples.len() {
                let shifted = |step: f64| {
                    let mut samples = samples.clone();
                    samples[i] += step;
                    value(id, &reference, &picture(samples))
                };
                let expected = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
                let place = i % count * 13 * 11 + i / count;
                let error = (found.samples[place] - expected).abs();
                assert!(error < 1e-6 * largest, "{id} {i}: {} {expected}", found.samples[place]);
            }
        }
    }

    #[test]
    fn gradient_is_zero_at_equality_and_finite_on_flat_pictures() {
        let metric = metric("gmsd");
        let texture = textured(9, 7, Channels::Rgb, 1);
        let zero = metric.prepare(&texture).unwrap().gradient(&texture).unwrap();
        assert!(zero.value == 0.0 && zero.samples.iter().all(|&g| g == 0.0));
        for reference in [&texture, &flat(9, 7, [0; 3]), &flat(9, 7, [255; 3])] {
            for candidate in [flat(9, 7, [0; 3]), flat(9, 7, [255; 3]), flat(9, 7, [9; 3])] {
                let gradient = metric.prepare(reference).unwrap().gradient(&candidate).unwrap();
                assert!(gradient.samples.iter().all(|g| g.is_finite()));
            }
        }
        let integer = crate::metric("gmsd:yi").unwrap();
        assert!(integer.prepare(&texture).unwrap().gradient(&texture).is_err());
    }

    #[test]
    fn other_sample_types_agree() {
        let picture = textured(14, 10, Channels::Rgb, 1);
        let candidate = noisy(&picture, 9.0, 2);
        let wide = |p: &Picture| {
            let samples = (0..p.samples().len()).map(|i| p.samples().get(i) as u16 * 257).collect();
            p.with_samples(Channels::Rgb, Samples::U16(samples), p.encoding()).unwrap()
        };
        let (a, b) = (
            value("gmsd", &picture, &candidate),
            value("gmsd", &wide(&picture), &wide(&candidate)),
        );
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }
}
