//! From pictures to the moments of latents, and the way back from their mean.

use lookalike_kernels::{Blocks, Padding};

use super::attention::AttentionBlock;
use super::config::Config;
use super::moments::Moments;
use super::planes::{blocks, expect_finite};
use super::residual::Residual;
use super::sequence::{Sequence, Step, Trace};
use super::source::Source;
use crate::Result;

/// Zeros below and on the right alone, as Stable Diffusion's halving convolutions have them.
const BELOW: Padding = Padding { rows: [0, 1], columns: [0, 1] };

/// The steps of an encoder: picture to means and logarithms of variances.
pub(super) fn encoder(source: &Source<'_>, config: &Config) -> Result<Sequence> {
    let Config { channels, block_out_channels: levels, latent_channels, .. } = config;
    let (deepest, moments) = (config.deepest(), 2 * latent_channels);
    let mut inputs = levels.first().copied().unwrap_or_default();
    let mut steps = vec![Step::Convolution(source.same("encoder.conv_in", [inputs, *channels])?)];
    for (level, &outputs) in levels.iter().enumerate() {
        let path = format!("encoder.down_blocks.{level}");
        for index in 0..config.layers_per_block {
            let path = format!("{path}.resnets.{index}");
            steps.push(residual(source, &path, [inputs, outputs])?);
            inputs = outputs;
        }
        if level + 1 < levels.len() {
            let path = format!("{path}.downsamplers.0.conv");
            let halving = source.convolution(&path, [outputs; 2], 3, 2, BELOW)?;
            steps.push(Step::Convolution(halving));
        }
    }
    steps.extend(middle(source, "encoder.mid_block", deepest)?);
    steps.push(Step::Active(source.normalisation("encoder.conv_norm_out", deepest)?));
    steps.push(Step::Convolution(source.same("encoder.conv_out", [moments, deepest])?));
    if config.quant_conv {
        steps.push(Step::Convolution(source.pointwise("quant_conv", [moments; 2])?));
    }
    Ok(Sequence { processor: source.processor(), steps, features: Vec::new() })
}

pub(super) fn residual(source: &Source<'_>, path: &str, channels: [usize; 2]) -> Result<Step> {
    Ok(Step::Residual(Box::new(Residual::load(source, path, channels)?)))
}

/// Two residual blocks with attention between them.
pub(super) fn middle(source: &Source<'_>, path: &str, channels: usize) -> Result<[Step; 3]> {
    let attention = AttentionBlock::load(source, &format!("{path}.attentions.0"), channels)?;
    Ok([
        residual(source, &format!("{path}.resnets.0"), [channels; 2])?,
        Step::Attention(Box::new(attention)),
        residual(source, &format!("{path}.resnets.1"), [channels; 2])?,
    ])
}

/// The way of a picture through an encoder.
pub struct Encoded<'a> {
    sequence: &'a Sequence,
    trace: Trace,
    moments: Moments,
}

impl<'a> Encoded<'a> {
    pub(super) fn new(sequence: &'a Sequence, picture: Blocks) -> Result<Self> {
        let (output, trace) = sequence.trace(picture)?;
        Ok(Self { sequence, trace, moments: Moments::of_blocks(&output)? })
    }

    /// What came out.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// The derivative with respect to the picture, channels × height × width numbers, given that with respect
    /// to the mean of the latents.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) unless there are as many finite numbers as in the mean.
    pub fn backward(&self, upstream: &[f32]) -> Result<Vec<f32>> {
        let [channels, height, width] = self.moments.shape();
        expect_finite("derivatives of a mean", [channels, height, width], upstream)?;
        // Variances have no part in it.
        let mut all = upstream.to_vec();
        all.resize(2 * upstream.len(), 0.0);
        let upstream = blocks([2 * channels, height, width], &all)?;
        let slopes = self.sequence.backward(&self.trace, Some(upstream), Vec::new())?;
        Ok(slopes.map(|slopes| slopes.to_planes()).unwrap_or_default())
    }
}
