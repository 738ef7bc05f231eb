//! SSIM, the structural similarity index.
//!
//! Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural
//! similarity", IEEE TIP 13(4), 2004, equation 13: with local means μ, variances σ² and covariance
//! σxy under a window,
//!
//! SSIM = (2μxμy + C1)(2σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2)),
//!
//! averaged over positions. Window: 11×11 Gaussian with σ 1.5, normalised; C = (.01², .03²) for
//! samples in 0…1; moments are biased.
//!
//! What separates implementations is which samples enter, whether the picture is shrunk first,
//! what lies beyond the border, and the window; each combination in use is a profile. `ssim` is the
//! mean over red, green and blue at valid positions, without shrinking.
//!
//! Computed as products of 1 − l and 1 − cs in terms of sum and difference ([`Moments`]), on
//! 0…1 in f64. That is the definition, and the answer for samples in double precision; all others
//! are computed by vector kernels in f32 where these know the window, within 1e-6.
//! Meets scikit-image 0.26, piq 0.8.0, torchmetrics 1.9 and pytorch-msssim 1.0.0 to 1e-9 (2e-6 in
//! f32) under their profiles, and the authors' code to 2e-5, which is how it rounds luma.

mod gradient;
mod profiles;
mod statistics;
#[cfg(test)]
mod tests;
mod window;

use std::any::Any;
use std::sync::OnceLock;

use lookalike_core::{Picture, ScoreMap, Want};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, Slopes, one_after_the_other, score_map};
use crate::downsample::{automatic_factor, automatic_factor_half_even, blur_and_decimate, pool};
use crate::filter::Border;
use crate::ms_ssim::MsSsim;
use crate::plane::Plane;
use crate::samples::{CHANNEL_NAMES, SamplesUsed};
use crate::strips::{self, PairRows, Schedule, Similarity};

pub use gradient::value_and_gradient;
pub(crate) use gradient::{Weights, pull_back};
pub(crate) use profiles::DEFINITIONS;
pub use statistics::{Constants, Dissimilarity, Moments, dissimilarity};
pub(crate) use window::window_option;
pub use window::{LONGEST_WINDOW, SIGMA, Window};

/// What is done to large pictures before they are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shrinking {
    /// Nothing.
    None,
    /// The authors' code of 2011: a mean over f×f with symmetric border, then every f-th sample.
    Decimated,
    /// piq: means of f×f blocks, incomplete blocks dropped.
    Pooled,
}

impl Shrinking {
    /// f = max(1, round(shorter side / 256)).
    fn factor(self, picture: &Picture) -> usize {
        match self {
            Self::None => 1,
            Self::Decimated => automatic_factor(picture.width(), picture.height()),
            Self::Pooled => automatic_factor_half_even(picture.width(), picture.height()),
        }
    }

    fn apply(self, plane: Plane, factor: usize) -> Plane {
        match self {
            _ if factor == 1 => plane,
            Self::None => plane,
            Self::Decimated => blur_and_decimate(&plane, factor, Border::Symmetric),
            Self::Pooled => pool(&plane, factor),
        }
    }

    /// Picture column of sample `index` of a shrunk row.
    fn place(self, index: usize, factor: usize) -> usize {
        match self {
            Self::None | Self::Decimated => index * factor,
            Self::Pooled => index * factor + (factor - 1) / 2,
        }
    }
}

/// One profile of SSIM.
pub(crate) struct Ssim {
    pub(crate) samples: SamplesUsed,
    shrinking: Shrinking,
    pub(crate) window: Window,
}

/// A picture as it is compared.
pub(crate) struct Features {
    /// For the strips, which read samples as they need them.
    picture: Picture,
    /// For the oracle, when it is asked.
    planes: OnceLock<Vec<Plane>>,
    factor: usize,
}

