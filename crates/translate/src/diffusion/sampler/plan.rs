//! The levels a sampler steps through, from noise to the picture.

use super::super::flow;
use super::super::linear::{combined, expect_length, expect_within};
use super::super::{Respaced, Schedule, Spacing};
use crate::{Error, Result};

/// The levels of a discrete process or of a rectified flow, from the noisiest to the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(super) process: Process,
    /// Whether it begins with the noisiest of its levels, and so with noise alone.
    from_noise: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Process {
    Discrete(Box<DiscretePlan>),
    /// The levels, one more than steps, descending.
    Flow(Vec<f64>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct DiscretePlan {
    pub(super) respaced: Respaced,
    /// How many of the kept indices, from the cleanest, are stepped through.
    pub(super) steps: usize,
    /// ᾱ after the last step, where it is not 1.
    pub(super) cleanest: Option<f64>,
    /// ᾱ of the full schedule's index 0.
    first_alpha_bar: f64,
}

impl DiscretePlan {
    /// ᾱ that the step from a kept index leads to.
    pub(super) fn alpha_bar_after(&self, index: usize) -> Result<f64> {
        let schedule = self.respaced.schedule();
        match self.cleanest {
            Some(cleanest) if index == 0 => Ok(cleanest),
            _ => schedule.entry(schedule.alpha_bar_previous(), index),
        }
    }

    /// The index of the full schedule that the network is told.
    pub(super) fn original(&self, index: usize) -> Result<f64> {
        let original = self.respaced.original().get(index).copied();
        original.map(|index| index as f64).ok_or_else(|| {
            Error::Refused(format!("step {index} of a plan of {} steps", self.steps))
        })
    }
}

impl Plan {
    /// `count` steps of a discrete schedule, chosen by a spacing (see [`Spacing::indices`] for what
    /// it refuses), ending at the picture.
    pub fn discrete(schedule: &Schedule, spacing: Spacing, count: usize) -> Result<Self> {
        Self::keeping(schedule, &spacing.indices(schedule.steps(), count)?)
    }

    /// The steps of given indices of a discrete schedule, ascending; they are stepped through from
    /// the last to the first and to the picture.
    pub fn keeping(schedule: &Schedule, indices: &[usize]) -> Result<Self> {
        let respaced = Respaced::keeping(schedule, indices)?;
        let plan = DiscretePlan {
            respaced,
            steps: indices.len(),
            cleanest: None,
            first_alpha_bar: schedule.entry(schedule.alpha_bar(), 0)?,
        };
        Ok(Self { process: Process::Discrete(Box::new(plan)), from_noise: true })
    }

    /// The levels of a rectified flow, one more than steps: at least two, strictly descending, in
    /// [0, 1]. [`flow::levels::levels`] gives such a list.
    pub fn flow(levels: Vec<f64>) -> Result<Self> {
        if levels.len() < 2 {
            return Err(Error::Refused(format!(
                "a flow through {} levels: expected at least 2, the first and the last",
                levels.len()
            )));
        }
        let mut before = f64::INFINITY;
        for &level in &levels {
            expect_within("the noise level", level, 0.0, 1.0)?;
            if level >= before {
                return Err(Error::Refused(format!(
                    "noise level {level} after {before}: expected strictly descending levels"
                )));
            }
            before = level;
        }
        Ok(Self { process: Process::Flow(levels), from_noise: true })
    }

    /// Ends at the least noised level of the full schedule instead of at the picture: diffusers'
    /// `set_alpha_to_one = false`, with which Stable Diffusion 1 and 2 are sampled.
    ///
    /// For [`Method::Ddim`] and [`Method::DpmSolverPlusPlus`]. Refuses flows, whose list of levels
    /// says where they end.
    ///
    /// [`Method::Ddim`]: super::Method::Ddim
    /// [`Method::DpmSolverPlusPlus`]: super::Method::DpmSolverPlusPlus
    pub fn ending_at_cleanest_level(mut self) -> Result<Self> {
        match &mut self.process {
            Process::Discrete(plan) => plan.cleanest = Some(plan.first_alpha_bar),
            Process::Flow(_) => {
                return Err(Error::Refused(
                    "a flow ends where its list of levels does: give another list".into(),
                ));
            }
        }
        Ok(self)
    }

    /// Only the last ⌊strength·n⌋ of the n steps, for a start from a noised picture
    /// ([`Plan::start`]): strength 1 keeps all and forgets the picture, less keeps more of it.
    ///
    /// Refuses strengths outside (0, 1] and those that leave no step.
    pub fn with_strength(mut self, strength: f64) -> Result<Self> {
        expect_within("the strength", strength, f64::MIN_POSITIVE, 1.0)?;
        let total = self.steps();
        // A product such as 0.29·100 that falls just short of a whole number is meant to be it.
        let kept = (strength * total as f64 + 1e-9).floor() as usize;
        if kept == 0 {
            return Err(Error::Refused(format!(
                "strength {strength} leaves none of {total} steps: use at least {}",
                1.0 / total as f64
            )));
        }
        match &mut self.process {
            Process::Discrete(plan) => plan.steps = kept,
            Process::Flow(levels) => drop(levels.drain(..total - kept)),
        }
        self.from_noise &= kept == total;
        Ok(self)
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        match &self.process {
            Process::Discrete(plan) => plan.steps,
            Process::Flow(levels) => levels.len() - 1,
        }
    }

    /// The times the network is given, of every step in order: indices of the full schedule, or
    /// noise levels. (Heun's second evaluations have the time of the step that follows.)
    pub fn times(&self) -> Vec<f64> {
        match &self.process {
            Process::Discrete(plan) => {
                let kept = plan.respaced.original().iter().take(plan.steps);
                kept.rev().map(|&index| index as f64).collect()
            }
            Process::Flow(levels) => levels.iter().take(self.steps()).copied().collect(),
        }
    }

    /// What sampling starts from: `source` noised to the first level; the noise alone where that is
    /// the whole plan of a discrete process, as its network was trained to see it.
    ///
    /// Slices of one length.
    pub fn start(&self, source: &[f32], noise: &[f32]) -> Result<Vec<f32>> {
        match &self.process {
            Process::Discrete(_) if self.from_noise => {
                expect_length("the noise", noise.len(), source.len())?;
                Ok(noise.to_vec())
            }
            Process::Discrete(plan) => {
                plan.respaced.schedule().noised(source, noise, plan.steps.saturating_sub(1))
            }
            Process::Flow(levels) => match levels.first() {
                Some(1.0) => combined((0.0, source), (1.0, "the noise", noise)),
                Some(&level) => flow::noised(source, noise, level),
                None => Err(Error::Refused("a flow through no levels".into())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Betas;
    use super::*;

    fn schedule() -> Schedule {
        Schedule::new(Betas::Linear, 1000).unwrap()
    }

    #[test]
    fn times_run_from_noise_to_the_picture() {
        let plan = Plan::discrete(&schedule(), Spacing::Leading { offset: 0 }, 4).unwrap();
        assert_eq!(plan.times(), [750.0, 500.0, 250.0, 0.0]);
        let plan = Plan::flow(flow::levels::levels(4, 1.0).unwrap()).unwrap();
        assert_eq!((plan.steps(), plan.times()), (4, vec![1.0, 0.75, 0.5, 0.25]));
    }

    #[test]
    fn strength_keeps_the_last_steps() {
        let plan = Plan::discrete(&schedule(), Spacing::Leading { offset: 0 }, 4).unwrap();
        let (source, noise) = ([1.0, -1.0], [0.5, 2.0]);
        assert_eq!(plan.start(&source, &noise).unwrap(), noise);
        let half = plan.clone().with_strength(0.5).unwrap();
        assert_eq!(half.times(), [250.0, 0.0]);
        assert_eq!(
            half.start(&source, &noise).unwrap(),
            half_noised(&source, &noise, 250),
            "the start is the picture noised to the first level"
        );
        assert_eq!(plan.clone().with_strength(1.0).unwrap(), plan);
        let hundred = Plan::discrete(&schedule(), Spacing::Even, 100).unwrap();
        assert_eq!(hundred.with_strength(0.29).unwrap().steps(), 29);

        let plan = Plan::flow(vec![1.0, 0.75, 0.5, 0.0]).unwrap();
        assert_eq!(plan.start(&source, &noise).unwrap(), noise);
        let cut = plan.with_strength(0.7).unwrap();
        assert_eq!(cut.times(), [0.75, 0.5]);
        assert_eq!(cut.start(&source, &noise).unwrap(), [0.625, 1.25]);
    }

    fn half_noised(source: &[f32], noise: &[f32], t: usize) -> Vec<f32> {
        // Of the full schedule, whose level at a kept index the respaced one shares.
        schedule().noised(source, noise, t).unwrap()
    }

    #[test]
    fn senseless_plans_are_refused() {
        for wrong in [
            vec![],
            vec![1.0],
            vec![1.0, 1.0, 0.0],
            vec![0.0, 1.0],
            vec![1.2, 0.0],
            vec![1.0, f64::NAN],
            vec![f64::NAN, 0.0],
        ] {
            assert!(Plan::flow(wrong.clone()).is_err(), "{wrong:?}");
        }
        let plan = Plan::flow(vec![1.0, 0.5, 0.0]).unwrap();
        for strength in [0.0, -1.0, 1.1, f64::NAN, 0.4] {
            assert!(plan.clone().with_strength(strength).is_err(), "{strength}");
        }
        assert!(plan.start(&[0.0], &[0.0, 1.0]).is_err());
        assert!(plan.ending_at_cleanest_level().is_err());
        assert!(Plan::keeping(&schedule(), &[]).is_err());
    }
}
