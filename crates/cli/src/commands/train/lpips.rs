//! `lookalike train lpips`: judgements in, a metric out.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lookalike::deep::StoredWeights;
use lookalike_train::lpips::{Mode, Outcome, Recipe, train};

use super::{Ended, RunArgs, absolute, seed, status, with_progress, write};
use crate::Status;
use crate::args::GlobalArgs;

#[derive(Debug, Args)]
pub(crate) struct LpipsArgs {
    /// Judgements of triplets: a CSV or JSONL file, or a folder as BAPPS has it [default: the recipe's]
    #[arg(value_name = "DATA", required_unless_present = "recipe")]
    data: Option<PathBuf>,

    /// The choices of another run, its recipe.toml; options given beside it win
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,

    /// The network [default: alex]
    #[arg(long, value_name = "NAME", value_parser = ["alex", "vgg", "squeeze"])]
    net: Option<String>,

    /// What is learned [default: lin]
    #[arg(long, value_enum)]
    mode: Option<ModeArg>,

    /// Steps of 50 triplets
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    steps: Option<u64>,

    /// Pixels to which the shorter side of pictures is brought, 0 for none [default: 64 for BAPPS, else
    /// none]
    #[arg(long, value_name = "N")]
    resize: Option<usize>,

    /// Times that every triplet is seen [default: 10]
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,

    /// Judgements to validate on, in place of some that are held out
    #[arg(long, value_name = "DATA", conflicts_with = "hold_out")]
    validation: Option<PathBuf>,

    /// The share of references that is held out for validation, 0 for none [default: 0.1]
    #[arg(long, value_name = "X")]
    hold_out: Option<f64>,

    #[command(flatten)]
    run: RunArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    /// Channel weights on the frozen network
    Lin,
    /// The network as well, from where it is
    Tune,
    /// The network as well, from random numbers
    Scratch,
}

/// Runs the command.
pub(crate) fn run(args: &LpipsArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let settings = args.run.settings(global)?;
    let recipe = recipe(args, global)?;
    let outcome = with_progress("triplets read", global, |progress| {
        train(&recipe, &settings, &StoredWeights, progress)
    })?;
    let validation = outcome.validation.as_ref().map(|found| {
        format!("2AFC {:.4} on {} triplets (people {:.4})", found.score, found.n, found.human)
    });
    let Outcome { id, steps, of_steps, seconds, loss, .. } = &outcome;
    let (steps, of_steps, seconds, loss) = (*steps, *of_steps, *seconds, *loss);
    let ended = Ended { id, steps, of_steps, seconds, loss, validation };
    write(&outcome, &ended, &settings.out, global)?;
    Ok(status(outcome.stopped, steps, of_steps, global))
}

/// The recipe of the file or the default one, with what the command line says.
fn recipe(args: &LpipsArgs, global: &GlobalArgs) -> anyhow::Result<Recipe> {
    let mut recipe = match &args.recipe {
        Some(path) => Recipe::read(path)?,
        None => Recipe::default(),
    };
    recipe.seed = seed(global).unwrap_or(recipe.seed);
    if let Some(data) = &args.data {
        recipe.data = absolute(data)?;
    }
    if let Some(validation) = &args.validation {
        recipe.validation = Some(absolute(validation)?);
    }
    if let Some(net) = &args.net {
        recipe.net.clone_from(net);
    }
    if let Some(mode) = args.mode {
        recipe.mode = match mode {
            ModeArg::Lin => Mode::Lin,
            ModeArg::Tune => Mode::Tune,
            ModeArg::Scratch => Mode::Scratch,
        };
    }
    recipe.resize = args.resize.or(recipe.resize);
    if let Some(epochs) = args.epochs {
        recipe.epochs = epochs;
        recipe.steps = None;
    }
    recipe.steps = args.steps.or(recipe.steps);
    if let Some(share) = args.hold_out {
        recipe.hold_out = share;
        recipe.validation = None;
    }
    Ok(recipe)
}
