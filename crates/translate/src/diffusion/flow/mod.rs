//! Rectified flow: straight paths from noise to picture.
//!
//! One convention: `s` in [0, 1] is the *noise level*, as in Stable Diffusion 3 and diffusers,
//! `x_s = (1−s)·x0 + s·ε` and `v = dx/ds = ε − x0` (Liu et al. 2022; Esser et al. 2024). JiT and
//! PixelGen count the *clean fraction* `t = 1 − s`, with a velocity of the other sign.
//!
//! The network may predict v, x0 or ε; the loss is in the space of velocities whichever it is
//! (Li & He 2025, JiT), `mean((v̂ − v)²)`, where prediction and target are divided by the same
//! level, at least the floor (0.05 there and here):
//!
//! | prediction | v̂ from the output o | loss | x0 |
//! |---|---|---|---|
//! | x0 | (x_s − o)/max(s, floor) | mean((o − x0)²)/max(s, floor)² | o |
//! | v | o | mean((o − v)²) | x_s − s·v̂ |
//! | ε | (o − x_s)/max(1−s, floor) | mean((o − ε)²)/max(1−s, floor)² | x_s − s·v̂ |
//!
//! The floor also holds in sampling, as in JiT: below it an x0-prediction moves only part of the
//! way to its picture. Where that matters, end the noise levels above the floor before the 0, or
//! give another floor.
//!
//! Which levels to train on and to sample through is in [`levels`].
//!
//! Reproduces recorded interpolation, targets and pictures within 1e-6.

pub mod levels;

use super::Loss;
use super::linear::{combined, expect_length, expect_within};
use super::loss::squared_error;
use super::prediction::{Mixture, Prediction};
use crate::{Error, Result};

/// The floor of JiT and PixelGen under the level that velocities are divided by.
pub const USUAL_FLOOR: f64 = 0.05;

/// A network's prediction on a rectified flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    prediction: Prediction,
    floor: f64,
}

impl Flow {
    /// With the usual floor, 0.05.
    pub fn new(prediction: Prediction) -> Self {
        Self { prediction, floor: USUAL_FLOOR }
    }

    /// With another floor, from 1e-6 to 1.
    pub fn with_floor(prediction: Prediction, floor: f64) -> Result<Self> {
        expect_within("the floor of velocities", floor, 1e-6, 1.0)?;
        Ok(Self { prediction, floor })
    }

    /// What the network outputs.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// What velocities are at least divided by.
    pub fn floor(&self) -> f64 {
        self.floor
    }

    /// What v̂ − v is larger by than the output's error.
    fn magnification(&self, s: f64) -> Result<f64> {
        expect_within("the noise level", s, 0.0, 1.0)?;
        Ok(match self.prediction {
            Prediction::Sample => 1.0 / s.max(self.floor),
            Prediction::Velocity => 1.0,
            Prediction::Epsilon => 1.0 / (1.0 - s).max(self.floor),
        })
    }

    fn velocity_mixture(&self, s: f64) -> Result<Mixture> {
        let scale = self.magnification(s)?;
        Ok(match self.prediction {
            Prediction::Sample => Mixture { of_output: -scale, of_noised: scale },
            Prediction::Velocity => Mixture::OUTPUT,
            Prediction::Epsilon => Mixture { of_output: scale, of_noised: -scale },
        })
    }

    fn x0_mixture(&self, s: f64) -> Result<Mixture> {
        let velocity = self.velocity_mixture(s)?;
        Ok(match self.prediction {
            Prediction::Sample => Mixture::OUTPUT,
            Prediction::Velocity | Prediction::Epsilon => Mixture {
                of_output: -s * velocity.of_output,
                of_noised: 1.0 - s * velocity.of_noised,
            },
        })
    }

    /// v̂ = ε̂ − x̂0 from the output at level `s` in [0, 1]; slices of one length.
    pub fn velocity(&self, output: &[f32], noised: &[f32], s: f64) -> Result<Vec<f32>> {
        self.velocity_mixture(s)?.of(output, noised)
    }

    /// v̂ that leads to a picture limited to [−1, 1]: for models of pixels. `s` in (0, 1].
    pub fn clamped_velocity(&self, output: &[f32], noised: &[f32], s: f64) -> Result<Vec<f32>> {
        let picture = self.x0_mixture(s)?;
        let divisor = match self.prediction {
            Prediction::Sample => s.max(self.floor),
            Prediction::Velocity | Prediction::Epsilon => s,
        };
        if divisor <= 0.0 {
            return Err(Error::Refused(
                "a clamped velocity at noise level 0: expected a level above 0".into(),
            ));
        }
        expect_length("the network's output", output.len(), noised.len())?;
        let values = output.iter().zip(noised);
        Ok(values
            .map(|(&output, &noised)| {
                let x0 = picture.at(output, noised).clamp(-1.0, 1.0);
                ((f64::from(noised) - x0) / divisor) as f32
            })
            .collect())
    }

