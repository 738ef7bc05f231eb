//! FSIM and FSIMc, similarity of features: phase congruency and gradient.
//!
//! With PC the phase congruency and G the Scharr gradient of the luminance,
//!
//! S = (2ab + T)/(a² + b² + T) for PC (T = .85) and G (T = 160),
//! FSIM = Σ S_PC·S_G·PC_m / Σ PC_m, PC_m = max(PC_x, PC_y).
//!
//! FSIMc multiplies each term by (S_I·S_Q)^.03, the similarities of the chroma planes with T = 200;
//! of a negative product's complex power the real part is taken.
//!
//! Source: Zhang, Zhang, Mou, Zhang, FSIM: A Feature Similarity Index for Image Quality Assessment,
//! IEEE Transactions on Image Processing 20(8), 2011.
//!
//! Choices: the authors' code. Y = .299R + .587G + .114B, I = .596R − .274G − .322B,
//! Q = .211R − .523G + .312B on 0…255; all planes are averaged over f×f samples and decimated first,
//! f = round(shorter side / 256). Where nothing has phase congruency, as in flat pictures, all
//! places weigh the same.
//!
//! Reproduces the authors' MATLAB code under GNU Octave to 1e-9, and piq 0.8.0 to 1e-4 at even
//! sizes: piq drops an odd last row before shrinking (1.3e-3 at 427×640) and has four-digit chroma
//! weights.
//!
//! Limits: phase congruency and gradient magnitude ignore the sign of contrast, so an inverted
//! picture scores about .99.

use std::sync::{Arc, Mutex, PoisonError};

use lookalike_core::{ColourUse, DisplayScale, MetricCard, Picture, Want};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, score_map};
use crate::colour_axes::{YIQ_THREE_DIGITS, weighted_sums};
use crate::downsample::{automatic_factor, blur_and_decimate};
use crate::filter::{Border, SCHARR, gradient_magnitude};
use crate::phase_congruency::PhaseCongruency;
use crate::plane::Plane;
use crate::registry::Definition;
use crate::similarity::{real_power, similarity};

const PHASE_CONSTANT: f64 = 0.85;
const GRADIENT_CONSTANT: f64 = 160.0;
const CHROMA_CONSTANT: f64 = 200.0;
const CHROMA_EXPONENT: f64 = 0.03;

/// Red, green and blue to Y.
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];

struct Fsim {
    chroma: bool,
    /// The filters for the size seen last: pictures that are compared have one size.
    filters: Mutex<Option<Arc<PhaseCongruency>>>,
}

struct Features {
    phase: Plane,
    gradient: Plane,
    /// I and Q, for FSIMc.
    chroma: Option<[Plane; 2]>,
    /// Picture pixels per sample.
    step: usize,
}

impl ClosedForm for Fsim {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        let step = automatic_factor(picture.width(), picture.height());
        let shrink = |plane: Plane| blur_and_decimate(&plane, step, Border::Zero);
        let (luma, chroma) = if self.chroma {
            let [i, q] = YIQ_THREE_DIGITS;
            let [luma, i, q] = weighted_sums(picture, 255.0, [LUMA, i, q]).map(shrink);
            (luma, Some([i, q]))
        } else {
            let [luma] = weighted_sums(picture, 255.0, [LUMA]).map(shrink);
            (luma, None)
        };
        let phase = self.filters(luma.width, luma.height).of(&luma);
        Ok(Features { phase, gradient: gradient_magnitude(&luma, SCHARR), chroma, step })
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let chroma = reference.chroma.as_ref().zip(candidate.chroma.as_ref());
        let places = 0..reference.phase.data.len();
        let similarities = places.into_par_iter().map(|i| {
            let alike = |r: &Plane, c: &Plane, t: f64| similarity(r.data[i], c.data[i], t);
            let structure = alike(&reference.phase, &candidate.phase, PHASE_CONSTANT)
                * alike(&reference.gradient, &candidate.gradient, GRADIENT_CONSTANT);
            let Some(([i_r, q_r], [i_c, q_c])) = chroma else { return structure };
            let colour = alike(i_r, i_c, CHROMA_CONSTANT) * alike(q_r, q_c, CHROMA_CONSTANT);
            structure * real_power(colour, CHROMA_EXPONENT)
        });
        let (width, height) = (reference.phase.width, reference.phase.height);
        let map = Plane::new(width, height, similarities.collect());
        let weight = reference.phase.zip(&candidate.phase, f64::max);
        let total = weight.sum();
        let value =
            if total > 0.0 { map.zip(&weight, |s, w| s * w).sum() / total } else { map.mean() };
        let shown = want.map.then(|| score_map(&map, 0, 0, reference.step));
        Ok(Outcome::of(value).with_map(shown))
    }
}

