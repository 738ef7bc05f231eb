//! What is random about an example: how much noise, which, and whether its source and vector are hidden.
//!
//! Every example has a stream of its own, keyed by the seed and its number, so that a run that goes on sees what it
//! would have seen, and examples do not depend on each other.

use lookalike_train::random::{Purpose, Stream};

use crate::Result;
use crate::diffusion::flow::{self, levels::LogitNormal};
use crate::diffusion::{Flow, Prediction, Schedule, loss, snr_weight, variational_bound};
use crate::examples::Example;
use crate::losses::Signal;
use crate::process::Process;
use crate::recipe::Recipe;

/// Numbers per time that networks know: noise levels of flows go from 0 to 1.
pub const TIMES: f64 = 1000.0;

/// A process with its tables.
#[derive(Clone, Debug)]
pub enum Noising {
    /// A flow, and which times training takes.
    Flow(Flow, LogitNormal),
    /// Steps.
    Discrete(Box<Schedule>, Prediction),
    /// No noise.
    None,
}

/// A time, as the process has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Time {
    /// A noise level in 0…1.
    Level(f64),
    /// An index.
    Step(usize),
    /// There is none.
    None,
}

/// A drawn example.
#[derive(Clone, Debug)]
pub struct Noised {
    /// How much noise.
    pub time: Time,
    /// The noise.
    pub noise: Vec<f32>,
    /// What the network is shown.
    pub x: Vec<f32>,
    /// Whether the source is hidden.
    pub no_source: bool,
    /// Whether the vector is hidden.
    pub no_vector: bool,
}

/// The loss of the process, its derivatives with respect to the output, and the picture that the network has in mind.
pub struct Said {
    /// The loss.
    pub loss: f64,
    /// Like the output.
    pub gradient: Vec<f32>,
    /// x̂₀.
    pub x0: Vec<f32>,
    /// ∂x̂₀/∂output, one factor for all.
    pub factor: f64,
}

impl Noised {
    /// What regression draws from: a source without noise.
    pub fn none(source: &[f32]) -> Self {
        Self {
            time: Time::None,
            noise: Vec::new(),
            x: source.to_vec(),
            no_source: false,
            no_vector: false,
        }
    }
}

impl Noising {
    /// The process of a model, with its tables.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) for numbers without measure.
    pub fn new(process: Process, prediction: Prediction) -> Result<Self> {
        Ok(match process {
            Process::Flow { mean, deviation } => {
                Self::Flow(Flow::new(prediction), LogitNormal::of_clean_fraction(mean, deviation)?)
            }
            Process::Discrete { betas, steps } => {
                Self::Discrete(Box::new(Schedule::new(betas, steps)?), prediction)
            }
            Process::None => Self::None,
        })
    }

