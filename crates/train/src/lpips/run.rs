//! A run: batches in random order, steps, checkpoints, logs, validation, and the files it leaves.
//!
//! Every epoch has all triplets once in an order of its own; the last batch is the smaller rest, as
//! PyTorch's loader has it. Rate and number of epochs are the authors' unless the recipe says otherwise.
//! Everything about a step follows from the seed and its number, so the parameters after it do not depend
//! on whether the run was interrupted before.

use std::path::Path;
use std::time::Instant;

use lookalike_core::decode::DecodeOptions;
use lookalike_deep::{Head, Lpips, Net, TRUNK, Version, WeightSource};
use lookalike_judge::two_alternative::{self, human, oracle};
use lookalike_nn::Parameters;
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;

use super::cache::{Cache, Network, Reading};
use super::data::Triplets;
use super::recipe::{Mode, Recipe};
use super::source::{FeatureSource, Frozen};
use super::trained::Trained;
use super::{Layout, State, card, objective, rate};
use crate::checkpoint::{Checkpoints, Facts, Run, little_endian, start};
use crate::files::{failed, sha256, write_json, write_whole};
use crate::log::Log;
use crate::random::{GENERATOR, Purpose, Stream};
use crate::session::{Progress, Settings, Steps, Stopped, absent, go_on};
use crate::{Error, Result};

/// Steps between two lines of the log.
const LOG_EVERY: u64 = 10;

/// How well distances agree with people who were not learned from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Triplets.
    pub n: usize,
    /// 2AFC agreement, from 0 to 1.
    pub score: f64,
    /// How often one person agrees with another.
    pub human: f64,
    /// What no metric can surpass.
    pub majority: f64,
    /// The mean loss, without dropout.
    pub loss: f64,
}

/// What a run came to: `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// `lookalike.train/1`.
    pub schema: &'static str,
    /// The id under which the result is found: `lpips:NET@FILE`.
    pub id: String,
    /// Steps that were done.
    pub steps: u64,
    /// Steps of the whole run.
    pub of_steps: u64,
    /// Why it ended.
    pub stopped: Stopped,
    /// The loss of the last step's batch, with dropout.
    pub loss: Option<f64>,
    /// On held-out judgements, where there are any.
    pub validation: Option<Validation>,
    /// Triplets that were learned from.
    pub triplets: usize,
    /// Seconds that steps have taken, over all sessions.
    pub seconds: f64,
    /// SHA-256 of `model.safetensors`.
    pub model_sha256: String,
    /// Name and hash of the network.
    pub trunk: String,
    /// SHA-256 of names, lengths and shares of the judgements.
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
    let net = recipe.check()?;
    let triplets = Triplets::read(&recipe.data)?;
    let separate = recipe.validation.as_deref().map(Triplets::read).transpose()?;
    let share = if separate.is_some() { 0.0 } else { recipe.hold_out };
    let [learned, held] = triplets.split(share, recipe.seed);

    let minimum_side = lookalike_nn::geometry::minimum_side(&net.backbone().layers());
    let reading = |triplets: &Triplets| Reading {
        minimum_side,
        decode: DecodeOptions {
            shorter_side: recipe.resize.or(triplets.protocol_side).filter(|&side| side > 0),
            ..DecodeOptions::default()
        },
    };
    // The network, or where a trained one starts.
    let (installed, provenance) = match recipe.mode {
        Mode::Lin => {
            let (trunk, provenance) = weights.trunk(net.backbone()).map_err(absent)?;
            let lpips = Lpips::new(net, Version::V0_1, trunk, Head::Uniform)?;
            (Installed::Frozen(lpips), provenance.unwrap_or_default())
        }
        Mode::Tune => {
            let loaded = weights.load(net.backbone().weights()).map_err(absent)?;
            (Installed::Start(loaded.parameters), loaded.provenance.unwrap_or_default())
        }
        Mode::Scratch => (Installed::Nothing, "at random".to_owned()),
    };
    let validation_hash = separate.as_ref().map_or("", |triplets| &triplets.sha256);
    let run = Run {
        seed: recipe.seed,
        recipe_sha256: recipe.sha256(&[&provenance, validation_hash]),
        data_sha256: triplets.sha256.clone(),
        random: GENERATOR.to_owned(),
    };
    let layout = Layout::new(net, recipe.mode != Mode::Lin);
    let checkpoints = Checkpoints::at(settings.out.join("checkpoints"));
    let from = settings.resume.checkpoint(&checkpoints);
    let (state, loss, seconds) = start(from.as_deref(), &layout, &run, || {
        let mut initial = layout.initial(net, recipe.seed);
        if let Installed::Start(parameters) = &installed {
            let trunk = layout.trunk().start;
            for slot in layout.slots().iter().filter(|slot| slot.range.start >= trunk) {
                let numbers = parameters.f32(&slot.name, &slot.shape);
                let numbers = numbers.map_err(lookalike_deep::Error::from)?;
                initial[slot.range.clone()].copy_from_slice(&numbers);
            }
        }
        Ok(initial)
    })?;
    std::fs::create_dir_all(&settings.out).map_err(failed(&settings.out, "write"))?;
    write_whole(&settings.out.join("recipe.toml"), recipe.to_toml()?.as_bytes())?;

    let mut tell = |done, count| progress(Progress::Features(done, count));
    let mut source = |triplets: &Triplets| -> Result<Box<dyn FeatureSource>> {
        let reading = reading(triplets);
        let (seed, dropout) = (recipe.seed, recipe.dropout);
        Ok(match &installed {
            Installed::Frozen(lpips) => {
                let channels = net.channels().iter().sum();
                let network = Network { lpips, channels, provenance: &provenance, reading };
                let cache = Cache::fill(&settings.cache, &network, triplets, &mut tell)?;
                Box::new(Frozen { cache, seed, dropout })
            }
            Installed::Start(_) | Installed::Nothing => {
                let (layout, triplets) = (layout.clone(), triplets.all.clone());
                Box::new(Trained::new(net, layout, reading, triplets, dropout.then_some(seed)))
            }
        })
    };
    let own = source(&triplets)?;
    let validated = match &separate {
        Some(others) => {
            let all = (0..others.all.len()).collect();
            Some(Held { source: Some(source(others)?), shares: shares(others), places: all })
        }
        None if held.is_empty() => None,
        None => Some(Held { source: None, shares: shares(&triplets), places: held }),
    };
    let per_epoch = learned.len().div_ceil(recipe.batch) as u64;
    let total = recipe.steps.unwrap_or(recipe.epochs * per_epoch);
    let mut session = Session {
        recipe,
        settings,
        run,
        checkpoints,
        log: Log::open(&settings.out, state.step)?,
        layout,
        state,
        source: own,
        shares: shares(&triplets),
        learned,
        validated,
        per_epoch,
        total,
        epochs: total.div_ceil(per_epoch),
        loss,
        seconds,
        start: Instant::now(),
        order: (u64::MAX, Vec::new()),
    };
    let start = session.start;
    let stopped = go_on(&mut session, settings, start, progress)?;
    session.finish(net, &provenance, stopped)
}

