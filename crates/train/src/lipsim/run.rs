//! A run: distillation, then triplets, with checkpoints, logs, validation, and the files it leaves.
//!
//! Every epoch of a stage has all examples once in an order of its own, without the rest that fills no batch.
//! Everything about a step follows from the seed and its number. What ships is a running mean of the parameters,
//! which begins anew with the second stage; at step n after that it keeps min(average, (1 + n)/(10 + n)).

use std::time::Instant;

use lookalike_deep::lipsim::{Head, Plan, model_file};
use lookalike_deep::{WeightSource, metric_from};
use lookalike_kernels::{Adam, Processor};
use serde::Serialize;

use super::card;
use super::data::{Distilled, Triplets, check_memory, samples};
use super::recipe::Recipe;
use super::student::Student;
use super::views::{jittered, mirrored};
use crate::checkpoint::{Checkpoints, Facts, Run, start};
use crate::files::{failed, sha256, write_json, write_whole};
use crate::log::Log;
use crate::lpips::{Layout, State, Triplets as Judged};
use crate::random::{GENERATOR, Purpose, Stream};
use crate::session::{Progress, Settings, Steps, Stopped, go_on};
use crate::sight::Sources;
use crate::{Error, Result};

/// Steps between two lines of the log, and between two validations.
const LOG_EVERY: u64 = 20;
const VALIDATE_EVERY: u64 = 200;

/// How well decisions agree with the synthetic observer on triplets that nothing was learned from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Triplets.
    pub n: usize,
    /// The share that is answered as the observer does.
    pub score: f64,
    /// The share that is besides right by more than the margin.
    pub beyond_margin: f64,
}

/// What a run came to: `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// `lookalike.train/1`.
    pub schema: &'static str,
    /// The id under which the result is found: `lipsim@FILE`.
    pub id: String,
    /// Steps that were done.
    pub steps: u64,
    /// Steps of the whole run.
    pub of_steps: u64,
    /// Why it ended.
    pub stopped: Stopped,
    /// The loss of the last step's batch.
    pub loss: Option<f64>,
    /// On the observer's other triplets.
    pub validation: Option<Validation>,
    /// Pictures that were distilled from.
    pub pictures: usize,
    /// Triplets that were learned from.
    pub triplets: usize,
    /// The id of the teacher and the hash of its weights.
    pub teacher: Option<String>,
    /// Parameters of the network.
    pub parameters: usize,
    /// Seconds that steps have taken, over all sessions.
    pub seconds: f64,
    /// SHA-256 of `model.safetensors`.
    pub model_sha256: String,
    /// SHA-256 of names and contents of pictures and judgements.
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
    let plan = recipe.plan()?;
    check_memory(&plan, recipe)?;
    let distilled = recipe.distillation_steps > 0;
    let sources = match recipe.data.as_slice() {
        [] => None,
        data => Some(Sources::find(data)?),
    };
    let judged: Vec<Judged> =
        recipe.triplets.iter().map(|path| Judged::read(path)).collect::<Result<_>>()?;
    let teacher = if distilled { Some(metric_from(&recipe.teacher, weights)?) } else { None };
    let known = teacher.as_deref().map(|teacher| match teacher.weights() {
        Some(weights) => format!("{} {weights}", teacher.id()),
        None => teacher.id().to_string(),
    });
    let mut data = sources.as_ref().map_or_else(String::new, |sources| sources.sha256.clone());
    judged.iter().for_each(|judged| data.push_str(&judged.sha256));
    let run = Run {
        seed: recipe.seed,
        recipe_sha256: recipe.sha256(known.as_deref().unwrap_or_default()),
        data_sha256: sha256(data.as_bytes()),
        random: GENERATOR.to_owned(),
    };
    let layout = layout(&plan)?;
    let checkpoints = Checkpoints::at(settings.out.join("checkpoints"));
    let from = settings.resume.checkpoint(&checkpoints);
    let (state, loss, seconds) =
        start(from.as_deref(), &layout, &run, || initial(&plan, recipe.seed))?;
    std::fs::create_dir_all(&settings.out).map_err(failed(&settings.out, "write"))?;
    write_whole(&settings.out.join("recipe.toml"), recipe.to_toml()?.as_bytes())?;
    // Nothing is asked of a teacher whose stage is over.
    let pictures = match &teacher {
        Some(teacher) if state.step < recipe.distillation_steps => {
            let mut progress = |done, count| progress(Progress::Features(done, count));
            let (sources, teacher) = (sources.as_ref(), teacher.as_ref());
            Some(Distilled::make(recipe, sources, teacher, plan.outputs, &mut progress)?)
        }
        _ => None,
    };
    let triplets = Triplets::learned(recipe, &judged)?;
    if recipe.triplet_steps > 0 && triplets.count() < recipe.batch {
        let count = triplets.count();
        return Err(Error::Refused(format!(
            "expected a batch of {} triplets with a majority, found {count}",
            recipe.batch
        )));
    }
    let mut session = Session {
        recipe,
        settings,
        student: Student::new(plan.clone())?,
        plan,
        run,
        checkpoints,
        log: Log::open(&settings.out, state.step)?,
        layout,
        state,
        pictures,
        validation: Triplets::validation(recipe)?,
        triplets,
        teacher: known,
        order: None,
        loss,
        seconds,
        start: Instant::now(),
    };
    let start = session.start;
    let stopped = go_on(&mut session, settings, start, progress)?;
    session.finish(stopped)
}

