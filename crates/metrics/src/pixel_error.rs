//! Errors of single samples: MSE, RMSE, MAE, PSNR.
//!
//! With d = candidate − reference over all samples of all channels on the 0…1 scale:
//!
//! * MSE = mean d², RMSE = √MSE, MAE = mean |d|
//! * PSNR = 10·log10(1 / MSE) decibel, +∞ for equal pictures
//!
//! Profiles: `psnr` over all RGB samples; `psnr:y` over unrounded BT.601 luma; `psnr:y@studio`
//! over the 16…235 luma of 8-bit video with peak 255, the habit of super-resolution papers (about
//! 1.32 dB higher); `psnr@piq` adds 1e-8 to the MSE, so equal pictures give 80 dB.
//!
//! Gradients with respect to the candidate: MSE 2d/n; MAE sign(d)/n with sign(0) = 0.
//!
//! Values are summed sample by sample, exactly for integers: nothing of a picture's size is held
//! beside the pictures themselves.
//!
//! Reproduces an independent f64 implementation to 1e-9 and piq 0.8.0 `psnr` to 1e-9.

use lookalike_core::{
    ColourUse, Direction, DisplayScale, Luma, MetricCard, Picture, ScoreMap, ValueRange, Want,
};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::sample_differences::{Power, mean, row};
use crate::samples::SamplesUsed;

/// Which number is formed of the differences.
#[derive(Clone, Copy)]
enum Pooling {
    MeanSquare,
    RootMeanSquare,
    MeanAbsolute,
    /// Decibel; the constant is added to the mean square.
    PeakSignalToNoise(f64),
}

struct PixelError {
    samples: SamplesUsed,
    pooling: Pooling,
}

impl ClosedForm for PixelError {
    /// Shares its samples with the picture it was read from.
    type Features = Picture;

    fn features(&self, picture: &Picture) -> Result<Picture, Reason> {
        Ok(picture.clone())
    }

    fn compare(
        &self,
        reference: &Picture,
        candidate: &Picture,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let mean = |power| mean(reference, candidate, self.samples, power);
        let value = match self.pooling {
            Pooling::MeanSquare => mean(Power::Square),
            Pooling::RootMeanSquare => mean(Power::Square).sqrt(),
            Pooling::MeanAbsolute => mean(Power::Absolute),
            Pooling::PeakSignalToNoise(added) => {
                let error = mean(Power::Square) + added;
                if error == 0.0 { f64::INFINITY } else { -10.0 * error.log10() }
            }
        };
        Ok(Outcome::of(value).with_map(want.map.then(|| self.map(reference, candidate))))
    }

    fn gradient(&self, reference: &Picture, candidate: &Picture) -> Option<(f64, Vec<Plane>)> {
        let derivative: fn(f64) -> f64 = match self.pooling {
            Pooling::MeanSquare => |d| 2.0 * d / 255.0,
            Pooling::MeanAbsolute => |d| if d == 0.0 { 0.0 } else { d.signum() },
            Pooling::RootMeanSquare | Pooling::PeakSignalToNoise(_) => return None,
        };
        let value = self.compare(reference, candidate, Want::default()).ok()?.value;
        // Differences of 8-bit samples are taken on 0…255, where they are exact.
        let planes = |picture| self.samples.planes(picture, 255.0);
        let (reference, candidate) = (planes(reference), planes(candidate));
        let samples = (reference.len() * reference.first()?.data.len()) as f64;
        let planes = reference.iter().zip(&candidate);
        let planes = planes.map(|(r, c)| r.zip(c, |r, c| derivative(c - r) / samples)).collect();
        Some((value, planes))
    }
}

impl PixelError {
    /// Mean over channels of the squared (MSE, PSNR) or absolute (RMSE, MAE) difference, 0…1.
    fn map(&self, reference: &Picture, candidate: &Picture) -> ScoreMap {
        let power = match self.pooling {
            Pooling::MeanSquare | Pooling::PeakSignalToNoise(_) => Power::Square,
            Pooling::RootMeanSquare | Pooling::MeanAbsolute => Power::Absolute,
        };
        let (width, height) = (reference.width(), reference.height());
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            let means = row(reference, candidate, self.samples, power, y);
            values.extend(means.into_iter().map(|mean| mean as f32));
        }
        ScoreMap { width, height, values, left: 0, top: 0, step: 1 }
    }
}

