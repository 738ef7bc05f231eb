//! Noise schedules of the discrete process, as tables in f64.
//!
//! The forward process of Ho et al. (2020, eq. 2–4) adds noise in T steps of variances β_t:
//! `x_t = √ᾱ_t·x0 + √(1−ᾱ_t)·ε` with `ᾱ_t = Π_{i≤t} (1−β_i)`. Its posterior (eq. 6, 7) is normal
//! with mean `c0_t·x0 + c1_t·x_t` and variance `β̃_t`:
//!
//! * `β̃_t = β_t·(1−ᾱ_{t−1})/(1−ᾱ_t)`, with `ᾱ_{−1} = 1`, so that `β̃_0 = 0`
//! * `c0_t = β_t·√ᾱ_{t−1}/(1−ᾱ_t)`, `c1_t = (1−ᾱ_{t−1})·√(1−β_t)/(1−ᾱ_t)`
//!
//! The families of β are in [`Betas`]. The table of `ln β̃` has its first entry (ln 0)
//! replaced by its second, as in the published code of Nichol & Dhariwal (2021).
//!
//! [`Schedule::with_zero_terminal_snr`] is the correction of Lin et al. (2024, algorithm 1): it
//! shifts and scales √ᾱ so that the last is 0. It needs x0- or v-prediction and steps that begin
//! at the last index.
//!
//! Reproduces recorded tables of all three families for T = 1000 within 1e-12 relative, and the
//! zero-terminal tables of diffusers (f32 there) within 5e-7.

use super::Betas;
use super::linear::combined;
use crate::{Error, Result};

/// The tables of T steps; index 0 is the least noised. All have T entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    betas: Vec<f64>,
    alpha_bar: Vec<f64>,
    alpha_bar_previous: Vec<f64>,
    sqrt_alpha_bar: Vec<f64>,
    sqrt_one_minus_alpha_bar: Vec<f64>,
    sqrt_reciprocal_alpha_bar: Vec<f64>,
    sqrt_reciprocal_minus_one: Vec<f64>,
    posterior_variance: Vec<f64>,
    posterior_log_variance: Vec<f64>,
    posterior_mean_x0: Vec<f64>,
    posterior_mean_noised: Vec<f64>,
    snr: Vec<f64>,
}

impl Schedule {
    /// The tables of a family for T steps.
    ///
    /// Refuses T = 0 and numbers of steps that a family cannot have (linear: T > 20, for β < 1).
    pub fn new(betas: Betas, steps: usize) -> Result<Self> {
        if betas == Betas::Linear && steps <= 20 {
            return Err(Error::Refused(format!(
                "a linear schedule of {steps} steps would need variances of 1 and more: \
                 use more than 20 steps (1000 is usual), or respace a longer schedule"
            )));
        }
        Self::from_betas(betas.of_steps(steps))
    }

    /// The tables of given variances: at least one, each in (0, 1]; 1 only at the end.
    pub fn from_betas(betas: Vec<f64>) -> Result<Self> {
        if betas.is_empty() {
            return Err(Error::Refused("a noise schedule of no steps: give at least one".into()));
        }
        let last = betas.len() - 1;
        for (i, &beta) in betas.iter().enumerate() {
            // Written so that NaN and variances lost beside 1 are refused too.
            let sensible =
                beta > 0.0 && 1.0 - beta < 1.0 && (beta < 1.0 || (beta == 1.0 && i == last));
            if !sensible {
                return Err(Error::Refused(format!(
                    "variance {beta} of step {i}: expected more than 0 and less than 1 \
                     (1 only for the last step)"
                )));
            }
        }
        let mut product = 1.0;
        let alpha_bar: Vec<f64> = betas
            .iter()
            .map(|beta| {
                product *= 1.0 - beta;
                product
            })
            .collect();
        let alpha_bar_previous: Vec<f64> =
            std::iter::once(1.0).chain(alpha_bar.iter().copied().take(last)).collect();
        let of_each = |formula: fn(f64, f64, f64) -> f64| -> Vec<f64> {
            let tables = betas.iter().zip(&alpha_bar).zip(&alpha_bar_previous);
            tables.map(|((&beta, &kept), &before)| formula(beta, kept, before)).collect()
        };
        let posterior_variance = of_each(|beta, kept, before| beta * (1.0 - before) / (1.0 - kept));
        let posterior_mean_x0 = of_each(|beta, kept, before| beta * before.sqrt() / (1.0 - kept));
        let posterior_mean_noised =
            of_each(|beta, kept, before| (1.0 - before) * (1.0 - beta).sqrt() / (1.0 - kept));
        let sqrt_alpha_bar = of_each(|_, kept, _| kept.sqrt());
        let sqrt_one_minus_alpha_bar = of_each(|_, kept, _| (1.0 - kept).sqrt());
        let sqrt_reciprocal_alpha_bar = of_each(|_, kept, _| (1.0 / kept).sqrt());
        let sqrt_reciprocal_minus_one = of_each(|_, kept, _| (1.0 / kept - 1.0).sqrt());
        let snr = of_each(|_, kept, _| kept / (1.0 - kept));
        // The first variance is 0; a schedule of one step has no second and takes its β instead.
        let floor = posterior_variance.get(1).or(betas.first()).copied().unwrap_or(1.0);
        let posterior_log_variance = std::iter::once(floor)
            .chain(posterior_variance.iter().copied().skip(1))
            .map(f64::ln)
            .collect();
        Ok(Self {
            betas,
            alpha_bar,
            alpha_bar_previous,
            sqrt_alpha_bar,
            sqrt_one_minus_alpha_bar,
            sqrt_reciprocal_alpha_bar,
            sqrt_reciprocal_minus_one,
            posterior_variance,
            posterior_log_variance,
            posterior_mean_x0,
            posterior_mean_noised,
            snr,
        })
    }

