//! Multi-scale gradient magnitude similarity deviation, on luma or with colour.
//!
//! At four scales s, the first being the full picture and each further one its 2×2 means, with m
//! the Prewitt gradient magnitude of luma on 0…255:
//!
//! * GMS = ((2 − α)·m_r·m_c + c) / (m_r² + m_c² − α·m_r·m_c + c), α = 0.5, c = 170
//! * V = sqrt(Σ_s w_s · var(GMS_s)), w = (0.096, 0.596, 0.289, 0.019).
//!
//! With colour, MSE_I and MSE_Q being the squared errors of the chroma of YIQ at the coarsest scale:
//!
//! * value = γ·V + (1 − γ)·β₁·sqrt(MSE_I + MSE_Q), γ = 2 / (1 + β₂·exp(−β₃·V)) − 1,
//!   β = (0.01, 0.32, 15).
//!
//! Source: Zhang, Sun, Chen, "Gradient magnitude similarity deviation on multiple scales for color
//! image quality assessment", ICASSP 2017.
//!
//! Our choices: those of piq 0.8.0, hence the profile: variances divide by n, odd sizes get one row
//! or column of zeros at the end before they are halved, YIQ has four digits. A grey picture has no
//! chroma, so its MSE_I and MSE_Q are 0.
//!
//! Reproduces: piq 0.8.0 `multi_scale_gmsd` to 1e-9, with `chromatic=True` for the colour form.
//!
//! Limits: as GMSD, a deviation is blind to degradation that is the same everywhere. The colour term
//! is a plain squared error.

use lookalike_core::{
    Channels, ColourUse, Direction, DisplayScale, Luma, MetricCard, Picture, ValueRange, Want,
};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, luma, rgb, score_map};
use crate::colour_axes::{YIQ_FOUR_DIGITS, weighted_sum};
use crate::downsample::{Halving, halve};
use crate::filter::{PREWITT, gradient_magnitude};
use crate::gmsd::{Divisor, standard_deviation};
use crate::plane::Plane;
use crate::registry::Definition;

const WEIGHTS: [f64; 4] = [0.096, 0.596, 0.289, 0.019];
const ALPHA: f64 = 0.5;
const C: f64 = 170.0;
const BETA: [f64; 3] = [0.01, 0.32, 15.0];

struct MultiScaleGmsd {
    colour: bool,
}

struct Scales {
    magnitudes: Vec<Plane>,
    /// I and Q at the coarsest scale, or nothing for luma alone and for grey pictures.
    chroma: Vec<Plane>,
}

impl ClosedForm for MultiScaleGmsd {
    type Features = Scales;

    fn features(&self, picture: &Picture) -> Result<Scales, Reason> {
        let mut plane = luma(picture, Luma::Y601);
        let mut magnitudes = Vec::with_capacity(WEIGHTS.len());
        for scale in 0..WEIGHTS.len() {
            if scale > 0 {
                plane = halve(&plane, Halving::ZeroBeyond);
            }
            magnitudes.push(gradient_magnitude(&plane, PREWITT));
        }
        let mut chroma = Vec::new();
        if self.colour && picture.channels() == Channels::Rgb {
            let rgb = rgb(picture, 255.0)
                .map(|plane| (1..WEIGHTS.len()).fold(plane, |p, _| halve(&p, Halving::ZeroBeyond)));
            chroma.extend(YIQ_FOUR_DIGITS.map(|weights| weighted_sum(&rgb, weights)));
        }
        Ok(Scales { magnitudes, chroma })
    }

    fn compare(
        &self,
        reference: &Scales,
        candidate: &Scales,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let (mut outcome, mut square, mut map) = (Outcome::default(), 0.0, None);
        let scales = reference.magnitudes.iter().zip(&candidate.magnitudes).zip(WEIGHTS);
        for (scale, ((r, c), weight)) in scales.enumerate() {
            let similarities = r.zip(c, similarity);
            let deviation = standard_deviation(&similarities, Divisor::Population);
            square += weight * deviation * deviation;
            outcome = outcome.with_part(format!("scale_{}", scale + 1), deviation);
            if want.map && scale == 0 {
                map = Some(score_map(&similarities, 0, 0, 1));
            }
        }
        let deviation = square.sqrt();
        outcome.value = deviation;
        if self.colour {
            let planes = reference.chroma.iter().zip(&candidate.chroma);
            let error: f64 = planes.map(|(r, c)| r.zip(c, |r, c| (r - c).powi(2)).mean()).sum();
            let gamma = 2.0 / (1.0 + BETA[1] * (-BETA[2] * deviation).exp()) - 1.0;
            outcome.value = gamma * deviation + (1.0 - gamma) * BETA[0] * error.sqrt();
            outcome = outcome.with_part("luma", deviation).with_part("chroma_rmse", error.sqrt());
        }
        Ok(outcome.with_map(map))
    }
}

