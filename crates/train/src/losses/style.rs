//! Activations of a network, and their Gram matrices ("style"), as losses.
//!
//! At every tap of a network, with activations F of C channels at N positions:
//!
//! * `content:NETWORK`: Σ_taps mean (F_output − F_target)²;
//! * `style:NETWORK`: Σ_taps mean (G_output − G_target)², G = F Fᵀ/(C·N).
//!
//! Source: Gatys, Ecker, Bethge 2016; the division of G as Johnson, Alahi, Fei-Fei 2016 have it. Choices: all taps
//! of LPIPS' networks count alike (`alex`, `vgg`, `squeeze`; the paper chooses layers by taste), inputs are
//! normalised as torchvision's networks want them; greyscale pictures are three equal channels.
//!
//! Limits: weights must be there; samples outside 0…1 are passed on as they are.

use std::sync::Arc;

use lookalike_deep::{Net, WeightSource};
use lookalike_nn::{Blocks, Planes, Trunk};

use super::{Batch, Loss};
use crate::session::absent;
use crate::{Error, Result};

/// What is subtracted from samples, and what the difference is divided by: mean and deviation of ImageNet, as
/// torchvision's networks want them.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// What of activations is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// They themselves.
    Content,
    /// Their Gram matrices.
    Style,
}

/// A loss on activations.
pub struct ActivationLoss {
    compared: Compared,
    trunk: Arc<Trunk>,
    name: String,
}

impl ActivationLoss {
    /// With the weights of a network.
    ///
    /// # Errors
    /// [`Error::Refused`] with the command that brings the weights where they are not there.
    pub fn new(compared: Compared, net: Net, weights: &dyn WeightSource) -> Result<Self> {
        let (trunk, _) = weights.trunk(net.backbone()).map_err(absent)?;
        let kind = match compared {
            Compared::Content => "content",
            Compared::Style => "style",
        };
        Ok(Self { compared, trunk, name: format!("{kind}:{}", net.as_str()) })
    }

    /// The value of one tap and its derivatives with respect to the output's activations.
    fn tap(&self, target: &Blocks, output: &Blocks, factor: f64) -> Result<(f64, Blocks)> {
        let [batch, channels, height, width] = output.shape();
        let area = height * width;
        let mut sum = 0.0;
        let mut slopes = Blocks::zeros(output.shape())?;
        match self.compared {
            Compared::Content => {
                let share = 1.0 / (batch * channels * area) as f64;
                let lines = output.lines().iter().zip(target.lines());
                for (to, (output, target)) in slopes.lines_mut().iter_mut().zip(lines) {
                    for ((to, output), target) in to.0.iter_mut().zip(output.0).zip(target.0) {
                        let d = f64::from(output) - f64::from(target);
                        sum += d * d * share;
                        *to = (2.0 * d * share * factor) as f32;
                    }
                }
            }
            Compared::Style => {
                let scale = 1.0 / (channels * area) as f64;
                let share = 1.0 / (batch * channels * channels) as f64;
                let [target, output] = [target, output].map(Blocks::to_planes);
                let mut planes = Vec::with_capacity(output.len());
                let size = channels * area;
                for (output, target) in output.chunks(size).zip(target.chunks(size)) {
                    let [g, wanted] = [output, target].map(|f| gram(f, area, scale));
                    let d: Vec<f64> = g.iter().zip(&wanted).map(|(g, w)| g - w).collect();
                    sum += d.iter().map(|d| d * d).sum::<f64>() * share;
                    // ∂/∂F = 4·share·scale·(G − G') F, as G is symmetric.
                    let by = 4.0 * share * scale * factor;
                    for row in d.chunks(channels) {
                        let mut sums = vec![0.0; area];
                        for (d, channel) in row.iter().zip(output.chunks(area)) {
                            for (sum, &f) in sums.iter_mut().zip(channel) {
                                *sum += d * f64::from(f);
                            }
                        }
                        planes.extend(sums.into_iter().map(|sum| (by * sum) as f32));
                    }
                }
                slopes.read_planes([batch, channels, height, width], &planes)?;
            }
        }
        Ok((sum, slopes))
    }
}

/// F Fᵀ times a factor, rows of `area` numbers.
fn gram(f: &[f32], area: usize, factor: f64) -> Vec<f64> {
    let rows: Vec<&[f32]> = f.chunks(area).collect();
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() * factor
    };
    rows.iter().flat_map(|a| rows.iter().map(|b| product(a, b))).collect()
}

impl Loss for ActivationLoss {
    fn name(&self) -> &str {
        &self.name
    }

    fn scale(&self) -> String {
        format!("sum over taps of mean squared differences ({})", self.name)
    }

    fn evaluate(
        &self,
        target: &Batch<'_>,
        output: &Batch<'_>,
        weight: f64,
        gradient: &mut [f32],
    ) -> Result<f64> {
        target.expect_like(output)?;
        let [wanted, input] = [target, output].map(network_input);
        let (wanted, input) = (wanted?, input?);
        let targets = self.trunk.activations(&wanted)?;
        let mut total = 0.0;
        let found = self.trunk.gradient(&input, |taps| -> Result<Vec<Blocks>> {
            let mut derivatives = Vec::with_capacity(taps.len());
            for (output, target) in taps.iter().zip(&targets) {
                let (value, slopes) = self.tap(target, output, weight)?;
                total += value;
                derivatives.push(slopes);
            }
            Ok(derivatives)
        })?;
        let [_, channels, height, width] = output.shape;
        let area = height * width;
        for (picture, of) in gradient.chunks_mut(channels * area).zip(found.data().chunks(3 * area))
        {
            for (channel, of) in of.chunks(area).enumerate() {
                let by = 1.0 / DEVIATION[channel];
                let to = &mut picture[channel % channels * area..][..area];
                to.iter_mut().zip(of).for_each(|(to, of)| *to += by * of);
            }
        }
        Ok(total)
    }
}

/// Samples as LPIPS' networks read them.
fn network_input(batch: &Batch<'_>) -> Result<Planes> {
    let [count, channels, height, width] = batch.shape;
    if !matches!(channels, 1 | 3) {
        return Err(Error::Refused(format!("expected 1 or 3 channels, found {channels}")));
    }
    let area = height * width;
    let mut data = Vec::with_capacity(3 * count * area);
    for picture in batch.samples.chunks(channels * area) {
        for channel in 0..3 {
            let plane = &picture[channel % channels * area..][..area];
            let (mean, deviation) = (MEAN[channel], DEVIATION[channel]);
            data.extend(plane.iter().map(|sample| (sample - mean) / deviation));
        }
    }
    Ok(Planes::new([count, 3, height, width], data)?)
}