const ERROR: MetricCard = MetricCard {
    source: "elementary",
    direction: Direction::LowerIsBetter,
    equal: 0.0,
    default_profile: true,
    blind_to: &["where an error lies and whether people see it", "structure"],
    ..MetricCard::BASE
};

const MSE: MetricCard = MetricCard {
    id: "mse",
    title: "Mean squared error",
    definition: "mean over samples of (candidate - reference)^2, samples in 0..1",
    reproduces: "an independent f64 implementation, 1e-9",
    map: Some(DisplayScale { same: 0.0, different: 0.04 }),
    gradient: true,
    ..ERROR
};

const RMSE: MetricCard = MetricCard {
    id: "rmse",
    title: "Root mean squared error",
    definition: "sqrt(mse)",
    reproduces: "an independent f64 implementation, 1e-9",
    map: Some(DisplayScale { same: 0.0, different: 0.2 }),
    ..ERROR
};

const MAE: MetricCard = MetricCard {
    id: "mae",
    title: "Mean absolute error",
    definition: "mean over samples of |candidate - reference|, samples in 0..1",
    reproduces: "an independent f64 implementation, 1e-9",
    map: Some(DisplayScale { same: 0.0, different: 0.2 }),
    gradient: true,
    notes: &["gradient: sign(0) is taken as 0"],
    ..ERROR
};

const PSNR: MetricCard = MetricCard {
    id: "psnr",
    title: "Peak signal-to-noise ratio",
    definition: "10 log10(1 / mse) decibel over all RGB samples in 0..1",
    reproduces: "scikit-image, torchmetrics, 1e-9; +inf for equal pictures, where others give 80 or 100",
    direction: Direction::HigherIsBetter,
    range: ValueRange { low: 0.0, high: f64::INFINITY },
    equal: f64::INFINITY,
    map: MSE.map,
    ..ERROR
};

const PSNR_Y: MetricCard = MetricCard {
    id: "psnr:y",
    title: "Peak signal-to-noise ratio of luma",
    definition: "PSNR of .299R + .587G + .114B, not rounded",
    reproduces: "an independent f64 implementation on unrounded BT.601 luma, 1e-9",
    colour: ColourUse::Luma,
    ..PSNR
};

const PSNR_Y_STUDIO: MetricCard = MetricCard {
    id: "psnr:y@studio",
    default_profile: false,
    title: "Peak signal-to-noise ratio of studio luma",
    definition: "PSNR of 16 + (65.481R + 128.553G + 24.966B)/255 with peak 255",
    reproduces: "the super-resolution habit (MATLAB rgb2ycbcr without rounding), 1e-9",
    range: ValueRange { low: 1.0, high: f64::INFINITY },
    notes: &["about 1.32 dB above psnr:y; shave borders with +shave=N"],
    ..PSNR_Y
};

const PSNR_PIQ: MetricCard = MetricCard {
    id: "psnr@piq",
    default_profile: false,
    definition: "10 log10(1 / (mse + 1e-8))",
    reproduces: "piq 0.8.0 and pyiqa 0.1.16 psnr, 1e-9 (pyiqa in f32: 1e-4 dB)",
    range: ValueRange { low: -1e-7, high: 80.0 },
    equal: 80.0,
    ..PSNR
};

macro_rules! definition {
    ($card:expr, $samples:expr, $pooling:expr) => {
        Definition {
            card: &$card,
            build: |id, card| {
                Ok(Registered::boxed(id, card, PixelError { samples: $samples, pooling: $pooling }))
            },
        }
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    definition!(MSE, SamplesUsed::Channels, Pooling::MeanSquare),
    definition!(RMSE, SamplesUsed::Channels, Pooling::RootMeanSquare),
    definition!(MAE, SamplesUsed::Channels, Pooling::MeanAbsolute),
    definition!(PSNR, SamplesUsed::Channels, Pooling::PeakSignalToNoise(0.0)),
    definition!(PSNR_Y, SamplesUsed::Luma(Luma::Y601), Pooling::PeakSignalToNoise(0.0)),
    definition!(
        PSNR_Y_STUDIO,
        SamplesUsed::Luma(Luma::Y601Studio),
        Pooling::PeakSignalToNoise(0.0)
    ),
    definition!(PSNR_PIQ, SamplesUsed::Channels, Pooling::PeakSignalToNoise(1e-8)),
];
