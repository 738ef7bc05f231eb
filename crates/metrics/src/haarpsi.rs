//! Haar wavelet-based perceptual similarity index.
//!
//! Y, I and Q on 0…255 are halved by 2×2 means. With h_k the modulus of the response to the Haar
//! wavelet of 2, 4, 8 pixels (k = 1, 2, 3; all weights ±2^−k), horizontal or vertical,
//!
//! * S(a, b) = (2ab + C) / (a² + b² + C), C = 30
//! * per orientation of Y: similarity = mean of S(h_1) and S(h_2), weight W = the larger |h_3| of
//!   the two pictures
//! * for colour a third map: similarity = mean of S of the 2×2 means of |I| and of |Q|, weight = mean
//!   of the two weights of Y
//! * value = (logit(Σ σ(α·similarity)·W / Σ W) / α)², σ(t) = 1/(1 + e^−t), α = 4.2, sums over all
//!   maps and positions.
//!
//! Source: Reisenhofer, Bosse, Kutyniok, Wiegand, "A Haar wavelet-based perceptual similarity index
//! for image quality assessment", Signal Processing: Image Communication 61, 2018.
//!
//! Our choices: zeros beyond the border. Grey pictures have no third map. Equal pictures give
//! exactly 1, where the formula stops short by rounding; the value is limited to 0…1. No
//! position has weight only when both pictures are black, and the value is then 1.
//! `haarpsi` uses the authors' three-digit I and Q, `haarpsi@piq` four digits (up to 1.2e-4 apart).
//!
//! Reproduces: the authors' Python code to 1e-9 and piq 0.8.0 `haarpsi` to 1e-9.
//!
//! Limits: moduli of responses hide inversion (0.8 for a negative) and brightness offsets.

use lookalike_core::{Channels, ColourUse, DisplayScale, Luma, MetricCard, Picture, Want};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, luma_halved, rgb, score_map};
use crate::colour_axes::{ChromaRows, YIQ_FOUR_DIGITS, YIQ_THREE_DIGITS, weighted_sum};
use crate::downsample::{Halving, halve};
use crate::filter::{Border, Taps, blur, separable};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::similarity::similarity;

const C: f64 = 30.0;
const ALPHA: f64 = 4.2;

struct HaarPsi {
    chroma: ChromaRows,
}

/// Responses of one picture at half size.
#[derive(PartialEq)]
struct Responses {
    /// Moduli per orientation and scale of Y.
    wavelets: Vec<[Plane; 3]>,
    /// 2×2 means of |I| and |Q|; none for grey pictures.
    chroma: Option<[Plane; 2]>,
}

impl ClosedForm for HaarPsi {
    type Features = Responses;

    fn features(&self, picture: &Picture) -> Result<Responses, Reason> {
        let half = luma_halved(picture, Luma::Y601);
        let chroma = (picture.channels() == Channels::Rgb).then(|| {
            let rgb = rgb(picture, 255.0).map(|plane| halve(&plane, Halving::ZeroBeyond));
            self.chroma.map(|weights| {
                let axis = weighted_sum(&rgb, weights);
                blur(&axis, &Taps::mean(2), Border::Zero).map(f64::abs)
            })
        });
        let orientations = [false, true].into_par_iter();
        let wavelets = orientations.map(|upright| [1, 2, 3].map(|k| haar(&half, k, upright)));
        Ok(Responses { wavelets: wavelets.collect(), chroma })
    }

    fn compare(
        &self,
        reference: &Responses,
        candidate: &Responses,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let orientations = reference.wavelets.iter().zip(&candidate.wavelets);
        let mut maps: Vec<SimilarityMap> =
            orientations.map(|(r, c)| SimilarityMap::of_wavelets(r, c)).collect();
        if let (Some(r), Some(c)) = (&reference.chroma, &candidate.chroma) {
            maps.push(SimilarityMap::of_chroma(r, c, &maps));
        }
        let weight: f64 = maps.iter().map(|map| map.weight.sum()).sum();
        let value = if reference == candidate || weight == 0.0 {
            1.0
        } else {
            let sigmoid = |s: f64| 1.0 / (1.0 + (-ALPHA * s).exp());
            let weighted = |m: &SimilarityMap| m.similarity.zip(&m.weight, |s, w| sigmoid(s) * w);
            let mean = maps.iter().map(|map| weighted(map).sum()).sum::<f64>() / weight;
            ((mean / (1.0 - mean)).ln() / ALPHA).powi(2).clamp(0.0, 1.0)
        };
        let map = want.map.then(|| {
            let mut sum = maps[0].similarity.clone();
            for map in &maps[1..] {
                sum = sum.zip(&map.similarity, |total, s| total + s);
            }
            score_map(&sum.map(|s| s / maps.len() as f64), 0, 0, 2)
        });
        Ok(Outcome::of(value).with_map(map))
    }
}

