//! What a network is trained to output, and how the picture follows from it.
//!
//! On the discrete process, with `x_t = √ᾱ·x0 + √(1−ᾱ)·ε`:
//!
//! | prediction | target | x0 from the output o | ε from the output o |
//! |---|---|---|---|
//! | ε (Ho et al. 2020) | ε | (x_t − √(1−ᾱ)·o)/√ᾱ | o |
//! | x0 | x0 | o | (x_t − √ᾱ·o)/√(1−ᾱ) |
//! | v (Salimans & Ho 2022) | √ᾱ·ε − √(1−ᾱ)·x0 | √ᾱ·x_t − √(1−ᾱ)·o | √ᾱ·o + √(1−ᾱ)·x_t |
//!
//! On a rectified flow "velocity" means `v = ε − x0`; see [`super::flow`].
//!
//! x0 from ε magnifies the output's errors by √(1−ᾱ)/√ᾱ, 157 at the last step of the linear
//! schedule; [`Prediction::x0_derivative`] is that factor, signed, as losses on x0 need it.

use serde::{Deserialize, Serialize};

use super::linear::{combined, expect_within};
use crate::{Error, Result};

/// What the network outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prediction {
    /// The noise ε.
    Epsilon,
    /// The picture x0.
    Sample,
    /// The velocity v.
    Velocity,
}

/// A quantity that is linear in the network's output and its noised input:
/// `of_output·o + of_noised·x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mixture {
    /// The factor of the network's output.
    pub(super) of_output: f64,
    /// The factor of the network's noised input.
    pub(super) of_noised: f64,
}

impl Mixture {
    pub(super) const OUTPUT: Self = Self { of_output: 1.0, of_noised: 0.0 };

    pub(super) fn at(self, output: f32, noised: f32) -> f64 {
        self.of_output * f64::from(output) + self.of_noised * f64::from(noised)
    }

    pub(super) fn of(self, output: &[f32], noised: &[f32]) -> Result<Vec<f32>> {
        combined((self.of_output, output), (self.of_noised, "the noised picture", noised))
    }
}

/// The picture and the noise an output stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// The picture, of the input's length.
    pub x0: Vec<f32>,
    /// The noise, of the input's length.
    pub noise: Vec<f32>,
}

impl Recovered {
    /// Limits the picture to [−1, 1] and derives the noise anew, so that both still explain `x_t`:
    /// for models of pixels, whose range is known (Ho et al.'s `clip_denoised`); latents have none.
    pub fn clamped(mut self, noised: &[f32], alpha_bar: f64) -> Result<Self> {
        for value in &mut self.x0 {
            *value = value.clamp(-1.0, 1.0);
        }
        self.noise = noise_mixture_of_x0(alpha_bar)?.of(&self.x0, noised)?;
        Ok(self)
    }
}

/// ε from a known x0, in the place of the output, and x_t.
fn noise_mixture_of_x0(alpha_bar: f64) -> Result<Mixture> {
    let spread = (1.0 - alpha_bar).sqrt();
    if spread > 0.0 {
        return Ok(Mixture { of_output: -alpha_bar.sqrt() / spread, of_noised: 1.0 / spread });
    }
    Err(Error::Refused(format!(
        "the noise cannot be told from a picture at ᾱ = {alpha_bar}: expected ᾱ below 1"
    )))
}

impl Prediction {
    /// All, in the order of their documentation.
    pub const ALL: [Self; 3] = [Self::Epsilon, Self::Sample, Self::Velocity];

    /// The name in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Epsilon => "epsilon",
            Self::Sample => "sample",
            Self::Velocity => "velocity",
        }
    }

    /// x0 as a mixture of the output and x_t.
    pub(super) fn x0_mixture(self, alpha_bar: f64) -> Result<Mixture> {
        expect_within("ᾱ", alpha_bar, 0.0, 1.0)?;
        let (picture, spread) = (alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt());
        match self {
            Self::Epsilon if picture > 0.0 => {
                Ok(Mixture { of_output: -spread / picture, of_noised: 1.0 / picture })
            }
            Self::Epsilon => Err(Error::Refused(
                "ε-prediction says nothing of the picture at ᾱ = 0 (zero terminal SNR): \
                 use a network of sample or velocity prediction, or a schedule that is not rescaled"
                    .into(),
            )),
            Self::Sample => Ok(Mixture::OUTPUT),
            Self::Velocity => Ok(Mixture { of_output: -spread, of_noised: picture }),
        }
    }

    /// ε as a mixture of the output and x_t.
    fn noise_mixture(self, alpha_bar: f64) -> Result<Mixture> {
        expect_within("ᾱ", alpha_bar, 0.0, 1.0)?;
        match self {
            Self::Epsilon => Ok(Mixture::OUTPUT),
            Self::Sample => noise_mixture_of_x0(alpha_bar),
            Self::Velocity => {
                Ok(Mixture { of_output: alpha_bar.sqrt(), of_noised: (1.0 - alpha_bar).sqrt() })
            }
        }
    }

    /// The picture and the noise that an output at ᾱ stands for; slices of one length.
    ///
    /// Refuses ᾱ outside [0, 1], 0 for ε-prediction and 1 for x0-prediction, where one of the two
    /// is undetermined.
    pub fn recovered(self, output: &[f32], noised: &[f32], alpha_bar: f64) -> Result<Recovered> {
        let x0 = self.x0_mixture(alpha_bar)?.of(output, noised)?;
        let noise = self.noise_mixture(alpha_bar)?.of(output, noised)?;
        Ok(Recovered { x0, noise })
    }

    /// The output a perfect network gives, the target of training; slices of one length.
    pub fn target(self, x0: &[f32], noise: &[f32], alpha_bar: f64) -> Result<Vec<f32>> {
        expect_within("ᾱ", alpha_bar, 0.0, 1.0)?;
        let (of_x0, of_noise) = match self {
            Self::Epsilon => (0.0, 1.0),
            Self::Sample => (1.0, 0.0),
            Self::Velocity => (-(1.0 - alpha_bar).sqrt(), alpha_bar.sqrt()),
        };
        combined((of_x0, x0), (of_noise, "the noise", noise))
    }

    /// ∂x0/∂output, one factor for every value: a gradient with respect to x0 times this is the
    /// gradient with respect to the network's output.
    pub fn x0_derivative(self, alpha_bar: f64) -> Result<f64> {
        Ok(self.x0_mixture(alpha_bar)?.of_output)
    }
}

