//! From latents to pictures, with features on the way, and the way back from both.

use lookalike_kernels::Blocks;

use super::config::Config;
use super::encoder::{middle, residual};
use super::planes::{blocks, expect_finite, shape_of};
use super::sequence::{Sequence, Step, Trace};
use super::source::Source;
use crate::{Error, Result};

/// The steps of a decoder: latents to a picture. Features stand behind the middle and each level.
pub(super) fn decoder(source: &Source<'_>, config: &Config) -> Result<Sequence> {
    let Config { channels, block_out_channels: levels, latent_channels, .. } = config;
    let (latents, deepest) = (*latent_channels, config.deepest());
    let mut steps = Vec::new();
    if config.post_quant_conv {
        steps.push(Step::Convolution(source.pointwise("post_quant_conv", [latents; 2])?));
    }
    steps.push(Step::Convolution(source.same("decoder.conv_in", [deepest, latents])?));
    steps.extend(middle(source, "decoder.mid_block", deepest)?);
    let mut features = vec![steps.len()];
    let mut inputs = deepest;
    for (level, &outputs) in levels.iter().rev().enumerate() {
        let path = format!("decoder.up_blocks.{level}");
        for index in 0..=config.layers_per_block {
            let path = format!("{path}.resnets.{index}");
            steps.push(residual(source, &path, [inputs, outputs])?);
            inputs = outputs;
        }
        if level + 1 < levels.len() {
            let path = format!("{path}.upsamplers.0.conv");
            steps.push(Step::Double);
            steps.push(Step::Convolution(source.same(&path, [outputs; 2])?));
        }
        features.push(steps.len());
    }
    steps.push(Step::Active(source.normalisation("decoder.conv_norm_out", inputs)?));
    steps.push(Step::Convolution(source.same("decoder.conv_out", [*channels, inputs])?));
    Ok(Sequence { processor: source.processor(), steps, features })
}

/// Activations of a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// As many numbers, the last dimension fastest.
    pub planes: Vec<f32>,
}

impl Feature {
    pub(super) fn of_blocks(blocks: &Blocks) -> Self {
        Self { shape: shape_of(blocks), planes: blocks.to_planes() }
    }
}

/// The way of latents through a decoder.
pub struct Decoded<'a> {
    sequence: &'a Sequence,
    trace: Trace,
    latents: [usize; 3],
    shape: [usize; 3],
    picture: Vec<f32>,
}

impl<'a> Decoded<'a> {
    pub(super) fn new(sequence: &'a Sequence, latents: Blocks) -> Result<Self> {
        let of_latents = shape_of(&latents);
        let (output, trace) = sequence.trace(latents)?;
        let (shape, picture) = (shape_of(&output), output.to_planes());
        Ok(Self { sequence, trace, latents: of_latents, shape, picture })
    }

    /// What came out: channels × height × width numbers, nearly all in −1…1 and not clamped to it.
    pub fn picture(&self) -> &[f32] {
        &self.picture
    }

    /// What came out, without a copy.
    pub fn into_picture(self) -> Vec<f32> {
        self.picture
    }

    /// Channels, height and width of the picture.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Activations behind the middle, and behind each level from the smallest on.
    pub fn features(&self) -> Vec<Feature> {
        self.sequence.traced_features(&self.trace).into_iter().map(Feature::of_blocks).collect()
    }

    /// The derivative with respect to the latents, given that with respect to the picture.
    ///
    /// # Errors
    /// [`Error::Refused`] unless there are as many finite numbers as in the picture.
    pub fn backward(&self, upstream: &[f32]) -> Result<Vec<f32>> {
        self.backward_features(Some(upstream), &[])
    }

    /// The derivative with respect to the latents, given those with respect to the picture and to the first
    /// [`features`](Self::features); `None` stands for 0.
    ///
    /// # Errors
    /// [`Error::Refused`] unless there are as many finite numbers as in the picture and in each feature, and
    /// for more features than there are.
    pub fn backward_features(
        &self,
        picture: Option<&[f32]>,
        features: &[Option<&[f32]>],
    ) -> Result<Vec<f32>> {
        let of_picture = |upstream: &[f32]| {
            expect_finite("derivatives of a picture", self.shape, upstream)?;
            blocks(self.shape, upstream)
        };
        let of_picture = picture.map(of_picture).transpose()?;
        let there = self.sequence.traced_features(&self.trace);
        if features.len() > there.len() {
            return Err(Error::Refused(format!(
                "a decoder: expected derivatives of {} features at most, found {}",
                there.len(),
                features.len()
            )));
        }
        let of_feature = |(upstream, there): (&Option<&[f32]>, &Blocks)| {
            let Some(upstream) = upstream else { return Ok(None) };
            let shape = shape_of(there);
            expect_finite("derivatives of a feature", shape, upstream)?;
            blocks(shape, upstream).map(Some)
        };
        let of_features: Vec<Option<Blocks>> =
            features.iter().zip(there).map(of_feature).collect::<Result<_>>()?;
        let slopes = self.sequence.backward(&self.trace, of_picture, of_features)?;
        let zeros = || vec![0.0; self.latents.iter().product()];
        Ok(slopes.map_or_else(zeros, |slopes| slopes.to_planes()))
    }
}
