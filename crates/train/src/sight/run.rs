//! A run: examples, steps, checkpoints, logs, validation, and the files it leaves.
//!
//! Every epoch has all examples once in an order of its own, without the rest that fills no batch.
//! Everything about a step follows from the seed and its number.

use std::time::Instant;

use lookalike_core::{Channels, Picture};
use lookalike_deep::{Net, Version, WeightSource, network_input};
use lookalike_judge::statistics::correlation::Correlation;
use lookalike_kernels::Adam;
use serde::Serialize;

use super::card;
use super::dataset::Examples;
use super::examples::{CANDIDATES, PICTURE, SIDE};
use super::objective::Found;
use super::pictures::{Role, Sources};
use super::recipe::Recipe;
use super::teachers::{Blend, Teachers};
use crate::checkpoint::{Checkpoints, Facts, Run, start};
use crate::files::{failed, sha256, write_json, write_whole};
use crate::log::Log;
use crate::lpips::{Layout, State, model, objective::distance};
use crate::pairs::PairBatch;
use crate::random::{GENERATOR, Purpose, Stream};
use crate::session::{Progress, Settings, Steps, Stopped, go_on};
use crate::{Error, Result};

/// Steps between two lines of the log, and between two validations.
const LOG_EVERY: u64 = 50;
const VALIDATE_EVERY: u64 = 500;
/// Steps over which the rate rises.
const WARM_UP: u64 = 100;
/// Channel weights at the start: distances are then about as large as those aimed at.
const CHANNEL_WEIGHT: f32 = 0.05;

/// How well distances agree with the teachers on other pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Pairs.
    pub n: usize,
    /// The mean loss.
    pub loss: f64,
    /// Rank correlation of distances with those aimed at.
    pub spearman: f64,
    /// The share of pairs of damaged pictures of a reference that are in the order aimed at.
    pub agreement: f64,
}

/// What a run came to: `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// `lookalike.train/1`.
    pub schema: &'static str,
    /// The id under which the result is found: `sight@FILE`.
    pub id: String,
    /// Steps that were done.
    pub steps: u64,
    /// Steps of the whole run.
    pub of_steps: u64,
    /// Why it ended.
    pub stopped: Stopped,
    /// The loss of the last step's batch.
    pub loss: Option<f64>,
    /// On other pictures, where there are any.
    pub validation: Option<Validation>,
    /// Examples that were learned from.
    pub examples: usize,
    /// Pictures that their references were cut from.
    pub pictures: usize,
    /// Ids of the teachers and hashes of their weights.
    pub teachers: Vec<String>,
    /// Seconds that steps have taken, over all sessions.
    pub seconds: f64,
    /// SHA-256 of `model.safetensors`.
    pub model_sha256: String,
    /// SHA-256 of names, contents and roles of the pictures.
    pub data_sha256: String,
}

/// Runs a recipe, or goes on with it. `progress` says whether to go on.
///
/// # Errors
/// [`Error::Interrupted`] before the first step; what a wrong recipe, data, weights or checkpoints give.
/// When numbers cease to be finite, a checkpoint of the step before is left.
pub fn train(
    recipe: &Recipe,
    settings: &Settings,
    weights: &dyn WeightSource,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Outcome> {
    recipe.check()?;
    let sources = Sources::find(&recipe.data)?;
    let teachers = Teachers::open(&recipe.teachers, weights)?;
    let run = Run {
        seed: recipe.seed,
        recipe_sha256: recipe.sha256(&teachers.names()),
        data_sha256: sources.sha256.clone(),
        random: GENERATOR.to_owned(),
    };
    let layout = Layout::of_metric(Net::Sight);
    let checkpoints = Checkpoints::at(settings.out.join("checkpoints"));
    let from = settings.resume.checkpoint(&checkpoints);
    let (state, loss, seconds) = start(from.as_deref(), &layout, &run, || {
        let mut initial = layout.initial(Net::Sight, recipe.seed);
        initial[layout.weights()].fill(CHANNEL_WEIGHT);
        Ok(initial)
    })?;
    std::fs::create_dir_all(&settings.out).map_err(failed(&settings.out, "write"))?;
    write_whole(&settings.out.join("recipe.toml"), recipe.to_toml()?.as_bytes())?;
    let mut open =
        |role| Examples::open(&settings.cache, &sources, recipe, &teachers, role, progress);
    let mut examples = open(Role::Learned)?;
    let validated = recipe.validation > 0 && sources.of(Role::Validation).next().is_some();
    let mut validation = if validated { Some(open(Role::Validation)?) } else { None };
    let blend = Blend::learn(&teachers, examples.scores())?;
    examples.blend(&blend);
    if let Some(validation) = &mut validation {
        validation.blend(&blend);
    }
    let mut session = Session {
        recipe,
        settings,
        run,
        checkpoints,
        log: Log::open(&settings.out, state.step)?,
        layout,
        state,
        per_epoch: (examples.count() / recipe.batch) as u64,
        examples,
        validation,
        order: (u64::MAX, Vec::new()),
        loss,
        seconds,
        start: Instant::now(),
    };
    let start = session.start;
    let stopped = go_on(&mut session, settings, start, progress)?;
    session.finish(&sources, &teachers, stopped)
}

/// The rate of a step, counted from 1: it rises over the first hundred and falls along half a cosine.
fn rate(most: f64, step: u64, steps: u64) -> f64 {
    let rising = (step as f64 / WARM_UP.min(steps) as f64).min(1.0);
    let falling = 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos());
    most * rising * (0.01 + 0.99 * falling)
}