/// ((2 − α)ab + c) / (a² + b² − αab + c), written so that equal responses give exactly 1.
fn similarity(a: f64, b: f64) -> f64 {
    1.0 - (a - b).powi(2) / (a * a + b * b - ALPHA * a * b + C)
}

const MS_GMSD: MetricCard = MetricCard {
    id: "ms-gmsd@piq",
    default_profile: true,
    title: "Multi-scale gradient magnitude similarity deviation",
    definition: "root of the weighted mean, over four scales of luma, of the variance of (1.5ab + 170)/(a^2 + b^2 - .5ab + 170), a and b being Prewitt gradient magnitudes",
    source: "Zhang, Sun, Chen: Gradient magnitude similarity deviation on multiple scales for color image quality assessment, ICASSP 2017",
    reproduces: "piq 0.8.0 multi_scale_gmsd, 1e-9",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: 0.5 },
    equal: 0.0,
    // Four scales of at least two samples.
    minimum_side: 16,
    when_smaller: "use gmsd",
    colour: ColourUse::Luma,
    map: Some(DisplayScale { same: 1.0, different: 0.0 }),
    blind_to: &[
        "inversion",
        "chroma",
        "degradation that is the same everywhere",
        "brightness offsets",
    ],
    notes: &["its map is the similarity at the finest scale"],
    ..MetricCard::BASE
};

const MS_GMSD_COLOUR: MetricCard = MetricCard {
    id: "ms-gmsd:colour@piq",
    title: "Multi-scale gradient magnitude similarity deviation with colour",
    definition: "g V + (1 - g) .01 sqrt(MSE_I + MSE_Q), V being ms-gmsd@piq and g = 2/(1 + .32 exp(-15 V)) - 1",
    reproduces: "piq 0.8.0 multi_scale_gmsd(chromatic=True), 1e-9",
    // The largest possible errors of I and Q at V = 0, and V at most 1/2.
    range: ValueRange { low: 0.0, high: 2.5 },
    colour: ColourUse::Colour,
    blind_to: &[
        "degradation of luma that is the same everywhere",
        "chroma detail finer than eight pixels",
    ],
    ..MS_GMSD
};

macro_rules! definition {
    ($card:expr, $colour:expr) => {
        Definition {
            card: &$card,
            build: |id, card| Ok(Registered::boxed(id, card, MultiScaleGmsd { colour: $colour })),
        }
    };
}

pub(crate) const DEFINITIONS: &[Definition] =
    &[definition!(MS_GMSD, false), definition!(MS_GMSD_COLOUR, true)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pictures::{check_card, flat, noisy, textured, value};

    #[test]
    fn cards_hold() {
        DEFINITIONS.iter().for_each(|definition| check_card(definition.card.id));
    }

    #[test]
    fn similarity_is_the_printed_one() {
        for (a, b) in [(0.0, 0.0), (3.0, 90.0), (70.0, 12.5), (200.0, 200.0)] {
            let printed = ((2.0 - ALPHA) * a * b + C) / (a * a + b * b - ALPHA * a * b + C);
            assert!((similarity(a, b) - printed).abs() < 1e-15);
        }
    }

    #[test]
    fn only_the_colour_form_sees_chroma() {
        let (grey, tinted) = (flat(20, 20, [100; 3]), flat(20, 20, [138, 80, 100]));
        let luma = |p: &Picture| p.luma(Luma::Y601)[0];
        assert!((luma(&grey) - luma(&tinted)).abs() < 0.5);
        assert!(value("ms-gmsd", &grey, &tinted) < 1e-3);
        assert!(value("ms-gmsd:colour", &grey, &tinted) > 0.05);
    }

    #[test]
    fn a_grey_pair_has_no_chroma_error() {
        let reference = textured(24, 24, Channels::Grey, 1);
        let candidate = noisy(&reference, 20.0, 2);
        let v = value("ms-gmsd", &reference, &candidate);
        let gamma = 2.0 / (1.0 + 0.32 * (-15.0 * v).exp()) - 1.0;
        assert_eq!(value("ms-gmsd:colour", &reference, &candidate), gamma * v);
    }
}
