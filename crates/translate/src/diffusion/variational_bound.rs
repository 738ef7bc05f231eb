//! The term of the variational bound that teaches a learned variance.
//!
//! In bits per dimension (Ho et al. 2020, eq. 5; Nichol & Dhariwal 2021, §3.1): for t > 0 the
//! divergence of the posterior from the step that the network proposes,
//! `KL = ½·(−1 + ln σ² − ln β̃ + β̃/σ² + (μ̃−μ)²/σ²)/ln 2`;
//! at t = 0 the negative log-likelihood of the 256 levels of a picture in [−1, 1] under the
//! proposed normal, with the tails of ±0.999 open, probabilities of at least 1e-12 and the normal
//! distribution function in its tanh approximation (0.044715), all as the published code does.
//!
//! The mean μ comes from a prediction that is held fixed here (the bound is not to teach it), so
//! the gradient is with respect to v of [`super::variance`] alone. The term is not scaled by T/1000
//! ("rescaled"): DiT adds it as it is to the plain squared error.
//!
//! Reproduces recorded bounds at t = 0, 37 and 999 within 1e-5 relative (observed 2e-7).

use std::f64::consts::LN_2;

use super::linear::expect_length;
use super::variance::LogRange;
use super::{Loss, Prediction, Schedule};
use crate::{Error, Result};

/// The divergence of N(μ̃, e^true_log) from N(μ, e^log), in nats, and its derivative by `log`.
fn divergence(true_mean: f64, true_log: f64, mean: f64, log: f64) -> (f64, f64) {
    let ratio = (true_log - log).exp();
    let distance = (true_mean - mean).powi(2) * (-log).exp();
    (0.5 * (-1.0 + log - true_log + ratio + distance), 0.5 * (1.0 - ratio - distance))
}

/// The normal distribution function in its tanh approximation, and its derivative.
fn approximate_normal(x: f64) -> (f64, f64) {
    let root = std::f64::consts::FRAC_2_PI.sqrt();
    let tanh = (root * (x + 0.044715 * x.powi(3))).tanh();
    let inner = root * (1.0 + 3.0 * 0.044715 * x * x);
    (0.5 * (1.0 + tanh), 0.5 * (1.0 - tanh * tanh) * inner)
}

/// −ln of the probability of the level of 256 at `x` under N(mean, e^log), and its derivative by
/// `log`.
fn level_likelihood(x: f64, mean: f64, log: f64) -> (f64, f64) {
    const HALF_LEVEL: f64 = 1.0 / 255.0;
    const LEAST: f64 = 1e-12;
    let scale = (-0.5 * log).exp();
    let edge = |offset: f64| {
        let at = scale * (x - mean + offset);
        let (below, density) = approximate_normal(at);
        (below, density * at * -0.5)
    };
    let (upper, upper_slope) = edge(HALF_LEVEL);
    let (lower, lower_slope) = edge(-HALF_LEVEL);
    let (probability, slope) = if x < -0.999 {
        (upper, upper_slope)
    } else if x > 0.999 {
        (1.0 - lower, -lower_slope)
    } else {
        (upper - lower, upper_slope - lower_slope)
    };
    // In this order, so that NaN stays NaN.
    if probability <= LEAST {
        (-LEAST.ln(), 0.0)
    } else {
        (-probability.ln(), -slope / probability)
    }
}

/// The network's output at one step: what it predicts, and v.
#[derive(Clone, Copy, Debug)]
pub struct LearnedStep<'a> {
    /// What `output` is.
    pub prediction: Prediction,
    /// The prediction, of the picture's length, held fixed.
    pub output: &'a [f32],
    /// v, of the picture's length.
    pub variance: &'a [f32],
}

/// The term of the variational bound at step `t`, a mean in bits per dimension, and its gradient
/// with respect to v.
///
/// `x0` is the picture in [−1, 1] (or a latent), `noised` the network's input; all of one length,
/// which is not 0. Refuses `t` outside the schedule and a bound that is not finite.
pub fn variational_bound(
    schedule: &Schedule,
    t: usize,
    x0: &[f32],
    noised: &[f32],
    step: LearnedStep<'_>,
) -> Result<Loss> {
    let count = x0.len();
    expect_length("the noised picture", noised.len(), count)?;
    expect_length("the network's prediction", step.output.len(), count)?;
    expect_length("the variance channels", step.variance.len(), count)?;
    if count == 0 {
        return Err(Error::Refused("a bound of no values: give a picture".into()));
    }
    let range = LogRange::of(schedule, t)?;
    let picture = step.prediction.x0_mixture(schedule.entry(schedule.alpha_bar(), t)?)?;
    let of_x0 = schedule.entry(schedule.posterior_mean_x0(), t)?;
    let of_noised = schedule.entry(schedule.posterior_mean_noised(), t)?;
    let scale = 1.0 / (count as f64 * LN_2);
    let mut sum = 0.0;
    let values = x0.iter().zip(noised).zip(step.output.iter().zip(step.variance));
    let gradient = values
        .map(|((&x0, &noised), (&output, &v))| {
            let (exact, input) = (f64::from(x0), f64::from(noised));
            let mean = of_x0 * picture.at(output, noised) + of_noised * input;
            let log = range.at(f64::from(v));
            let (nats, slope) = if t == 0 {
                level_likelihood(exact, mean, log)
            } else {
                divergence(of_x0 * exact + of_noised * input, range.small, mean, log)
            };
            sum += nats;
            (slope * range.derivative() * scale) as f32
        })
        .collect();
    let value = sum * scale;
    if !value.is_finite() {
        return Err(Error::Refused(format!(
            "a variational bound of {value} at step {t}: \
             the network's output holds NaN or is out of range"
        )));
    }
    Ok(Loss { value, gradient })
}

