//! `lookalike train lipsim`: folders of pictures and triplets in, a network that cannot stretch out.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lookalike::deep::StoredWeights;
use lookalike_train::lipsim::{Distillation, Hinge, Outcome, Recipe, train, write_held_out};

use super::{Ended, RunArgs, absolute, seed, status, with_progress, write, write_place};
use crate::Status;
use crate::args::GlobalArgs;

#[derive(Debug, Args)]
pub(crate) struct LipsimArgs {
    /// Folders with pictures to distil from; those under folders named test or validation are left out
    /// [default: the recipe's, or the synthetic observer's pictures]
    #[arg(value_name = "DATA")]
    data: Vec<PathBuf>,

    /// The choices of another run, its recipe.toml; options given beside it win
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,

    /// Judgements of triplets to learn from, beside the synthetic observer's; may be repeated
    #[arg(long, value_name = "FILE")]
    triplets: Vec<PathBuf>,

    /// The metric whose embeddings are distilled, such as sight or lpips:vgg [default: sight]
    #[arg(long, value_name = "ID")]
    teacher: Option<String>,

    /// Steps of distillation, 0 for none [default: 400]
    #[arg(long, value_name = "N")]
    distillation_steps: Option<u64>,

    /// Steps on triplets, 0 for none [default: 900]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,

    /// Pictures to distil from [default: 4000]
    #[arg(long, value_name = "N")]
    pictures: Option<usize>,

    /// Triplets of the synthetic observer to learn from; it is arithmetic, nobody was asked [default: 8000]
    #[arg(long, value_name = "N")]
    observer: Option<usize>,

    /// What is learned from the teacher [default: direction]
    #[arg(long, value_enum)]
    distillation: Option<DistillationArg>,

    /// What of a triplet is to exceed the margin [default: plane]
    #[arg(long, value_enum)]
    hinge: Option<HingeArg>,

    /// The margin; of plane and bisector a radius over samples in 0..1 [default: 0.8]
    #[arg(long, value_name = "X")]
    margin: Option<f64>,

    /// Learn nothing; write triplets of the synthetic observer that no run learns from to a folder, for
    /// `judge eval`
    #[arg(long, value_name = "DIR", conflicts_with_all = ["recipe", "steps", "teacher", "hinge"])]
    held_out: Option<PathBuf>,

    /// How many triplets --held-out writes
    #[arg(long, value_name = "N", default_value_t = 600, requires = "held_out")]
    held_out_count: usize,

    #[command(flatten)]
    run: RunArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DistillationArg {
    /// Directions of embeddings, whatever their length
    Direction,
    /// Coordinates, as published
    Rmse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum HingeArg {
    /// The certified radius of the cosine head
    Plane,
    /// The certified radius of the Euclidean head
    Bisector,
    /// The difference of the distances, as published
    Margin,
}

/// Runs the command.
pub(crate) fn run(args: &LipsimArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let recipe = recipe(args, global)?;
    if let Some(folder) = &args.held_out {
        let written = write_held_out(recipe.seed, args.held_out_count, recipe.image, folder)?;
        return write_place(&written, &folder.join("triplets.csv"), global);
    }
    let settings = args.run.settings(global)?;
    let outcome = with_progress("pictures", global, |progress| {
        train(&recipe, &settings, &StoredWeights, progress)
    })?;
    let validation = outcome.validation.as_ref().map(|found| {
        format!(
            "{:.4} as the synthetic observer on {} triplets, {:.4} by more than the margin",
            found.score, found.n, found.beyond_margin
        )
    });
    let Outcome { id, steps, of_steps, seconds, loss, .. } = &outcome;
    let (steps, of_steps, seconds, loss) = (*steps, *of_steps, *seconds, *loss);
    let ended = Ended { id, steps, of_steps, seconds, loss, validation };
    write(&outcome, &ended, &settings.out, global)?;
    Ok(status(outcome.stopped, steps, of_steps, global))
}

/// The recipe of the file or the default one, with what the command line says.
fn recipe(args: &LipsimArgs, global: &GlobalArgs) -> anyhow::Result<Recipe> {
    let mut recipe = match &args.recipe {
        Some(path) => Recipe::read(path)?,
        None => Recipe::default(),
    };
    recipe.seed = seed(global).unwrap_or(recipe.seed);
    let paths = |paths: &[PathBuf]| {
        paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<Vec<_>>>()
    };
    if !args.data.is_empty() {
        recipe.data = paths(&args.data)?;
    }
    if !args.triplets.is_empty() {
        recipe.triplets = paths(&args.triplets)?;
    }
    if let Some(teacher) = &args.teacher {
        recipe.teacher.clone_from(teacher);
    }
    if let Some(distillation) = args.distillation {
        recipe.distillation = match distillation {
            DistillationArg::Direction => Distillation::Direction,
            DistillationArg::Rmse => Distillation::Rmse,
        };
    }
    if let Some(hinge) = args.hinge {
        recipe.hinge = match hinge {
            HingeArg::Plane => Hinge::Plane,
            HingeArg::Bisector => Hinge::Bisector,
            HingeArg::Margin => Hinge::Margin,
        };
    }
    recipe.distillation_steps = args.distillation_steps.unwrap_or(recipe.distillation_steps);
    recipe.triplet_steps = args.steps.unwrap_or(recipe.triplet_steps);
    recipe.pictures = args.pictures.unwrap_or(recipe.pictures);
    recipe.observer = args.observer.unwrap_or(recipe.observer);
    recipe.margin = args.margin.unwrap_or(recipe.margin);
    Ok(recipe)
}