/// A run under way.
struct Session<'a> {
    recipe: &'a Recipe,
    settings: &'a Settings,
    run: Run,
    checkpoints: Checkpoints,
    log: Log,
    layout: Layout,
    state: State,
    examples: Examples,
    validation: Option<Examples>,
    per_epoch: u64,
    /// The order of the examples in an epoch.
    order: (u64, Vec<usize>),
    loss: Option<f64>,
    /// Of the sessions before.
    seconds: f64,
    start: Instant,
}

/// The examples of a batch through the network: all references, then all first damaged pictures, ….
fn through(
    layout: &Layout,
    parameters: &[f32],
    examples: &[Vec<u8>],
    mut turned: impl FnMut() -> u64,
) -> Result<(PairBatch, Vec<Vec<f32>>)> {
    let mut pictures = Vec::with_capacity((1 + CANDIDATES) * examples.len());
    let mut pairs = Vec::with_capacity(CANDIDATES * examples.len());
    for example in examples {
        let turn = turned();
        let reference = pictures.len();
        for samples in example.chunks_exact(PICTURE) {
            let samples = symmetric(samples, turn);
            pictures.push(Picture::from_u8(SIDE, SIDE, Channels::Rgb, samples)?);
        }
        pairs.extend((1..=CANDIDATES).map(|at| [reference, reference + at]));
    }
    let pictures: Vec<&Picture> = pictures.iter().collect();
    let planes = network_input(Version::V0_1, &pictures)?;
    let batch = PairBatch::new(Net::Sight, layout, parameters, planes, pairs, None)?;
    let features = batch.features();
    Ok((batch, features))
}

/// The samples of a square picture under one of the eight symmetries of a square.
fn symmetric(samples: &[u8], which: u64) -> Vec<u8> {
    let mut found = Vec::with_capacity(samples.len());
    for y in 0..SIDE {
        for x in 0..SIDE {
            let (x, y) = if which & 1 == 0 { (x, y) } else { (SIDE - 1 - x, y) };
            let (x, y) = if which & 2 == 0 { (x, y) } else { (x, SIDE - 1 - y) };
            let (x, y) = if which & 4 == 0 { (x, y) } else { (y, x) };
            let at = 3 * (y * SIDE + x);
            found.extend_from_slice(&samples[at..at + 3]);
        }
    }
    found
}

