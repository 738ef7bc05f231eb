//! Any metric that has a gradient, as a loss.
//!
//! ℓ = m(target, output) where less is better, best − m where more is, with m's own gradient: `1 - ssim@wang`,
//! `1 - ms-ssim@small`, `gmsd@matlab`, `lpips:vgg@0.1`. Equal pictures give 0 and a gradient of 0.
//!
//! Metrics are defined on samples in 0…1. A network without a last sigmoid may leave them; nothing is cut off in
//! silence, which would leave such samples without a gradient: ℓ = m(target, clamp(output)) + mean |output −
//! clamp(output)|, so that every sample is drawn back into 0…1.
//!
//! Closed-form metrics take their vectorised value and gradient in one pass; pictures of a batch are tasks.

use lookalike_core::{Channels, Direction, Metric, Picture};
use rayon::prelude::*;

use super::{Batch, Loss};
use crate::{Error, Result};

/// A metric as a loss.
pub struct MetricLoss {
    metric: Box<dyn Metric>,
    name: String,
}

impl MetricLoss {
    /// # Errors
    /// [`Error::Refused`] for a metric without gradient.
    pub fn new(metric: Box<dyn Metric>) -> Result<Self> {
        let name = metric.id().to_string();
        if !metric.card().gradient {
            return Err(Error::Refused(format!(
                "{name}: expected a metric with a gradient; `lookalike metrics` says which have one"
            )));
        }
        Ok(Self { metric, name })
    }

    fn one(
        &self,
        [channels, height, width]: [usize; 3],
        target: &[f32],
        output: &[f32],
        (weight, batch): (f64, usize),
        gradient: &mut [f32],
    ) -> Result<f64> {
        let share = 1.0 / batch as f64;
        let (reference, _) = picture(channels, height, width, target)?;
        let (candidate, outside) = picture(channels, height, width, output)?;
        let prepared = self.metric.prepare(&reference)?;
        let (equal, sign) = match self.metric.direction() {
            Direction::LowerIsBetter => (self.metric.card().equal, 1.0),
            Direction::HigherIsBetter => (self.metric.card().equal, -1.0),
        };
        let factor = weight * share * sign;
        if !outside {
            let value = prepared.add_gradient(&candidate, factor, gradient)?;
            return Ok(sign * (value - equal));
        }
        let mut slopes = vec![0.0; gradient.len()];
        let mut loss = sign * (prepared.add_gradient(&candidate, factor, &mut slopes)? - equal);
        let mean = 1.0 / output.len() as f64;
        for ((to, slope), &sample) in gradient.iter_mut().zip(slopes).zip(output) {
            if (0.0..=1.0).contains(&sample) {
                *to += slope;
                continue;
            }
            let beyond = sample - sample.clamp(0.0, 1.0);
            loss += f64::from(beyond.abs()) * mean;
            *to += (weight * share * f64::from(beyond.signum()) * mean) as f32;
        }
        Ok(loss)
    }
}

/// A picture of planes, and whether samples had to be brought into 0…1.
fn picture(
    channels: usize,
    height: usize,
    width: usize,
    planes: &[f32],
) -> Result<(Picture, bool)> {
    let kind = match channels {
        1 => Channels::Grey,
        3 => Channels::Rgb,
        _ => {
            return Err(Error::Refused(format!(
                "a metric as a loss: expected pictures of 1 or 3 channels, found {channels}"
            )));
        }
    };
    // Nearly always all samples are within the range, which a picture sees to itself.
    let inside = interleaved(kind, height * width, planes, |sample| sample);
    if let Ok(picture) = Picture::from_f32(width, height, kind, inside) {
        return Ok((picture, false));
    }
    // What is no number stays none, and is refused.
    let clamped = interleaved(kind, height * width, planes, |sample| sample.clamp(0.0, 1.0));
    Ok((Picture::from_f32(width, height, kind, clamped)?, true))
}

/// What `of` makes of the samples of planes, pixel by pixel.
fn interleaved(
    kind: Channels,
    pixels: usize,
    planes: &[f32],
    of: impl Fn(f32) -> f32 + Copy,
) -> Vec<f32> {
    match kind {
        Channels::Grey => planes.iter().copied().map(of).collect(),
        Channels::Rgb => {
            let (red, rest) = planes.split_at(pixels);
            let (green, blue) = rest.split_at(pixels);
            let pixels = red.iter().zip(green).zip(blue).map(|((&r, &g), &b)| [r, g, b].map(of));
            pixels.collect::<Vec<_>>().into_flattened()
        }
    }
}

impl Loss for MetricLoss {
    fn name(&self) -> &str {
        &self.name
    }

    fn scale(&self) -> String {
        match self.metric.direction() {
            Direction::LowerIsBetter => self.name.clone(),
            Direction::HigherIsBetter => format!("{} - {}", self.metric.card().equal, self.name),
        }
    }

    fn evaluate(
        &self,
        target: &Batch<'_>,
        output: &Batch<'_>,
        weight: f64,
        gradient: &mut [f32],
    ) -> Result<f64> {
        target.expect_like(output)?;
        let [batch, channels, height, width] = output.shape;
        let size = output.size();
        let pictures = output.samples.par_chunks(size).zip(target.samples.par_chunks(size));
        let losses: Vec<f64> = pictures
            .zip(gradient.par_chunks_mut(size))
            .map(|((output, target), gradient)| {
                self.one([channels, height, width], target, output, (weight, batch), gradient)
            })
            .collect::<Result<_>>()?;
        Ok(losses.iter().sum::<f64>() / batch as f64)
    }
}
