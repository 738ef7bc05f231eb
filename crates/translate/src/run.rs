//! A run: steps, checkpoints, logs, held-out losses, sample grids, and the files it leaves.
//!
//! Every epoch has all pairs once in an order of its own. Everything about a step follows from the seed and its
//! number: a run that was killed and goes on ends with the same bytes.

use std::time::Instant;

use lookalike_deep::WeightSource;
use lookalike_kernels::{Adam, Decay, Processor};
use lookalike_nn::Compute;
use lookalike_train::checkpoint::{Checkpoints, Facts, Run, start};
use lookalike_train::grid::{COLUMNS, grid};
use lookalike_train::log::Log;
use lookalike_train::lpips::{Layout, State};
use lookalike_train::random::GENERATOR;
use lookalike_train::session::{Progress, Settings, Steps, Stopped, go_on};
use lookalike_train::sight::Role;
use lookalike_train::{failed, sha256, write_json, write_whole};
use rayon::prelude::*;
use serde::Serialize;

use crate::card;
use crate::diffusion::average::average_into;
use crate::dit::{Dit, Input, grown, read_published};
use crate::drawing::{Drawing, Shown};
use crate::embedder::Embedder;
use crate::examples::{Example, Examples, samples};
use crate::model::{Latents, Model, Plan};
use crate::noised::{Noised, Time};
use crate::objective::{Objective, Parts};
use crate::order::Order;
use crate::recipe::Recipe;
use crate::{Error, Result};

/// Steps between two lines of the log.
const LOG_EVERY: u64 = 20;
/// Steps between two held-out losses and grids, which are also taken at powers of two above 31.
const VALIDATE_EVERY: u64 = 1000;
/// Pairs that losses are taken on, at most.
const VALIDATED: usize = 64;

/// What was found on pairs that nothing was learned from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Pairs.
    pub n: usize,
    /// The loss of the process (of the metrics, where there is none), at evenly spread times.
    pub loss: f64,
    /// Mean absolute difference between what is drawn and the target, samples in 0…1, of the pairs of the grid.
    pub l1: f64,
}

/// What a run came to: `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// `lookalike.train/1`.
    pub schema: &'static str,
    /// `translate`.
    pub task: &'static str,
    /// Steps that were done.
    pub steps: u64,
    /// Steps of the whole run.
    pub of_steps: u64,
    /// Why it ended.
    pub stopped: Stopped,
    /// The loss of the last step.
    pub loss: Option<f64>,
    /// On pairs that nothing was learned from.
    pub validation: Option<Validation>,
    /// Pairs that were learned from.
    pub pairs: usize,
    /// Parameters of the network.
    pub parameters: usize,
    /// Multiply-accumulates of one example, forwards.
    pub multiply_accumulates: u64,
    /// Seconds that steps have taken, over all sessions.
    pub seconds: f64,
    /// SHA-256 of `model.safetensors`.
    pub model_sha256: String,
    /// SHA-256 of names and contents of the pairs.
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
    let embedder = recipe.embedder.as_deref().map(Embedder::named).transpose()?;
    let examples = Examples::read(recipe, embedder.as_ref(), Some(&settings.out), progress)?;
    train_on(&examples, embedder.as_ref(), recipe, settings, weights, progress)
}

/// The same on examples that were read before, for who learns from them many times.
///
/// # Errors
/// As [`train`].
pub fn train_on(
    examples: &Examples,
    embedder: Option<&Embedder>,
    recipe: &Recipe,
    settings: &Settings,
    weights: &dyn WeightSource,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Outcome> {
    let mut session = Session::open(examples, embedder, recipe, settings, weights)?;
    let start = session.start;
    let stopped = go_on(&mut session, settings, start, progress)?;
    session.finish(stopped)
}

/// A run under way.
struct Session<'a> {
    recipe: Recipe,
    settings: &'a Settings,
    plan: Plan,
    dit: Dit,
    objective: Objective,
    run: Run,
    checkpoints: Checkpoints,
    log: Log,
    layout: Layout,
    state: State,
    examples: &'a Examples,
    order: Order,
    validated: Vec<usize>,
    loss: Option<f64>,
    /// Of the sessions before.
    seconds: f64,
    start: Instant,
}

/// The parameters, and behind them their running mean.
fn layout(dit: &Dit, averaged: bool) -> Layout {
    let mut tensors = dit.tensors();
    if averaged {
        let mean = dit.tensors().into_iter();
        tensors.extend(mean.map(|(name, shape)| (format!("average.{name}"), shape)));
    }
    Layout::of_tensors(tensors)
}