    /// x̂0 from the output at level `s` in [0, 1]; slices of one length.
    pub fn x0(&self, output: &[f32], noised: &[f32], s: f64) -> Result<Vec<f32>> {
        self.x0_mixture(s)?.of(output, noised)
    }

    /// ∂x̂0/∂output, one factor for every value, as losses on x̂0 need it.
    pub fn x0_derivative(&self, s: f64) -> Result<f64> {
        Ok(self.x0_mixture(s)?.of_output)
    }

    /// The output a perfect network gives; slices of one length.
    pub fn target(&self, x0: &[f32], noise: &[f32]) -> Result<Vec<f32>> {
        let (of_x0, of_noise) = match self.prediction {
            Prediction::Epsilon => (0.0, 1.0),
            Prediction::Sample => (1.0, 0.0),
            Prediction::Velocity => (-1.0, 1.0),
        };
        combined((of_x0, x0), (of_noise, "the noise", noise))
    }

    /// `mean((v̂ − v)²)` at level `s` in [0, 1], with its gradient with respect to the output.
    pub fn loss(&self, output: &[f32], x0: &[f32], noise: &[f32], s: f64) -> Result<Loss> {
        squared_error(output, &self.target(x0, noise)?, self.magnification(s)?.powi(2))
    }
}

/// `(1−s)·x0 + s·ε` for `s` in [0, 1]; slices of one length.
pub fn noised(x0: &[f32], noise: &[f32], s: f64) -> Result<Vec<f32>> {
    expect_within("the noise level", s, 0.0, 1.0)?;
    combined((1.0 - s, x0), (s, "the noise", noise))
}

/// The ratio of signal to noise at level `s` from 1e-6 to 1: `((1−s)/s)²`.
pub fn snr(s: f64) -> Result<f64> {
    expect_within("the noise level", s, 1e-6, 1.0)?;
    Ok(((1.0 - s) / s).powi(2))
}

#[cfg(test)]
mod tests {
    use super::super::reference::{Reference, assert_close_f32, noise};
    use super::*;

    fn as_f64(values: &[f32]) -> Vec<f64> {
        values.iter().map(|&value| value.into()).collect()
    }

    fn flows() -> [Flow; 3] {
        Prediction::ALL.map(Flow::new)
    }

    #[test]
    fn interpolation_is_the_recorded_one() {
        let Some(reference) = Reference::find("flow_matching") else { return };
        let (x0, eps) = (reference.f32s("x0"), reference.f32s("noise"));
        let flow = Flow::new(Prediction::Velocity);
        let target = flow.target(&x0, &eps).unwrap();
        assert_close_f32("v", &target, &reference.f64s("v_target"), 1e-6);
        let (mut on_path, mut pictures) = (Vec::new(), Vec::new());
        for (i, s) in reference.f64s("t").into_iter().enumerate() {
            let part = i * 256..(i + 1) * 256;
            let x = noised(&x0[part.clone()], &eps[part.clone()], s).unwrap();
            pictures.extend(flow.x0(&target[part], &x, s).unwrap());
            on_path.extend(x);
        }
        assert_close_f32("x_t", &on_path, &reference.f64s("x_t"), 1e-6);
        assert_close_f32("x0", &pictures, &reference.f64s("x0_from_v"), 1e-6);
    }

    #[test]
    fn the_target_recovers_picture_and_velocity() {
        let (x0, eps) = (noise(64, 1), noise(64, 2));
        let velocity = as_f64(&Flow::new(Prediction::Velocity).target(&x0, &eps).unwrap());
        for flow in flows() {
            for s in [0.06, 0.3, 0.7, 0.94] {
                let x = noised(&x0, &eps, s).unwrap();
                let target = flow.target(&x0, &eps).unwrap();
                let found = flow.velocity(&target, &x, s).unwrap();
                assert_close_f32("v", &found, &velocity, 1e-5);
                assert_close_f32("x0", &flow.x0(&target, &x, s).unwrap(), &as_f64(&x0), 1e-5);
            }
        }
    }