fn shares(triplets: &Triplets) -> Vec<f32> {
    triplets.all.iter().map(|triplet| triplet.share).collect()
}

/// The network that a run starts from.
enum Installed {
    Frozen(Lpips),
    Start(Box<dyn Parameters>),
    Nothing,
}

/// Triplets to validate on.
struct Held {
    /// `None` where they are held out of the data.
    source: Option<Box<dyn FeatureSource>>,
    shares: Vec<f32>,
    places: Vec<usize>,
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
    source: Box<dyn FeatureSource>,
    shares: Vec<f32>,
    learned: Vec<usize>,
    validated: Option<Held>,
    per_epoch: u64,
    total: u64,
    epochs: u64,
    loss: Option<f64>,
    /// Of the sessions before.
    seconds: f64,
    start: Instant,
    /// The order of the triplets in an epoch.
    order: (u64, Vec<usize>),
}

impl Session<'_> {
    fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn step(&mut self, step: u64, epoch: u64, places: &[usize]) -> Result<()> {
        let rate = rate(self.recipe.rate, epoch, self.epochs);
        let features = self.source.features(&self.state.parameters, places, Some(step))?;
        let shares: Vec<f32> = places.iter().map(|&place| self.shares[place]).collect();
        let source = &mut self.source;
        let found =
            self.state.descend_with(&self.layout, &features, &shares, rate, |all, by| {
                source.trunk_gradient(all, by)
            })?;
        self.loss = Some(found.loss);
        let done = step + 1;
        if done.is_multiple_of(LOG_EVERY) || done == self.total {
            let numbers = [("rate", rate), ("loss", found.loss), ("agreement", found.accuracy)];
            self.log.note("train", done, epoch, &numbers)?;
        }
        if (done.is_multiple_of(self.per_epoch) || done == self.total)
            && let Some(found) = self.validate()?
        {
            let numbers = [("loss", found.loss), ("score", found.score)];
            self.log.note("validation", done, epoch, &numbers)?;
        }
        Ok(())
    }

    fn validate(&mut self) -> Result<Option<Validation>> {
        let Some(held) = &mut self.validated else { return Ok(None) };
        let source = held.source.as_mut().unwrap_or(&mut self.source);
        let (mut judged, mut loss) = (Vec::with_capacity(held.places.len()), 0.0);
        for places in held.places.chunks(self.recipe.batch) {
            let features = source.features(&self.state.parameters, places, None)?;
            let shares: Vec<f32> = places.iter().map(|&place| held.shares[place]).collect();
            let found =
                objective::evaluate(&self.layout, &self.state.parameters, &features, &shares);
            loss += found.loss * places.len() as f64;
            judged.extend(found.distances.into_iter().zip(shares).map(|(distances, share)| {
                two_alternative::Triplet { distances, second: f64::from(share) }
            }));
        }
        let shares: Vec<f64> = judged.iter().map(|triplet| triplet.second).collect();
        Ok(Some(Validation {
            n: judged.len(),
            score: two_alternative::score(&judged)?,
            human: human(&shares)?,
            majority: oracle(&shares)?,
            loss: loss / judged.len() as f64,
        }))
    }

    /// Writes the model, its card and the result.
    fn finish(mut self, net: Net, trunk: &str, stopped: Stopped) -> Result<Outcome> {
        let seconds = self.seconds + self.elapsed();
        let path = self.settings.out.join("model.safetensors");
        let model = model(&self.layout, &self.state, Some(trunk), &path)?;
        let outcome = Outcome {
            schema: "lookalike.train/1",
            id: format!("lpips:{}@{}", net.as_str(), path.display()),
            steps: self.state.step,
            of_steps: self.total,
            stopped,
            loss: self.loss,
            validation: self.validate()?,
            triplets: self.learned.len(),
            seconds,
            model_sha256: sha256(&model),
            trunk: trunk.to_owned(),
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
        (self.state.step, self.total)
    }

    fn loss(&self) -> Option<f64> {
        self.loss
    }

    fn advance(&mut self) -> Result<()> {
        let step = self.state.step;
        let (epoch, position) = (step / self.per_epoch, (step % self.per_epoch) as usize);
        if self.order.0 != epoch {
            let mut stream = Stream::new(self.recipe.seed, Purpose::Order, epoch);
            self.order = (epoch, stream.permutation(self.learned.len()));
        }
        let order = &self.order.1;
        let start = position * self.recipe.batch;
        let end = (start + self.recipe.batch).min(order.len());
        let places: Vec<usize> = order[start..end].iter().map(|&at| self.learned[at]).collect();
        self.step(step, epoch + 1, &places)
    }

    fn save(&self) -> Result<()> {
        let seconds = self.seconds + self.elapsed();
        let (run, step) = (self.run.clone(), self.state.step);
        let facts = Facts::new(run, step, self.per_epoch, self.loss, seconds);
        self.checkpoints.save(&self.layout, &self.state, &facts)?;
        Ok(())
    }
}

