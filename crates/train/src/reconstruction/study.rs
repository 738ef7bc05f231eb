//! The comparison of losses: one network, one start, one order of the data, as many steps, under each loss.
//!
//! The rate is chosen for each loss among a few, by its own loss on the pictures that validate, in shorter runs. A
//! stochastic autoencoder is besides brought to one rate: C of every loss but the first is found by bisection on its
//! logarithm, in shorter runs, until KL is within 5 % of the first loss's.
//!
//! Source: Snell et al. 2017, §3; the choice of rates and of C is ours. Every run has a folder of its own and goes on
//! where it was, so that a study that was interrupted does so too.

use std::path::{Path, PathBuf};

use lookalike_deep::WeightSource;

use super::examples::Examples;
use super::model::Model;
use super::pictures::Pictures;
use super::recipe::{Recipe, Task};
use super::run::{Outcome, train_on};
use crate::losses::Terms;
use crate::session::{Progress, Resume, Settings, Stopped};
use crate::sight::Role;
use crate::{Error, Result};

/// Trials of C, at most.
const BISECTIONS: usize = 10;
/// How near two rates are to each other.
const NEAR: f64 = 0.05;

/// Runs a trial of a loss at a rate and a weight.
type Trial<'a> = dyn FnMut(&Studied, f64, Option<f64>) -> Result<Outcome> + 'a;

/// What is compared, and how.
#[derive(Clone, Debug)]
pub struct Study {
    /// All choices but loss, rate, weight and seed.
    pub recipe: Recipe,
    /// The losses.
    pub losses: Vec<String>,
    /// Rates to choose from.
    pub rates: Vec<f64>,
    /// Steps of a trial; a quarter of a run's where not given, and all of them where rates are to be equal, since a rate
    /// moves for as long as a network learns.
    pub trial_steps: Option<u64>,
    /// Every loss is learned under once for each.
    pub seeds: Vec<u64>,
    /// The folder.
    pub out: PathBuf,
}

/// What became of a loss.
#[derive(Clone, Debug)]
pub struct Studied {
    /// The loss with its full names.
    pub loss: String,
    /// The same, as part of a path.
    pub slug: String,
    /// The rate that was chosen.
    pub rate: f64,
    /// Every rate that was tried, and the loss that validation found.
    pub trials: Vec<(f64, f64)>,
    /// C of a stochastic code.
    pub weight: Option<f64>,
    /// Seeds, models, and what their runs came to.
    pub runs: Vec<(u64, PathBuf, Outcome)>,
}

impl Study {
    /// Learns everything. `progress` is told what is being done, and says whether to go on.
    ///
    /// # Errors
    /// [`Error::Refused`] for fewer than two losses, for two of one name, without pictures that validate, and when
    /// interrupted; those of [`train`](super::train).
    pub fn run(
        &self,
        weights: &dyn WeightSource,
        progress: &mut dyn FnMut(&str, Progress) -> bool,
    ) -> Result<Vec<Studied>> {
        let refused = |reason: String| Err(Error::Refused(reason));
        if self.losses.len() < 2 || self.rates.is_empty() || self.seeds.is_empty() {
            return refused("expected two losses or more, a rate and a seed".to_owned());
        }
        let model = Model::new(self.recipe.plan()?)?;
        let [_, height, width] = model.output();
        let side = height.min(width);
        let mut studied: Vec<Studied> = Vec::new();
        // What is wrong with the last loss shows before the first is learned under.
        for loss in &self.losses {
            let loss = Terms::parse(loss, side, weights)?.name();
            if studied.iter().any(|other| other.loss == loss) {
                return refused(format!("loss {loss}: expected it once"));
            }
            let slug = slug(&loss);
            let (trials, runs) = (Vec::new(), Vec::new());
            studied.push(Studied { loss, slug, rate: 0.0, trials, weight: None, runs });
        }
        let examples = Examples::read(&self.recipe, &model)?;
        let steps = self.recipe.steps_of(examples.places(Role::Learned).len());
        let trial_steps = self.trial_steps.unwrap_or(match self.recipe.task {
            Task::Vae => steps,
            _ => (steps / 4).max(1),
        });
        let mut learn = |recipe: &Recipe, out: &Path, label: &str| {
            learn(&examples, recipe, out, label, weights, progress)
        };
        let mut trial = |one: &Studied, rate: f64, weight: Option<f64>| {
            let (recipe, out) = self.trial(one, rate, weight, trial_steps);
            learn(&recipe, &out, &format!("trial of {} at {rate}", one.loss))
        };
        let mut target = None;
        for one in &mut studied {
            self.tune(one, target, &mut trial)?;
            if self.recipe.task == Task::Vae && target.is_none() {
                let found = trial(one, one.rate, one.weight)?;
                target = found.validation.and_then(|validation| validation.kl);
            }
        }
        for one in &mut studied {
            for &seed in &self.seeds {
                let recipe = Recipe {
                    loss: one.loss.clone(),
                    rate: one.rate,
                    weight: one.weight.or(self.recipe.weight),
                    seed,
                    steps: Some(steps),
                    patience: 0,
                    ..self.recipe.clone()
                };
                let out = self.out.join("runs").join(format!("{}-{seed}", one.slug));
                let label = format!("{} (seed {seed})", one.loss);
                let outcome = learn(&recipe, &out, &label)?;
                one.runs.push((seed, out.join("model.safetensors"), outcome));
            }
        }
        Ok(studied)
    }

