//! Stable Diffusion's autoencoder: pictures to latents of an eighth of their sides, and back.
//!
//! Encoder: a 3×3 convolution; levels of residual blocks, between which a convolution takes every second
//! position; two residual blocks with attention between them; normalisation, SiLU, a convolution to means
//! and logarithms of variances; a 1×1 convolution. The decoder mirrors it, with nearest neighbours at twice
//! the size and a convolution between levels, and one residual block more in each.
//!
//! Source: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014; Rombach et al.,
//! "High-Resolution Image Synthesis with Latent Diffusion Models", CVPR 2022, section 3.1; architecture and
//! names of tensors as diffusers has them (`AutoencoderKL`), with which sd-vae-ft-mse, SDXL's, SD3's and
//! FLUX.1's are published.
//!
//! Files: a folder of diffusers, or one file in its layout, with today's or older names of attention, or in
//! CompVis's, alone or in a whole model (`names`). Every expected tensor must be there, nothing else may
//! be, all numbers must be finite.
//!
//! Choices: parameters are frozen; derivatives go to the picture or the latents. One picture at a time, so
//! it has the same bits alone and among others, for any number of threads: all sums are of fixed parts in a
//! fixed order. Normalisations are summed in double precision, everything else is single. Halving
//! convolutions have zeros below and on the right alone. Pictures are not clamped.
//!
//! Reproduces moments, pictures, features and both derivatives of diffusers 0.42.1 on a small network
//! within 2e-5 of the largest value.
//!
//! Limits: sides that are multiples of [`Config::factor`]; at most 16 384 latents to a channel, 1024 × 1024
//! pixels, since attention weighs all pairs; on the processor alone; no tiles.

mod attention;
#[cfg(test)]
mod checks;
mod config;
mod convolution;
mod decoder;
mod encoder;
mod group_norm;
mod latent_scaling;
mod load;
mod moments;
mod names;
mod planes;
mod residual;
mod sequence;
mod source;
mod tensors;
#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;

use lookalike_nn::Parameters;

pub use self::config::Config;
pub use self::decoder::{Decoded, Feature};
pub use self::encoder::Encoded;
pub use self::latent_scaling::LatentScaling;
pub use self::moments::Moments;
use self::planes::{blocks, expect_finite};
use self::sequence::Sequence;
use self::source::Source;
use crate::{Error, Result};

/// An autoencoder with its parameters.
#[derive(Debug)]
pub struct AutoencoderKl {
    config: Config,
    encoder: Sequence,
    decoder: Sequence,
}

impl AutoencoderKl {
    /// An autoencoder of an architecture; parameters are asked for by the names that diffusers has today,
    /// matrices of attention as outputs × inputs.
    ///
    /// # Errors
    /// [`Error::Refused`] for an architecture that there cannot be, [`Error::Network`] for parameters that are
    /// missing, of another shape or not finite.
    pub fn new(config: Config, parameters: &dyn Parameters) -> Result<Self> {
        config.check()?;
        let source = Source::new(parameters, config.groups)?;
        let encoder = encoder::encoder(&source, &config)?;
        let decoder = decoder::decoder(&source, &config)?;
        Ok(Self { config, encoder, decoder })
    }

    /// Reads a folder of diffusers (`config.json` beside `diffusion_pytorch_model.safetensors` or `.bin`), a
    /// file in such a folder, or any other file with the tensors of an autoencoder, alone or in a whole
    /// model, in the layout of diffusers or CompVis.
    ///
    /// Of a file without a description the architecture is told by its shapes, with 32 groups and Stable
    /// Diffusion's scale of latents; [`read_as`](Self::read_as) takes others.
    ///
    /// # Errors
    /// [`Error::Weights`], [`Error::File`] for files that cannot be read; [`Error::Unsuitable`] with the tensors
    /// that are missing, unknown, misshapen or not finite, and for a file without a description whose latents
    /// have not 4 channels.
    pub fn read(path: &Path) -> Result<Self> {
        load::read(path)
    }