/// The channel weights, and the network where it was trained, as a file that `lpips:NET@FILE` reads.
pub(crate) fn model(
    layout: &Layout,
    state: &State,
    trunk: Option<&str>,
    path: &Path,
) -> Result<Vec<u8>> {
    let unsuitable = |e: safetensors::SafeTensorError| Error::Unsuitable {
        path: path.to_owned(),
        reason: e.to_string(),
    };
    let mut numbers = state.parameters.clone();
    // Before the first step some are negative still.
    numbers[layout.weights()].iter_mut().for_each(|weight| *weight = weight.max(0.0));
    let bytes = little_endian(&numbers);
    // The preference network is no part of the metric.
    let preference = layout.preference();
    let slots = layout.slots().iter().filter(|slot| !preference.contains(&slot.range.start));
    let views = slots.map(|slot| {
        let data = &bytes[4 * slot.range.start..4 * slot.range.end];
        let view = TensorView::new(Dtype::F32, slot.shape.clone(), data);
        view.map(|view| (slot.name.clone(), view)).map_err(unsuitable)
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    // One key: the order of several would depend on the run. A network of its own needs no other.
    let trunk = trunk.filter(|_| layout.trunk().is_empty());
    let about = trunk.map(|trunk| [(TRUNK.to_owned(), trunk.to_owned())].into());
    safetensors::serialize(views, about).map_err(unsuitable)
}
