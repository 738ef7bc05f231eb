//! Sampling with fewer steps than the schedule was made of.
//!
//! A subset of the T indices is kept and becomes a schedule of its own, with variances
//! `β_i = 1 − ᾱ_i/ᾱ_previous-kept` (Nichol & Dhariwal 2021, §4); the network always gets the
//! *original* index. Published code chooses the subset in ways that differ, see [`Spacing`].
//!
//! Our choice: a step leads to the next kept index, and the last to the picture. diffusers' DDIM
//! computes `t − ⌊T/n⌋` instead, which is the same for leading spacing and, where n divides T, for
//! trailing spacing; for the rest it names a level the picture is not at afterwards, and is not
//! followed here.
//!
//! Reproduces recorded index lists exactly and respaced variances within 1e-12.

use serde::{Deserialize, Serialize};

use super::Schedule;
use super::betas::equal_steps;
use crate::{Error, Result};

/// How n of T indices are chosen; everything rounds halves to even.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Spacing {
    /// `round(i·(T−1)/(n−1))`, with the fraction added up step by step: the respacing `"n"` of
    /// Nichol & Dhariwal's code and of DiT. First and last index are kept.
    Even,
    /// Every k-th from 0, with the smallest whole k that leaves n: their `"ddimN"`.
    Stride,
    /// `i·⌊T/n⌋ + offset` (diffusers; Stable Diffusion with offset 1).
    Leading {
        /// Added to every index.
        offset: usize,
    },
    /// `round(T − i·T/n) − 1` (diffusers): the last index is kept, as a zero terminal SNR needs.
    Trailing,
    /// `round` of n equal steps from 0 to T−1 (diffusers). Differs from [`Spacing::Even`] in how
    /// a few halves round.
    Linspace,
}

impl Spacing {
    /// The spacing and count of a respacing as Nichol & Dhariwal's code and DiT write it: `"250"`
    /// or `"ddim50"`.
    pub fn of_respacing(text: &str) -> Result<(Self, usize)> {
        let (spacing, digits) = match text.strip_prefix("ddim") {
            Some(digits) => (Self::Stride, digits),
            None => (Self::Even, text),
        };
        match digits.parse() {
            Ok(count) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok((spacing, count)),
            _ => Err(Error::Refused(format!(
                "no respacing is called {text:?}: \
                 use a number of steps such as \"250\", or \"ddim50\""
            ))),
        }
    }

    /// The kept indices of T, ascending.
    ///
    /// Refuses counts of 0 or more than T, counts a spacing cannot give, and one step of a spacing
    /// that would keep only the cleanest index (from which noise cannot be removed).
    pub fn indices(self, steps: usize, count: usize) -> Result<Vec<usize>> {
        if count == 0 || count > steps {
            return Err(Error::Refused(format!(
                "{count} steps of a schedule of {steps}: expected 1 to {steps}"
            )));
        }
        if count == 1 && steps > 1 && self != Self::Trailing {
            return Err(Error::Refused(format!(
                "one step of {self} spacing would keep only the cleanest index: \
                 use trailing spacing, or more steps"
            )));
        }
        let (total, parts) = (steps as f64, count as f64);
        match self {
            Self::Even => {
                let stride = if count > 1 { (total - 1.0) / (parts - 1.0) } else { 1.0 };
                let mut reached = 0.0_f64;
                Ok((0..count)
                    .map(|_| {
                        let index = reached.round_ties_even() as usize;
                        reached += stride;
                        index
                    })
                    .collect())
            }
            Self::Stride => {
                let kept = |stride: usize| steps.div_ceil(stride);
                match (1..=steps).find(|&stride| kept(stride) <= count) {
                    Some(stride) if kept(stride) == count => {
                        Ok((0..steps).step_by(stride).collect())
                    }
                    found => {
                        let fewer = found.map_or(1, kept);
                        let more =
                            found.map_or(steps, |stride| kept(stride.saturating_sub(1).max(1)));
                        Err(Error::Refused(format!(
                            "no whole stride leaves {count} of {steps} steps: \
                             the nearest counts are {fewer} and {more}"
                        )))
                    }
                }
            }
            Self::Leading { offset } => {
                let stride = steps / count;
                let last = (count - 1) * stride;
                if offset >= steps - last {
                    return Err(Error::Refused(format!(
                        "leading spacing of {count} of {steps} steps with offset {offset} passes \
                         the last index: expected an offset up to {}",
                        steps - last - 1
                    )));
                }
                Ok((0..count).map(|i| i * stride + offset).collect())
            }
            Self::Trailing => {
                let stride = total / parts;
                Ok((0..count)
                    .rev()
                    .map(|i| (total - i as f64 * stride).round_ties_even() as usize)
                    .map(|after| after.saturating_sub(1))
                    .collect())
            }
            Self::Linspace => Ok(equal_steps(0.0, total - 1.0, count)
                .into_iter()
                .map(|index| index.round_ties_even() as usize)
                .collect()),
        }
    }
}

