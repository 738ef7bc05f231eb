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
//! Reproduces an independent f64 implementation to 1e-9 and piq 0.8.0 `psnr` to 1e-9.

use std::borrow::Cow;

use lookalike_core::{
    ColourUse, Direction, DisplayScale, Luma, MetricCard, Picture, Samples, ScoreMap, ValueRange,
    Want,
};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, score_map};
use crate::dispatch::vectorised;
use crate::plane::Plane;
use crate::registry::Definition;
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

/// The samples of a picture.
enum Content {
    /// All channels of 8 bits, as they lie in the picture.
    Codes { picture: (usize, usize), channels: usize, codes: Vec<u8> },
    /// Planes on 0…255.
    Planes(Vec<Plane>),
}

impl ClosedForm for PixelError {
    type Features = Content;

    fn features(&self, picture: &Picture) -> Result<Content, Reason> {
        let whole = self.samples == SamplesUsed::Channels && picture.full_scale() == 255.0;
        Ok(match picture.samples() {
            Samples::U8(codes) if whole => Content::Codes {
                picture: (picture.width(), picture.height()),
                channels: picture.channels().count(),
                codes: codes.clone(),
            },
            // Differences of 8-bit samples are taken on 0…255, where they are exact.
            _ => Content::Planes(self.samples.planes(picture, 255.0)),
        })
    }

    fn compare(
        &self,
        reference: &Content,
        candidate: &Content,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let square = || mean_square(reference, candidate) / (255.0 * 255.0);
        let value = match self.pooling {
            Pooling::MeanSquare => square(),
            Pooling::RootMeanSquare => square().sqrt(),
            Pooling::MeanAbsolute => mean_absolute(reference, candidate) / 255.0,
            Pooling::PeakSignalToNoise(added) => {
                let error = square() + added;
                if error == 0.0 { f64::INFINITY } else { -10.0 * error.log10() }
            }
        };
        let map = want.map.then(|| self.map(&reference.planes(), &candidate.planes()));
        Ok(Outcome::of(value).with_map(map))
    }

    fn gradient(&self, reference: &Content, candidate: &Content) -> Option<(f64, Vec<Plane>)> {
        let derivative: fn(f64) -> f64 = match self.pooling {
            Pooling::MeanSquare => |d| 2.0 * d / 255.0,
            Pooling::MeanAbsolute => |d| if d == 0.0 { 0.0 } else { d.signum() },
            Pooling::RootMeanSquare | Pooling::PeakSignalToNoise(_) => return None,
        };
        let value = self.compare(reference, candidate, Want::default()).ok()?.value;
        let (reference, candidate) = (reference.planes(), candidate.planes());
        let samples = (reference.len() * reference.first()?.data.len()) as f64;
        let planes = reference.iter().zip(&*candidate);
        let planes = planes.map(|(r, c)| r.zip(c, |r, c| derivative(c - r) / samples)).collect();
        Some((value, planes))
    }
}

impl Content {
    fn planes(&self) -> Cow<'_, [Plane]> {
        match self {
            Self::Planes(planes) => Cow::Borrowed(planes),
            Self::Codes { picture: (width, height), channels, codes } => {
                let plane = |channel: usize| {
                    let codes = codes.iter().skip(channel).step_by(*channels);
                    Plane::new(*width, *height, codes.map(|&code| f64::from(code)).collect())
                };
                Cow::Owned((0..*channels).map(plane).collect())
            }
        }
    }
}

impl PixelError {
    /// Mean over channels of the squared (MSE, PSNR) or absolute (RMSE, MAE) difference, 0…1.
    fn map(&self, reference: &[Plane], candidate: &[Plane]) -> ScoreMap {
        let mut sum = Plane::zeros(reference[0].width, reference[0].height);
        for (r, c) in reference.iter().zip(candidate) {
            for ((total, r), c) in sum.data.iter_mut().zip(&r.data).zip(&c.data) {
                let d = (c - r).abs() / 255.0;
                *total += match self.pooling {
                    Pooling::MeanSquare | Pooling::PeakSignalToNoise(_) => d * d,
                    Pooling::RootMeanSquare | Pooling::MeanAbsolute => d,
                };
            }
        }
        let count = reference.len() as f64;
        score_map(&sum.map(|v| v / count), 0, 0, 1)
    }
}

fn mean_square(reference: &Content, candidate: &Content) -> f64 {
    match (reference, candidate) {
        (Content::Codes { codes: r, .. }, Content::Codes { codes: c, .. }) => {
            mean_of_codes(r, c, |d| d * d)
        }
        _ => mean(&reference.planes(), &candidate.planes(), |d| d * d),
    }
}

fn mean_absolute(reference: &Content, candidate: &Content) -> f64 {
    match (reference, candidate) {
        (Content::Codes { codes: r, .. }, Content::Codes { codes: c, .. }) => {
            mean_of_codes(r, c, |d| d)
        }
        _ => mean(&reference.planes(), &candidate.planes(), f64::abs),
    }
}

/// The mean of a function, at most 255², of the distance of two codes; the sum is exact.
fn mean_of_codes(reference: &[u8], candidate: &[u8], f: impl Fn(u32) -> u32 + Sync) -> f64 {
    /// As many squares of 255 as a 32-bit sum holds.
    const LONGEST: usize = 1 << 16;
    let blocks = reference.par_chunks(LONGEST).zip(candidate.par_chunks(LONGEST));
    let sum: u64 = blocks
        .map(|(reference, candidate)| {
            u64::from(vectorised(
                #[inline(always)]
                || {
                    let pairs = reference.iter().zip(candidate);
                    pairs.map(|(&r, &c)| f(u32::from(r.abs_diff(c)))).sum::<u32>()
                },
            ))
        })
        .sum();
    sum as f64 / reference.len() as f64
}

fn mean(reference: &[Plane], candidate: &[Plane], f: impl Fn(f64) -> f64 + Sync) -> f64 {
    let planes = reference.iter().zip(candidate);
    let sum: f64 = planes.clone().map(|(r, c)| r.sum_with(c, |r, c| f(c - r))).sum();
    sum / planes.map(|(r, _)| r.data.len()).sum::<usize>() as f64
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