impl std::fmt::Display for Prediction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Prediction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|prediction| prediction.name() == text).ok_or_else(|| {
            Error::Refused(format!(
                "no prediction is called {text:?}: use epsilon, sample or velocity"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::{Reference, assert_close_f32, noise};
    use super::super::{Betas, Schedule};
    use super::*;

    #[test]
    fn the_target_recovers_picture_and_noise() {
        let (x0, eps) = (noise(64, 1), noise(64, 2));
        let as_f64 = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        for alpha_bar in [0.01, 0.3, 0.9, 0.999] {
            let noised = combined(
                (f64::sqrt(alpha_bar), &x0),
                (f64::sqrt(1.0 - alpha_bar), "the noise", &eps),
            )
            .unwrap();
            for prediction in Prediction::ALL {
                let target = prediction.target(&x0, &eps, alpha_bar).unwrap();
                let found = prediction.recovered(&target, &noised, alpha_bar).unwrap();
                assert_close_f32("x0", &found.x0, &as_f64(&x0), 1e-5);
                assert_close_f32("ε", &found.noise, &as_f64(&eps), 1e-5);
            }
        }
    }

    #[test]
    fn velocity_targets_are_the_recorded_ones() {
        let Some(reference) = Reference::find("losses") else { return };
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        let (x0, eps) = (reference.f32s("x0"), reference.f32s("noise"));
        let mut found = Vec::new();
        let pictures = x0.chunks_exact(256).zip(eps.chunks_exact(256));
        for ((x0, eps), &t) in pictures.zip(&reference.f64s("t")) {
            let alpha_bar = schedule.alpha_bar()[t as usize];
            found.extend(Prediction::Velocity.target(x0, eps, alpha_bar).unwrap());
        }
        assert_close_f32("v", &found, &reference.f64s("v_target"), 1e-6);
    }

    #[test]
    fn the_derivative_is_that_of_the_picture() {
        for prediction in Prediction::ALL {
            for alpha_bar in [0.04, 0.5, 0.96] {
                let mixture = prediction.x0_mixture(alpha_bar).unwrap();
                let difference = (mixture.at(1.5, 0.3) - mixture.at(0.5, 0.3)) / 1.0;
                let derivative = prediction.x0_derivative(alpha_bar).unwrap();
                assert!((difference - derivative).abs() < 1e-12, "{prediction} {alpha_bar}");
            }
        }
    }

    #[test]
    fn a_clamped_picture_still_explains_its_input() {
        let noised = noise(32, 5);
        let found = Prediction::Epsilon.recovered(&noise(32, 6), &noised, 0.2).unwrap();
        assert!(found.x0.iter().any(|value| value.abs() > 1.0));
        let found = found.clamped(&noised, 0.2).unwrap();
        assert!(found.x0.iter().all(|value| value.abs() <= 1.0));
        for ((x0, eps), x) in found.x0.iter().zip(&found.noise).zip(&noised) {
            let again = 0.2_f64.sqrt() * f64::from(*x0) + 0.8_f64.sqrt() * f64::from(*eps);
            assert!((again - f64::from(*x)).abs() < 1e-6);
        }
    }

    #[test]
    fn undetermined_cases_are_refused() {
        assert!(Prediction::Epsilon.recovered(&[0.0], &[0.0], 0.0).is_err());
        assert!(Prediction::Sample.recovered(&[0.0], &[0.0], 1.0).is_err());
        assert!(Prediction::Velocity.recovered(&[0.0], &[0.0], 0.0).is_ok());
        assert!(Prediction::Velocity.recovered(&[0.0], &[0.0], f64::NAN).is_err());
        assert!(Prediction::Velocity.recovered(&[0.0], &[0.0, 1.0], 0.5).is_err());
        assert!(Prediction::Velocity.target(&[0.0], &[0.0], 1.5).is_err());
    }

    #[test]
    fn names_are_read_back() {
        for prediction in Prediction::ALL {
            assert_eq!(prediction.to_string().parse::<Prediction>().unwrap(), prediction);
            assert_eq!(serde_json::to_string(&prediction).unwrap(), format!("\"{prediction}\""));
        }
        assert!("eps".parse::<Prediction>().is_err());
    }
}