impl<'a> Session<'a> {
    fn open(
        examples: &'a Examples,
        embedder: Option<&Embedder>,
        recipe: &Recipe,
        settings: &'a Settings,
        weights: &dyn WeightSource,
    ) -> Result<Self> {
        recipe.check()?;
        let vector = embedder.map_or(0, Embedder::size);
        let architecture = recipe.architecture(vector, examples.latent_size()?)?;
        let mut plan = Plan::new(architecture, recipe.process, recipe.prediction);
        plan.embedder = embedder.map(|embedder| embedder.name().to_owned());
        if let Some(path) = &recipe.vae {
            plan.latents = Some(Latents::of(path, examples.pairs.side)?);
        }
        let dit =
            Dit::new(architecture)?.on(&Compute::chosen())?.with_precision(recipe.precision)?;
        let drawn = [architecture.channels, architecture.side, architecture.side];
        let objective = Objective::new(recipe, drawn, examples.pairs.len(), weights)?;
        // Written with full names, so that it can be repeated when defaults change.
        let perceptual = objective.perceptual().to_owned();
        let recipe = Recipe { perceptual, ..recipe.clone() };
        let (learned, validated) =
            (examples.places(Role::Learned), examples.places(Role::Validation));
        if learned.is_empty() {
            return Err(Error::Refused("expected pairs to learn from, found none".to_owned()));
        }
        let run = Run {
            seed: recipe.seed,
            recipe_sha256: recipe.sha256(),
            data_sha256: examples.pairs.sha256.clone(),
            random: GENERATOR.to_owned(),
        };
        let averaged = recipe.average > 0.0;
        let layout = layout(&dit, averaged);
        let checkpoints = Checkpoints::at(settings.out.join("checkpoints"));
        let from = settings.resume.checkpoint(&checkpoints);
        let initial = || {
            let mut numbers = match &recipe.start {
                None => dit.initial(recipe.seed),
                Some(path) => started(path, &dit)?,
            };
            if averaged {
                numbers.extend_from_within(..);
            }
            Ok(numbers)
        };
        let (state, loss, seconds) = start(from.as_deref(), &layout, &run, initial)?;
        std::fs::create_dir_all(&settings.out).map_err(failed(&settings.out, "write"))?;
        write_whole(&settings.out.join("recipe.toml"), recipe.to_toml()?.as_bytes())?;
        Ok(Self {
            settings,
            plan,
            dit,
            objective,
            run,
            checkpoints,
            log: Log::open(&settings.out, state.step)?,
            layout,
            state,
            examples,
            order: Order::new(recipe.seed, learned),
            validated,
            loss,
            seconds,
            start: Instant::now(),
            recipe,
        })
    }

    fn elapsed(&self) -> f64 {
        self.seconds + self.start.elapsed().as_secs_f64()
    }

    /// What ships: the running mean, or the parameters themselves.
    fn shipped(&self) -> &[f32] {
        let count = self.dit.count();
        let first = if self.recipe.average > 0.0 { count } else { 0 };
        &self.state.parameters[first..first + count]
    }

    /// Examples of a step.
    fn per_step(&self) -> usize {
        self.recipe.batch * self.recipe.accumulate
    }

    /// The epoch of an example, from 1.
    fn epoch(&self, number: u64) -> u64 {
        number / self.order.len() as u64 + 1
    }

    /// The example of a place and number, with its noise.
    fn drawn(&self, place: usize, number: u64) -> Result<(Example, Noised)> {
        let example = self.examples.example(place, &self.recipe, Some(number))?;
        let noised = match self.recipe.process {
            // Regression draws from the source.
            crate::process::Process::None => Noised::none(&example.source),
            _ => self.objective.noising().draw(&example.target, &self.recipe, number)?,
        };
        Ok((example, noised))
    }

    fn input<'b>(&self, example: &'b Example, noised: &'b Noised) -> Input<'b> {
        let reads = self.plan.architecture.beside > 0 || self.plan.architecture.sequence > 0;
        Input {
            x: &noised.x,
            time: self.objective.noising().told(noised.time),
            class: None,
            source: (reads && !noised.no_source).then_some(&example.source[..]),
            vector: example.vector.as_deref().filter(|_| !noised.no_vector),
        }
    }

