//! Noise levels of rectified flows: which to train on, and which to sample through.
//!
//! * To train on: logit-normal, σ(m + d·n) for a normal number n (Esser et al. 2024, eq. 19).
//! * Shift for larger pictures (their eq. 23): `s' = a·s/(1+(a−1)·s)`.
//! * To sample through: equal steps from 1 to 0, shifted; or the list of diffusers, whose shift is
//!   applied twice at its lower end.
//!
//! Reproduces recorded logit-normal levels within 1e-6, and diffusers' list for shift 3 within
//! 1e-12 of its f64 and 5e-8 of its f32 values.

use super::super::betas::equal_steps;
use super::super::linear::expect_within;
use crate::{Error, Result};

/// A logit-normal distribution of levels to train on, stated for the *clean fraction* `t = 1 − s`:
/// `t = 1/(1+e^−(mean + deviation·n))`.
///
/// A mean of −0.8 prefers noisy pictures. In Stable Diffusion 3 it is 0 with deviation 1, where
/// both conventions agree; a mean stated for the noise level changes its sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogitNormal {
    mean: f64,
    deviation: f64,
}

impl Default for LogitNormal {
    /// PixelGen's and JiT's: mean −0.8, deviation 0.8.
    fn default() -> Self {
        Self { mean: -0.8, deviation: 0.8 }
    }
}

impl LogitNormal {
    /// Of a finite mean within ±20 and a deviation from 0 to 20, both of the clean fraction.
    pub fn of_clean_fraction(mean: f64, deviation: f64) -> Result<Self> {
        expect_within("the mean of the levels' logit", mean, -20.0, 20.0)?;
        expect_within("the deviation of the levels' logit", deviation, 0.0, 20.0)?;
        Ok(Self { mean, deviation })
    }

    /// The noise level `s` for a number drawn from the standard normal distribution.
    pub fn noise_level(&self, normal: f64) -> Result<f64> {
        expect_within("a normal number", normal, f64::MIN, f64::MAX)?;
        Ok(1.0 / (1.0 + (self.mean + self.deviation * normal).exp()))
    }
}

/// The shift of noise levels for larger pictures: `a·s/(1+(a−1)·s)`, for `s` in [0, 1]
/// and a from 0.001 to 1000.
///
/// a = 1 changes nothing; a > 1 moves levels towards noise.
pub fn shifted(s: f64, shift: f64) -> Result<f64> {
    expect_within("the noise level", s, 0.0, 1.0)?;
    expect_within("the shift of noise levels", shift, 1e-3, 1e3)?;
    Ok(shift * s / (1.0 + (shift - 1.0) * s))
}

/// The shift for a picture of `values` values when levels were chosen for `base`: `√(values/base)`
/// (Esser et al. 2024, eq. 23). Both at least 1.
pub fn resolution_shift(values: usize, base: usize) -> Result<f64> {
    if values == 0 || base == 0 {
        return Err(Error::Refused(format!(
            "a shift from {base} to {values} values: expected at least 1 of each"
        )));
    }
    Ok((values as f64 / base as f64).sqrt())
}

/// The levels of `steps` equal steps from 1 to 0, shifted: `steps + 1` numbers. Refuses 0 steps.
pub fn levels(steps: usize, shift: f64) -> Result<Vec<f64>> {
    if steps == 0 {
        return Err(Error::Refused("noise levels of no steps: expected at least 1".into()));
    }
    (0..=steps).map(|k| shifted((steps - k) as f64 / steps as f64, shift)).collect()
}

