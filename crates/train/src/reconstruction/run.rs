//! A run: steps, checkpoints, logs, held-out losses, sample grids, and the files it leaves.
//!
//! Every epoch has all pictures once in an order of its own, without the rest that fills no batch. Everything about
//! a step follows from the seed and its number, and what a schedule knows stands in the checkpoints: a run that was
//! killed and goes on ends with the same bytes. The networks are computed where the process computes
//! ([`Compute::chosen`]); another device gives other bits.

use std::time::Instant;

use lookalike_deep::WeightSource;
use lookalike_kernels::{Adam, Processor};
use lookalike_nn::Compute;
use serde::Serialize;

use super::card;
use super::examples::Examples;
use super::model::Model;
use super::recipe::Recipe;
use super::schedule::{self, Schedule};
use crate::checkpoint::{Checkpoints, Facts, Run, start};
use crate::files::{failed, sha256, write_json, write_whole};
use crate::grid::{COLUMNS, grid};
use crate::log::Log;
use crate::losses::{Batch, Terms};
use crate::lpips::{Layout, State};
use crate::random::{GENERATOR, Purpose, Stream};
use crate::session::{Progress, Settings, Steps, Stopped, go_on};
use crate::sight::Role;
use crate::{Error, Result};

/// Steps between two lines of the log.
const LOG_EVERY: u64 = 20;
/// Pictures for validation that losses are taken on, at most.
const VALIDATED: usize = 512;

/// What was found on pictures that nothing was learned from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Pictures.
    pub n: usize,
    /// The loss, without the rate of a stochastic code.
    pub loss: f64,
    /// Every term of it by name, without its weight.
    pub terms: Vec<(String, f64)>,
    /// Mean squared error of samples in 0…1.
    pub mse: f64,
    /// The rate of a stochastic code, in nats a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kl: Option<f64>,
}

/// What a run came to: `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// `lookalike.train/1`.
    pub schema: &'static str,
    /// What was learned.
    pub task: &'static str,
    /// Steps that were done.
    pub steps: u64,
    /// Steps of the whole run, at most.
    pub of_steps: u64,
    /// Why it ended.
    pub stopped: Stopped,
    /// Whether it ended before its last step because the loss on others no longer fell.
    pub early: bool,
    /// The loss of the last step's batch.
    pub loss: Option<f64>,
    /// The loss with its full names.
    pub loss_name: String,
    /// What the loss's number is.
    pub scale: Vec<String>,
    /// C of a stochastic code; its loss is the mean over the samples of a picture, or 1 − value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// On pictures that nothing was learned from.
    pub validation: Option<Validation>,
    /// Pictures or crops that were learned from.
    pub pictures: usize,
    /// Parameters of the network.
    pub parameters: usize,
    /// Seconds that steps have taken, over all sessions.
    pub seconds: f64,
    /// SHA-256 of `model.safetensors`.
    pub model_sha256: String,
    /// SHA-256 of names and contents of the pictures.
    pub data_sha256: String,
}

