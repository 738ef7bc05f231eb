//! The variance of a step: fixed, or learned within a range.
//!
//! With a learned range (Nichol & Dhariwal 2021, eq. 15; DiT's `learn_sigma`) the network outputs,
//! beside its prediction, a value v for each value of the picture, nominally in [−1, 1]:
//! `ln σ² = f·ln β_t + (1−f)·ln β̃_t`, `f = (v+1)/2`.
//!
//! The bound that teaches v is in [`super::variational_bound`].
//!
//! Reproduces recorded log variances within 1e-5 (their f32).

use serde::{Deserialize, Serialize};

use super::Schedule;
use super::linear::expect_length;
use crate::{Error, Result};

/// Which variance a step of DDPM adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variance {
    /// β̃_t, the posterior's.
    FixedSmall,
    /// β_t, with β̃_1 at the first index.
    FixedLarge,
    /// What the network says, between the two; its output is twice as long as the picture, the
    /// second half being v.
    LearnedRange,
}

impl Variance {
    /// ln σ² of a step for `count` values; `learned` is v, for [`Variance::LearnedRange`] only.
    ///
    /// Values of v outside [−1, 1] extrapolate, as in the published code. Refuses a missing or
    /// superfluous `learned`, one of another length, and indices outside the schedule.
    pub fn log_variance(
        self,
        schedule: &Schedule,
        t: usize,
        learned: Option<&[f32]>,
        count: usize,
    ) -> Result<Vec<f64>> {
        let range = LogRange::of(schedule, t)?;
        match (self, learned) {
            (Self::FixedSmall, None) => Ok(vec![range.small; count]),
            (Self::FixedLarge, None) => {
                let first = schedule.entry(schedule.posterior_log_variance(), 0)?;
                Ok(vec![if t == 0 { first } else { range.large }; count])
            }
            (Self::LearnedRange, Some(learned)) => {
                expect_length("the variance channels", learned.len(), count)?;
                Ok(learned.iter().map(|&v| range.at(f64::from(v))).collect())
            }
            (Self::LearnedRange, None) => Err(Error::Refused(
                "a learned variance needs an output twice as long as the picture: \
                 use a network with variance channels, or a fixed variance"
                    .into(),
            )),
            (_, Some(_)) => Err(Error::Refused(
                "a fixed variance takes no variance channels: \
                 leave them out, or use the learned range"
                    .into(),
            )),
        }
    }
}

/// ln β̃_t and ln β_t, between which the variance is learned.
#[derive(Clone, Copy)]
pub(super) struct LogRange {
    /// ln β̃_t.
    pub(super) small: f64,
    large: f64,
}

impl LogRange {
    pub(super) fn of(schedule: &Schedule, t: usize) -> Result<Self> {
        Ok(Self {
            small: schedule.entry(schedule.posterior_log_variance(), t)?,
            large: schedule.entry(schedule.betas(), t)?.ln(),
        })
    }

    /// ln σ² for v.
    pub(super) fn at(self, v: f64) -> f64 {
        let share = (v + 1.0) / 2.0;
        share * self.large + (1.0 - share) * self.small
    }

    /// ∂ln σ²/∂v.
    pub(super) fn derivative(self) -> f64 {
        (self.large - self.small) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Betas;
    use super::*;

    #[test]
    fn kinds_of_variance() {
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        let at = |kind: Variance, t, learned| kind.log_variance(&schedule, t, learned, 1);
        let (large, small) = (schedule.betas()[500].ln(), schedule.posterior_variance()[500].ln());
        assert_eq!(at(Variance::FixedSmall, 500, None).unwrap(), [small]);
        assert_eq!(at(Variance::FixedLarge, 500, None).unwrap(), [large]);
        let first = schedule.posterior_variance()[1].ln();
        assert_eq!(at(Variance::FixedSmall, 0, None).unwrap(), [first]);
        assert_eq!(at(Variance::FixedLarge, 0, None).unwrap(), [first]);
        assert_eq!(at(Variance::LearnedRange, 500, Some(&[1.0])).unwrap(), [large]);
        assert_eq!(at(Variance::LearnedRange, 500, Some(&[-1.0])).unwrap(), [small]);
        assert!(at(Variance::LearnedRange, 500, None).is_err());
        assert!(at(Variance::FixedLarge, 500, Some(&[0.0])).is_err());
        assert!(at(Variance::LearnedRange, 500, Some(&[0.0, 0.0])).is_err());
        assert!(at(Variance::FixedSmall, 1000, None).is_err());
        assert_eq!(serde_json::to_string(&Variance::LearnedRange).unwrap(), "\"learned-range\"");
    }
}