#[cfg(test)]
mod tests {
    use super::super::Betas;
    use super::super::loss::squared_error;
    use super::super::reference::{Reference, assert_close, noise};
    use super::*;

    #[test]
    fn losses_are_the_recorded_ones() {
        let Some(reference) = Reference::find("losses") else { return };
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        let [x0, eps, noised, outputs] =
            ["x0", "noise", "x_t", "model_out"].map(|name| reference.f32s(name));
        let (mut squared, mut bits) = (Vec::new(), Vec::new());
        for (i, t) in reference.f64s("t").into_iter().enumerate() {
            let picture = i * 256..(i + 1) * 256;
            let (output, variance) = outputs[i * 512..(i + 1) * 512].split_at(256);
            squared.push(squared_error(output, &eps[picture.clone()], 1.0).unwrap().value);
            let step = LearnedStep { prediction: Prediction::Epsilon, output, variance };
            let (x0, noised) = (&x0[picture.clone()], &noised[picture]);
            bits.push(variational_bound(&schedule, t as usize, x0, noised, step).unwrap().value);
        }
        let sum: Vec<f64> = squared.iter().zip(&bits).map(|(a, b)| a + b).collect();
        assert_close("mse", &squared, &reference.f64s("mse"), 1e-5);
        assert_close("vb_bits", &bits, &reference.f64s("vb_bits"), 1e-5);
        assert_close("loss", &sum, &reference.f64s("loss"), 1e-5);
    }

    /// Both derivatives by ln σ² against central differences in f64.
    #[test]
    fn derivatives_are_those_of_the_terms() {
        let step = 1e-5;
        let slope =
            |term: &dyn Fn(f64) -> f64, at: f64| (term(at + step) - term(at - step)) / (2.0 * step);
        for (true_mean, true_log, mean, log) in
            [(0.3, -4.0, 0.25, -3.0), (-1.0, -9.0, -1.01, -8.5), (0.0, -1.0, 0.5, -1.0)]
        {
            let found = divergence(true_mean, true_log, mean, log).1;
            let expected = slope(&|log| divergence(true_mean, true_log, mean, log).0, log);
            assert!((found - expected).abs() < 1e-7 * expected.abs().max(1.0));
        }
        for (x, mean, log) in [
            (0.2, 0.21, -9.0),
            (0.2, 0.22, -9.5),
            (-1.0, -0.98, -8.0),
            (1.0, 0.99, -9.9),
            (0.0, 0.5, -2.0),
        ] {
            let found = level_likelihood(x, mean, log).1;
            let expected = slope(&|log| level_likelihood(x, mean, log).0, log);
            assert!(
                (found - expected).abs() < 1e-5 * expected.abs().max(1.0),
                "{found} {expected}"
            );
        }
        assert_eq!(level_likelihood(0.0, 0.9, -9.0), (-(1e-12_f64).ln(), 0.0));
    }

    /// The gradient as a whole, along a direction.
    #[test]
    fn the_gradient_is_that_of_the_bound() {
        let schedule = Schedule::new(Betas::Cosine, 100).unwrap();
        let x0: Vec<f32> = noise(48, 1).iter().map(|v| (v * 0.4).clamp(-1.0, 1.0)).collect();
        let (eps, direction) = (noise(48, 2), noise(48, 3));
        let variance: Vec<f32> = noise(48, 4).iter().map(|v| v * 0.5).collect();
        for t in [0, 1, 50, 99] {
            let noised = schedule.noised(&x0, &eps, t).unwrap();
            let output: Vec<f32> = eps.iter().zip(&direction).map(|(e, d)| e + 0.1 * d).collect();
            let bound = |variance: &[f32]| {
                let step =
                    LearnedStep { prediction: Prediction::Epsilon, output: &output, variance };
                variational_bound(&schedule, t, &x0, &noised, step).unwrap()
            };
            let moved = |by: f32| -> Vec<f32> {
                variance.iter().zip(&direction).map(|(v, d)| v + by * d).collect()
            };
            let by = 1.0 / 512.0;
            let difference = (bound(&moved(by)).value - bound(&moved(-by)).value) / (2.0 / 512.0);
            let along: f64 = bound(&variance)
                .gradient
                .iter()
                .zip(&direction)
                .map(|(&g, &d)| f64::from(g) * f64::from(d))
                .sum();
            let allowed = 1e-3 * difference.abs() + 1e-5;
            assert!((along - difference).abs() < allowed, "{t}: {along} {difference}");
        }
    }

    #[test]
    fn the_exact_step_costs_nothing() {
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        let (x0, eps) = (noise(16, 1), noise(16, 2));
        let noised = schedule.noised(&x0, &eps, 400).unwrap();
        let step =
            LearnedStep { prediction: Prediction::Sample, output: &x0, variance: &[-1.0; 16] };
        let bound = variational_bound(&schedule, 400, &x0, &noised, step).unwrap();
        assert!(bound.value.abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        let bound = |t, x0: &[f32], output: &[f32], variance: &[f32]| {
            let step = LearnedStep { prediction: Prediction::Epsilon, output, variance };
            variational_bound(&schedule, t, x0, x0, step)
        };
        assert!(bound(5, &[0.1], &[0.1], &[0.0]).is_ok());
        assert!(bound(1000, &[0.1], &[0.1], &[0.0]).is_err());
        assert!(bound(5, &[], &[], &[]).is_err());
        assert!(bound(5, &[0.1], &[0.1, 0.2], &[0.0]).is_err());
        assert!(bound(5, &[0.1], &[0.1], &[]).is_err());
        assert!(bound(5, &[0.1], &[f32::NAN], &[0.0]).is_err());
        assert!(bound(0, &[0.1], &[f32::NAN], &[0.0]).is_err());
    }
}
