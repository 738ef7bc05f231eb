//! `lookalike train sight`: folders of pictures in, our own small network as a metric out.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use lookalike::deep::StoredWeights;
use lookalike_train::sight::{
    Group, Outcome, Recipe, Sources, train, write_held_out, write_projection,
};

use super::{Ended, RunArgs, absolute, seed, status, with_progress, write, write_place};
use crate::Status;
use crate::args::GlobalArgs;

#[derive(Debug, Args)]
pub(crate) struct SightArgs {
    /// Folders with pictures; those under folders named test are held out, and those under validation show
    /// how far learning is [default: the recipe's]
    #[arg(value_name = "DATA", required_unless_present = "recipe")]
    data: Vec<PathBuf>,

    /// The choices of another run, its recipe.toml; options given beside it win
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,

    /// Steps of 16 references [default: 4000]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,

    /// References with four damaged pictures each that are learned from [default: 12000]
    #[arg(long, value_name = "N")]
    examples: Option<usize>,

    /// Learn nothing from a group of distortions (compression, noise, blur, colour, geometry, content); may
    /// be repeated
    #[arg(long, value_name = "GROUP", value_parser = group)]
    without: Vec<Group>,

    /// How much a teacher counts, such as ssimulacra2=0; may be repeated
    #[arg(long, value_name = "ID=WEIGHT", value_parser = teacher)]
    teacher: Vec<(String, f64)>,

    /// Learn nothing; write held-out pictures under held-out distortions to a folder, for `judge eval`
    #[arg(long, value_name = "DIR", conflicts_with_all = ["steps", "examples", "without", "teacher"])]
    held_out: Option<PathBuf>,

    /// Learn nothing of the metric; write the projection of whole-picture vectors to a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["steps", "examples", "without", "teacher", "held_out"])]
    projection: Option<PathBuf>,

    #[command(flatten)]
    run: RunArgs,
}

fn group(text: &str) -> Result<Group, String> {
    let names = || Group::ALL.map(Group::name).join(", ");
    let found = Group::ALL.into_iter().find(|group| group.name() == text);
    found.ok_or_else(|| format!("expected one of {}, found '{text}'", names()))
}

fn teacher(text: &str) -> Result<(String, f64), String> {
    let wrong = || format!("expected ID=WEIGHT such as ssimulacra2=0.5, found '{text}'");
    let (id, weight) = text.rsplit_once('=').ok_or_else(wrong)?;
    Ok((id.to_owned(), weight.parse().map_err(|_| wrong())?))
}

/// Held-out references, and how many of them are scenes.
const HELD_OUT: usize = 120;
const HELD_OUT_SCENES: usize = 12;

/// Runs the command.
pub(crate) fn run(args: &SightArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let recipe = recipe(args, global)?;
    if let Some(folder) = &args.held_out {
        let sources = Sources::find(&recipe.data)?;
        let written = write_held_out(&sources, HELD_OUT, HELD_OUT_SCENES, recipe.seed, folder)?;
        return write_place(&written, &folder.join("triplets.csv"), global);
    }
    if let Some(path) = &args.projection {
        let written = write_projection(&Sources::find(&recipe.data)?, path)?;
        return write_place(&written, path, global);
    }
    let settings = args.run.settings(global)?;
    let outcome = with_progress("examples", global, |progress| {
        train(&recipe, &settings, &StoredWeights, progress)
    })?;
    let validation = outcome.validation.as_ref().map(|found| {
        format!("rank correlation {:.4} with the teachers on {} pairs", found.spearman, found.n)
    });
    let Outcome { id, steps, of_steps, seconds, loss, .. } = &outcome;
    let (steps, of_steps, seconds, loss) = (*steps, *of_steps, *seconds, *loss);
    let ended = Ended { id, steps, of_steps, seconds, loss, validation };
    write(&outcome, &ended, &settings.out, global)?;
    Ok(status(outcome.stopped, steps, of_steps, global))
}

/// The recipe of the file or the default one, with what the command line says.
fn recipe(args: &SightArgs, global: &GlobalArgs) -> anyhow::Result<Recipe> {
    let mut recipe = match &args.recipe {
        Some(path) => Recipe::read(path)?,
        None => Recipe::default(),
    };
    recipe.seed = seed(global).unwrap_or(recipe.seed);
    if !args.data.is_empty() {
        recipe.data = args.data.iter().map(|path| absolute(path)).collect::<anyhow::Result<_>>()?;
    }
    recipe.steps = args.steps.unwrap_or(recipe.steps);
    recipe.examples = args.examples.unwrap_or(recipe.examples);
    recipe.without.extend(&args.without);
    for (id, weight) in &args.teacher {
        let Some(teacher) = recipe.teachers.iter_mut().find(|teacher| teacher.id == *id) else {
            let known: Vec<&str> = recipe.teachers.iter().map(|t| t.id.as_str()).collect();
            bail!("--teacher {id}: expected one of {}", known.join(", "));
        };
        teacher.weight = *weight;
    }
    Ok(recipe)
}
