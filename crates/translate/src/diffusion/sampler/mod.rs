//! Samplers: from noise to a picture by repeated evaluation of a network.
//!
//! | method | process | evaluations a step | noise | steps usual |
//! |---|---|---|---|---|
//! | [`ddpm`] | discrete | 1 | yes | 250 to 1000 |
//! | [`ddim`] | discrete | 1 | for η > 0 | 50 |
//! | [`dpm_solver`] | either | 1 | no | 15 to 25 |
//! | Euler, [`flow_steps`] | flow | 1 | no | 50 |
//! | Heun, [`flow_steps`] | flow | 2 | no | 25 |
//!
//! A [`Sampler`] holds a [`Plan`] of levels, a [`Method`] and what the network predicts; the
//! network (with whatever guidance) is a closure, evaluated for one picture, and so is the source
//! of noise: a picture depends on its own start and its own noise alone, however pictures are
//! batched.
//!
//! On the discrete process every method shares the conversion of the output into x̂0 and ε̂
//! ([`super::prediction`]), optionally limited to [−1, 1]. The single steps are public functions of
//! their modules.
//!
//! Reproduces the recorded results of 8 steps of DPM-Solver++(2M) and of 8 steps of Euler within
//! 1e-5; the steps themselves are tested in their modules.

pub mod ddim;
pub mod ddpm;
pub mod dpm_solver;
pub mod flow_steps;
mod method;
mod plan;
#[cfg(test)]
mod properties;

use super::linear::{expect_finite, expect_length};
use super::prediction::Recovered;
use super::{Flow, Prediction, Variance};
use crate::{Error, Result};
use dpm_solver::{Level, PredictedAt, first_order_step, second_order_step};
pub use method::Method;
pub use plan::Plan;
use plan::{DiscretePlan, Process};

/// The network: given a noised picture and its time, the output for it.
///
/// The time is the index of the full schedule, 0 to T−1, or the noise level of a flow. The output
/// has the picture's length, or twice that with a learned variance, whose channels come second.
pub type Network<'a> = dyn FnMut(&[f32], f64) -> Result<Vec<f32>> + 'a;

/// The source of noise of one picture: given the number of the step, 0 for the first, normal
/// numbers of the picture's length. It is asked only for steps that add noise.
pub type Noise<'a> = dyn FnMut(usize) -> Vec<f32> + 'a;

/// What a sampler has to know of the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What the network predicts.
    pub prediction: Prediction,
    /// The variance of DDPM's steps. [`Variance::LearnedRange`] says, for every method, that the
    /// output has variance channels; methods other than DDPM have no use of them.
    pub variance: Variance,
    /// Whether x̂0 is limited to [−1, 1]: for models of pixels, not of latents.
    pub clamp: bool,
    /// The floor of velocities on a flow, see [`Flow`].
    pub velocity_floor: f64,
}

impl Settings {
    /// For a prediction: posterior variance, no limits, the usual floor.
    pub fn new(prediction: Prediction) -> Self {
        Self {
            prediction,
            variance: Variance::FixedSmall,
            clamp: false,
            velocity_floor: super::flow::USUAL_FLOOR,
        }
    }
}

/// A way to draw pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    plan: Plan,
    method: Method,
    settings: Settings,
}

impl Sampler {
    /// Refuses methods that do not fit the plan's process, an η outside [0, 1], a floor outside
    /// (0, 1], a learned variance on a flow, and DDPM on a plan that does not end at the picture.
    pub fn new(plan: Plan, method: Method, settings: Settings) -> Result<Self> {
        let method = method.checked()?;
        match (&plan.process, method) {
            (Process::Discrete(_), Method::Euler | Method::Heun) => {
                return Err(Error::Refused(format!(
                    "{method} follows a rectified flow, and this plan is of a discrete noise \
                     schedule: use ddpm, ddim or dpm++"
                )));
            }
            (Process::Flow(_), Method::Ddpm | Method::Ddim { .. }) => {
                return Err(Error::Refused(format!(
                    "{method} needs a discrete noise schedule, and this plan is of a rectified \
                     flow: use euler, heun or dpm++"
                )));
            }
            (Process::Flow(_), _) if settings.variance == Variance::LearnedRange => {
                return Err(Error::Refused(
                    "a learned variance belongs to a discrete noise schedule: \
                     use a fixed variance with a rectified flow"
                        .into(),
                ));
            }
            (Process::Discrete(plan), Method::Ddpm) if plan.cleanest.is_some() => {
                return Err(Error::Refused(
                    "ddpm ends at the picture: use ddim or dpm++ to end at the cleanest level"
                        .into(),
                ));
            }
            _ => {}
        }
        Flow::with_floor(settings.prediction, settings.velocity_floor)?;
        Ok(Self { plan, method, settings })
    }

    /// The levels it steps through.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How it steps.
    pub fn method(&self) -> Method {
        self.method
    }

    /// How often the network is evaluated for a picture.
    pub fn evaluations(&self) -> usize {
        match (&self.plan.process, self.method) {
            (Process::Flow(levels), Method::Heun) => {
                2 * self.plan.steps() - usize::from(levels.last() == Some(&0.0))
            }
            _ => self.plan.steps(),
        }
    }

    /// Draws one picture from its start (noise, or [`Plan::start`]).
    ///
    /// Refuses an empty start, outputs and noise of another length, and numbers that are not
    /// finite; errors of the network are passed on.
    pub fn sample(
        &self,
        start: &[f32],
        network: &mut Network<'_>,
        noise: &mut Noise<'_>,
    ) -> Result<Vec<f32>> {
        if start.is_empty() {
            return Err(Error::Refused("sampling from no values: give a start".into()));
        }
        expect_finite("the start of sampling", start)?;
        let result = match (&self.plan.process, self.method) {
            (Process::Discrete(plan), _) => self.through_schedule(plan, start, network, noise)?,
            (Process::Flow(levels), Method::DpmSolverPlusPlus) => {
                self.through_flow_by_pictures(levels, start, network)?
            }
            (Process::Flow(levels), _) => self.along_flow(levels, start, network)?,
        };
        expect_finite("the result of sampling", &result)?;
        Ok(result)
    }