/// The parameters, and behind them their running mean.
fn layout(plan: &Plan) -> Result<Layout> {
    let tensors = plan.tensors()?;
    let own = tensors.iter().map(|t| (t.name.clone(), t.shape.clone()));
    let mean = tensors.iter().map(|t| (format!("average.{}", t.name), t.shape.clone()));
    Ok(Layout::of_tensors(own.chain(mean)))
}

/// Numbers to start from, twice: matrices as Glorot and Bengio have them, biases uniform within one over the root
/// of the fan-in, q normal of deviation ½.
fn initial(plan: &Plan, seed: u64) -> Result<Vec<f32>> {
    let mut numbers = Vec::new();
    let mut bias = 1.0;
    for (index, tensor) in plan.tensors()?.into_iter().enumerate() {
        let mut stream = Stream::new(seed, Purpose::Initialisation, index as u64);
        let count: usize = tensor.shape.iter().product();
        let rows = tensor.shape.first().copied().unwrap_or(1);
        let fan_in = count / rows.max(1);
        if tensor.name.ends_with(".q") {
            numbers.extend((0..count).map(|_| (0.5 * stream.normal()) as f32));
        } else if tensor.name.ends_with(".bias") {
            numbers.extend((0..count).map(|_| stream.symmetric(bias)));
        } else {
            let taps: usize = tensor.shape.iter().skip(2).product();
            let deviation = (2.0 / (fan_in + rows * taps) as f64).sqrt();
            numbers.extend((0..count).map(|_| (deviation * stream.normal()) as f32));
            bias = 1.0 / (fan_in as f64).sqrt();
        }
    }
    numbers.extend_from_within(..);
    Ok(numbers)
}

/// A run under way.
struct Session<'a> {
    recipe: &'a Recipe,
    settings: &'a Settings,
    student: Student,
    plan: Plan,
    run: Run,
    checkpoints: Checkpoints,
    log: Log,
    layout: Layout,
    state: State,
    /// Gone after the first stage.
    pictures: Option<Distilled>,
    triplets: Triplets,
    validation: Triplets,
    teacher: Option<String>,
    /// The order of the examples in an epoch of a stage.
    order: Option<((bool, u64), Vec<usize>)>,
    loss: Option<f64>,
    /// Of the sessions before.
    seconds: f64,
    start: Instant,
}

