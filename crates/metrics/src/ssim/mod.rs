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
//! 0…1 in f64. Meets scikit-image 0.26, piq 0.8.0, torchmetrics 1.9 and pytorch-msssim 1.0.0 to
//! 1e-9 under their profiles, and the authors' code to 2e-5, which is how it rounds luma.

mod gradient;
mod profiles;
mod statistics;
#[cfg(test)]
mod tests;
mod window;

use lookalike_core::{Picture, Want};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, score_map};
use crate::downsample::{automatic_factor, automatic_factor_half_even, blur_and_decimate, pool};
use crate::filter::Border;
use crate::plane::Plane;
use crate::samples::{CHANNEL_NAMES, SamplesUsed};

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
struct Ssim {
    samples: SamplesUsed,
    shrinking: Shrinking,
    window: Window,
}

/// The planes of a picture as they are compared.
struct Features {
    planes: Vec<Plane>,
    channels: usize,
    factor: usize,
}

impl ClosedForm for Ssim {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        let factor = self.shrinking.factor(picture);
        let planes = self.samples.planes(picture, 1.0);
        let planes = planes.into_par_iter().map(|p| self.shrinking.apply(p, factor)).collect();
        Ok(Features { planes, channels: picture.channels().count(), factor })
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let maps: Vec<Plane> = reference
            .planes
            .par_iter()
            .zip(&candidate.planes)
            .map(|(x, y)| dissimilarity(x, y, &self.window, Constants::WANG).combined())
            .collect();
        let values: Vec<f64> = maps.iter().map(|map| 1.0 - map.mean()).collect();
        let mut outcome = Outcome::of(mean(&values));
        if values.len() == CHANNEL_NAMES.len() {
            for (name, value) in CHANNEL_NAMES.into_iter().zip(&values) {
                outcome = outcome.with_part(name, *value);
            }
        }
        Ok(outcome.with_map(want.map.then(|| {
            let count = maps.len() as f64;
            let similarity = Plane::from_fn(maps[0].width, maps[0].height, |x, y| {
                1.0 - maps.iter().map(|map| map.at(x, y)).sum::<f64>() / count
            });
            let first = self.shrinking.place(self.window.inset(), reference.factor);
            score_map(&similarity, first, first, reference.factor)
        })))
    }

    fn gradient(&self, reference: &Features, candidate: &Features) -> Option<(f64, Vec<Plane>)> {
        if self.shrinking != Shrinking::None || !self.samples.is_smooth() {
            return None;
        }
        let pairs = reference.planes.par_iter().zip(&candidate.planes);
        let answers: Option<Vec<(f64, Plane)>> =
            pairs.map(|(x, y)| value_and_gradient(x, y, &self.window, Constants::WANG)).collect();
        let (values, gradients): (Vec<f64>, Vec<Plane>) = answers?.into_iter().unzip();
        let count = values.len() as f64;
        let gradients = gradients.into_iter().map(|plane| plane.map(|v| v / count)).collect();
        Some((mean(&values), self.samples.pull_back(gradients, candidate.channels)))
    }

    fn minimum_side(&self, _card: &lookalike_core::MetricCard) -> usize {
        self.window.minimum_side()
    }
}

/// Mean of a few numbers.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
