//! What networks that draw pictures are trained against: losses between what was drawn and what was wanted.
//!
//! L = Σ w·ℓ(target, output), the mean over the pictures of a batch, with its derivatives with respect to every
//! sample of the output. Terms are pixelwise errors ([`pixelwise`]), every metric that has a gradient ([`metric`]:
//! 1 − SSIM, 1 − MS-SSIM, GMSD, LPIPS, …), and statistics of the activations of a network ([`style`]).
//!
//! Source: Snell et al. 2017 ("Learning to generate images with perceptual similarity metrics") for MS-SSIM as a
//! loss, Zhao et al. 2017 for its mixture with L1. Choices: a metric is the same number and the same gradient as
//! under `compare`, with no constant factor (a learning rate that was found for (1 − SSIM)/2 is to be halved);
//! everything is computed in single precision at least, whatever the network.
//!
//! Limits: the size of all pictures of a batch is one.

pub mod metric;
pub mod pixelwise;
pub mod style;
#[cfg(feature = "engine")]
mod tensors;
mod terms;

#[cfg(feature = "engine")]
pub use tensors::between_tensors;
pub use terms::{Term, Terms};

use crate::{Error, Result};

/// Pictures of one size: batch × channels × height × width samples, 1 or 3 channels.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Batch, channels, height and width.
    pub shape: [usize; 4],
    /// All samples; 0…1 is from black to white, but a network may give any number.
    pub samples: &'a [f32],
}

impl<'a> Batch<'a> {
    /// Samples of a shape.
    ///
    /// # Errors
    /// [`Error::Refused`] where they are not as many, or there is none.
    pub fn new(shape: [usize; 4], samples: &'a [f32]) -> Result<Self> {
        let count: usize = shape.into_iter().product();
        if count == 0 || samples.len() != count {
            return Err(Error::Refused(format!(
                "a batch of {shape:?}: expected {count} samples and at least one, found {}",
                samples.len()
            )));
        }
        Ok(Self { shape, samples })
    }

    /// Samples of a picture.
    pub fn size(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Checks that another batch has the same shape.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn expect_like(&self, other: &Self) -> Result<()> {
        if self.shape == other.shape {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "a loss: expected an output like the target, {:?}, found {:?}",
            self.shape, other.shape
        )))
    }
}

/// A loss between pictures.
pub trait Loss: Send + Sync {
    /// Its name: `mse`, or the full id of a metric.
    fn name(&self) -> &str;

    /// What its number is, for who ports a learning rate: `1 - ssim@wang`.
    fn scale(&self) -> String;

    /// The mean over all pictures; adds `weight` times its derivatives with respect to the samples of the output to
    /// `gradient`.
    ///
    /// # Errors
    /// [`Error::Refused`] where shapes differ; what a metric refuses.
    fn evaluate(
        &self,
        target: &Batch<'_>,
        output: &Batch<'_>,
        weight: f64,
        gradient: &mut [f32],
    ) -> Result<f64>;
}

#[cfg(test)]
mod tests;