/// The levels diffusers' flow-matching Euler scheduler steps through: `steps + 1` numbers.
///
/// It shifts the least level it was trained with, 1/1000, makes equal steps from 1 to there, shifts
/// *again* and appends 0. Refuses 0 steps and 1 step, which has no two ends.
pub fn diffusers_levels(steps: usize, shift: f64) -> Result<Vec<f64>> {
    if steps < 2 {
        return Err(Error::Refused(format!(
            "diffusers' noise levels of {steps} steps: expected at least 2"
        )));
    }
    let least = shifted(1e-3, shift)?;
    equal_steps(1.0, least, steps)
        .into_iter()
        .map(|s| shifted(s, shift))
        .chain(std::iter::once(Ok(0.0)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::reference::{Reference, assert_close};
    use super::*;

    /// The standard normal distribution function by Simpson's rule, enough for 1e-9.
    fn normal_distribution(x: f64) -> f64 {
        let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let (pieces, step) = (2000, x / 2000.0);
        let inner = (1..pieces).map(|i| density(step * f64::from(i)) * f64::from(2 + 2 * (i % 2)));
        0.5 + (density(0.0) + density(x) + inner.sum::<f64>()) * step / 3.0
    }

    #[test]
    fn logit_normal_levels_are_the_recorded_ones() {
        let Some(reference) = Reference::find("flow_matching") else { return };
        let distribution = LogitNormal::of_clean_fraction(0.0, 1.0).unwrap();
        let recorded = reference.f64s("logitnormal.t_m0_s1");
        for (level, share) in recorded.into_iter().zip(reference.f64s("logitnormal.u")) {
            let normal = (level / (1.0 - level)).ln();
            assert!((normal_distribution(normal) - share).abs() < 1e-6);
            // Of mean 0, so that the clean fraction of −n is the noise level of n.
            assert!((distribution.noise_level(-normal).unwrap() - level).abs() < 1e-6);
        }
    }

    #[test]
    fn the_default_prefers_noise() {
        let distribution = LogitNormal::default();
        let middle = distribution.noise_level(0.0).unwrap();
        assert!((middle - 1.0 / (1.0 + (-0.8_f64).exp())).abs() < 1e-15 && middle > 0.5);
        // A clean fraction of σ(−0.8 + 0.8·1.5), which is σ(0.4).
        let clean = 1.0 - distribution.noise_level(1.5).unwrap();
        assert!((clean - 1.0 / (1.0 + (-0.4_f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn lists_are_the_recorded_ones() {
        let Some(reference) = Reference::find("flow_matching") else { return };
        let found = diffusers_levels(8, 3.0).unwrap();
        let exact = reference.numbers("/fm_shift3_own_from_linspace_of_shifted_ends");
        assert_close("f64", &found[..8], &exact, 1e-12);
        assert_close("f32", &found, &reference.numbers("/fm_shift3_n8_sigmas"), 5e-8);
    }

    #[test]
    fn lists_go_from_noise_to_the_picture() {
        assert_eq!(levels(4, 1.0).unwrap(), [1.0, 0.75, 0.5, 0.25, 0.0]);
        for (steps, shift) in [(1, 3.0), (7, 0.5), (50, 3.0)] {
            let found = levels(steps, shift).unwrap();
            assert_eq!((found.len(), found[0], found[steps]), (steps + 1, 1.0, 0.0));
            assert!(found.windows(2).all(|pair| pair[0] > pair[1]));
        }
        assert_eq!(shifted(0.5, 3.0).unwrap(), 0.75);
        assert_eq!(resolution_shift(4096, 1024).unwrap(), 2.0);
    }

    #[test]
    fn senseless_numbers_are_refused() {
        assert!(levels(0, 1.0).is_err());
        assert!(levels(3, 0.0).is_err());
        assert!(levels(3, f64::NAN).is_err());
        assert!(diffusers_levels(1, 3.0).is_err());
        assert!(shifted(1.5, 2.0).is_err());
        assert!(resolution_shift(0, 4).is_err());
        assert!(LogitNormal::of_clean_fraction(f64::INFINITY, 1.0).is_err());
        assert!(LogitNormal::of_clean_fraction(0.0, -1.0).is_err());
        assert!(LogitNormal::default().noise_level(f64::NAN).is_err());
    }
}