    fn validate(&self) -> Result<Option<Validation>> {
        let places = &self.validated[..self.validated.len().min(VALIDATED)];
        if places.is_empty() {
            return Ok(None);
        }
        let of = |(at, &place): (usize, &usize)| {
            let example = self.examples.example(place, &self.recipe, None)?;
            let share = (at as f64 + 0.5) / places.len() as f64;
            let noised =
                self.objective.noising().spread(&example, &self.recipe, (share, place as u64))?;
            let input = self.input(&example, &noised);
            let output = self.dit.run(self.shipped(), &input)?;
            let weight = if noised.time == Time::None { 1.0 } else { 0.0 };
            let one = (weight, 1);
            let (parts, _) = self.objective.of(self.examples, &example, &noised, &output, one)?;
            Ok(parts.process + parts.pictures)
        };
        let losses: Vec<f64> = places.par_iter().enumerate().map(of).collect::<Result<_>>()?;
        let n = losses.len();
        Ok(Some(Validation { n, loss: losses.iter().sum::<f64>() / n as f64, l1: 0.0 }))
    }

    /// A grid of pairs for validation (or of others, where there is none): sources, targets, and what is drawn. Gives
    /// the mean absolute difference.
    fn samples(&self, name: &str) -> Result<f64> {
        let places = if self.validated.is_empty() { self.order.places() } else { &self.validated };
        let places = &places[..places.len().min(COLUMNS)];
        let drawing = Drawing::of_plan(&self.plan)?;
        let (mut sources, mut targets, mut found) = (Vec::new(), Vec::new(), Vec::new());
        let of = |&place: &usize| {
            let example = self.examples.example(place, &self.recipe, None)?;
            let shown = Shown { source: &example.source, vector: example.vector.as_deref() };
            let latents = drawing.draw(&self.dit, self.shipped(), &shown, self.recipe.seed)?;
            let drawn = match self.examples.vae() {
                Some(vae) => {
                    let side = self.plan.architecture.side;
                    vae.picture(&vae.unscale(&latents), side, side)?
                }
                None => latents,
            };
            Ok((example.pictures, samples(&drawn)))
        };
        let all: Vec<([Vec<f32>; 2], Vec<f32>)> =
            places.par_iter().map(of).collect::<Result<_>>()?;
        for ([source, target], drawn) in all {
            sources.extend(source);
            targets.extend(target);
            found.extend(drawn.into_iter().map(|sample| sample.clamp(0.0, 1.0)));
        }
        let side = self.plan.side();
        let bytes = grid([3, side, side], &[&sources, &targets, &found])?;
        let folder = self.settings.out.join("samples");
        std::fs::create_dir_all(&folder).map_err(failed(&folder, "write"))?;
        write_whole(&folder.join(format!("{name}.png")), &bytes)?;
        let apart = found.iter().zip(&targets).map(|(a, b)| f64::from((a - b).abs()));
        Ok(apart.sum::<f64>() / targets.len().max(1) as f64)
    }

    fn finish(self, stopped: Stopped) -> Result<Outcome> {
        let l1 = self.samples(&format!("step-{:06}", self.state.step))?;
        let validation = self.validate()?.map(|found| Validation { l1, ..found });
        let model = self.plan.file(&self.dit, self.shipped())?;
        let outcome = Outcome {
            schema: "lookalike.train/1",
            task: "translate",
            steps: self.state.step,
            of_steps: self.recipe.steps,
            stopped,
            loss: self.loss,
            validation,
            pairs: self.order.len(),
            parameters: self.dit.count(),
            multiply_accumulates: self.dit.multiply_accumulates(),
            seconds: self.elapsed(),
            model_sha256: sha256(&model),
            data_sha256: self.run.data_sha256.clone(),
        };
        let out = &self.settings.out;
        write_whole(&out.join("model.safetensors"), &model)?;
        let card = card::write(&self.recipe, &self.plan, &outcome);
        write_whole(&out.join("MODEL_CARD.md"), card.as_bytes())?;
        write_json(&out.join("result.json"), &outcome)?;
        Ok(outcome)
    }

