//! DDIM's step (Song et al. 2021, eq. 12, 16).
//!
//! `x_p = √ᾱ_p·x̂0 + √(1−ᾱ_p−σ²)·ε̂ + σ·n`, `σ = η·√((1−ᾱ_p)/(1−ᾱ)·(1−ᾱ/ᾱ_p))`: without noise at
//! η = 0, with DDPM's at η = 1. ᾱ_p is that of the next kept index, and 1 at the end.
//!
//! Reproduces recorded steps of ε-, x0- and v-prediction at η = 0 and 1 within 1e-5 of the larger
//! of 1 and the value (observed 3e-6, f32 there).

use super::super::linear::{add_scaled, combined, expect_within};
use super::super::prediction::Recovered;
use crate::{Error, Result};

/// σ of a step from ᾱ to the larger ᾱ_p, for η in [0, 1].
pub fn deviation(alpha_bar: f64, alpha_bar_after: f64, eta: f64) -> Result<f64> {
    expect_within("η of ddim", eta, 0.0, 1.0)?;
    expect_within("ᾱ after a step of ddim", alpha_bar_after, f64::MIN_POSITIVE, 1.0)?;
    expect_within("ᾱ before a step of ddim", alpha_bar, 0.0, alpha_bar_after.min(1.0 - 1e-15))?;
    let variance =
        (1.0 - alpha_bar_after) / (1.0 - alpha_bar) * (1.0 - alpha_bar / alpha_bar_after);
    Ok(eta * variance.sqrt())
}

/// The picture after the step from ᾱ to ᾱ_p with a deviation σ of [`deviation`].
///
/// `noise` is needed where σ is more than 0; all slices of one length.
pub fn step(
    recovered: &Recovered,
    alpha_bar_after: f64,
    deviation: f64,
    noise: Option<&[f32]>,
) -> Result<Vec<f32>> {
    expect_within("ᾱ after a step of ddim", alpha_bar_after, 0.0, 1.0)?;
    expect_within("the deviation of a step of ddim", deviation, 0.0, 1.0)?;
    // Rounding may leave less than nothing at the end.
    let direction = (1.0 - alpha_bar_after - deviation * deviation).max(0.0).sqrt();
    let mut after = combined(
        (alpha_bar_after.sqrt(), &recovered.x0),
        (direction, "the predicted noise", &recovered.noise),
    )?;
    if deviation > 0.0 {
        let noise = noise.ok_or_else(|| {
            Error::Refused("a step of ddim with η above 0 needs noise: give it".into())
        })?;
        add_scaled(&mut after, deviation, "the noise", noise)?;
    }
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::super::super::reference::{Reference, assert_close_f32};
    use super::super::super::{Betas, Prediction, Schedule};
    use super::*;

    #[test]
    fn steps_are_the_recorded_ones() {
        let Some(reference) = Reference::find("sampler_steps") else { return };
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        let [x, output, noise] = ["x_t", "model_out", "noise"].map(|name| reference.f32s(name));
        for (prediction, name) in [
            (Prediction::Epsilon, "epsilon"),
            (Prediction::Sample, "sample"),
            (Prediction::Velocity, "v_prediction"),
        ] {
            for eta in [0.0, 1.0] {
                for (count, t) in [(50, 980), (50, 500), (50, 0), (10, 900)] {
                    let alpha_bar = schedule.alpha_bar()[t];
                    let after = t
                        .checked_sub(1000 / count)
                        .map_or(1.0, |after| schedule.alpha_bar()[after]);
                    let recovered = prediction.recovered(&output, &x, alpha_bar).unwrap();
                    let sigma = deviation(alpha_bar, after, eta).unwrap();
                    let found = step(&recovered, after, sigma, Some(&noise)).unwrap();
                    let name = format!("ddim.{name}.eta{eta}.n{count}.t{t}");
                    let recorded = |what| reference.f64s(&format!("{name}.{what}"));
                    assert_close_f32(&name, &recovered.x0, &recorded("x0"), 1e-5);
                    assert_close_f32(&name, &found, &recorded("prev"), 1e-5);
                }
            }
        }
    }

    #[test]
    fn noise_is_that_of_ddpm_at_full_eta() {
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        for t in [1, 300, 999] {
            let sigma =
                deviation(schedule.alpha_bar()[t], schedule.alpha_bar_previous()[t], 1.0).unwrap();
            assert!((sigma * sigma / schedule.posterior_variance()[t] - 1.0).abs() < 1e-9);
        }
        assert_eq!(deviation(0.5, 1.0, 1.0).unwrap(), 0.0);
        assert_eq!(deviation(0.0, 0.25, 1.0).unwrap(), 0.75_f64.sqrt());
    }

    #[test]
    fn senseless_steps_are_refused() {
        assert!(deviation(0.5, 0.4, 0.0).is_err());
        assert!(deviation(0.5, 0.6, 1.5).is_err());
        assert!(deviation(f64::NAN, 0.6, 0.0).is_err());
        let recovered = Recovered { x0: vec![0.0], noise: vec![0.0] };
        assert!(step(&recovered, 0.5, 0.1, None).is_err());
        assert!(step(&recovered, 0.5, 0.1, Some(&[0.0, 0.0])).is_err());
        assert!(step(&recovered, 0.5, 0.0, None).is_ok());
    }
}