impl Ssim {
    /// The planes of a picture, computed when the strips do not know the profile or its samples.
    fn planes<'a>(&self, features: &'a Features) -> &'a [Plane] {
        features.planes.get_or_init(|| {
            let planes = self.samples.planes(&features.picture, 1.0).into_par_iter();
            planes.map(|plane| self.shrinking.apply(plane, features.factor)).collect()
        })
    }

    /// The rows of a pair for the strips; `None` where the oracle has to answer.
    fn rows<'a>(&self, reference: &'a Features, candidate: &'a Features) -> Option<PairRows<'a>> {
        let margin = strips::margin_of(&self.window);
        let known = matches!(self.window.border(), Border::Valid | Border::Mirror);
        if !known || reference.factor != 1 || reference.picture.shorter_side() <= margin {
            return None;
        }
        PairRows::new(&reference.picture, &candidate.picture, self.samples, margin)
    }

    /// Whether there is a gradient: of smooth samples at their own scale, under windows with an
    /// adjoint.
    fn has_gradient(&self) -> bool {
        let whole = self.shrinking == Shrinking::None;
        whole && self.samples.is_smooth() && self.window.has_adjoint()
    }

    /// Whether the pictures of a pair are compared at their own size.
    pub(crate) fn compares_whole(&self, picture: &Picture) -> bool {
        self.shrinking.factor(picture) == 1
    }

    /// The outcome of a similarity at positions that lie `factor` pixels apart.
    pub(crate) fn outcome(&self, similarity: Similarity, factor: usize) -> Outcome {
        let Similarity { channels, map } = similarity;
        let mut outcome = Outcome::of(mean(&channels));
        if channels.len() == CHANNEL_NAMES.len() {
            for (name, value) in CHANNEL_NAMES.into_iter().zip(&channels) {
                outcome = outcome.with_part(name, *value);
            }
        }
        outcome.with_map(map.map(|map| {
            let first = self.shrinking.place(self.window.inset(), factor);
            ScoreMap { left: first, top: first, step: factor, ..map }
        }))
    }

    fn similarity(&self, reference: &Features, candidate: &Features, want: Want) -> Similarity {
        let by_strips = self.rows(reference, candidate).and_then(|rows| {
            strips::similarity(&rows, &self.window, Constants::WANG, want.map, Schedule::best())
        });
        by_strips.unwrap_or_else(|| {
            let pairs = self.planes(reference).par_iter().zip(self.planes(candidate));
            let maps: Vec<Plane> = pairs
                .map(|(x, y)| dissimilarity(x, y, &self.window, Constants::WANG).combined())
                .collect();
            let count = maps.len() as f64;
            let map = want.map.then(|| {
                let similarity = Plane::from_fn(maps[0].width, maps[0].height, |x, y| {
                    1.0 - maps.iter().map(|map| map.at(x, y)).sum::<f64>() / count
                });
                score_map(&similarity, 0, 0, 1)
            });
            Similarity { channels: maps.iter().map(|map| 1.0 - map.mean()).collect(), map }
        })
    }
}

impl ClosedForm for Ssim {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        let factor = self.shrinking.factor(picture);
        Ok(Features { picture: picture.clone(), planes: OnceLock::new(), factor })
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Result<Outcome, Reason> {
        Ok(self.outcome(self.similarity(reference, candidate, want), reference.factor))
    }

    /// MS-SSIM computes what SSIM needs on its way.
    fn together(
        &self,
        other: &dyn Any,
        pair: [&Picture; 2],
        [want, want_of_other]: [Want; 2],
    ) -> Option<[Outcome; 2]> {
        let [of_other, own] =
            other.downcast_ref::<MsSsim>()?.together(self, pair, [want_of_other, want])?;
        Some([own, of_other])
    }

    fn gradient(&self, reference: &Features, candidate: &Features) -> Option<(f64, Vec<Plane>)> {
        if !self.has_gradient() {
            return None;
        }
        let pairs = self.planes(reference).par_iter().zip(self.planes(candidate));
        let answers: Option<Vec<(f64, Plane)>> =
            pairs.map(|(x, y)| value_and_gradient(x, y, &self.window, Constants::WANG)).collect();
        let (values, gradients): (Vec<f64>, Vec<Plane>) = answers?.into_iter().unzip();
        let count = values.len() as f64;
        let gradients = gradients.into_iter().map(|plane| plane.map(|v| v / count)).collect();
        let channels = candidate.picture.channels().count();
        Some((mean(&values), self.samples.pull_back(gradients, channels)))
    }

    fn gradient_samples(
        &self,
        reference: &Features,
        candidate: &Features,
    ) -> Option<(f64, Slopes)> {
        if !self.has_gradient() {
            return None;
        }
        let by_strips = self.rows(reference, candidate).and_then(|rows| {
            strips::value_and_gradient(&rows, &self.window, Constants::WANG, Schedule::best())
        });
        let Some((values, gradient)) = by_strips else {
            let (value, planes) = self.gradient(reference, candidate)?;
            return Some((value, one_after_the_other(planes)));
        };
        if self.samples == SamplesUsed::Channels {
            return Some((mean(&values), Slopes::Single(gradient)));
        }
        let picture = &candidate.picture;
        let gradient = Slopes::Single(gradient).in_double();
        let luma = Plane::new(picture.width(), picture.height(), gradient);
        let planes = self.samples.pull_back(vec![luma], picture.channels().count());
        Some((mean(&values), one_after_the_other(planes)))
    }

    fn minimum_side(&self, _card: &lookalike_core::MetricCard) -> usize {
        self.window.minimum_side()
    }
}

/// Mean of a few numbers.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
