//! `lookalike train translate`: pairs of pictures in, a model that translates out.

use std::path::{Path, PathBuf};

use clap::Args;
use lookalike::deep::StoredWeights;
use lookalike_translate::condition::Mode;
use lookalike_translate::data::{Direction, PairOptions};
use lookalike_translate::diffusion::{Betas, Prediction};
use lookalike_translate::dit::Precision;
use lookalike_translate::losses::{SimilarityReference, Weighting};
use lookalike_translate::process::Process;
use lookalike_translate::{Outcome, Recipe, train};

use super::{Ended, RunArgs, absolute, seed, status, with_progress, write};
use crate::Status;
use crate::args::GlobalArgs;
use crate::commands::dataset::direction;

#[derive(Debug, Args)]
pub(crate) struct TranslateArgs {
    /// Folders with pairs (pictures side by side, or trainA and trainB, and so on) and manifests (.csv, .jsonl, .parquet)
    /// [default: the recipe's]
    #[arg(value_name = "DATA")]
    data: Vec<PathBuf>,

    /// The choices to start from: another run's recipe.toml, or tiny, paper or S-64
    #[arg(long, value_name = "FILE|NAME", default_value = "tiny")]
    recipe: String,

    #[command(flatten)]
    choices: Choices,

    #[command(flatten)]
    run: RunArgs,
}

/// What can be asked for beside a recipe.
#[derive(Debug, Args)]
struct Choices {
    /// Learn from so many drawn shoes and their outlines, in place of DATA
    #[arg(long, value_name = "N", conflicts_with = "data")]
    drawn: Option<usize>,

    /// Which picture is the source
    #[arg(long, value_name = "AtoB|BtoA", value_parser = direction)]
    direction: Option<Direction>,

    /// Height and width of what is drawn
    #[arg(long, value_name = "N")]
    side: Option<usize>,

    /// Cut squares of side at random from pairs of this height and width
    #[arg(long, value_name = "N")]
    load: Option<usize>,

    /// Mirror half of the pairs, source and target alike
    #[arg(long)]
    mirror: bool,

    /// The size of the network: S, B, L, XL, or such as D96-N4, features and blocks
    #[arg(long, value_name = "SIZE")]
    size: Option<String>,

    /// Pixels of a patch, on each side
    #[arg(long, value_name = "N")]
    patch: Option<usize>,

    /// How the source is shown: vector, concat, concat+vector, tokens or tokens+vector
    #[arg(long, value_name = "MODE")]
    condition: Option<Mode>,

    /// What makes vectors: clip@FILE with CLIP's image tower, or sight
    #[arg(long, value_name = "NAME")]
    embedder: Option<String>,

    /// Draw latents of this autoencoder, a folder or file of AutoencoderKL
    #[arg(long, value_name = "PATH")]
    vae: Option<PathBuf>,

    /// Go on from a model of an earlier run, or from a published DiT; new inputs start without effect
    #[arg(long, value_name = "PATH")]
    start: Option<PathBuf>,

    /// How noise comes in: flow, linear, scaled-linear, cosine (in 1000 steps), or none for plain regression
    #[arg(long, value_name = "NAME")]
    process: Option<String>,

    /// What the network says: epsilon, sample or velocity
    #[arg(long, value_name = "NAME")]
    prediction: Option<Prediction>,

    /// Losses of the picture that the network has in mind, such as 0.1*lpips:vgg; none for none
    #[arg(long, value_name = "LOSS")]
    loss: Option<String>,

    /// A similarity of embeddings as a loss: clip@FILE
    #[arg(long, value_name = "NAME")]
    similarity: Option<String>,

    /// What the embedding of what is drawn is held against: target, source or directional
    #[arg(long, value_name = "NAME", visible_alias = "clip-ref")]
    similarity_reference: Option<SimilarityReference>,

    /// What the similarity counts
    #[arg(long, value_name = "X")]
    similarity_weight: Option<f64>,

    /// Which examples these losses are taken of: gate:SNR for those with as much signal, or alpha-bar
    #[arg(long, value_name = "NAME")]
    weighting: Option<Weighting>,

    /// Pairs per step
    #[arg(long, value_name = "N")]
    batch: Option<usize>,

    /// Batches per step
    #[arg(long, value_name = "N")]
    accumulate: Option<usize>,

    /// Steps
    #[arg(long, value_name = "N")]
    steps: Option<u64>,

    /// The rate of AdamW
    #[arg(long, value_name = "X")]
    rate: Option<f64>,

    /// Steps over which the rate rises from nothing
    #[arg(long, value_name = "N")]
    warm_up: Option<u64>,

    /// How much the running mean of the parameters keeps at every step, 0 for none
    #[arg(long, value_name = "X")]
    average: Option<f64>,

