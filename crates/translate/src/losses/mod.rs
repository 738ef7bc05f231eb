//! What a translation is trained with besides the diffusion loss: losses of the picture that a noised sample is
//! thought to stand for.
//!
//! L = L_diffusion + Σ_i w_i·Σ_k λ_k·ℓ_k(s_i, y_i, x̂_i), with x̂_i the network's estimate of the clean picture,
//! decoded where diffusion runs on latents, s_i the source and y_i the target.
//!
//! | module | what |
//! |---|---|
//! | [`similarity`], [`embedder`], [`resize`] | 1 − cos of embeddings such as CLIP's, and how pictures come to the embedder's size |
//! | [`composite`], [`decoder`] | λ_k and ℓ_k; from an output to a picture and the derivatives back |
//! | [`gated`] | w_i: which noise levels take part |
//!
//! Any metric that has a gradient (LPIPS, 1 − MS-SSIM, …) is an ℓ as well: [`lookalike_train::losses::Terms`] is
//! a [`PictureLoss`].
//!
//! Sources: Zhu, Lu, Huo, Li, "Image-to-Image Translation with Diffusion Transformers and CLIP-Based Image
//! Conditioning", arXiv 2505.16001, for the sum of diffusion, LPIPS and CLIP losses; the gate is PixelGen's.
//! Everything here is computed for one pair at a time, so that numbers do not depend on the batch.

pub mod composite;
pub mod decoder;
pub mod embedder;
pub mod gated;
pub mod resize;
pub mod similarity;

pub use composite::{DecodedLoss, Estimate, Evaluated, PictureLosses, Weighted, decoded_loss};
pub use decoder::{Decoded, Decoder, Pixels};
pub use embedder::{ClipEmbedder, ClipOptions, Embedder};
pub use gated::{Gate, Signal, Weighting};
pub use resize::{Resampling, Resize};
pub use similarity::{Reference, Similarity, SimilarityReference};

use lookalike_train::losses::{Batch, Terms};

use crate::{Error, Result};

/// What is known of one example: the picture that is translated and the one that was wanted.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    shape: [usize; 3],
    source: &'a [f32],
    target: &'a [f32],
    references: &'a [Reference],
}

impl<'a> Pair<'a> {
    /// Two pictures of one shape (channels, height, width), channel after channel, 0…1 from black to white.
    ///
    /// # Errors
    /// [`Error::Refused`] for other numbers of samples, and for samples that are not finite.
    pub fn new(shape: [usize; 3], source: &'a [f32], target: &'a [f32]) -> Result<Self> {
        expect_samples("the source", source, shape)?;
        expect_samples("the target", target, shape)?;
        Ok(Self { shape, source, target, references: &[] })
    }

    /// The same with what [`PictureLoss::reference`] gave for it before.
    pub fn with_references(self, references: &'a [Reference]) -> Self {
        Self { references, ..self }
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The picture that is translated.
    pub fn source(&self) -> &'a [f32] {
        self.source
    }

    /// The picture that was wanted.
    pub fn target(&self) -> &'a [f32] {
        self.target
    }

    /// What was computed of the two before.
    pub fn references(&self) -> &'a [Reference] {
        self.references
    }
}

/// A loss of a translation.
pub trait PictureLoss: Send + Sync {
    /// What it is, with all that its numbers depend on.
    fn name(&self) -> String;

    /// Its value, and its derivatives with respect to every sample of the output. The output has the pair's
    /// shape; its samples are usually in 0…1, and may leave it.
    ///
    /// # Errors
    /// [`Error::Refused`] for other shapes and for samples that are not finite; what the loss itself refuses.
    fn value_and_gradient(&self, pair: &Pair<'_>, output: &[f32]) -> Result<(f64, Vec<f32>)>;

    /// What depends on the pair alone and can be kept from step to step, if anything.
    ///
    /// # Errors
    /// As [`value_and_gradient`](Self::value_and_gradient).
    fn reference(&self, _pair: &Pair<'_>) -> Result<Option<Reference>> {
        Ok(None)
    }
}

/// Between target and output; the source does not matter.
impl PictureLoss for Terms {
    fn name(&self) -> String {
        Terms::name(self)
    }

    fn value_and_gradient(&self, pair: &Pair<'_>, output: &[f32]) -> Result<(f64, Vec<f32>)> {
        let [channels, height, width] = pair.shape();
        expect_samples("the output", output, pair.shape())?;
        let shape = [1, channels, height, width];
        let mut gradient = vec![0.0; output.len()];
        let (target, output) = (Batch::new(shape, pair.target())?, Batch::new(shape, output)?);
        let (value, _) = self.evaluate(&target, &output, &mut gradient)?;
        Ok((value, gradient))
    }
}

/// How many samples a shape has.
///
/// # Errors
/// [`Error::Refused`] where there is none, or more than can be counted.
fn count(what: &str, shape: [usize; 3]) -> Result<usize> {
    let product = shape.into_iter().try_fold(1_usize, usize::checked_mul);
    product.filter(|&count| count > 0).ok_or_else(|| {
        Error::Refused(format!("{what}: expected channels, height and width, found {shape:?}"))
    })
}

/// # Errors
/// [`Error::Refused`] unless there are as many samples as a shape has, and all are finite.
fn expect_samples(what: &str, samples: &[f32], shape: [usize; 3]) -> Result<()> {
    let expected = count(what, shape)?;
    if samples.len() != expected {
        return Err(Error::Refused(format!(
            "{what} of shape {shape:?}: expected {expected} samples, found {}",
            samples.len()
        )));
    }
    match samples.iter().position(|sample| !sample.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::Refused(format!(
            "{what}: expected finite samples, found {} at {at} of {expected}; an estimate at much noise can \
             overflow, which a gate keeps out",
            samples[at]
        ))),
    }
}

/// One of several by its name, of which the message lists all.
pub(crate) fn named<T: Copy + std::fmt::Display>(what: &str, text: &str, all: &[T]) -> Result<T> {
    all.iter().copied().find(|one| one.to_string() == text).ok_or_else(|| {
        let names: Vec<String> = all.iter().map(ToString::to_string).collect();
        Error::Refused(format!("{what} '{text}': expected one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests;