impl std::fmt::Display for Spacing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Even => f.write_str("even"),
            Self::Stride => f.write_str("stride"),
            Self::Leading { offset: 0 } => f.write_str("leading"),
            Self::Leading { offset } => write!(f, "leading+{offset}"),
            Self::Trailing => f.write_str("trailing"),
            Self::Linspace => f.write_str("linspace"),
        }
    }
}

impl std::str::FromStr for Spacing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "even" => return Ok(Self::Even),
            "stride" => return Ok(Self::Stride),
            "leading" => return Ok(Self::Leading { offset: 0 }),
            "trailing" => return Ok(Self::Trailing),
            "linspace" => return Ok(Self::Linspace),
            _ => {}
        }
        let offset = text.strip_prefix("leading+").and_then(|offset| offset.parse().ok());
        offset.map(|offset| Self::Leading { offset }).ok_or_else(|| {
            Error::Refused(format!(
                "no spacing of steps is called {text:?}: \
                 use even, stride, leading, leading+1, trailing or linspace"
            ))
        })
    }
}

impl TryFrom<String> for Spacing {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Spacing> for String {
    fn from(spacing: Spacing) -> Self {
        spacing.to_string()
    }
}

/// A schedule of the kept steps, with the indices the network knows them by.
#[derive(Clone, Debug, PartialEq)]
pub struct Respaced {
    schedule: Schedule,
    original: Vec<usize>,
}

impl Respaced {
    /// Keeps the given indices: ascending, each below T, at least one.
    ///
    /// Keeping all gives the same tables back.
    pub fn keeping(schedule: &Schedule, indices: &[usize]) -> Result<Self> {
        let mut betas = Vec::with_capacity(indices.len());
        let (mut before, mut previous) = (1.0, None);
        for &index in indices {
            let alpha_bar = schedule.entry(schedule.alpha_bar(), index)?;
            if previous.is_some_and(|previous| previous >= index) {
                return Err(Error::Refused(format!(
                    "kept index {index} after {}: expected ascending indices without repetition",
                    previous.unwrap_or_default()
                )));
            }
            // A neighbour's variance is the schedule's own: 1 − (1 − β) would lose digits.
            let adjacent = previous.map_or(index == 0, |previous| previous + 1 == index);
            betas.push(if adjacent {
                schedule.entry(schedule.betas(), index)?
            } else {
                1.0 - alpha_bar / before
            });
            before = alpha_bar;
            previous = Some(index);
        }
        Ok(Self { schedule: Schedule::from_betas(betas)?, original: indices.to_vec() })
    }

    /// Keeps `count` indices chosen by a spacing.
    pub fn new(schedule: &Schedule, spacing: Spacing, count: usize) -> Result<Self> {
        Self::keeping(schedule, &spacing.indices(schedule.steps(), count)?)
    }

    /// The tables of the kept steps.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The kept indices of the full schedule, ascending, one for every step.
    pub fn original(&self) -> &[usize] {
        &self.original
    }
}

#[cfg(test)]
mod tests {
    use super::super::Betas;
    use super::super::reference::{Reference, assert_close};
    use super::*;