/// Modulus of the response to the Haar wavelet of 2^scale pixels.
fn haar(plane: &Plane, scale: i32, upright: bool) -> Plane {
    let length = 1 << scale;
    let step: Vec<f64> = (0..length).map(|i| if i < length / 2 { -1.0 } else { 1.0 }).collect();
    let step = Taps::centred(step);
    let even = Taps::centred(vec![0.5_f64.powi(scale); length]);
    let (horizontal, vertical) = if upright { (&step, &even) } else { (&even, &step) };
    separable(plane, horizontal, vertical, Border::Zero).map(f64::abs)
}

/// Where the pictures are alike and how much each place counts.
struct SimilarityMap {
    similarity: Plane,
    weight: Plane,
}

impl SimilarityMap {
    fn of_wavelets(reference: &[Plane; 3], candidate: &[Plane; 3]) -> Self {
        let [finest, middle, coarsest] = [0, 1, 2].map(|k| (&reference[k], &candidate[k]));
        Self {
            similarity: mean_similarity(finest, middle),
            weight: coarsest.0.zip(coarsest.1, f64::max),
        }
    }

    fn of_chroma(reference: &[Plane; 2], candidate: &[Plane; 2], luma: &[Self]) -> Self {
        let [i, q] = [0, 1].map(|axis| (&reference[axis], &candidate[axis]));
        Self {
            similarity: mean_similarity(i, q),
            weight: luma[0].weight.zip(&luma[1].weight, |a, b| (a + b) / 2.0),
        }
    }
}

fn mean_similarity(first: (&Plane, &Plane), second: (&Plane, &Plane)) -> Plane {
    let [first, second] = [first, second].map(|(r, c)| r.zip(c, |a, b| similarity(a, b, C)));
    first.zip(&second, |a, b| (a + b) / 2.0)
}

const HAARPSI: MetricCard = MetricCard {
    id: "haarpsi",
    default_profile: true,
    title: "Haar wavelet-based perceptual similarity index",
    definition: "(logit of the weighted mean of sigmoid(4.2 S) / 4.2)^2, S = similarity of the two finest Haar responses (C = 30), weight = the coarsest, on halved YIQ 0..255",
    source: "Reisenhofer, Bosse, Kutyniok, Wiegand: A Haar wavelet-based perceptual similarity index for image quality assessment, Signal Processing: Image Communication 2018",
    reproduces: "the authors' Python code with colour input 0..255, 1e-9",
    // The coarsest wavelet of 8 samples must fit the halved picture.
    minimum_side: 16,
    when_smaller: "use gmsd",
    colour: ColourUse::Colour,
    map: Some(DisplayScale { same: 1.0, different: 0.0 }),
    blind_to: &["inversion", "brightness offsets", "errors where both pictures are smooth"],
    notes: &[
        "I and Q have three digits; libraries with four digits are up to 1.2e-4 away",
        "its map is the mean similarity of the orientations and of colour, without the weights",
    ],
    ..MetricCard::BASE
};

const HAARPSI_PIQ: MetricCard = MetricCard {
    id: "haarpsi@piq",
    default_profile: false,
    reproduces: "piq 0.8.0 haarpsi, 1e-9",
    notes: &[
        "I and Q have four digits",
        "its map is the mean similarity of the orientations and of colour, without the weights",
    ],
    ..HAARPSI
};

macro_rules! definition {
    ($card:expr, $chroma:expr) => {
        Definition {
            card: &$card,
            build: |id, card| Ok(Registered::boxed(id, card, HaarPsi { chroma: $chroma })),
        }
    };
}

pub(crate) const DEFINITIONS: &[Definition] =
    &[definition!(HAARPSI, YIQ_THREE_DIGITS), definition!(HAARPSI_PIQ, YIQ_FOUR_DIGITS)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pictures::{check_card, noisy, textured, value};

    #[test]
    fn cards_hold() {
        DEFINITIONS.iter().for_each(|definition| check_card(definition.card.id));
    }

    #[test]
    fn wavelets_see_steps_across_themselves_only() {
        // 2·2 pixels of weight ½ on either side of a step of height 10.
        let step = Plane::from_fn(16, 16, |x, _| if x < 8 { 0.0 } else { 10.0 });
        assert_eq!(haar(&step, 1, true).at(7, 8), 10.0);
        assert_eq!(haar(&step, 1, true).at(8, 8), 0.0);
        assert_eq!(haar(&step, 1, false).at(7, 8), 0.0);
        assert_eq!(haar(&step, 3, true).at(7, 8), 40.0);
        // The corner sees itself and three samples before it; four after it are zeros.
        assert_eq!(haar(&step, 3, false).at(15, 15), 4.0 * 4.0 * 10.0 / 8.0);
    }

    #[test]
    fn digits_matter_a_little_and_only_in_colour() {
        let reference = textured(40, 33, Channels::Rgb, 1);
        let candidate = noisy(&reference, 25.0, 2);
        let difference =
            value("haarpsi", &reference, &candidate) - value("haarpsi@piq", &reference, &candidate);
        assert!(difference != 0.0 && difference.abs() < 2e-3, "{difference}");
        let grey = textured(40, 33, Channels::Grey, 1);
        let candidate = noisy(&grey, 25.0, 2);
        assert_eq!(value("haarpsi", &grey, &candidate), value("haarpsi@piq", &grey, &candidate));
    }
}