    /// Moves the parameters along derivatives, and their running mean behind them.
    fn moved(&mut self, gradient: &mut [f32]) -> Result<[f64; 2]> {
        let step = self.state.step;
        let length = gradient.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        if !length.is_finite() {
            return Err(
                lookalike_train::Error::Diverged { step: step + 1, what: "a derivative" }.into()
            );
        }
        if self.recipe.clip > 0.0 && length > self.recipe.clip {
            let factor = (self.recipe.clip / length) as f32;
            gradient.iter_mut().for_each(|slope| *slope *= factor);
        }
        let risen = (step + 1) as f64 / self.recipe.warm_up.max(1) as f64;
        let rate = self.recipe.rate * risen.min(1.0);
        let adam = Adam {
            rate: rate as f32,
            betas: self.recipe.betas.map(|beta| beta as f32),
            decay: match self.recipe.decay {
                0.0 => Decay::None,
                share => Decay::Parameter(share as f32),
            },
            ..Adam::default()
        };
        let count = self.dit.count();
        let State { parameters, first, second, .. } = &mut self.state;
        let (own, rest) = parameters.split_at_mut(count);
        let moments = (&mut first[..count], &mut second[..count]);
        adam.step(Processor::best(), step + 1, own, gradient, moments.0, moments.1)?;
        if self.recipe.average > 0.0 {
            // In short runs the first steps are forgotten sooner.
            let n = step as f64;
            average_into(rest, own, self.recipe.average.min((1.0 + n) / (10.0 + n)))?;
        }
        Ok([rate, length])
    }
}

/// The parameters of an earlier model or a published one, in a network that may read more.
fn started(path: &std::path::Path, dit: &Dit) -> Result<Vec<f32>> {
    let (from, parameters) = match Model::read(path) {
        Ok(model) => (model.dit, model.parameters),
        Err(own) => read_published(path, None).map_err(|published| {
            Error::Refused(format!("{own}; nor is it a published one: {published}"))
        })?,
    };
    Ok(grown(&from, &parameters, *dit.architecture())?.1)
}

impl Steps for Session<'_> {
    fn done(&self) -> (u64, u64) {
        (self.state.step, self.recipe.steps)
    }

    fn loss(&self) -> Option<f64> {
        self.loss
    }

    fn advance(&mut self) -> lookalike_train::Result<()> {
        Ok(self.step()?)
    }

    fn save(&self) -> lookalike_train::Result<()> {
        let (run, step) = (self.run.clone(), self.state.step);
        let per_epoch = (self.order.len() / self.per_step()).max(1) as u64;
        let facts = Facts::new(run, step, per_epoch, self.loss, self.elapsed());
        self.checkpoints.save(&self.layout, &self.state, &facts).map(|_| ())
    }
}

impl Session<'_> {
    fn step(&mut self) -> Result<()> {
        let step = self.state.step;
        let count = self.per_step();
        let first = step * count as u64;
        let numbers: Vec<u64> = (first..first + count as u64).collect();
        let places: Vec<usize> = numbers.iter().map(|&number| self.order.place(number)).collect();
        let drawn =
            places.par_iter().zip(&numbers).map(|(&place, &number)| self.drawn(place, number));
        let (examples, noised): (Vec<Example>, Vec<Noised>) =
            drawn.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let weights = self.objective.weights(&noised, &self.recipe)?;
        let inputs: Vec<Input<'_>> = examples
            .iter()
            .zip(&noised)
            .map(|(example, noised)| self.input(example, noised))
            .collect();
        let own = &self.state.parameters[..self.dit.count()];
        let mut gradient = vec![0.0; own.len()];
        let each = |at: usize, output: &[f32]| {
            let share = (weights[at], count);
            self.objective.of(self.examples, &examples[at], &noised[at], output, share)
        };
        let parts: Vec<Parts> = self.dit.gradients(own, &inputs, each, &mut gradient)?;
        let loss: f64 = parts.iter().map(|part| part.process + part.pictures).sum();
        if !loss.is_finite() {
            return Err(
                lookalike_train::Error::Diverged { step: step + 1, what: "the loss" }.into()
            );
        }
        let [rate, length] = self.moved(&mut gradient)?;
        self.state.step = step + 1;
        self.loss = Some(loss);
        let (done, epoch) = (step + 1, self.epoch(first));
        if done.is_multiple_of(LOG_EVERY) || done == self.recipe.steps {
            let numbers = [
                ("rate", rate),
                ("loss", loss),
                ("length of the derivatives", length),
                ("process", parts.iter().map(|part| part.process).sum()),
                ("pictures", parts.iter().map(|part| part.pictures).sum()),
            ];
            self.log.note("train", done, epoch, &numbers)?;
        }
        let due = done.is_multiple_of(VALIDATE_EVERY) || (done >= 32 && done.is_power_of_two());
        if due && done != self.recipe.steps {
            let l1 = self.samples(&format!("step-{done:06}"))?;
            if let Some(found) = self.validate()? {
                let numbers = [("loss", found.loss), ("l1", l1)];
                self.log.note("validation", done, epoch, &numbers)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