    /// The network's output, checked; `parts` is 2 with variance channels.
    fn evaluated(
        network: &mut Network<'_>,
        x: &[f32],
        time: f64,
        parts: usize,
    ) -> Result<Vec<f32>> {
        let output = network(x, time)?;
        expect_length("the network's output", output.len(), parts * x.len())?;
        expect_finite(&format!("the network's output at time {time}"), &output)?;
        Ok(output)
    }

    fn through_schedule(
        &self,
        plan: &DiscretePlan,
        start: &[f32],
        network: &mut Network<'_>,
        noise: &mut Noise<'_>,
    ) -> Result<Vec<f32>> {
        let schedule = plan.respaced.schedule();
        let parts = if self.settings.variance == Variance::LearnedRange { 2 } else { 1 };
        let mut x = start.to_vec();
        let mut multistep = Multistep::default();
        for (step, index) in (0..plan.steps).rev().enumerate() {
            let time = plan.original(index)?;
            let output = Self::evaluated(network, &x, time, parts)?;
            let (output, variance) = output.split_at(x.len());
            let alpha_bar = schedule.entry(schedule.alpha_bar(), index)?;
            let recovered = self.recovered(output, &x, alpha_bar)?;
            let after = plan.alpha_bar_after(index)?;
            x = match self.method {
                Method::Ddpm => {
                    let mean = ddpm::posterior_mean(schedule, index, &recovered.x0, &x)?;
                    if index == 0 {
                        mean
                    } else {
                        let learned = (parts == 2).then_some(variance);
                        let kind = self.settings.variance;
                        let log = kind.log_variance(schedule, index, learned, mean.len())?;
                        ddpm::drawn(mean, &log, &noise(step))?
                    }
                }
                Method::Ddim { eta } => {
                    let deviation = ddim::deviation(alpha_bar, after, eta)?;
                    let noise = (deviation > 0.0).then(|| noise(step));
                    ddim::step(&recovered, after, deviation, noise.as_deref())?
                }
                _ => {
                    let (from, to) = (Level::of_alpha_bar(alpha_bar)?, Level::of_alpha_bar(after)?);
                    multistep.stepped(&x, recovered.x0, from, to, index == 0)?
                }
            };
        }
        Ok(x)
    }

    fn recovered(&self, output: &[f32], x: &[f32], alpha_bar: f64) -> Result<Recovered> {
        let recovered = self.settings.prediction.recovered(output, x, alpha_bar)?;
        if self.settings.clamp { recovered.clamped(x, alpha_bar) } else { Ok(recovered) }
    }

    fn along_flow(
        &self,
        levels: &[f64],
        start: &[f32],
        network: &mut Network<'_>,
    ) -> Result<Vec<f32>> {
        let flow = Flow::with_floor(self.settings.prediction, self.settings.velocity_floor)?;
        let mut velocity = |x: &[f32], s: f64| -> Result<Vec<f32>> {
            let output = Self::evaluated(network, x, s, 1)?;
            if self.settings.clamp {
                flow.clamped_velocity(&output, x, s)
            } else {
                flow.velocity(&output, x, s)
            }
        };
        let mut x = start.to_vec();
        for (&s, &next) in levels.iter().zip(levels.iter().skip(1)) {
            let first = velocity(&x, s)?;
            let after = flow_steps::euler_step(&x, &first, s, next)?;
            x = if self.method == Method::Heun && next > 0.0 {
                let second = velocity(&after, next)?;
                flow_steps::heun_step(&x, &first, &second, s, next)?
            } else {
                after
            };
        }
        Ok(x)
    }

    fn through_flow_by_pictures(
        &self,
        levels: &[f64],
        start: &[f32],
        network: &mut Network<'_>,
    ) -> Result<Vec<f32>> {
        let flow = Flow::with_floor(self.settings.prediction, self.settings.velocity_floor)?;
        let mut x = start.to_vec();
        let mut multistep = Multistep::default();
        let last = self.plan.steps() - 1;
        for (step, (&s, &next)) in levels.iter().zip(levels.iter().skip(1)).enumerate() {
            let output = Self::evaluated(network, &x, s, 1)?;
            let mut x0 = flow.x0(&output, &x, s)?;
            if self.settings.clamp {
                x0.iter_mut().for_each(|value| *value = value.clamp(-1.0, 1.0));
            }
            x = multistep.stepped(
                &x,
                x0,
                Level::of_flow(s)?,
                Level::of_flow(next)?,
                step == last,
            )?;
        }
        Ok(x)
    }
}

/// What DPM-Solver++(2M) remembers between steps.
#[derive(Default)]
struct Multistep {
    before: Option<(Vec<f32>, Level)>,
}

impl Multistep {
    /// Steps on, by the second order where there is a step before and one after.
    fn stepped(
        &mut self,
        x: &[f32],
        x0: Vec<f32>,
        from: Level,
        to: Level,
        last: bool,
    ) -> Result<Vec<f32>> {
        let after = match &self.before {
            Some((before, level)) if !last => second_order_step(
                x,
                PredictedAt { x0: before, level: *level },
                PredictedAt { x0: &x0, level: from },
                to,
            ),
            _ => first_order_step(x, &x0, from, to),
        };
        self.before = Some((x0, from));
        after
    }
}
