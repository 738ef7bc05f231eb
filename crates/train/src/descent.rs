//! Moving a picture towards a reference along the gradient of a metric: what the metric sees of a difference,
//! and what is left of it when the metric is content.
//!
//! Samples x ← x − Adam(∂d/∂x), cut off to 0…1, with d the metric, or its negative where more is better.
//!
//! Source: Wang and Simoncelli 2008 ("Maximum differentiation competition") walk along gradients of metrics to
//! show what each overlooks; Ding et al. 2021 recover pictures from damaged ones by 11 full-reference metrics
//! in this way, with Adam.
//!
//! Choices: the moved picture stays in floating point, so that steps below 1/255 count; the best value that was
//! seen is kept, as Adam does not fall monotonously; nothing is random.
//!
//! Limits: a local minimum; metrics without gradients are refused.

use lookalike_core::{Channels, Direction, Metric, Picture};
use lookalike_kernels::{Adam, Processor};

use crate::{Error, Result};

/// How long and how far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descent {
    /// Steps of Adam.
    pub steps: u64,
    /// The rate: about how far a sample in 0…1 moves in a step.
    pub rate: f64,
}

/// What a descent came to.
#[derive(Clone, Debug)]
pub struct Descended {
    /// The metric's value at the start.
    pub start: f64,
    /// The best that was seen.
    pub best: f64,
    /// The step at which it was seen, 0 for the start.
    pub best_step: u64,
    /// The picture that had it, in floating point.
    pub picture: Picture,
    /// Steps that were done.
    pub steps: u64,
}

impl Descent {
    /// Moves `start` towards `reference`. `look` is shown the step, the value and the picture before every step
    /// and after the last, and says whether to go on.
    ///
    /// # Errors
    /// [`Error::Refused`] for a metric without gradient and for wrong choices, [`Error::Picture`] for pictures
    /// that the metric refuses or of different sizes, [`Error::Diverged`]; those of `look`.
    pub fn run(
        &self,
        metric: &dyn Metric,
        reference: &Picture,
        start: &Picture,
        look: &mut dyn FnMut(u64, f64, &Picture) -> Result<bool>,
    ) -> Result<Descended> {
        if !metric.card().gradient {
            return Err(Error::Refused(format!(
                "{}: expected a metric with a gradient; `lookalike metrics` says which have one",
                metric.id()
            )));
        }
        if self.steps == 0 || !(self.rate.is_finite() && self.rate > 0.0) {
            return Err(Error::Refused(
                "expected at least one step, and a rate above 0".to_owned(),
            ));
        }
        lookalike_core::check_same_size(reference, start)?;
        let sign = match metric.direction() {
            Direction::LowerIsBetter => 1.0,
            Direction::HigherIsBetter => -1.0,
        };
        let prepared = metric.prepare(reference)?;
        let mut moving = Moving::new(start);
        let mut found: Option<Descended> = None;
        for step in 0..=self.steps {
            let picture = moving.picture()?;
            let gradient = prepared.gradient(&picture)?;
            let what = if gradient.value.is_nan() { Some("the value") } else { None };
            let endless = gradient.samples.iter().any(|slope| !slope.is_finite());
            if let Some(what) = what.or(endless.then_some("the gradient")) {
                return Err(Error::Diverged { step: step + 1, what });
            }
            let value = gradient.value;
            let on = look(step, value, &picture)?;
            match &mut found {
                Some(found) if sign * value >= sign * found.best => found.steps = step,
                Some(found) => {
                    *found = Descended {
                        best: value,
                        best_step: step,
                        picture,
                        steps: step,
                        ..found.clone()
                    };
                }
                None => {
                    found = Some(Descended {
                        start: value,
                        best: value,
                        best_step: 0,
                        picture,
                        steps: 0,
                    });
                }
            }
            if !on || step == self.steps {
                break;
            }
            moving.step(step + 1, self.rate, &gradient.samples, sign)?;
        }
        found.ok_or_else(|| Error::Refused("expected at least one step".to_owned()))
    }
}

/// The samples of a picture and Adam's moments, channel after channel.
struct Moving {
    channels: Channels,
    size: [usize; 2],
    samples: Vec<f32>,
    moments: [Vec<f32>; 2],
}

impl Moving {
    fn new(picture: &Picture) -> Self {
        let channels = picture.channels();
        let planes = (0..channels.count()).flat_map(|channel| picture.plane(channel, 1.0));
        let samples: Vec<f32> = planes.map(|sample| sample as f32).collect();
        let moments = [vec![0.0; samples.len()], vec![0.0; samples.len()]];
        Self { channels, size: [picture.width(), picture.height()], samples, moments }
    }

    fn picture(&self) -> Result<Picture> {
        let [width, height] = self.size;
        let (count, area) = (self.channels.count(), width * height);
        let samples = (0..count * area).map(|at| self.samples[at % count * area + at / count]);
        Ok(Picture::from_f32(width, height, self.channels, samples.collect())?)
    }

    fn step(&mut self, step: u64, rate: f64, slopes: &[f64], sign: f64) -> Result<()> {
        let slopes: Vec<f32> = slopes.iter().map(|slope| (sign * slope) as f32).collect();
        let adam = Adam { rate: rate as f32, ..Adam::default() };
        let [first, second] = &mut self.moments;
        adam.step(Processor::best(), step, &mut self.samples, &slopes, first, second)?;
        self.samples.iter_mut().for_each(|sample| *sample = sample.clamp(0.0, 1.0));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lookalike_core::procedural::{Distortion, scene};

    use super::*;

    fn descended(id: &str, steps: u64) -> Descended {
        let reference = scene(3, 64, 48);
        let start = Distortion::Noise.apply(&reference, 0.4, 1).unwrap();
        let metric = lookalike_metrics::metric(id).unwrap();
        let descent = Descent { steps, rate: 0.01 };
        descent.run(metric.as_ref(), &reference, &start, &mut |_, _, _| Ok(true)).unwrap()
    }

    #[test]
    fn values_improve_in_the_metrics_own_direction() {
        for id in ["mse", "ssim", "gmsd"] {
            let metric = lookalike_metrics::metric(id).unwrap();
            let found = descended(id, 40);
            let (better, worse) = match metric.direction() {
                Direction::LowerIsBetter => (found.best, found.start),
                Direction::HigherIsBetter => (found.start, found.best),
            };
            assert!(better < worse, "{id}: {found:?}");
            assert_eq!(found.steps, 40);
            assert_eq!(descended(id, 40).picture.samples(), found.picture.samples());
        }
    }

    #[test]
    fn it_ends_when_told_and_refuses_what_cannot_be() {
        let picture = scene(1, 40, 40);
        let other = scene(2, 40, 40);
        let run = |id: &str, steps: u64, picture: &Picture, on: bool| {
            let metric = lookalike_metrics::metric(id).unwrap();
            let descent = Descent { steps, rate: 0.01 };
            descent.run(metric.as_ref(), &other, picture, &mut |step, _, _| Ok(on || step < 2))
        };
        assert_eq!(run("mse", 9, &picture, false).unwrap().steps, 2);
        assert!(run("mse", 0, &picture, true).is_err());
        assert!(run("mse", 5, &scene(1, 41, 40), true).is_err());
        let message = run("ssimulacra2", 5, &picture, true).unwrap_err().to_string();
        assert!(message.contains("a metric with a gradient"), "{message}");
    }
}
