//! VSI, visual saliency index: saliency both as feature and as weight.
//!
//! VSI = Σ S_VS·S_G^.40·(S_M·S_N)^.02·VS_m / Σ VS_m with S = (2ab + C)/(a² + b² + C) for the
//! saliency VS (C = 1.27), the Scharr gradient of L (C = 386) and the chroma planes M, N (C = 130);
//! VS_m = max(VS_x, VS_y). Of a negative product's complex power the real part is taken.
//!
//! Source: Zhang, Shen, Li, VSI: A Visual Saliency-Induced Index for Perceptual Image Quality
//! Assessment, IEEE Transactions on Image Processing 23(10), 2014.
//!
//! Choices: those of piq 0.8.0. L = .06R + .63G + .27B, M = .30R + .04G − .35B,
//! N = .34R − .60G + .17B on 0…255; all planes are averaged over f×f blocks, with
//! f = round(shorter side / 256), halves to even, after ⌊f/2⌋ repeated samples in front and
//! ⌊(f−1)/2⌋ behind. Where nothing is salient, as in flat pictures, all places weigh the same.
//!
//! Reproduces piq 0.8.0 to 1e-9; the authors' MATLAB code resizes and pools otherwise and lies up to
//! 1.1e-4 away.
//!
//! Limits: gradient magnitude and saliency ignore the sign of contrast, so an inverted picture
//! scores about .97.

use lookalike_core::{ColourUse, DisplayScale, MetricCard, Picture, Want};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, rgb, score_map};
use crate::colour_axes::weighted_sums;
use crate::downsample::automatic_factor_half_even;
use crate::filter::{Border, SCHARR, Taps, blur_decimated, gradient_magnitude};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::saliency::saliency;
use crate::similarity::{real_power, similarity};

const SALIENCY_CONSTANT: f64 = 1.27;
const GRADIENT_CONSTANT: f64 = 386.0;
const CHROMA_CONSTANT: f64 = 130.0;
const GRADIENT_EXPONENT: f64 = 0.40;
const CHROMA_EXPONENT: f64 = 0.02;

/// Red, green and blue to L, M, N.
const LMN: [[f64; 3]; 3] = [[0.06, 0.63, 0.27], [0.30, 0.04, -0.35], [0.34, -0.60, 0.17]];

struct Vsi;

struct Features {
    saliency: Plane,
    gradient: Plane,
    /// M and N.
    chroma: [Plane; 2],
    /// Picture pixels per sample.
    step: usize,
}

impl ClosedForm for Vsi {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        let step = automatic_factor_half_even(picture.width(), picture.height());
        let [luma, m, n] = weighted_sums(picture, 255.0, LMN).map(|plane| shrink(&plane, step));
        let saliency = shrink(&saliency(&rgb(picture, 1.0)), step);
        let (gradient, chroma) = (gradient_magnitude(&luma, SCHARR), [m, n]);
        Ok(Features { saliency, gradient, chroma, step })
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let places = 0..reference.saliency.data.len();
        let similarities = places.into_par_iter().map(|i| {
            let alike = |r: &Plane, c: &Plane, t: f64| similarity(r.data[i], c.data[i], t);
            let [m_r, n_r] = &reference.chroma;
            let [m_c, n_c] = &candidate.chroma;
            let chroma = alike(m_r, m_c, CHROMA_CONSTANT) * alike(n_r, n_c, CHROMA_CONSTANT);
            let gradient = alike(&reference.gradient, &candidate.gradient, GRADIENT_CONSTANT);
            alike(&reference.saliency, &candidate.saliency, SALIENCY_CONSTANT)
                * gradient.powf(GRADIENT_EXPONENT)
                * real_power(chroma, CHROMA_EXPONENT)
        });
        let (width, height) = (reference.saliency.width, reference.saliency.height);
        let map = Plane::new(width, height, similarities.collect());
        let weight = reference.saliency.zip(&candidate.saliency, f64::max);
        let total = weight.sum();
        let value =
            if total > 0.0 { map.zip(&weight, |s, w| s * w).sum() / total } else { map.mean() };
        let shown = want.map.then(|| score_map(&map, 0, 0, reference.step));
        Ok(Outcome::of(value).with_map(shown))
    }
}

/// Block means, the blocks shifted half a block towards the start.
fn shrink(plane: &Plane, factor: usize) -> Plane {
    if factor == 1 {
        return plane.clone();
    }
    let block = Taps { weights: vec![1.0; factor], before: factor / 2 };
    let area = (factor * factor) as f64;
    blur_decimated(plane, &block, Border::Replicate, factor).map(|sum| sum / area)
}

const CARD: MetricCard = MetricCard {
    id: "vsi@piq",
    default_profile: true,
    title: "Visual saliency index",
    definition: "similarity of saliency, Scharr gradient^.40 and chroma^.02, weighted by saliency",
    source: "Zhang, Shen, Li, IEEE TIP 23(10), 2014",
    reproduces: "piq 0.8.0, 1e-9; authors' code within 5e-4 (it resizes and pools otherwise)",
    colour: ColourUse::Colour,
    map: Some(DisplayScale { same: 1.0, different: 0.8 }),
    blind_to: &["inversion (0.97)", "brightness", "places that are not salient"],
    notes: &[
        "shrinks pictures to about 256 pixels first, so it misses the finest detail of larger ones",
        "the map is the similarity before weighting",
    ],
    ..MetricCard::BASE
};

pub(crate) const DEFINITIONS: &[Definition] =
    &[Definition { card: &CARD, build: |id, card| Ok(Registered::boxed(id, card, Vsi)) }];

#[cfg(test)]
mod tests {
    use lookalike_core::Channels;

    use super::*;
    use crate::test_pictures::{pattern, value};

    #[test]
    fn equal_is_exactly_one_and_the_order_does_not_matter() {
        for (width, height) in [(1, 1), (1, 6), (24, 17)] {
            let (a, b) = (pattern(width, height, 7), pattern(width, height, 5));
            assert_eq!(value("vsi", &a, &a), 1.0);
            assert_eq!(value("vsi", &a, &b), value("vsi", &b, &a));
            assert!(value("vsi", &a, &b) <= 1.0, "{width}x{height}");
        }
        assert!(value("vsi", &pattern(24, 17, 7), &pattern(24, 17, 5)) < 0.95);
    }

    #[test]
    fn flat_pictures_have_a_value() {
        let flat =
            |colour: [u8; 3]| Picture::from_u8(5, 4, Channels::Rgb, colour.repeat(20)).unwrap();
        assert_eq!(value("vsi", &flat([0; 3]), &flat([0; 3])), 1.0);
        let apart = value("vsi", &flat([0; 3]), &flat([255; 3]));
        assert!(apart > 0.0 && apart < 1.0, "{apart}");
    }

    #[test]
    fn blocks_start_half_a_block_early() {
        let ramp = Plane::new(5, 1, vec![1.0, 2.0, 4.0, 8.0, 16.0]);
        let tall = Plane::from_fn(5, 3, |x, _| ramp.at(x, 0));
        assert_eq!(shrink(&tall, 2).row(0), [1.0, 3.0, 12.0]);
        assert_eq!(shrink(&tall, 3).row(0), [4.0 / 3.0, 28.0 / 3.0]);
    }
}