    /// The share of signal, ᾱ or its equal of a flow: (1−s)²/((1−s)² + s²).
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) for an index beyond the schedule.
    pub fn signal(&self, time: Time) -> Result<f64> {
        Ok(match (self, time) {
            (_, Time::Level(s)) => Signal::of_noise_level(s)?.alpha_bar(),
            (Self::Discrete(schedule, _), Time::Step(t)) => alpha_bar(schedule, t)?,
            _ => 1.0,
        })
    }

    /// What the network is told of a time.
    pub fn told(&self, time: Time) -> f64 {
        match time {
            Time::Level(s) => TIMES * s,
            Time::Step(t) => t as f64,
            Time::None => 0.0,
        }
    }

    /// Draws an example of x0 (in −1…1, or a latent) in a stream of its own.
    ///
    /// # Errors
    /// As [`at`](Self::at).
    pub fn draw(&self, x0: &[f32], recipe: &Recipe, number: u64) -> Result<Noised> {
        let mut stream = Stream::new(recipe.seed, Purpose::Noise, number);
        let time = match self {
            Self::Flow(_, levels) => Time::Level(levels.noise_level(stream.normal())?),
            Self::Discrete(schedule, _) => Time::Step(stream.below(schedule.steps())),
            Self::None => Time::None,
        };
        let [source, vector, both] = recipe.drop;
        let dropped = stream.unit();
        // Regression has nothing else to draw from.
        let hidden = if self.is_noisy() { dropped } else { 1.0 };
        let noise: Vec<f32> = match self {
            Self::None => Vec::new(),
            _ => stream.normals(x0.len()),
        };
        let x = self.at(x0, &noise, time)?;
        let neither = hidden < both;
        Ok(Noised {
            time,
            noise,
            x,
            no_source: neither || (both..both + source).contains(&hidden),
            no_vector: neither || (both + source..both + source + vector).contains(&hidden),
        })
    }

    /// An example at a share of all times, with nothing hidden, for losses on pairs that are held out.
    ///
    /// # Errors
    /// As [`at`](Self::at).
    pub fn spread(
        &self,
        example: &Example,
        recipe: &Recipe,
        (share, number): (f64, u64),
    ) -> Result<Noised> {
        let time = match self {
            Self::Flow(..) => Time::Level(share),
            Self::Discrete(schedule, _) => Time::Step((share * schedule.steps() as f64) as usize),
            Self::None => return Ok(Noised::none(&example.source)),
        };
        let mut stream = Stream::new(recipe.seed, Purpose::HoldOut, number);
        let noise = stream.normals(example.target.len());
        let x = self.at(&example.target, &noise, time)?;
        Ok(Noised { time, noise, x, no_source: false, no_vector: false })
    }

    fn is_noisy(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// x0 with so much noise.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where they are not as many.
    pub fn at(&self, x0: &[f32], noise: &[f32], time: Time) -> Result<Vec<f32>> {
        match (self, time) {
            (_, Time::Level(s)) => flow::noised(x0, noise, s),
            (Self::Discrete(schedule, _), Time::Step(t)) => schedule.noised(x0, noise, t),
            _ => Ok(x0.to_vec()),
        }
    }

    /// The loss of an output, weighted by min-SNR where γ is above 0.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where numbers are not as many, or not finite.
    pub fn said(&self, x0: &[f32], noised: &Noised, output: &[f32], min_snr: f64) -> Result<Said> {
        match (self, noised.time) {
            (Self::Flow(flow, _), Time::Level(s)) => {
                let found = flow.loss(output, x0, &noised.noise, s)?;
                Ok(Said {
                    loss: found.value,
                    gradient: found.gradient,
                    x0: flow.x0(output, &noised.x, s)?,
                    factor: flow.x0_derivative(s)?,
                })
            }
            (Self::Discrete(schedule, prediction), Time::Step(t)) => {
                let (mean, learned) = output.split_at(x0.len().min(output.len()));
                let alpha_bar = alpha_bar(schedule, t)?;
                let target = prediction.target(x0, &noised.noise, alpha_bar)?;
                let weight = match min_snr {
                    0.0 => 1.0,
                    gamma => snr_weight::min_snr_weight(
                        *prediction,
                        alpha_bar / (1.0 - alpha_bar),
                        gamma,
                    )?,
                };
                let mut found = loss::squared_error(mean, &target, weight)?;
                if !learned.is_empty() {
                    let step = variational_bound::LearnedStep {
                        prediction: *prediction,
                        output: mean,
                        variance: learned,
                    };
                    let bound =
                        variational_bound::variational_bound(schedule, t, x0, &noised.x, step)?;
                    found.value += bound.value;
                    found.gradient.extend(bound.gradient);
                }
                Ok(Said {
                    loss: found.value,
                    gradient: found.gradient,
                    x0: prediction.recovered(mean, &noised.x, alpha_bar)?.x0,
                    factor: prediction.x0_derivative(alpha_bar)?,
                })
            }
            _ => Ok(Said {
                loss: 0.0,
                gradient: vec![0.0; output.len()],
                x0: output.to_vec(),
                factor: 1.0,
            }),
        }
    }
}

fn alpha_bar(schedule: &Schedule, t: usize) -> Result<f64> {
    schedule.alpha_bar().get(t).copied().ok_or_else(|| {
        crate::Error::Refused(format!("a step: expected one below {}, found {t}", schedule.steps()))
    })
}