    /// Chooses the rate of a loss, and C where rates are to be equal.
    fn tune(&self, one: &mut Studied, target: Option<f64>, trial: &mut Trial<'_>) -> Result<()> {
        let own = Recipe { loss: one.loss.clone(), ..self.recipe.clone() };
        one.weight = (self.recipe.task == Task::Vae).then(|| own.weight());
        one.rate = self.rates[0];
        if self.rates.len() > 1 {
            for &rate in &self.rates {
                let found = trial(one, rate, one.weight);
                let loss = match found {
                    // A rate at which numbers grow without bound is a bad one.
                    Err(Error::NoLoss { .. } | Error::Diverged { .. }) => f64::INFINITY,
                    found => found?.validation.map(|validation| validation.loss).ok_or_else(|| {
                        Error::Refused(
                            "expected pictures that validate, to choose a rate by: a folder named validation, or a \
                             larger --held-out; one rate alone needs none"
                                .to_owned(),
                        )
                    })?,
                };
                one.trials.push((rate, loss));
            }
            let best = one.trials.iter().min_by(|a, b| a.1.total_cmp(&b.1));
            one.rate = best.map_or(one.rate, |best| best.0);
        }
        let (Some(target), Some(mut weight)) = (target, one.weight) else { return Ok(()) };
        let (mut below, mut above): (Option<f64>, Option<f64>) = (None, None);
        for _ in 0..BISECTIONS {
            let found = trial(one, one.rate, Some(weight))?;
            let Some(kl) = found.validation.and_then(|validation| validation.kl) else { break };
            one.weight = Some(weight);
            if (kl / target - 1.0).abs() <= NEAR {
                break;
            }
            // The more the loss counts, the more the code may cost.
            if kl < target {
                below = Some(weight)
            } else {
                above = Some(weight)
            }
            weight = match (below, above) {
                (Some(below), Some(above)) => (below * above).sqrt(),
                (Some(below), None) => 4.0 * below,
                (None, Some(above)) => above / 4.0,
                (None, None) => weight,
            };
        }
        Ok(())
    }

    /// The recipe and the folder of a trial.
    fn trial(
        &self,
        one: &Studied,
        rate: f64,
        weight: Option<f64>,
        steps: u64,
    ) -> (Recipe, PathBuf) {
        let recipe = Recipe {
            loss: one.loss.clone(),
            rate,
            weight: weight.or(self.recipe.weight),
            seed: self.seeds[0],
            steps: Some(steps),
            patience: 0,
            ..self.recipe.clone()
        };
        let mut name = format!("{}-rate-{rate}", one.slug);
        if let Some(weight) = weight {
            name.push_str(&format!("-weight-{weight:.6}"));
        }
        (recipe, self.out.join("trials").join(name))
    }
}

fn learn(
    examples: &Examples,
    recipe: &Recipe,
    out: &Path,
    label: &str,
    weights: &dyn WeightSource,
    progress: &mut dyn FnMut(&str, Progress) -> bool,
) -> Result<Outcome> {
    let settings = Settings {
        out: out.to_owned(),
        cache: out.to_owned(),
        resume: Resume::Auto,
        max_seconds: None,
        checkpoint_every: 200,
    };
    let mut progress = |at| progress(label, at);
    let outcome = train_on(examples, recipe, &settings, weights, &mut progress)?;
    if outcome.stopped == Stopped::Interrupted {
        let (steps, of) = (outcome.steps, outcome.of_steps);
        return Err(Error::Refused(format!(
            "interrupted: {label}, after {steps} of {of} steps; the same command goes on"
        )));
    }
    Ok(outcome)
}

/// A name that can stand in a path.
fn slug(loss: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    loss.chars().map(letter).collect()
}

/// What a model draws of some pictures, one after the other.
///
/// # Errors
/// Those of [`Model::read`]; [`Error::Refused`] for pictures of another size.
pub fn drawn(model: &Path, pictures: &Pictures, places: &[usize]) -> Result<Vec<f32>> {
    let (model, parameters) = Model::read(model)?;
    let mut found = Vec::new();
    for places in places.chunks(64) {
        found.extend(model.draw(&parameters, &pictures.batch(places))?.0);
    }
    Ok(found)
}

/// The codes that a model has for some pictures, and how many numbers each has; of an untrained one with `seed`.
///
/// # Errors
/// As [`drawn`]; [`Error::Refused`] for a network without a code.
pub fn codes(
    model: &Path,
    untrained: Option<u64>,
    pictures: &Pictures,
    places: &[usize],
) -> Result<(Vec<f64>, usize)> {
    let (model, mut parameters) = Model::read(model)?;
    if let Some(seed) = untrained {
        parameters = model.initial(seed);
    }
    let mut found = Vec::new();
    for places in places.chunks(64) {
        let (codes, _) = model.encode(&parameters, &pictures.batch(places))?;
        found.extend(codes.into_iter().map(f64::from));
    }
    let width = found.len() / places.len().max(1);
    Ok((found, width))
}

/// The pictures of a recipe that are held out.
///
/// # Errors
/// Those of [`Pictures::read`]; [`Error::Refused`] where none is held out.
pub fn held_out(recipe: &Recipe) -> Result<(Pictures, Vec<usize>)> {
    let pictures = Pictures::read(&recipe.data, recipe.side, recipe.grey, recipe.held_out)?;
    let places = pictures.places(Role::HeldOut);
    if places.is_empty() {
        return Err(Error::Refused(
            "expected pictures that are held out: a folder named test, or a larger --held-out"
                .to_owned(),
        ));
    }
    Ok((pictures, places))
}