    /// Reads a single file, whose shapes do not tell in how many groups channels are normalised, and how
    /// latents are scaled.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_as(path: &Path, groups: usize, scaling: LatentScaling) -> Result<Self> {
        load::read_as(path, groups, scaling)
    }

    /// What it consists of.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Channels, height and width of the latents of a picture.
    ///
    /// # Errors
    /// [`Error::Refused`] unless the sides are multiples of [`Config::factor`].
    pub fn latent_shape(&self, height: usize, width: usize) -> Result<[usize; 3]> {
        let factor = self.config.factor();
        let fits = |side: usize| side > 0 && side.is_multiple_of(factor);
        if !fits(height) || !fits(width) {
            return Err(Error::Refused(format!(
                "a picture to be encoded: expected sides that are multiples of {factor}, found \
                 {height} x {width}"
            )));
        }
        Ok([self.config.latent_channels, height / factor, width / factor])
    }

    /// The moments of a picture's latents. The picture is channels × height × width numbers in −1…1.
    ///
    /// # Errors
    /// [`Error::Refused`] for another count, numbers that are not finite, and sides that are no multiples of
    /// [`Config::factor`] or too long.
    pub fn encode(&self, picture: &[f32], height: usize, width: usize) -> Result<Moments> {
        let picture = self.picture_blocks(picture, height, width)?;
        Moments::of_blocks(&self.encoder.forward(picture)?)
    }

    /// As [`encode`](Self::encode), with what the way back from the mean needs.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_traced(
        &self,
        picture: &[f32],
        height: usize,
        width: usize,
    ) -> Result<Encoded<'_>> {
        Encoded::new(&self.encoder, self.picture_blocks(picture, height, width)?)
    }

    /// The picture of latents as the encoder gives them ([`unscale`](Self::unscale)), channels × height × width
    /// numbers, with what the way back needs.
    ///
    /// # Errors
    /// [`Error::Refused`] for another count, numbers that are not finite, and too many of them.
    pub fn decode(&self, latents: &[f32], height: usize, width: usize) -> Result<Decoded<'_>> {
        Decoded::new(&self.decoder, self.latent_blocks(latents, height, width)?)
    }

    /// As [`decode`](Self::decode), the picture alone: less memory, the same bits.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn picture(&self, latents: &[f32], height: usize, width: usize) -> Result<Vec<f32>> {
        let latents = self.latent_blocks(latents, height, width)?;
        Ok(self.decoder.forward(latents)?.to_planes())
    }

    /// As [`decode`](Self::decode), the [`features`](Decoded::features) alone: less memory, the same bits.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn features(&self, latents: &[f32], height: usize, width: usize) -> Result<Vec<Feature>> {
        let latents = self.latent_blocks(latents, height, width)?;
        Ok(self.decoder.features(latents)?.iter().map(Feature::of_blocks).collect())
    }

    /// Latents as a diffusion model sees them, of what the encoder gives.
    pub fn scale(&self, latents: &[f32]) -> Vec<f32> {
        self.config.scaling.scale(latents)
    }

    /// Latents as the decoder reads them, of what a diffusion model gives.
    pub fn unscale(&self, latents: &[f32]) -> Vec<f32> {
        self.config.scaling.unscale(latents)
    }

    fn picture_blocks(
        &self,
        picture: &[f32],
        height: usize,
        width: usize,
    ) -> Result<lookalike_kernels::Blocks> {
        self.latent_shape(height, width)?;
        let shape = [self.config.channels, height, width];
        expect_finite("a picture to be encoded", shape, picture)?;
        blocks(shape, picture)
    }

    fn latent_blocks(
        &self,
        latents: &[f32],
        height: usize,
        width: usize,
    ) -> Result<lookalike_kernels::Blocks> {
        let shape = [self.config.latent_channels, height, width];
        expect_finite("latents to be decoded", shape, latents)?;
        blocks(shape, latents)
    }
}
