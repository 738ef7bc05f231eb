//! Latents as a diffusion model sees them: (z − shift)·factor, of about unit deviation.
//!
//! Source: Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", CVPR 2022,
//! appendix G; the published values of the models below.

use crate::{Error, Result};

/// From what an encoder gives to what a diffusion model sees, and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatentScaling {
    /// What latents are multiplied by.
    pub factor: f64,
    /// What is taken off them first.
    pub shift: f64,
}

impl LatentScaling {
    /// Stable Diffusion 1 and 2, and DiT.
    pub const STABLE_DIFFUSION: Self = Self { factor: 0.182_15, shift: 0.0 };
    /// Stable Diffusion XL.
    pub const SDXL: Self = Self { factor: 0.130_25, shift: 0.0 };
    /// Stable Diffusion 3.
    pub const SD3: Self = Self { factor: 1.5305, shift: 0.0609 };
    /// FLUX.1.
    pub const FLUX: Self = Self { factor: 0.3611, shift: 0.1159 };

    /// # Errors
    /// [`Error::Refused`] where there is no way back.
    pub(super) fn check(self) -> Result<()> {
        let Self { factor, shift } = self;
        if factor.is_finite() && factor != 0.0 && shift.is_finite() {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "latents: expected a finite factor other than 0 and a finite shift, found {factor} and \
             {shift}"
        )))
    }

    /// `(z − shift)·factor`.
    pub fn scale(self, latents: &[f32]) -> Vec<f32> {
        let scaled = latents.iter().map(|&z| (f64::from(z) - self.shift) * self.factor);
        scaled.map(|z| z as f32).collect()
    }

    /// `z / factor + shift`.
    pub fn unscale(self, latents: &[f32]) -> Vec<f32> {
        let unscaled = latents.iter().map(|&z| f64::from(z) / self.factor + self.shift);
        unscaled.map(|z| z as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let latents = [-3.0, 0.0, 0.25, 7.5];
        for scaling in [
            LatentScaling::STABLE_DIFFUSION,
            LatentScaling::SDXL,
            LatentScaling::SD3,
            LatentScaling::FLUX,
        ] {
            scaling.check().unwrap();
            let back = scaling.unscale(&scaling.scale(&latents));
            assert!(back.iter().zip(latents).all(|(a, b)| (a - b).abs() < 1e-6), "{back:?}");
        }
        let scaled = LatentScaling { factor: 2.0, shift: 0.5 }.scale(&latents);
        assert_eq!(scaled, [-7.0, -1.0, -0.5, 14.0]);
        for (factor, shift) in [(0.0, 0.0), (f64::NAN, 0.0), (1.0, f64::INFINITY)] {
            assert!(LatentScaling { factor, shift }.check().is_err());
        }
    }
}
