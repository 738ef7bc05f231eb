//! What an encoder says of a picture's latents: a normal distribution for each.
//!
//! z = μ + exp(½·log σ²)·n with normal n (Kingma and Welling 2014, section 2.4); the divergence from the
//! standard normal distribution is ½·Σ(μ² + σ² − 1 − log σ²) (appendix B). log σ² is clamped to −30…20.

use lookalike_kernels::Blocks;

use super::planes::{expect_finite, shape_of};
use crate::Result;

/// The logarithms of variances that are told apart.
const LOG_VARIANCES: [f32; 2] = [-30.0, 20.0];

/// Means of latents, and the logarithms of their variances.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    shape: [usize; 3],
    mean: Vec<f32>,
    log_variance: Vec<f32>,
}

impl Moments {
    /// Moments of latents of channels, height and width.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) unless both are as many finite numbers.
    pub fn new(shape: [usize; 3], mean: Vec<f32>, log_variance: Vec<f32>) -> Result<Self> {
        expect_finite("means of latents", shape, &mean)?;
        expect_finite("logarithms of variances", shape, &log_variance)?;
        let [least, most] = LOG_VARIANCES;
        let log_variance = log_variance.into_iter().map(|log| log.clamp(least, most)).collect();
        Ok(Self { shape, mean, log_variance })
    }

    /// The first half of the channels are means, the second the logarithms of variances.
    pub(super) fn of_blocks(blocks: &Blocks) -> Result<Self> {
        let [channels, height, width] = shape_of(blocks);
        let mut mean = blocks.to_planes();
        let log_variance = mean.split_off(mean.len() / 2);
        Self::new([channels / 2, height, width], mean, log_variance)
    }

    /// Channels, height and width of the latents.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Channels × height × width means: the latents themselves, where nothing is drawn.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// As many logarithms of variances, in −30…20.
    pub fn log_variance(&self) -> &[f32] {
        &self.log_variance
    }

    /// Latents of standard normal numbers.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) unless there are as many finite numbers as latents.
    pub fn sample(&self, noise: &[f32]) -> Result<Vec<f32>> {
        expect_finite("noise of latents", self.shape, noise)?;
        let moments = self.mean.iter().zip(&self.log_variance);
        let drawn = moments.zip(noise).map(|((&mean, &log), &noise)| {
            let deviation = (0.5 * f64::from(log)).exp();
            (f64::from(mean) + deviation * f64::from(noise)) as f32
        });
        Ok(drawn.collect())
    }

    /// The divergence (Kullback and Leibler's) of the distribution from the standard normal one, summed over
    /// all latents, in nats.
    pub fn kl(&self) -> f64 {
        let moments = self.mean.iter().zip(&self.log_variance);
        let twice = moments.map(|(&mean, &log)| {
            let (mean, log) = (f64::from(mean), f64::from(log));
            mean * mean + log.exp() - 1.0 - log
        });
        0.5 * twice.sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn drawn_and_measured() {
        let two = 2.0_f32.ln();
        let moments = Moments::new([1, 1, 3], vec![0.0, 1.0, -2.0], vec![0.0, 2.0 * two, 99.0]);
        let moments = moments.unwrap();
        assert_eq!(moments.log_variance()[2], 20.0);
        let drawn = moments.sample(&[0.5, -1.0, 0.0]).unwrap();
        assert!((drawn[1] + 1.0).abs() < 1e-6 && drawn[0] == 0.5 && drawn[2] == -2.0);
        let of_second = 0.5 * (1.0 + 4.0 - 1.0 - 4.0_f64.ln());
        let of_third = 0.5 * (4.0 + 20.0_f64.exp() - 1.0 - 20.0);
        assert!((moments.kl() / (of_second + of_third) - 1.0).abs() < 1e-6);
        let standard = Moments::new([1, 1, 1], vec![0.0], vec![0.0]).unwrap();
        assert_eq!(standard.kl(), 0.0);
        let least = Moments::new([1, 1, 1], vec![0.0], vec![-31.0]).unwrap();
        assert_eq!(least.log_variance(), [-30.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(Moments::new([1, 1, 2], vec![0.0], vec![0.0; 2]), Err(Error::Refused(_))));
        assert!(Moments::new([1, 1, 1], vec![f32::NAN], vec![0.0]).is_err());
        let moments = Moments::new([1, 1, 1], vec![0.0], vec![0.0]).unwrap();
        assert!(moments.sample(&[]).is_err());
        assert!(moments.sample(&[f32::INFINITY]).is_err());
    }
}
