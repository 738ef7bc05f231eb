//! Mixtures of MS-SSIM and absolute error: losses that keep both structure and colour.
//!
//! Zhao, Gallo, Frosio, Kautz, "Loss functions for image restoration with neural networks", IEEE
//! TCI 3(1), 2017: MS-SSIM keeps contrast but lets brightness and colour drift, L1 holds them, and
//! α = .84 weighs the two.
//!
//! * `mix`, here: .84·(1 − MS-SSIM) + .16·mean |x − y| with MS-SSIM as `ms-ssim@small`, a number
//!   of one picture;
//! * `mix-zhao`, [`PixelwiseMix`]: the paper's own loss, formed at every pixel.
//!
//! Samples in 0…1. 0 for equal pictures. Gradient: that of the parts, with sign(0) = 0. Reproduces
//! the same sums in f64 to 1e-9 in double precision.

mod pixelwise;

use lookalike_core::{Direction, MetricCard, Picture, ValueRange, Want};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, Slopes};
use crate::ms_ssim::{Features, MsSsim, MultiScale};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::sample_differences::{self, Power};
use crate::samples::SamplesUsed;
use crate::ssim::{Window, window_option};

pub use pixelwise::{PixelwiseMix, SIGMAS, WINDOW_LENGTH};

/// Share of the structural term (Zhao et al. 2017).
pub const ALPHA: f64 = 0.84;

/// α·(1 − MS-SSIM) + (1 − α)·L1 of whole pictures.
struct Mix {
    ms_ssim: MsSsim,
}

impl ClosedForm for Mix {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        self.ms_ssim.features(picture)
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let ms_ssim = self.ms_ssim.compare(reference, candidate, want)?.value;
        let l1 = mean_absolute_error(reference, candidate);
        Ok(Outcome::of(blend(ms_ssim, l1)).with_part("ms_ssim", ms_ssim).with_part("l1", l1))
    }

    fn gradient_samples(
        &self,
        reference: &Features,
        candidate: &Features,
    ) -> Option<(f64, Slopes)> {
        let (ms_ssim, gradient) = self.ms_ssim.gradient_samples(reference, candidate)?;
        let mut gradient = gradient.in_double();
        let samples = gradient.len() as f64;
        let pairs = finest(reference).into_iter().zip(finest(candidate));
        let numbers = pairs.flat_map(|(x, y)| x.data.into_iter().zip(y.data));
        for (g, (x, y)) in gradient.iter_mut().zip(numbers) {
            *g = (1.0 - ALPHA) * sign(y - x) / samples - ALPHA * *g;
        }
        Some((blend(ms_ssim, mean_absolute_error(reference, candidate)), Slopes::Double(gradient)))
    }

    fn minimum_side(&self, card: &MetricCard) -> usize {
        self.ms_ssim.minimum_side(card)
    }
}

fn blend(ms_ssim: f64, l1: f64) -> f64 {
    ALPHA * (1.0 - ms_ssim) + (1.0 - ALPHA) * l1
}

/// The planes at full size.
fn finest(features: &Features) -> Vec<Plane> {
    SamplesUsed::Channels.planes(&features.picture, 1.0)
}

fn mean_absolute_error(reference: &Features, candidate: &Features) -> f64 {
    let (x, y) = (&reference.picture, &candidate.picture);
    sample_differences::mean(x, y, SamplesUsed::Channels, Power::Absolute)
}

/// −1, 0 or 1.
fn sign(difference: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference.signum() }
}

const MIX: MetricCard = MetricCard {
    id: "mix",
    default_profile: true,
    title: "MS-SSIM and L1",
    definition: ".84 (1 - ms-ssim@small) + .16 mean |candidate - reference|",
    source: "after Zhao, Gallo, Frosio, Kautz 2017",
    reproduces: "an independent f64 implementation of the sum, 1e-6, in double precision 1e-9",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: 1.0 },
    equal: 0.0,
    minimum_side: 11,
    when_smaller: "use a smaller window with --window N",
    gradient: true,
    options: &[("window", "taps per axis, odd, 3 to 99; 11 by default, sigma stays 1.5")],
    blind_to: &["how wrong an inverted picture is: its MS-SSIM is 0, its L1 moderate"],
    notes: &["the number of scales follows the size: compare values at one size"],
    ..MetricCard::BASE
};

pub(crate) const DEFINITIONS: &[Definition] = &[
    Definition {
        card: &MIX,
        build: |id, card| {
            let definition = MultiScale::small(Window::gaussian(window_option(&id, 11)?));
            let ms_ssim = MsSsim { samples: SamplesUsed::Channels, definition };
            Ok(Registered::boxed(id, card, Mix { ms_ssim }))
        },
    },
    pixelwise::ZHAO,
    pixelwise::KORNIA,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;
    use crate::test_pictures::{scrambled, value};
    use lookalike_core::{Channels, Error};

    #[test]
    fn is_the_sum_of_its_parts() {
        let (a, b) = (scrambled(32, 27, Channels::Rgb, 1), scrambled(32, 27, Channels::Rgb, 2));
        let expected = 0.84 * (1.0 - value("ms-ssim@small", &a, &b)) + 0.16 * value("mae", &a, &b);
        assert!((value("mix", &a, &b) - expected).abs() < 1e-12);
    }

    #[test]
    fn starts_at_the_minimum_side() {
        for definition in DEFINITIONS {
            let (id, side) = (definition.card.id, definition.card.minimum_side);
            let (a, b) =
                (scrambled(side, 19, Channels::Rgb, 1), scrambled(side, 19, Channels::Rgb, 2));
            assert_eq!(value(id, &a, &a), 0.0, "{id}");
            assert!(value(id, &a, &b) > 0.0, "{id}");
            assert_eq!(value(id, &a, &b), value(id, &b, &a), "{id} is symmetric");
        }
        let small = scrambled(10, 19, Channels::Grey, 1);
        let refused = metric("mix").unwrap().compare(&small, &small, Want::default());
        assert!(matches!(refused, Err(Error::TooSmall { minimum: 11, .. })));
    }

    #[test]
    fn gradient_at_equality_is_exactly_zero() {
        let a = scrambled(32, 27, Channels::Rgb, 1);
        for definition in DEFINITIONS {
            let metric = metric(definition.card.id).unwrap();
            let gradient = metric.prepare(&a).unwrap().gradient(&a).unwrap();
            assert!(gradient.samples.iter().all(|&g| g == 0.0), "{}", definition.card.id);
        }
    }
}
