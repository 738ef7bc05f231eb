//! Mean deviation similarity index.
//!
//! The picture is first shrunk by the factor max(1, round(shorter side / 256)). On 0…255,
//!
//! * L = .2989R + .5870G + .1140B, H = .30R + .04G − .35B, M = .34R − .60G + .17B
//! * S(a, b; C) = (2ab + C) / (a² + b² + C)
//! * r, d, f: Prewitt gradient magnitudes of L_r, of L_d and of F = (L_r + L_d)/2
//! * GS = S(r, d; 140) + S(d, f; 55) − S(r, f; 55)
//! * CS = (2(H_r·H_d + M_r·M_d) + 550) / (H_r² + H_d² + M_r² + M_d² + 550)
//! * G = .6·GS + .4·CS, value = (mean |G^¼ − mean G^¼|)^¼.
//!
//! Source: Nafchi, Shahkolaei, Hedjam, Cheriet, "Mean deviation similarity index: efficient and
//! reliable full-reference image quality evaluator", IEEE Access 4, 2016.
//!
//! Our choices: G may be negative. G^¼ is then the principal complex root and |·| the complex
//! modulus, as in the authors' MATLAB code; roots that keep the sign give other values. Zeros lie
//! beyond the border of both filters. A grey picture is repeated in three channels, where the
//! published weights leave it a little chroma (H = −.01, M = −.09 of its value).
//!
//! Reproduces: the authors' `MDSI.m` and piq 0.8.0 `mdsi` to 1e-9.
//!
//! Limits: not symmetric, since S(d, f) − S(r, f) changes its sign with the order of the pictures. A
//! deviation, blind to what is the same everywhere. The outer fourth root is steep at 0:
//! changes of single bits score far from 0. No gradient is offered, since the roots are singular.

use lookalike_core::{ColourUse, Direction, DisplayScale, MetricCard, Picture, ValueRange, Want};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, rgb, score_map};
use crate::colour_axes::weighted_sum;
use crate::downsample::{automatic_factor, blur_and_decimate};
use crate::filter::{Border, PREWITT, gradient_magnitude};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::similarity::similarity;

const C_GRADIENT: f64 = 140.0;
const C_FUSED: f64 = 55.0;
const C_CHROMA: f64 = 550.0;
const GRADIENT_SHARE: f64 = 0.6;
const CHROMA_SHARE: f64 = 0.4;

/// Luma and two chroma directions as weights of red, green and blue.
const AXES: [[f64; 3]; 3] = [[0.2989, 0.5870, 0.1140], [0.30, 0.04, -0.35], [0.34, -0.60, 0.17]];

struct Mdsi;

struct Features {
    factor: usize,
    luma: Plane,
    magnitude: Plane,
    chroma: [Plane; 2],
}

impl ClosedForm for Mdsi {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        let factor = automatic_factor(picture.width(), picture.height());
        let rgb = rgb(picture, 255.0).map(|plane| blur_and_decimate(&plane, factor, Border::Zero));
        let [luma, h, m] = AXES.map(|weights| weighted_sum(&rgb, weights));
        let magnitude = gradient_magnitude(&luma, PREWITT);
        Ok(Features { factor, luma, magnitude, chroma: [h, m] })
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let gradients = gradient_similarity(reference, candidate);
        let chroma = chroma_similarity(reference, candidate);
        let combined = gradients.zip(&chroma, |gs, cs| GRADIENT_SHARE * gs + CHROMA_SHARE * cs);
        Ok(Outcome::of(mean_deviation_of_roots(&combined).sqrt().sqrt())
            .with_part("mean_gradient_similarity", gradients.mean())
            .with_part("mean_chroma_similarity", chroma.mean())
            .with_map(want.map.then(|| score_map(&combined, 0, 0, reference.factor))))
    }
}

/// GS. The two fused terms are subtracted first, so that equal pictures give exactly 1.
fn gradient_similarity(reference: &Features, candidate: &Features) -> Plane {
    let fused = reference.luma.zip(&candidate.luma, |r, d| (r + d) / 2.0);
    let mut out = gradient_magnitude(&fused, PREWITT);
    let magnitudes = reference.magnitude.data.iter().zip(&candidate.magnitude.data);
    for (f, (&r, &d)) in out.data.iter_mut().zip(magnitudes) {
        *f = similarity(r, d, C_GRADIENT)
            + (similarity(d, *f, C_FUSED) - similarity(r, *f, C_FUSED));
    }
    out
}

