//! pix2pix on the pairs of the study, in the order in which transformers see them, with checkpoints.
//!
//! The generator is the U-Net whose parameters are nearest in number to the transformer's; the discriminator has the
//! same width. Rate, betas and weights are those of the paper ([`pix2pix`](crate::pix2pix)), the batch is the study's.

use std::path::{Path, PathBuf};
use std::time::Instant;

use lookalike_train::session::{Progress, Settings, Steps, Stopped, go_on};
use lookalike_train::sight::Role;
use lookalike_train::{failed, model_file, sha256, write_whole};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::examples::{Example, Examples};
use crate::order::Order;
use crate::pix2pix::{PatchGan, Pix2Pix, State, States, Unet};
use crate::recipe::Recipe;
use crate::{Error, Result};

/// Under which the facts stand in the header of a checkpoint.
const KEY: &str = "lookalike.study-pix2pix";
/// Of the layout of checkpoints.
const VERSION: u32 = 1;
/// Tensors of a checkpoint.
const NAMES: [&str; 6] = [
    "generator/parameters",
    "generator/first",
    "generator/second",
    "discriminator/parameters",
    "discriminator/first",
    "discriminator/second",
];

/// Both networks.
pub(super) struct Networks {
    generator: Unet,
    discriminator: PatchGan,
}

impl Networks {
    /// Those whose generator has about as many parameters, for pictures of a side.
    ///
    /// # Errors
    /// [`Error::Refused`] for sides that are no powers of two from 16 on.
    pub(super) fn new(side: usize, parameters: usize) -> Result<Self> {
        let width = Unet::width_for(side, parameters)?;
        Ok(Self { generator: Unet::new(side, width)?, discriminator: PatchGan::new(side, width)? })
    }

    /// Parameters of generator and discriminator.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.generator.count(), self.discriminator.count())
    }
}

/// A run at its end.
pub(super) struct Trained {
    pub(super) run: Pix2Pix,
    pub(super) stopped: Stopped,
    pub(super) seconds: f64,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// Of recipe, data and networks.
    key: String,
    step: u64,
    seconds: f64,
    loss: Option<f64>,
}

/// A run under way.
struct Session<'a> {
    run: Pix2Pix,
    examples: &'a Examples,
    recipe: &'a Recipe,
    order: Order,
    loss: Option<f64>,
    key: String,
    path: PathBuf,
    seconds: f64,
}

/// Learns, or goes on with it.
///
/// # Errors
/// [`Error::Unsuitable`] for a checkpoint of another run or a damaged one; what a step is refused for.
pub(super) fn train(
    networks: Networks,
    examples: &Examples,
    recipe: &Recipe,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Trained> {
    let (data, counts) = (&examples.pairs.sha256, networks.counts());
    let key = sha256(format!("{}\n{data}\n{counts:?}", recipe.sha256()).as_bytes());
    let path = settings.out.join("model.safetensors");
    let (run, loss, seconds) = match read(&path, &key, &networks)? {
        Some((states, header)) => {
            let run = Pix2Pix::resume(networks.generator, networks.discriminator, states)?;
            (run, header.loss, header.seconds)
        }
        None => {
            let run = Pix2Pix::new(networks.generator, networks.discriminator, recipe.seed)?;
            (run, None, 0.0)
        }
    };
    std::fs::create_dir_all(&settings.out).map_err(failed(&settings.out, "write"))?;
    let learned = examples.places(Role::Learned);
    if learned.is_empty() {
        return Err(Error::Refused("expected pairs to learn from, found none".to_owned()));
    }
    let order = Order::new(recipe.seed, learned);
    let mut session = Session { run, examples, recipe, order, loss, key, path, seconds };
    let stopped = go_on(&mut session, settings, Instant::now(), progress)?;
    Ok(Trained { run: session.run, stopped, seconds: session.seconds })
}

impl Session<'_> {
    fn step(&mut self) -> Result<()> {
        let start = Instant::now();
        let batch = self.recipe.batch * self.recipe.accumulate;
        let first = self.run.states().step * batch as u64;
        let numbers: Vec<u64> = (first..first + batch as u64).collect();
        let places: Vec<usize> = numbers.iter().map(|&number| self.order.place(number)).collect();
        let (examples, recipe) = (self.examples, self.recipe);
        let of = |(&place, &number): (&usize, &u64)| examples.example(place, recipe, Some(number));
        let pairs: Vec<Example> = places.par_iter().zip(&numbers).map(of).collect::<Result<_>>()?;
        let sources: Vec<f32> = pairs.iter().flat_map(|pair| &pair.source).copied().collect();
        let targets: Vec<f32> = pairs.iter().flat_map(|pair| &pair.pictures[1]).copied().collect();
        let losses = self.run.step(&sources, &targets, batch)?;
        self.loss = Some(losses.generator());
        self.seconds += start.elapsed().as_secs_f64();
        Ok(())
    }
}

impl Steps for Session<'_> {
    fn done(&self) -> (u64, u64) {
        (self.run.states().step, self.recipe.steps)
    }

    fn loss(&self) -> Option<f64> {
        self.loss
    }

    fn advance(&mut self) -> lookalike_train::Result<()> {
        Ok(self.step()?)
    }

    fn save(&self) -> lookalike_train::Result<()> {
        let header = Header {
            version: VERSION,
            key: self.key.clone(),
            step: self.run.states().step,
            seconds: self.seconds,
            loss: self.loss,
        };
        let parts = parts(self.run.states());
        let counts = (parts[0].len(), parts[3].len());
        let file = model_file::write(KEY, &header, &tensors(counts), &parts.concat())?;
        write_whole(&self.path, &file)
    }
}

fn parts(States { generator, discriminator, .. }: &States) -> [&[f32]; 6] {
    [
        &generator.parameters,
        &generator.first,
        &generator.second,
        &discriminator.parameters,
        &discriminator.first,
        &discriminator.second,
    ]
}

/// Names and shapes of all tensors of a checkpoint.
fn tensors((generator, discriminator): (usize, usize)) -> [(String, Vec<usize>); 6] {
    let counts = [generator, generator, generator, discriminator, discriminator, discriminator];
    std::array::from_fn(|at| (NAMES[at].to_owned(), vec![counts[at]]))
}

/// The states of a checkpoint of a run with a key; `None` where there is none.
fn read(path: &Path, key: &str, networks: &Networks) -> Result<Option<(States, Header)>> {
    let unsuitable = |reason: String| Error::Unsuitable { path: path.to_owned(), reason };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(reason) => {
            return Err(Error::File { path: path.to_owned(), action: "read", reason });
        }
    };
    let header: Header = model_file::plan(KEY, &bytes).map_err(unsuitable)?;
    if header.version != VERSION || header.key != key {
        return Err(unsuitable(
            "is of another run: choices, data or version differ; choose another folder".to_owned(),
        ));
    }
    let counts = networks.counts();
    let numbers = model_file::numbers(&bytes, &tensors(counts)).map_err(unsuitable)?;
    let state = |numbers: &[f32]| {
        let part =
            |at: usize| numbers[at * numbers.len() / 3..(at + 1) * numbers.len() / 3].to_vec();
        State { parameters: part(0), first: part(1), second: part(2) }
    };
    let (generator, discriminator) = numbers.split_at(3 * counts.0);
    let states = States {
        step: header.step,
        generator: state(generator),
        discriminator: state(discriminator),
    };
    Ok(Some((states, header)))
}