/// Runs a recipe, or goes on with it. `progress` says whether to go on.
///
/// # Errors
/// What a wrong recipe, data, weights or checkpoints give. When numbers cease to be finite, a checkpoint of the step
/// before is left.
pub fn train(
    recipe: &Recipe,
    settings: &Settings,
    weights: &dyn WeightSource,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Outcome> {
    recipe.check()?;
    let examples = Examples::read(recipe, &Model::new(recipe.plan()?)?)?;
    train_on(&examples, recipe, settings, weights, progress)
}

/// The same on examples that were read before, for who learns from them many times.
pub(super) fn train_on(
    examples: &Examples,
    recipe: &Recipe,
    settings: &Settings,
    weights: &dyn WeightSource,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Outcome> {
    let mut session = Session::open(examples, recipe, settings, weights)?;
    let start = session.start;
    let stopped = go_on(&mut session, settings, start, progress)?;
    session.finish(stopped)
}

/// A run under way.
struct Session<'a> {
    recipe: Recipe,
    settings: &'a Settings,
    model: Model,
    terms: Terms,
    run: Run,
    checkpoints: Checkpoints,
    log: Log,
    layout: Layout,
    state: State,
    schedule: Schedule,
    examples: &'a Examples,
    learned: Vec<usize>,
    validated: Vec<usize>,
    per_epoch: u64,
    of_steps: u64,
    /// The order of the pictures in an epoch.
    order: (u64, Vec<usize>),
    loss: Option<f64>,
    /// Of the sessions before.
    seconds: f64,
    start: Instant,
}

/// The parameters, behind them their running mean, and what the schedule knows.
fn layout(model: &Model, averaged: bool) -> Layout {
    let mut tensors = model.tensors();
    if averaged {
        let mean = model.tensors().into_iter();
        tensors.extend(mean.map(|(name, shape)| (format!("average.{name}"), shape)));
    }
    tensors.push(("schedule".to_owned(), vec![schedule::COUNT]));
    Layout::of_tensors(tensors)
}

impl<'a> Session<'a> {
    fn open(
        examples: &'a Examples,
        recipe: &Recipe,
        settings: &'a Settings,
        weights: &dyn WeightSource,
    ) -> Result<Self> {
        recipe.check()?;
        let model = Model::new(recipe.plan()?)?.on(&Compute::chosen())?;
        let [_, height, width] = model.output();
        let terms = Terms::parse(&recipe.loss, height.min(width), weights)?;
        // Written with full names, so that it can be repeated when defaults change.
        let recipe = Recipe { loss: terms.name(), ..recipe.clone() };
        let (learned, validated) =
            (examples.places(Role::Learned), examples.places(Role::Validation));
        if learned.len() < recipe.batch {
            return Err(Error::Refused(format!(
                "expected at least a batch of {} pictures to learn from, found {}; take more, or a smaller --batch",
                recipe.batch,
                learned.len()
            )));
        }
        let per_epoch = (learned.len() / recipe.batch) as u64;
        let of_steps = recipe.steps_of(learned.len());
        let run = Run {
            seed: recipe.seed,
            recipe_sha256: recipe.sha256(),
            data_sha256: examples.sha256().to_owned(),
            random: GENERATOR.to_owned(),
        };
        let averaged = recipe.average > 0.0;
        let layout = layout(&model, averaged);
        let checkpoints = Checkpoints::at(settings.out.join("checkpoints"));
        let from = settings.resume.checkpoint(&checkpoints);
        let initial = || {
            let mut numbers = model.initial(recipe.seed);
            if averaged {
                numbers.extend_from_within(..);
            }
            numbers.extend(Schedule::START);
            Ok(numbers)
        };
        let (state, loss, seconds) = start(from.as_deref(), &layout, &run, initial)?;
        std::fs::create_dir_all(&settings.out).map_err(failed(&settings.out, "write"))?;
        write_whole(&settings.out.join("recipe.toml"), recipe.to_toml()?.as_bytes())?;
        let own = state.parameters.len() - schedule::COUNT;
        Ok(Self {
            settings,
            terms,
            run,
            checkpoints,
            log: Log::open(&settings.out, state.step)?,
            schedule: Schedule::of(&state.parameters[own..]),
            layout,
            state,
            examples,
            validated,
            per_epoch,
            of_steps,
            order: (u64::MAX, Vec::new()),
            learned,
            loss,
            seconds,
            start: Instant::now(),
            recipe,
            model,
        })
    }

    fn elapsed(&self) -> f64 {
        self.seconds + self.start.elapsed().as_secs_f64()
    }

    /// What ships: the running mean, or the parameters themselves.
    fn shipped(&self) -> &[f32] {
        let count = self.model.count();
        let first = if self.recipe.average > 0.0 { count } else { 0 };
        &self.state.parameters[first..first + count]
    }

    /// The pictures of a step.
    fn places(&mut self, step: u64) -> Vec<usize> {
        let (epoch, position) = (step / self.per_epoch, (step % self.per_epoch) as usize);
        if self.order.0 != epoch {
            let mut stream = Stream::new(self.recipe.seed, Purpose::Order, epoch);
            self.order = (epoch, stream.permutation(self.learned.len()));
        }
        let start = position * self.recipe.batch;
        let order = &self.order.1[start..start + self.recipe.batch];
        order.iter().map(|&at| self.learned[at]).collect()
    }

    fn validate(&self) -> Result<Option<Validation>> {
        let places = &self.validated[..self.validated.len().min(VALIDATED)];
        if places.is_empty() {
            return Ok(None);
        }
        let names = self.terms.terms().iter().map(|term| term.loss.name().to_owned());
        let mut terms: Vec<(String, f64)> = names.map(|name| (name, 0.0)).collect();
        let (mut loss, mut mse, mut kl) = (0.0, 0.0, None);
        for places in places.chunks(64) {
            let share = places.len() as f64;
            let [input, target] = self.examples.plain(places);
            let (drawn, rate) = self.model.draw(self.shipped(), &input)?;
            let [channels, height, width] = self.model.output();
            let shape = [places.len(), channels, height, width];
            let mut unused = vec![0.0; drawn.len()];
            let batches = [Batch::new(shape, &target)?, Batch::new(shape, &drawn)?];
            let (value, parts) = self.terms.evaluate(&batches[0], &batches[1], &mut unused)?;
            loss += share * value;
            terms.iter_mut().zip(parts).for_each(|(sum, part)| sum.1 += share * part);
            let squares = drawn.iter().zip(&target).map(|(a, b)| f64::from(a - b).powi(2));
            mse += share * squares.sum::<f64>() / drawn.len() as f64;
            if let Some(rate) = rate {
                kl = Some(kl.unwrap_or(0.0) + share * rate);
            }
        }
        let n = places.len();
        terms.iter_mut().for_each(|term| term.1 /= n as f64);
        let (loss, mse) = (loss / n as f64, mse / n as f64);
        Ok(Some(Validation { n, loss, terms, mse, kl: kl.map(|kl| kl / n as f64) }))
    }

    /// A grid of pictures for validation (or of others, where there is none) and what is drawn of them.
    fn samples(&self, name: &str) -> Result<()> {
        let places = if self.validated.is_empty() { &self.learned } else { &self.validated };
        let places = &places[..places.len().min(COLUMNS)];
        let [input, target] = self.examples.plain(places);
        let (drawn, _) = self.model.draw(self.shipped(), &input)?;
        let bytes = grid(self.model.output(), &[&target, &drawn])?;
        let folder = self.settings.out.join("samples");
        std::fs::create_dir_all(&folder).map_err(failed(&folder, "write"))?;
        write_whole(&folder.join(format!("{name}.png")), &bytes)
    }

    /// After an epoch: held-out loss, schedule, samples.
    fn end_of_epoch(&mut self, epoch: u64) -> Result<()> {
        if let Some(found) = self.validate()? {
            let mut numbers = vec![("loss", found.loss), ("mse", found.mse)];
            numbers.extend(found.kl.map(|kl| ("kl", kl)));
            self.log.note("validation", self.state.step, epoch, &numbers)?;
            self.schedule.note(found.loss, self.recipe.plateau, self.recipe.patience);
            let own = self.state.parameters.len() - schedule::COUNT;
            self.state.parameters[own..].copy_from_slice(&self.schedule.numbers());
        }
        // Ever more rarely: most changes early.
        if epoch.is_power_of_two() || self.done().0 == self.done().1 {
            self.samples(&format!("epoch-{epoch:04}"))?;
        }
        Ok(())
    }

    fn finish(self, stopped: Stopped) -> Result<Outcome> {
        let path = self.settings.out.join("model.safetensors");
        let model = self.model.file(self.shipped())?;
        let outcome = Outcome {
            schema: "lookalike.train/1",
            task: self.recipe.task.as_str(),
            steps: self.state.step,
            of_steps: self.of_steps,
            stopped,
            early: self.schedule.ended && self.state.step < self.of_steps,
            loss: self.loss,
            loss_name: self.terms.name(),
            scale: self.terms.terms().iter().map(|term| term.loss.scale()).collect(),
            weight: self.model.plan.stochastic.then(|| self.recipe.weight()),
            validation: self.validate()?,
            pictures: self.learned.len(),
            parameters: self.model.count(),
            seconds: self.elapsed(),
            model_sha256: sha256(&model),
            data_sha256: self.run.data_sha256.clone(),
        };
        write_whole(&path, &model)?;
        let card = card::write(&self.recipe, &outcome);
        write_whole(&self.settings.out.join("MODEL_CARD.md"), card.as_bytes())?;
        write_json(&self.settings.out.join("result.json"), &outcome)?;
        Ok(outcome)
    }
}

impl Steps for Session<'_> {
    fn done(&self) -> (u64, u64) {
        let total = if self.schedule.ended { self.state.step } else { self.of_steps };
        (self.state.step, total)
    }

    fn loss(&self) -> Option<f64> {
        self.loss
    }

    fn advance(&mut self) -> Result<()> {
        let step = self.state.step;
        let places = self.places(step);
        let [input, target] = self.examples.learned(&places, &self.recipe, step);
        let count = self.model.count();
        let cost = (self.recipe.weight(), self.recipe.seed, step);
        let parameters = &self.state.parameters[..count];
        let found = self.model.step(parameters, [&input, &target], &self.terms, cost)?;
        if !found.loss.is_finite() {
            let names = self.terms.terms().iter().map(|term| term.loss.name());
            let terms: Vec<String> =
                names.zip(&found.terms).map(|(name, value)| format!("{name} {value}")).collect();
            let (terms, [least, most]) = (terms.join(", "), found.range);
            return Err(Error::NoLoss { step: step + 1, terms, least, most });
        }
        if found.gradient.iter().any(|slope| !slope.is_finite()) {
            return Err(Error::Diverged { step: step + 1, what: "a derivative" });
        }
        let risen = (step + 1) as f64 / self.recipe.warm_up.max(1) as f64;
        let rate = self.recipe.rate * risen.min(1.0) * f64::from(self.schedule.factor);
        let betas = self.recipe.betas.map(|beta| beta as f32);
        let adam = Adam { rate: rate as f32, betas, ..Adam::default() };
        let State { parameters, first, second, .. } = &mut self.state;
        let (own, rest) = parameters.split_at_mut(count);
        let moments = (&mut first[..count], &mut second[..count]);
        adam.step(Processor::best(), step + 1, own, &found.gradient, moments.0, moments.1)?;
        if self.recipe.average > 0.0 {
            let n = (step + 1) as f64;
            let kept = self.recipe.average.min((1.0 + n) / (10.0 + n));
            for (mean, &now) in rest.iter_mut().zip(&*own) {
                let moved = kept * f64::from(*mean) + (1.0 - kept) * f64::from(now);
                *mean = moved as f32;
            }
        }
        self.state.step = step + 1;
        self.loss = Some(found.loss);
        let (done, epoch) = (step + 1, step / self.per_epoch + 1);
        if done.is_multiple_of(LOG_EVERY) || done == self.of_steps {
            let mut numbers = vec![("rate", rate), ("loss", found.loss)];
            numbers.extend(found.kl.map(|kl| ("kl", kl)));
            let names: Vec<String> =
                self.terms.terms().iter().map(|term| term.loss.name().to_owned()).collect();
            if names.len() > 1 {
                let parts = names.iter().map(String::as_str).zip(found.terms.iter().copied());
                numbers.extend(parts);
            }
            self.log.note("train", done, epoch, &numbers)?;
        }
        if done.is_multiple_of(self.per_epoch) || done == self.of_steps {
            self.end_of_epoch(epoch)?;
        }
        Ok(())
    }

    fn save(&self) -> Result<()> {
        let (run, step) = (self.run.clone(), self.state.step);
        let facts = Facts::new(run, step, self.per_epoch, self.loss, self.elapsed());
        self.checkpoints.save(&self.layout, &self.state, &facts).map(|_| ())
    }
}