    #[test]
    fn respacings_are_the_recorded_ones() {
        let Some(reference) = Reference::find("schedules") else { return };
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        for text in ["250", "50", "25", "10", "ddim50", "ddim25"] {
            let (spacing, count) = Spacing::of_respacing(text).unwrap();
            let respaced = Respaced::new(&schedule, spacing, count).unwrap();
            assert_eq!(respaced.original(), reference.indices(&format!("/respacing/{text}")));
            let expected = reference.f64s(&format!("respaced.{text}.betas"));
            assert_close(text, respaced.schedule().betas(), &expected, 1e-12);
        }
        for spacing in [Spacing::Leading { offset: 0 }, Spacing::Trailing, Spacing::Linspace] {
            for count in [4, 10, 50] {
                let mut found = spacing.indices(1000, count).unwrap();
                found.reverse();
                let expected =
                    reference.indices(&format!("/diffusers_timesteps/{spacing}.{count}"));
                assert_eq!(found, expected, "{spacing} {count}");
            }
        }
    }

    #[test]
    fn keeping_all_changes_nothing() {
        for betas in Betas::ALL {
            let schedule = Schedule::new(betas, 100).unwrap();
            for spacing in [
                Spacing::Even,
                Spacing::Stride,
                Spacing::Leading { offset: 0 },
                Spacing::Trailing,
                Spacing::Linspace,
            ] {
                let respaced = Respaced::new(&schedule, spacing, 100).unwrap();
                assert_eq!(respaced.schedule(), &schedule, "{betas} {spacing}");
                assert_eq!(respaced.original(), (0..100).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn kept_levels_are_those_of_the_full_schedule() {
        let schedule = Schedule::new(Betas::Cosine, 1000).unwrap();
        let respaced = Respaced::new(&schedule, Spacing::Leading { offset: 1 }, 50).unwrap();
        for (&original, &kept) in respaced.original().iter().zip(respaced.schedule().alpha_bar()) {
            let expected = schedule.alpha_bar()[original];
            assert!((kept / expected - 1.0).abs() < 1e-12);
        }
        assert_eq!(respaced.original()[..3], [1, 21, 41]);
        assert_eq!(Spacing::Trailing.indices(1000, 1).unwrap(), [999]);
        assert_eq!(Spacing::Stride.indices(1000, 34).unwrap().len(), 34);
    }

    #[test]
    fn impossible_counts_are_refused() {
        for spacing in [Spacing::Even, Spacing::Trailing, Spacing::Linspace] {
            assert!(spacing.indices(1000, 0).is_err());
            assert!(spacing.indices(1000, 1001).is_err());
        }
        assert!(Spacing::Even.indices(1000, 1).is_err());
        let error = Spacing::Stride.indices(1000, 600).unwrap_err().to_string();
        assert!(error.contains("500 and 1000"), "{error}");
        assert!(Spacing::Leading { offset: 20 }.indices(1000, 50).is_err());
        assert!(Spacing::Leading { offset: 19 }.indices(1000, 50).is_ok());
        let schedule = Schedule::new(Betas::Linear, 100).unwrap();
        assert!(Respaced::keeping(&schedule, &[]).is_err());
        assert!(Respaced::keeping(&schedule, &[3, 3]).is_err());
        assert!(Respaced::keeping(&schedule, &[3, 100]).is_err());
        for wrong in ["", "ddim", "+5", "2 5", "-1", "10,10"] {
            assert!(Spacing::of_respacing(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for text in ["even", "stride", "leading", "leading+1", "trailing", "linspace"] {
            let spacing: Spacing = text.parse().unwrap();
            assert_eq!(spacing.to_string(), text);
            let written = serde_json::to_string(&spacing).unwrap();
            assert_eq!(serde_json::from_str::<Spacing>(&written).unwrap(), spacing);
        }
        assert!("leading+x".parse::<Spacing>().is_err());
        assert!(serde_json::from_str::<Spacing>("\"random\"").is_err());
    }
}