impl Session<'_> {
    fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Whether a step, counted from 0, distils.
    fn distils(&self, step: u64) -> bool {
        step < self.recipe.distillation_steps
    }

    /// The examples of a step, and its epoch.
    fn places(&mut self, step: u64) -> (Vec<usize>, u64) {
        let distils = self.distils(step);
        let count = match (&self.pictures, distils) {
            (Some(pictures), true) => pictures.pictures.len(),
            _ => self.triplets.count(),
        };
        let at = if distils { step } else { step - self.recipe.distillation_steps };
        let per_epoch = (count / self.recipe.batch).max(1) as u64;
        let (epoch, position) = (at / per_epoch, (at % per_epoch) as usize);
        let key = (distils, epoch);
        if self.order.as_ref().is_none_or(|(known, _)| *known != key) {
            let counter = 2 * epoch + u64::from(distils);
            let mut stream = Stream::new(self.recipe.seed, Purpose::Order, counter);
            self.order = Some((key, stream.permutation(count)));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let start = position * self.recipe.batch;
        (order[start..start + self.recipe.batch].to_vec(), epoch)
    }

    /// The loss of a batch and its gradient; the share that was right on triplets.
    fn evaluate(&self, step: u64, places: &[usize]) -> (f64, Option<f64>, Vec<f32>) {
        let (side, width) = (self.plan.image, self.plan.outputs);
        let mut random = Stream::new(self.recipe.seed, Purpose::Augmentation, step);
        let mut view = |picture: &[u8], flip: bool, jitter: bool, all: &mut Vec<f32>| {
            let start = all.len();
            all.extend(samples(picture));
            if jitter {
                jittered(&mut all[start..], &mut random);
            }
            if flip {
                mirrored(&mut all[start..], side);
            }
        };
        let mut flips = Stream::new(self.recipe.seed, Purpose::Dropout, step);
        let mut flip = || flips.unit() < 0.5;
        let ready = self.student.ready(&self.state.parameters[..self.student.count()]);
        let mut all = Vec::new();
        if let (Some(pictures), true) = (&self.pictures, self.distils(step)) {
            let mut targets = Vec::new();
            for jitter in [false, true] {
                for &place in places {
                    view(&pictures.pictures[place], flip(), jitter, &mut all);
                    targets.extend_from_slice(&pictures.targets[place]);
                }
            }
            let (embeddings, groups) = ready.forward(&all);
            let half = embeddings.len() / 2;
            // The mean of both views' losses.
            let (mut loss, mut slopes) = (0.0, Vec::new());
            for view in [0..half, half..2 * half] {
                let kind = self.recipe.distillation;
                let found = kind.evaluate(&embeddings[view.clone()], &targets[view], width);
                loss += 0.5 * found.loss;
                slopes.extend(found.slopes.into_iter().map(|slope| 0.5 * slope));
            }
            return (loss, None, ready.backward(&groups, &slopes));
        }
        let mut right = Vec::new();
        for &place in places {
            let flipped = flip();
            for picture in &self.triplets.pictures[place] {
                view(picture, flipped, false, &mut all);
            }
            right.push(self.triplets.right[place]);
        }
        let (embeddings, groups) = ready.forward(&all);
        let found = self.recipe.hinge.evaluate(&embeddings, &right, width, self.recipe.margin);
        let score = found.right as f64 / right.len() as f64;
        (found.loss, Some(score), ready.backward(&groups, &found.slopes))
    }

    fn validate(&self) -> Option<Validation> {
        let count = self.validation.count();
        if count == 0 {
            return None;
        }
        let own = self.student.count();
        let ready = self.student.ready(&self.state.parameters[own..]);
        let Recipe { hinge, margin, .. } = self.recipe;
        let (mut right, mut beyond) = (0, 0);
        let places: Vec<usize> = (0..count).collect();
        for places in places.chunks(32) {
            let pictures = places.iter().flat_map(|&place| &self.validation.pictures[place]);
            let all: Vec<f32> = pictures.flat_map(|picture| samples(picture)).collect();
            let (embeddings, _) = ready.forward(&all);
            let width = self.plan.outputs;
            for (triplet, &place) in embeddings.chunks_exact(3 * width).zip(places) {
                let label = [self.validation.right[place]];
                let found = hinge.evaluate(triplet, &label, width, *margin);
                right += found.right;
                // A loss of nothing is being right by the margin.
                beyond += usize::from(found.loss == 0.0);
            }
        }
        let share = |n: usize| n as f64 / count as f64;
        Some(Validation { n: count, score: share(right), beyond_margin: share(beyond) })
    }

    fn finish(self, stopped: Stopped) -> Result<Outcome> {
        let path = self.settings.out.join("model.safetensors");
        let average = &self.state.parameters[self.student.count()..];
        let model = model_file(&self.plan, average)?;
        // What an id needs beside the path, for a head that is not the default.
        let head = match self.recipe.head() {
            Head::Cosine => String::new(),
            other => format!("+head={}", other.as_str()),
        };
        let outcome = Outcome {
            schema: "lookalike.train/1",
            id: format!("lipsim@{}{head}", path.display()),
            steps: self.state.step,
            of_steps: self.recipe.steps(),
            stopped,
            loss: self.loss,
            validation: self.validate(),
            pictures: if self.recipe.distillation_steps > 0 { self.recipe.pictures } else { 0 },
            triplets: if self.recipe.triplet_steps > 0 { self.triplets.count() } else { 0 },
            teacher: self.teacher.clone(),
            parameters: self.student.count(),
            seconds: self.seconds + self.elapsed(),
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
        (self.state.step, self.recipe.steps())
    }

    fn loss(&self) -> Option<f64> {
        self.loss
    }

    fn advance(&mut self) -> Result<()> {
        let step = self.state.step;
        let (places, epoch) = self.places(step);
        let (loss, score, gradient) = self.evaluate(step, &places);
        if !loss.is_finite() {
            return Err(Error::Diverged { step: step + 1, what: "the loss" });
        }
        if gradient.iter().any(|derivative| !derivative.is_finite()) {
            return Err(Error::Diverged { step: step + 1, what: "a derivative" });
        }
        let own = self.student.count();
        let second = !self.distils(step);
        let begun = if second { self.recipe.distillation_steps } else { 0 };
        if step == begun && second {
            // Moments of another loss would lead astray.
            self.state.first.fill(0.0);
            self.state.second.fill(0.0);
        }
        let rate = self.recipe.rate_of(step + 1);
        let betas = self.recipe.betas.map(|beta| beta as f32);
        let adam = Adam { rate: rate as f32, betas, ..Adam::default() };
        let State { parameters, first, second, .. } = &mut self.state;
        let (parameters, average) = parameters.split_at_mut(own);
        let (first, second) = (&mut first[..own], &mut second[..own]);
        let count = step - begun + 1;
        adam.step(Processor::best(), count, parameters, &gradient, first, second)?;
        let n = count as f64;
        let kept = self.recipe.average.min((1.0 + n) / (10.0 + n));
        for (mean, &now) in average.iter_mut().zip(&*parameters) {
            let moved = kept * f64::from(*mean) + (1.0 - kept) * f64::from(now);
            *mean = moved as f32;
        }
        self.state.step = step + 1;
        self.loss = Some(loss);
        let (done, total) = self.done();
        if done == self.recipe.distillation_steps {
            self.pictures = None;
            self.order = None;
        }
        if done.is_multiple_of(LOG_EVERY) || done == total {
            let mut numbers = vec![("rate", rate), ("loss", loss)];
            numbers.extend(score.map(|score| ("score", score)));
            self.log.note("train", done, epoch + 1, &numbers)?;
        }
        if (done.is_multiple_of(VALIDATE_EVERY) || done == total)
            && let Some(found) = self.validate()
        {
            let numbers = [("score", found.score), ("beyond_margin", found.beyond_margin)];
            self.log.note("validation", done, epoch + 1, &numbers)?;
        }
        Ok(())
    }

    fn save(&self) -> Result<()> {
        let seconds = self.seconds + self.elapsed();
        let (run, step) = (self.run.clone(), self.state.step);
        let facts = Facts::new(run, step, self.recipe.steps(), self.loss, seconds);
        self.checkpoints.save(&self.layout, &self.state, &facts).map(|_| ())
    }
}
