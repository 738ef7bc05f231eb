//! `lookalike train autoencoder`, `vae` and `super-resolution`: pictures in, a network that draws out.

use std::path::PathBuf;

use clap::Args;
use lookalike::deep::StoredWeights;
use lookalike_train::reconstruction::{Outcome, Recipe, Task, train};

use super::{Ended, RunArgs, absolute, seed, status, with_progress, write};
use crate::Status;
use crate::args::GlobalArgs;

#[derive(Debug, Args)]
pub(crate) struct ReconstructionArgs {
    /// Folders with pictures, or binary files of CIFAR or STL-10; nothing is learned from pictures under folders
    /// named test or validation [default: the recipe's]
    #[arg(value_name = "DATA")]
    data: Vec<PathBuf>,

    /// The choices of another run, its recipe.toml; options given beside it win
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,

    /// What output and target are held against each other by: mse, l1, charbonnier, tv, content:NETWORK,
    /// style:NETWORK, any metric with a gradient, or a weighted sum such as 0.84*ms-ssim,0.16*l1
    /// [default: ms-ssim, mse for super-resolution]
    #[arg(long, value_name = "LOSS")]
    loss: Option<String>,

    #[command(flatten)]
    choices: Choices,

    #[command(flatten)]
    run: RunArgs,
}

/// Choices that every reconstruction has, whoever asks.
#[derive(Debug, Args)]
pub(crate) struct Choices {
    /// The network: fc, conv-small, conv-paper or bench; srcnn-915 or srcnn-955 for super-resolution
    #[arg(long, value_name = "NAME")]
    network: Option<String>,

    /// Height and width of the pictures, or of the crops that super-resolution learns from [default: 64]
    #[arg(long, value_name = "N")]
    side: Option<usize>,

    /// Learn on luma alone; super-resolution does
    #[arg(long)]
    grey: bool,

    /// Numbers of the code [default: 128, 64 for vae]
    #[arg(long, value_name = "N")]
    code: Option<usize>,

    /// By how much super-resolution enlarges [default: 3]
    #[arg(long, value_name = "N")]
    factor: Option<usize>,

    /// Super-resolution learns what to add to the enlarged picture
    #[arg(long)]
    residual: bool,

    /// C: what the loss counts beside the rate of a stochastic code [default: by the loss]
    #[arg(long, value_name = "C")]
    weight: Option<f64>,

    /// Pictures per step [default: 64, 16 for super-resolution]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,

    /// Times that all pictures are seen, at most [default: 100]
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,

    /// Steps, in place of epochs
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    steps: Option<u64>,

    /// The rate of Adam [default: 0.001]
    #[arg(long, value_name = "X")]
    rate: Option<f64>,

    /// Steps over which the rate rises from nothing [default: 50]
    #[arg(long, value_name = "N")]
    warm_up: Option<u64>,

    /// Epochs without a better held-out loss after which the rate is halved, 0 for never [default: 5]
    #[arg(long, value_name = "N")]
    plateau: Option<u64>,

    /// Epochs without a better held-out loss after which the run ends, 0 for never [default: 10]
    #[arg(long, value_name = "N")]
    patience: Option<u64>,

    /// How much the running mean of the parameters keeps at every step, 0 for none [default: 0.99]
    #[arg(long, value_name = "X")]
    average: Option<f64>,

    /// Never mirror pictures
    #[arg(long)]
    no_mirror: bool,

    /// The share of the pictures that is held out, and as many validate, where no folder says which
    /// [default: 0.125]
    #[arg(long, value_name = "X")]
    held_out: Option<f64>,
}

impl Choices {
    /// Brings what was asked for into a recipe.
    pub(crate) fn apply(&self, recipe: &mut Recipe) {
        fn take<T: Clone>(to: &mut T, given: Option<&T>) {
            if let Some(given) = given {
                to.clone_from(given);
            }
        }
        take(&mut recipe.network, self.network.as_ref());
        take(&mut recipe.side, self.side.as_ref());
        take(&mut recipe.code, self.code.as_ref());
        take(&mut recipe.factor, self.factor.as_ref());
        take(&mut recipe.batch, self.batch.as_ref());
        take(&mut recipe.epochs, self.epochs.as_ref());
        take(&mut recipe.rate, self.rate.as_ref());
        take(&mut recipe.warm_up, self.warm_up.as_ref());
        take(&mut recipe.plateau, self.plateau.as_ref());
        take(&mut recipe.patience, self.patience.as_ref());
        take(&mut recipe.average, self.average.as_ref());
        take(&mut recipe.held_out, self.held_out.as_ref());
        recipe.weight = self.weight.or(recipe.weight);
        recipe.steps = match (self.steps, self.epochs) {
            (None, Some(_)) => None,
            (steps, _) => steps.or(recipe.steps),
        };
        recipe.grey |= self.grey;
        recipe.residual |= self.residual;
        recipe.mirror &= !self.no_mirror;
    }
}

/// Runs one of the three.
pub(crate) fn run(
    task: Task,
    args: &ReconstructionArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let settings = args.run.settings(global)?;
    let mut recipe = match &args.recipe {
        Some(path) => Recipe::read(path, task)?,
        None => Recipe::of(task),
    };
    if !args.data.is_empty() {
        recipe.data = args.data.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?;
    }
    recipe.seed = seed(global).unwrap_or(recipe.seed);
    args.choices.apply(&mut recipe);
    if let Some(loss) = &args.loss {
        recipe.loss.clone_from(loss);
    }
    if recipe.data.is_empty() {
        anyhow::bail!("expected folders with pictures, as arguments or in a recipe");
    }
    let outcome = with_progress("pictures", global, |progress| {
        train(&recipe, &settings, &StoredWeights, progress)
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
    let rate = found.kl.map_or_else(String::new, |kl| format!(", {kl:.2} nats a picture"));
    Some(format!(
        "{} {:.6} on {} others, mse {:.6}{rate}",
        outcome.loss_name, found.loss, found.n, found.mse
    ))
}