    /// The greatest length of the derivatives, 0 for any
    #[arg(long, value_name = "X")]
    clip: Option<f64>,

    /// In which numbers a graphics card multiplies matrices: f32, f16, or bf16 with --device cuda
    #[arg(long, value_name = "NAME")]
    precision: Option<Precision>,

    /// The share of the pairs that is held out, and as many validate, where no folder says which
    #[arg(long, value_name = "X")]
    held_out: Option<f64>,
}

impl Choices {
    fn apply(&self, recipe: &mut Recipe) -> anyhow::Result<()> {
        fn take<T: Clone>(to: &mut T, given: Option<&T>) {
            if let Some(given) = given {
                to.clone_from(given);
            }
        }
        take(&mut recipe.data.direction, self.direction.as_ref());
        take(&mut recipe.data.side, self.side.as_ref());
        take(&mut recipe.data.held_out, self.held_out.as_ref());
        take(&mut recipe.size, self.size.as_ref());
        take(&mut recipe.patch, self.patch.as_ref());
        take(&mut recipe.condition, self.condition.as_ref());
        take(&mut recipe.prediction, self.prediction.as_ref());
        take(&mut recipe.similarity_reference, self.similarity_reference.as_ref());
        take(&mut recipe.similarity_weight, self.similarity_weight.as_ref());
        take(&mut recipe.weighting, self.weighting.as_ref());
        take(&mut recipe.batch, self.batch.as_ref());
        take(&mut recipe.accumulate, self.accumulate.as_ref());
        take(&mut recipe.steps, self.steps.as_ref());
        take(&mut recipe.rate, self.rate.as_ref());
        take(&mut recipe.warm_up, self.warm_up.as_ref());
        take(&mut recipe.average, self.average.as_ref());
        take(&mut recipe.clip, self.clip.as_ref());
        take(&mut recipe.precision, self.precision.as_ref());
        recipe.augmentation.mirror |= self.mirror;
        recipe.data.load = self.load.or(recipe.data.load);
        recipe.drawn = self.drawn.or(recipe.drawn);
        if let Some(name) = &self.loss {
            recipe.perceptual = if name == "none" { String::new() } else { name.clone() };
        }
        if let Some(name) = &self.embedder {
            recipe.embedder = Some(located(name)?);
        }
        if let Some(name) = &self.similarity {
            recipe.similarity = Some(located(name)?);
        }
        if let Some(path) = &self.vae {
            recipe.vae = Some(absolute(path)?);
        }
        if let Some(path) = &self.start {
            recipe.start = Some(absolute(path)?);
        }
        if let Some(name) = &self.process {
            recipe.process = match name.as_str() {
                "flow" => Process::FLOW,
                "none" => Process::None,
                name => Process::Discrete { betas: name.parse::<Betas>()?, steps: 1000 },
            };
        }
        Ok(())
    }
}

/// `clip@FILE` with a path that holds from any folder.
fn located(name: &str) -> anyhow::Result<String> {
    Ok(match name.split_once('@') {
        Some((kind, path)) => format!("{kind}@{}", absolute(Path::new(path))?.display()),
        None => name.to_owned(),
    })
}

/// Runs it.
pub(crate) fn run(args: &TranslateArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let settings = args.run.settings(global)?;
    let mut recipe = match args.recipe.as_str() {
        name if !Path::new(name).exists() && !name.ends_with(".toml") => Recipe::preset(name)?,
        path => Recipe::read(Path::new(path))?,
    };
    if !args.data.is_empty() {
        let data = args.data.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?;
        recipe.data = PairOptions { data, ..recipe.data };
        recipe.drawn = None;
    }
    recipe.seed = seed(global).unwrap_or(recipe.seed);
    args.choices.apply(&mut recipe)?;
    if recipe.data.data.is_empty() && recipe.data.folders.is_none() && recipe.drawn.is_none() {
        anyhow::bail!(
            "expected pairs: folders as arguments or in a recipe, or --drawn N for drawn shoes and their outlines"
        );
    }
    let outcome = with_progress("pairs", global, |progress| {
        Ok(train(&recipe, &settings, &StoredWeights, progress)?)
    })?;
    let model = settings.out.join("model.safetensors");
    let ended = Ended {
        id: &model.display().to_string(),
        steps: outcome.steps,
        of_steps: outcome.of_steps,
        seconds: outcome.seconds,
        loss: outcome.loss,
        validation: validation(&outcome),
    };
    write(&outcome, &ended, &settings.out, global)?;
    Ok(status(outcome.stopped, outcome.steps, outcome.of_steps, global))
}

fn validation(outcome: &Outcome) -> Option<String> {
    let found = outcome.validation.as_ref()?;
    Some(format!(
        "{:.6} on {} others, mean absolute difference of what it draws {:.4}",
        found.loss, found.n, found.l1
    ))
}
