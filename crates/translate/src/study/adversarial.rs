//! pix2pix on the pairs of the study, in the order in which transformers see them, with checkpoints.
//!
//! The generator is the U-Net whose parameters are nearest in number to the transformer's; the discriminator has the
//! same width. Rate, betas and weights are those of the paper ([`pix2pix`](crate::pix2pix)), the batch is the study's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lookalike_train::random::{Purpose, Stream};
use lookalike_train::session::{Progress, Settings, Steps, Stopped, go_on};
use lookalike_train::sight::Role;
use lookalike_train::{failed, sha256, write_whole};
use rayon::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::examples::{Example, Examples};
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
    learned: Vec<usize>,
    order: (u64, Vec<usize>),
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
    let order = (u64::MAX, Vec::new());
    let mut session = Session { run, examples, recipe, learned, order, loss, key, path, seconds };
    let stopped = go_on(&mut session, settings, Instant::now(), progress)?;
    Ok(Trained { run: session.run, stopped, seconds: session.seconds })
}

impl Session<'_> {
    /// The place of an example that is counted from the first of the run, as in [`run`](crate::run).
    fn place(&mut self, number: u64) -> usize {
        let count = self.learned.len() as u64;
        let epoch = number / count;
        if self.order.0 != epoch {
            let mut stream = Stream::new(self.recipe.seed, Purpose::Order, epoch);
            self.order = (epoch, stream.permutation(self.learned.len()));
        }
        self.learned[self.order.1[(number % count) as usize]]
    }

    fn step(&mut self) -> Result<()> {
        let start = Instant::now();
        let batch = self.recipe.batch * self.recipe.accumulate;
        let first = self.run.states().step * batch as u64;
        let numbers: Vec<u64> = (first..first + batch as u64).collect();
        let places: Vec<usize> = numbers.iter().map(|&number| self.place(number)).collect();
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
        self.step().map_err(|error| match error {
            Error::Train(error) => error,
            error => lookalike_train::Error::Refused(error.to_string()),
        })
    }

    fn save(&self) -> lookalike_train::Result<()> {
        let header = Header {
            version: VERSION,
            key: self.key.clone(),
            step: self.run.states().step,
            seconds: self.seconds,
            loss: self.loss,
        };
        write(&self.path, &header, self.run.states())
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

fn write(path: &Path, header: &Header, states: &States) -> lookalike_train::Result<()> {
    let unsuitable =
        |reason: String| lookalike_train::Error::Unsuitable { path: path.to_owned(), reason };
    let header = serde_json::to_string(header).map_err(|e| unsuitable(e.to_string()))?;
    let parts = parts(states);
    let bytes = parts.map(|part| part.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
    let views = NAMES.into_iter().zip(parts.iter().zip(&bytes)).map(|(name, (part, bytes))| {
        Ok((name, TensorView::new(Dtype::F32, vec![part.len()], bytes)?))
    });
    let views: Vec<_> = views
        .collect::<Result<_, safetensors::SafeTensorError>>()
        .map_err(|e| unsuitable(e.to_string()))?;
    let about = HashMap::from([(KEY.to_owned(), header)]);
    let file = safetensors::serialize(views, Some(about));
    write_whole(path, &file.map_err(|e| unsuitable(e.to_string()))?)
}

/// The states of a checkpoint of a run with a key; `None` where there is none.
fn read(path: &Path, key: &str, networks: &Networks) -> Result<Option<(States, Header)>> {
    let unsuitable = |reason: String| Error::Unsuitable { path: path.to_owned(), reason };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::File { path: path.to_owned(), action: "read", reason: source });
        }
    };
    let file = SafeTensors::deserialize(&bytes).map_err(|e| unsuitable(e.to_string()))?;
    let (_, about) = SafeTensors::read_metadata(&bytes).map_err(|e| unsuitable(e.to_string()))?;
    let header = about.metadata().as_ref().and_then(|about| about.get(KEY));
    let header = header.ok_or_else(|| unsuitable("expected a run of pix2pix".to_owned()))?;
    let header: Header = serde_json::from_str(header).map_err(|e| unsuitable(e.to_string()))?;
    if header.version != VERSION || header.key != key {
        return Err(unsuitable(
            "is of another run: choices, data or version differ; choose another folder".to_owned(),
        ));
    }
    let (generator, discriminator) = networks.counts();
    let numbers = |name: &str, count: usize| -> Result<Vec<f32>> {
        let tensor = file.tensor(name).map_err(|e| unsuitable(e.to_string()))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != [count] {
            let found = (tensor.dtype(), tensor.shape());
            return Err(unsuitable(format!("'{name}': expected F32 [{count}], found {found:?}")));
        }
        let (values, _) = tensor.data().as_chunks::<4>();
        Ok(values.iter().map(|&value| f32::from_le_bytes(value)).collect())
    };
    let state = |names: &[&str], count: usize| -> Result<State> {
        let [parameters, first, second] = names else {
            return Err(unsuitable("expected three tensors of a network".to_owned()));
        };
        Ok(State {
            parameters: numbers(parameters, count)?,
            first: numbers(first, count)?,
            second: numbers(second, count)?,
        })
    };
    let (of_generator, of_discriminator) = NAMES.split_at(3);
    let states = States {
        step: header.step,
        generator: state(of_generator, generator)?,
        discriminator: state(of_discriminator, discriminator)?,
    };
    Ok(Some((states, header)))
}