impl Fsim {
    fn new(chroma: bool) -> Self {
        Self { chroma, filters: Mutex::new(None) }
    }

    fn filters(&self, width: usize, height: usize) -> Arc<PhaseCongruency> {
        let mut last = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(filters) if filters.is_for(width, height) => Arc::clone(filters),
            _ => Arc::clone(last.insert(Arc::new(PhaseCongruency::new(width, height)))),
        }
    }
}

const FSIM: MetricCard = MetricCard {
    id: "fsim",
    default_profile: true,
    title: "Feature similarity",
    definition: "similarity of phase congruency (T=.85) and Scharr gradient (T=160) of luma, weighted by phase congruency",
    source: "Zhang, Zhang, Mou, Zhang, IEEE TIP 20(8), 2011",
    reproduces: "authors' code under Octave, 1e-9; piq 0.8.0, 1e-4 at even sizes",
    minimum_side: 2,
    when_smaller: "use psnr",
    colour: ColourUse::Luma,
    map: Some(DisplayScale { same: 1.0, different: 0.5 }),
    blind_to: &["inversion (0.99)", "brightness", "chroma"],
    notes: &[
        "shrinks pictures to about 256 pixels first, so it misses the finest detail of larger ones",
        "the map is the similarity before weighting",
    ],
    ..MetricCard::BASE
};

const FSIMC: MetricCard = MetricCard {
    id: "fsimc",
    title: "Feature similarity with chroma",
    definition: "fsim with each place multiplied by the real part of (S_I S_Q)^.03, chroma of YIQ (T=200)",
    reproduces: "authors' code under Octave, 1e-9; piq 0.8.0, 1e-4 at even sizes where no hue is inverted",
    colour: ColourUse::Colour,
    blind_to: &["inversion", "brightness"],
    notes: &[
        "shrinks pictures to about 256 pixels first, so it misses the finest detail of larger ones",
        "where a hue is inverted piq takes the modulus of (S_I S_Q)^.03 and comes out up to 1e-3 higher",
        "the map is the similarity before weighting",
    ],
    ..FSIM
};

pub(crate) const DEFINITIONS: &[Definition] = &[
    Definition { card: &FSIM, build: |id, card| Ok(Registered::boxed(id, card, Fsim::new(false))) },
    Definition { card: &FSIMC, build: |id, card| Ok(Registered::boxed(id, card, Fsim::new(true))) },
];

#[cfg(test)]
mod tests {
    use lookalike_core::{Channels, Error};

    use super::*;
    use crate::test_pictures::{pattern, value};

    #[test]
    fn equal_is_exactly_one_and_the_order_does_not_matter() {
        for id in ["fsim", "fsimc"] {
            for (width, height) in [(2, 2), (3, 7), (24, 17)] {
                let (a, b) = (pattern(width, height, 7), pattern(width, height, 5));
                assert_eq!(value(id, &a, &a), 1.0);
                assert_eq!(value(id, &a, &b), value(id, &b, &a));
                assert!(value(id, &a, &b) < 1.0, "{id} {width}x{height}");
            }
        }
    }

    #[test]
    fn flat_pictures_differ_in_chroma_only() {
        let flat =
            |colour: [u8; 3]| Picture::from_u8(9, 4, Channels::Rgb, colour.repeat(36)).unwrap();
        // The border is a step down to zero for the gradient, so its strength depends on the level.
        assert!(value("fsim", &flat([0; 3]), &flat([255; 3])) < 1.0);
        assert_eq!(value("fsim", &flat([90; 3]), &flat([90; 3])), 1.0);
        assert!(value("fsimc", &flat([255, 0, 0]), &flat([76; 3])) < 0.99);
        assert!(value("fsim", &flat([255, 0, 0]), &flat([76; 3])) > 0.99);
    }

    #[test]
    fn large_pictures_have_a_coarse_map() {
        let grey = |flip: bool| {
            let codes = (0..400 * 390).map(|i| if flip { (i % 241) as u8 } else { 9 }).collect();
            Picture::from_u8(400, 390, Channels::Grey, codes).unwrap()
        };
        let metric = crate::metric("fsim").unwrap();
        let map =
            metric.compare(&grey(false), &grey(true), Want { map: true }).unwrap().map.unwrap();
        assert_eq!((map.width, map.height, map.step), (200, 195, 2));
    }

    #[test]
    fn a_single_row_is_too_small() {
        let row = pattern(30, 1, 3);
        let metric = crate::metric("fsim").unwrap();
        let error = metric.compare(&row, &row, Want::default()).unwrap_err();
        assert!(matches!(error, Error::TooSmall { minimum: 2, .. }), "{error}");
    }
}