impl Session<'_> {
    fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn step(&mut self, places: &[usize]) -> Result<Found> {
        let step = self.state.step;
        let pictures: Vec<Vec<u8>> =
            places.iter().map(|&place| self.examples.pictures(place)).collect::<Result<_>>()?;
        let mut random = Stream::new(self.recipe.seed, Purpose::Augmentation, step);
        let turned = || if self.recipe.augmentation { random.bits() % 8 } else { 0 };
        let parameters = &self.state.parameters;
        let (batch, features) = through(&self.layout, parameters, &pictures, turned)?;
        let weights = &parameters[self.layout.weights()];
        let distances: Vec<f64> = features.iter().map(|pair| distance(weights, pair)).collect();
        let aims = places.iter().map(|&at| (self.examples.targets(at), self.examples.labels(at)));
        let found = self.recipe.objective().evaluate(&distances, aims);
        if !found.loss.is_finite() {
            return Err(Error::Diverged { step: step + 1, what: "the loss" });
        }
        let mut gradient = vec![0.0_f64; weights.len()];
        for (pair, slope) in features.iter().zip(&found.slopes) {
            for (sum, &feature) in gradient.iter_mut().zip(pair) {
                *sum += slope * f64::from(feature);
            }
        }
        let mut gradient: Vec<f32> = gradient.into_iter().map(|sum| sum as f32).collect();
        gradient.extend(batch.trunk_gradient(&self.layout, parameters, &found.slopes)?);
        let rate = rate(self.recipe.rate, step + 1, self.recipe.steps);
        let adam = Adam { rate: rate as f32, betas: [0.9, 0.999], ..Adam::default() };
        self.state.moved(&self.layout, &gradient, &adam)?;
        Ok(found)
    }

    fn validate(&mut self) -> Result<Option<Validation>> {
        let Some(examples) = &mut self.validation else { return Ok(None) };
        let (mut distances, mut aimed) = (Vec::new(), Vec::new());
        let weights = &self.state.parameters[self.layout.weights()];
        let places: Vec<usize> = (0..examples.count()).collect();
        for places in places.chunks(self.recipe.batch) {
            let pictures: Vec<Vec<u8>> =
                places.iter().map(|&place| examples.pictures(place)).collect::<Result<_>>()?;
            let (_, features) = through(&self.layout, &self.state.parameters, &pictures, || 0)?;
            distances.extend(features.iter().map(|pair| distance(weights, pair)));
            let targets = places.iter().flat_map(|&place| *examples.targets(place));
            aimed.extend(targets.map(f64::from));
        }
        let aims = places.iter().map(|&at| (examples.targets(at), examples.labels(at)));
        let found = self.recipe.objective().evaluate(&distances, aims);
        let spearman = Correlation::Spearman.of(&distances, &aimed)?;
        let (loss, agreement) = (found.loss, found.agreement);
        Ok(Some(Validation { n: distances.len(), loss, spearman, agreement }))
    }

    /// Writes the model, its card and the result.
    fn finish(
        mut self,
        sources: &Sources,
        teachers: &Teachers,
        stopped: Stopped,
    ) -> Result<Outcome> {
        let seconds = self.seconds + self.elapsed();
        let path = self.settings.out.join("model.safetensors");
        let model = model(&self.layout, &self.state, None, &path)?;
        let outcome = Outcome {
            schema: "lookalike.train/1",
            id: format!("sight@{}", path.display()),
            steps: self.state.step,
            of_steps: self.recipe.steps,
            stopped,
            loss: self.loss,
            validation: self.validate()?,
            examples: self.examples.count(),
            pictures: sources.of(Role::Learned).count(),
            teachers: teachers.names(),
            seconds,
            model_sha256: sha256(&model),
            data_sha256: self.run.data_sha256.clone(),
        };
        write_whole(&path, &model)?;
        let card = card::write(self.recipe, &outcome);
        write_whole(&self.settings.out.join("MODEL_CARD.md"), card.as_bytes())?;
        write_json(&self.settings.out.join("result.json"), &outcome)?;
        Ok(outcome)
    }
}

impl Steps for Session<'_> {
    fn done(&self) -> (u64, u64) {
        (self.state.step, self.recipe.steps)
    }

    fn loss(&self) -> Option<f64> {
        self.loss
    }

    fn advance(&mut self) -> Result<()> {
        let step = self.state.step;
        let (epoch, position) = (step / self.per_epoch, (step % self.per_epoch) as usize);
        if self.order.0 != epoch {
            let mut stream = Stream::new(self.recipe.seed, Purpose::Order, epoch);
            self.order = (epoch, stream.permutation(self.examples.count()));
        }
        let start = position * self.recipe.batch;
        let places = self.order.1[start..start + self.recipe.batch].to_vec();
        let found = self.step(&places)?;
        self.loss = Some(found.loss);
        let (done, total) = self.done();
        if done.is_multiple_of(LOG_EVERY) || done == total {
            let rate = rate(self.recipe.rate, done, total);
            let numbers = [("rate", rate), ("loss", found.loss), ("agreement", found.agreement)];
            self.log.note("train", done, epoch + 1, &numbers)?;
        }
        if (done.is_multiple_of(VALIDATE_EVERY) || done == total)
            && let Some(found) = self.validate()?
        {
            let Validation { loss, spearman, agreement, .. } = found;
            let numbers = [("loss", loss), ("spearman", spearman), ("agreement", agreement)];
            self.log.note("validation", done, epoch + 1, &numbers)?;
        }
        Ok(())
    }

    fn save(&self) -> Result<()> {
        let seconds = self.seconds + self.elapsed();
        let (run, step) = (self.run.clone(), self.state.step);
        let facts = Facts::new(run, step, self.per_epoch, self.loss, seconds);
        self.checkpoints.save(&self.layout, &self.state, &facts)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        assert!((rate(1.0, 50, 6000) - 0.5).abs() < 0.01);
        assert!((rate(1.0, 3000, 6000) - 0.505).abs() < 1e-9);
        assert!((rate(1.0, 6000, 6000) - 0.01).abs() < 1e-9);
        assert!(rate(1.0, 1, 4) > 0.0);
    }

    #[test]
    fn the_eight_symmetries_are_different_and_lose_nothing() {
        let samples: Vec<u8> = (0..PICTURE).map(|at| (at / 3 * 31 % 251) as u8).collect();
        let all: Vec<Vec<u8>> = (0..8).map(|which| symmetric(&samples, which)).collect();
        assert_eq!(all[0], samples);
        let sorted = |samples: &[u8]| {
            let mut sorted = samples.to_vec();
            sorted.sort_unstable();
            sorted
        };
        for (which, found) in all.iter().enumerate() {
            assert!(!all[..which].contains(found));
            assert_eq!(sorted(found), sorted(&samples));
        }
    }
}