fn chroma_similarity(reference: &Features, candidate: &Features) -> Plane {
    let ([h_r, m_r], [h_d, m_d]) = (&reference.chroma, &candidate.chroma);
    let products = h_r.zip(h_d, |r, d| r * d).zip(&m_r.zip(m_d, |r, d| r * d), |h, m| h + m);
    let squares = |h: &Plane, m: &Plane| h.zip(m, |h, m| h * h + m * m);
    let both = squares(h_r, m_r).zip(&squares(h_d, m_d), |r, d| r + d);
    products.zip(&both, |p, s| (2.0 * p + C_CHROMA) / (s + C_CHROMA))
}

/// mean |G^¼ − mean G^¼| over the complex plane.
fn mean_deviation_of_roots(combined: &Plane) -> f64 {
    // The principal root of a negative number points along e^{iπ/4}.
    let root = |g: f64| {
        let length = g.abs().sqrt().sqrt();
        if g < 0.0 {
            (length * std::f64::consts::FRAC_1_SQRT_2, length * std::f64::consts::FRAC_1_SQRT_2)
        } else {
            (length, 0.0)
        }
    };
    let mean_real = combined.map(|g| root(g).0).mean();
    let mean_imaginary = combined.map(|g| root(g).1).mean();
    let distance = |g: f64| {
        let (real, imaginary) = root(g);
        (real - mean_real).hypot(imaginary - mean_imaginary)
    };
    combined.map(distance).mean()
}

const MDSI: MetricCard = MetricCard {
    id: "mdsi",
    default_profile: true,
    title: "Mean deviation similarity index",
    definition: "(mean |G^(1/4) - mean G^(1/4)|)^(1/4), G = .6 gradient similarity + .4 chroma similarity of the picture shrunk to about 256 pixels, roots complex",
    source: "Nafchi, Shahkolaei, Hedjam, Cheriet: Mean deviation similarity index, IEEE Access 2016",
    reproduces: "the authors' MDSI.m and piq 0.8.0 mdsi, 1e-9",
    direction: Direction::LowerIsBetter,
    // |G| is below 2, so no two roots are further apart than twice its fourth root.
    range: ValueRange { low: 0.0, high: 1.3 },
    equal: 0.0,
    symmetric: false,
    minimum_side: 3,
    colour: ColourUse::Colour,
    map: Some(DisplayScale { same: 1.0, different: 0.0 }),
    blind_to: &["degradation that is the same everywhere"],
    notes: &[
        "not symmetric: the fused gradient is compared with the candidate and with the reference in turn",
        "negative similarities have complex fourth roots; tools that keep the sign instead give other values",
        "larger pictures are shrunk first, by the rounded quotient of the shorter side and 256",
    ],
    ..MetricCard::BASE
};

pub(crate) const DEFINITIONS: &[Definition] =
    &[Definition { card: &MDSI, build: |id, card| Ok(Registered::boxed(id, card, Mdsi)) }];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pictures::{check_card, metric, noisy, textured, value};
    use lookalike_core::Channels;

    #[test]
    fn card_holds() {
        check_card("mdsi");
    }

    #[test]
    fn roots_of_negative_numbers_are_complex() {
        // 16^¼ = 2 and (−16)^¼ = √2(1 + i) lie sqrt((2 − √2)² + 2) apart, the mean halfway.
        let apart = ((2.0 - 2.0_f64.sqrt()).powi(2) + 2.0).sqrt();
        let found = mean_deviation_of_roots(&Plane::new(2, 1, vec![16.0, -16.0]));
        assert!((found - apart / 2.0).abs() < 1e-15, "{found}");
    }

    #[test]
    fn a_grey_picture_is_its_colour_copy() {
        let reference = textured(20, 17, Channels::Grey, 1);
        let candidate = noisy(&reference, 15.0, 2);
        let grey = value("mdsi", &reference, &candidate);
        assert_eq!(grey, value("mdsi", &reference.to_rgb(), &candidate.to_rgb()));
        assert_eq!(grey, value("mdsi", &reference, &candidate.to_rgb()));
    }

    #[test]
    fn large_pictures_are_shrunk() {
        let picture = textured(600, 390, Channels::Grey, 1);
        let score = metric("mdsi").compare(&picture, &picture, Want { map: true }).unwrap();
        let map = score.map.unwrap();
        assert_eq!((map.width, map.height, map.step), (300, 195, 2));
        assert_eq!(score.value, 0.0);
    }
}