    /// The same schedule with √ᾱ shifted and scaled so that the last ᾱ is 0 and the first stays
    /// (Lin et al. 2024, algorithm 1). Refuses a schedule of one step.
    ///
    /// ε-prediction cannot be inverted at ᾱ = 0: train x0- or v-prediction.
    pub fn with_zero_terminal_snr(&self) -> Result<Self> {
        let (Some(&first), Some(&last)) = (self.sqrt_alpha_bar.first(), self.sqrt_alpha_bar.last())
        else {
            return Err(Error::Refused("a noise schedule of no steps cannot be rescaled".into()));
        };
        if self.steps() < 2 {
            return Err(Error::Refused(
                "a noise schedule of one step cannot keep its first and clear its last level: \
                 use two or more steps"
                    .into(),
            ));
        }
        let mut before = 1.0;
        let betas = self
            .sqrt_alpha_bar
            .iter()
            .map(|root| {
                let root = (root - last) * first / (first - last);
                let kept = root * root;
                let beta = 1.0 - kept / before;
                before = kept;
                beta
            })
            .collect();
        Self::from_betas(betas)
    }

    /// T.
    pub fn steps(&self) -> usize {
        self.betas.len()
    }

    /// β_t, the variance a step adds.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }

    /// ᾱ_t, the share of the picture's variance left after step t.
    pub fn alpha_bar(&self) -> &[f64] {
        &self.alpha_bar
    }

    /// ᾱ_{t−1}; 1 at index 0.
    pub fn alpha_bar_previous(&self) -> &[f64] {
        &self.alpha_bar_previous
    }

    /// √ᾱ_t.
    pub fn sqrt_alpha_bar(&self) -> &[f64] {
        &self.sqrt_alpha_bar
    }

    /// √(1−ᾱ_t).
    pub fn sqrt_one_minus_alpha_bar(&self) -> &[f64] {
        &self.sqrt_one_minus_alpha_bar
    }

    /// √(1/ᾱ_t); infinite where ᾱ is 0.
    pub fn sqrt_reciprocal_alpha_bar(&self) -> &[f64] {
        &self.sqrt_reciprocal_alpha_bar
    }

    /// √(1/ᾱ_t − 1), by which x0 magnifies errors of ε; infinite where ᾱ is 0.
    pub fn sqrt_reciprocal_minus_one(&self) -> &[f64] {
        &self.sqrt_reciprocal_minus_one
    }

    /// β̃_t, the posterior's variance; 0 at index 0.
    pub fn posterior_variance(&self) -> &[f64] {
        &self.posterior_variance
    }

    /// ln β̃_t, with entry 0 replaced by entry 1 (by ln β_0 where there is one step).
    pub fn posterior_log_variance(&self) -> &[f64] {
        &self.posterior_log_variance
    }

    /// The factor of x0 in the posterior's mean.
    pub fn posterior_mean_x0(&self) -> &[f64] {
        &self.posterior_mean_x0
    }

    /// The factor of x_t in the posterior's mean.
    pub fn posterior_mean_noised(&self) -> &[f64] {
        &self.posterior_mean_noised
    }

    /// ᾱ_t/(1−ᾱ_t), the ratio of signal to noise.
    pub fn snr(&self) -> &[f64] {
        &self.snr
    }

    /// An entry of one of the tables above.
    pub(super) fn entry(&self, table: &[f64], index: usize) -> Result<f64> {
        table.get(index).copied().ok_or_else(|| {
            Error::Refused(format!(
                "index {index} of a noise schedule of {} steps: expected 0 to {}",
                self.steps(),
                self.steps().saturating_sub(1)
            ))
        })
    }

