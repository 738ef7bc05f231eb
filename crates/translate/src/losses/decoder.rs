//! From what diffusion runs on to a picture, and the way back.
//!
//! Diffusion on pixels needs none: [`Pixels`] hands samples through. Diffusion on latents has an
//! [`AutoencoderKl`], whose parameters are frozen: x̂ = D(z/factor + shift), and derivatives come back divided by
//! the factor of its latents.
//!
//! Limit: a decoder costs about ten times what a step of a small transformer on its latents does, so examples
//! without a weight should not be decoded ([`decoded_loss`](super::decoded_loss) does not).

use crate::autoencoder_kl::AutoencoderKl;
use crate::{Error, Result};

/// The way back: derivatives with respect to what was decoded, given those with respect to the picture.
type Pull<'a> = Box<dyn FnOnce(&[f32]) -> Result<Vec<f32>> + 'a>;

/// A picture that was decoded, and the way back.
pub struct Decoded<'a> {
    shape: [usize; 3],
    planes: Vec<f32>,
    pull: Pull<'a>,
}

impl<'a> Decoded<'a> {
    /// A picture of a shape, and the way back from it.
    ///
    /// # Errors
    /// [`Error::Refused`] for another number of samples.
    pub fn new(
        shape: [usize; 3],
        planes: Vec<f32>,
        pull: impl FnOnce(&[f32]) -> Result<Vec<f32>> + 'a,
    ) -> Result<Self> {
        let expected = super::count("a decoded picture", shape)?;
        if planes.len() != expected {
            return Err(Error::Refused(format!(
                "a decoded picture of {shape:?}: expected {expected} samples, found {}",
                planes.len()
            )));
        }
        Ok(Self { shape, planes, pull: Box::new(pull) })
    }

    /// Channels, height and width of the picture.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The picture, channel after channel; −1…1 is from black to white, and nothing is cut off.
    pub fn planes(&self) -> &[f32] {
        &self.planes
    }

    /// The derivatives with respect to what was decoded, given those with respect to every sample of the picture.
    ///
    /// # Errors
    /// [`Error::Refused`] for another number of derivatives; what the decoder refuses.
    pub fn pull(self, upstream: &[f32]) -> Result<Vec<f32>> {
        if upstream.len() != self.planes.len() {
            return Err(Error::Refused(format!(
                "derivatives of a decoded picture: expected {}, found {}",
                self.planes.len(),
                upstream.len()
            )));
        }
        (self.pull)(upstream)
    }
}

/// What makes a picture of what diffusion runs on.
pub trait Decoder: Send + Sync {
    /// The picture of a sample of a shape (channels, height, width), as the diffusion model sees it.
    ///
    /// # Errors
    /// [`Error::Refused`] for shapes that it does not decode, and for samples that do not fill theirs.
    fn decode(&self, sample: &[f32], shape: [usize; 3]) -> Result<Decoded<'_>>;
}

/// Diffusion on the samples of pictures in −1…1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pixels;

impl Decoder for Pixels {
    fn decode(&self, sample: &[f32], shape: [usize; 3]) -> Result<Decoded<'_>> {
        Decoded::new(shape, sample.to_vec(), |upstream| Ok(upstream.to_vec()))
    }
}

impl Decoder for AutoencoderKl {
    fn decode(&self, sample: &[f32], [channels, height, width]: [usize; 3]) -> Result<Decoded<'_>> {
        let expected = self.config().latent_channels;
        if channels != expected {
            return Err(Error::Refused(format!(
                "an autoencoder: expected latents of {expected} channels, found {channels}; diffusion on pixels \
                 needs no decoder"
            )));
        }
        let way = AutoencoderKl::decode(self, &self.unscale(sample), height, width)?;
        let factor = self.config().scaling.factor;
        let (shape, planes) = (way.shape(), way.picture().to_vec());
        Decoded::new(shape, planes, move |upstream| {
            let slopes = way.backward(upstream)?;
            Ok(slopes.into_iter().map(|slope| (f64::from(slope) / factor) as f32).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::numbers;
    use super::*;

    #[test]
    fn pixels_go_through() {
        let sample = numbers(12, 1);
        let decoded = Pixels.decode(&sample, [3, 2, 2]).unwrap();
        assert_eq!((decoded.shape(), decoded.planes()), ([3, 2, 2], &sample[..]));
        assert_eq!(decoded.pull(&sample).unwrap(), sample);
        assert!(Pixels.decode(&sample, [3, 2, 3]).is_err());
        assert!(Pixels.decode(&sample, [usize::MAX, 2, 2]).is_err());
        assert!(Pixels.decode(&sample, [3, 2, 2]).unwrap().pull(&sample[1..]).is_err());
    }
}