    /// The formula as written: both velocities divided by the same level, at least the floor.
    fn loss_of_velocities(flow: Flow, output: &[f64], x0: &[f64], eps: &[f64], s: f64) -> f64 {
        let mut sum = 0.0;
        for ((output, x0), eps) in output.iter().zip(x0).zip(eps) {
            let x = (1.0 - s) * x0 + s * eps;
            let (found, exact) = match flow.prediction() {
                Prediction::Sample => ((x - output) / s.max(0.05), (x - x0) / s.max(0.05)),
                Prediction::Velocity => (*output, eps - x0),
                Prediction::Epsilon => {
                    let level = (1.0 - s).max(0.05);
                    ((output - x) / level, (eps - x) / level)
                }
            };
            sum += (found - exact).powi(2);
        }
        sum / output.len() as f64
    }

    #[test]
    fn the_loss_is_that_of_velocities_and_has_its_gradient() {
        let (x0, eps, output) = (noise(24, 1), noise(24, 2), noise(24, 3));
        let [exact_x0, exact_eps, exact_output] = [&x0, &eps, &output].map(|v| as_f64(v));
        for flow in flows() {
            for s in [0.0, 0.01, 0.3, 0.97, 1.0] {
                let loss = flow.loss(&output, &x0, &eps, s).unwrap();
                let value =
                    |output: &[f64]| loss_of_velocities(flow, output, &exact_x0, &exact_eps, s);
                let expected = value(&exact_output);
                assert!((loss.value - expected).abs() < 1e-6 * expected, "{flow:?} {s}");
                for (at, &found) in loss.gradient.iter().enumerate() {
                    let moved = |by: f64| {
                        let mut output = exact_output.clone();
                        output[at] += by;
                        value(&output)
                    };
                    let difference = (moved(1e-4) - moved(-1e-4)) / 2e-4;
                    let allowed = 1e-6 * difference.abs().max(1.0);
                    assert!((f64::from(found) - difference).abs() < allowed, "{flow:?} {s}");
                }
            }
        }
    }

    #[test]
    fn a_perfect_output_costs_nothing() {
        let (x0, eps) = (noise(24, 1), noise(24, 2));
        for flow in flows() {
            let target = flow.target(&x0, &eps).unwrap();
            assert_eq!(flow.loss(&target, &x0, &eps, 0.4).unwrap().value, 0.0);
        }
    }

    #[test]
    fn the_derivative_is_that_of_the_picture() {
        for flow in flows() {
            for s in [0.0, 0.02, 0.5, 0.99, 1.0] {
                let mixture = flow.x0_mixture(s).unwrap();
                let difference = mixture.at(1.5, 0.25) - mixture.at(0.5, 0.25);
                assert!((flow.x0_derivative(s).unwrap() - difference).abs() < 1e-12);
            }
        }
        assert_eq!(Flow::new(Prediction::Velocity).x0_derivative(0.3).unwrap(), -0.3);
    }

    #[test]
    fn a_clamped_velocity_leads_into_the_range() {
        let (output, x) = (noise(64, 4), noise(64, 5));
        for flow in flows() {
            let s = 0.6;
            let free = flow.x0(&output, &x, s).unwrap();
            assert!(free.iter().any(|value| value.abs() > 1.0));
            let velocity = flow.clamped_velocity(&output, &x, s).unwrap();
            for ((v, x), free) in velocity.iter().zip(&x).zip(&free) {
                assert!((x - 0.6 * v - free.clamp(-1.0, 1.0)).abs() < 1e-5);
            }
            let unclamped = flow.velocity(&[0.1; 4], &[0.2; 4], s).unwrap();
            let clamped = flow.clamped_velocity(&[0.1; 4], &[0.2; 4], s).unwrap();
            assert_close_f32("v", &clamped, &as_f64(&unclamped), 1e-6);
        }
        assert!(Flow::new(Prediction::Velocity).clamped_velocity(&[0.0], &[0.0], 0.0).is_err());
    }

    #[test]
    fn senseless_numbers_are_refused() {
        let flow = Flow::new(Prediction::Sample);
        assert!(flow.velocity(&[0.0], &[0.0], 1.1).is_err());
        assert!(flow.velocity(&[0.0], &[0.0], f64::NAN).is_err());
        assert!(flow.velocity(&[0.0], &[0.0, 1.0], 0.5).is_err());
        assert!(flow.loss(&[0.0], &[0.0], &[0.0], -0.1).is_err());
        assert!(flow.loss(&[f32::NAN], &[0.0], &[0.0], 0.1).is_err());
        assert!(Flow::with_floor(Prediction::Sample, 0.0).is_err());
        assert!(noised(&[0.0], &[0.0], 2.0).is_err());
        assert!(snr(0.0).is_err());
        assert_eq!(snr(0.5).unwrap(), 1.0);
    }
}