    /// The noised picture `√ᾱ_t·x0 + √(1−ᾱ_t)·ε`; slices of one length, `t < T`.
    pub fn noised(&self, x0: &[f32], noise: &[f32], t: usize) -> Result<Vec<f32>> {
        let picture = self.entry(&self.sqrt_alpha_bar, t)?;
        let spread = self.entry(&self.sqrt_one_minus_alpha_bar, t)?;
        combined((picture, x0), (spread, "the noise", noise))
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::{Reference, assert_close, assert_close_f32};
    use super::*;

    /// Relative to the recorded value itself, however small.
    fn assert_relative(what: &str, found: &[f64], expected: &[f64]) {
        for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let allowed = 1e-12 * expected.abs();
            assert!((found - expected).abs() <= allowed, "{what} at {at}: {found} {expected}");
        }
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn tables_are_the_recorded_ones() {
        let Some(reference) = Reference::find("schedules") else { return };
        for betas in Betas::ALL {
            let schedule = Schedule::new(betas, 1000).unwrap();
            for (name, table) in [
                ("betas", schedule.betas()),
                ("alphas_cumprod", schedule.alpha_bar()),
                ("alphas_cumprod_prev", schedule.alpha_bar_previous()),
                ("sqrt_alphas_cumprod", schedule.sqrt_alpha_bar()),
                ("sqrt_one_minus_alphas_cumprod", schedule.sqrt_one_minus_alpha_bar()),
                ("sqrt_recip_alphas_cumprod", schedule.sqrt_reciprocal_alpha_bar()),
                ("sqrt_recipm1_alphas_cumprod", schedule.sqrt_reciprocal_minus_one()),
                ("posterior_variance", schedule.posterior_variance()),
                ("posterior_log_variance_clipped", schedule.posterior_log_variance()),
                ("posterior_mean_coef1", schedule.posterior_mean_x0()),
                ("posterior_mean_coef2", schedule.posterior_mean_noised()),
                ("snr", schedule.snr()),
            ] {
                let name = format!("{}.{name}", betas.name().replace('-', "_"));
                assert_relative(&name, table, &reference.f64s(&name));
            }
        }
        let rescaled =
            Schedule::new(Betas::ScaledLinear, 1000).unwrap().with_zero_terminal_snr().unwrap();
        let expected = reference.f64s("zero_snr.scaled_linear.alphas_cumprod_f32");
        assert_close("zero-terminal", rescaled.alpha_bar(), &expected, 5e-7);
    }

    #[test]
    fn noised_pictures_are_the_recorded_ones() {
        let Some(reference) = Reference::find("losses") else { return };
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        let (x0, noise) = (reference.f32s("x0"), reference.f32s("noise"));
        let mut found = Vec::new();
        let pictures = x0.chunks_exact(256).zip(noise.chunks_exact(256));
        for ((x0, noise), &t) in pictures.zip(&reference.f64s("t")) {
            found.extend(schedule.noised(x0, noise, t as usize).unwrap());
        }
        assert_close_f32("x_t", &found, &reference.f64s("x_t"), 1e-6);
    }

    #[test]
    fn tables_of_any_length_are_sound() {
        for betas in Betas::ALL {
            for steps in [21, 50, 1000, 4000] {
                let schedule = Schedule::new(betas, steps).unwrap();
                assert_eq!(schedule.steps(), steps);
                assert_eq!(schedule.posterior_variance()[0], 0.0);
                assert!(schedule.posterior_variance()[1..].iter().all(|&variance| variance > 0.0));
                assert!(schedule.posterior_log_variance().iter().all(|log| log.is_finite()));
                assert!(schedule.alpha_bar().windows(2).all(|pair| pair[0] > pair[1]));
                // The posterior's mean of a picture without noise stays on the path of √ᾱ.
                for t in 0..steps {
                    let mean = schedule.posterior_mean_x0()[t]
                        + schedule.posterior_mean_noised()[t] * schedule.sqrt_alpha_bar()[t];
                    let expected = schedule.alpha_bar_previous()[t].sqrt();
                    assert!((mean - expected).abs() < 1e-9, "{betas} {steps} {t}");
                }
            }
        }
    }

    #[test]
    fn zero_terminal_snr_ends_at_noise_alone() {
        for betas in Betas::ALL {
            let plain = Schedule::new(betas, 1000).unwrap();
            let schedule = plain.with_zero_terminal_snr().unwrap();
            assert_eq!(schedule.alpha_bar()[999], 0.0);
            assert_eq!(schedule.snr()[999], 0.0);
            assert!((schedule.alpha_bar()[0] - plain.alpha_bar()[0]).abs() < 1e-15);
            assert!(schedule.posterior_variance().iter().all(|variance| variance.is_finite()));
        }
        assert!(Schedule::from_betas(vec![0.5]).unwrap().with_zero_terminal_snr().is_err());
    }

    #[test]
    fn impossible_schedules_are_refused() {
        assert!(Schedule::new(Betas::Linear, 20).is_err());
        assert!(Schedule::new(Betas::Cosine, 0).is_err());
        assert!(Schedule::from_betas(vec![]).is_err());
        for wrong in [0.0, -0.1, 1.5, f64::NAN, 1e-20] {
            assert!(Schedule::from_betas(vec![wrong, 0.1]).is_err(), "{wrong}");
        }
        assert!(Schedule::from_betas(vec![1.0, 0.1]).is_err());
        let schedule = Schedule::from_betas(vec![0.1, 1.0]).unwrap();
        assert!(schedule.noised(&[0.0], &[0.0], 2).is_err());
        assert!(schedule.noised(&[0.0], &[0.0, 1.0], 1).is_err());
    }
}
