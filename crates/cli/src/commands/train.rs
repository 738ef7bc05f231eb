//! `lookalike train lpips`: judgements in, a metric out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::ProgressStyle;
use lookalike::deep::StoredWeights;
use lookalike_train::lpips::{Mode, Outcome, Progress, Recipe, Resume, Settings, Stopped, train};

use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::log::{Log, on_interrupt};

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

    /// End after this many seconds of steps, with a checkpoint; the same command goes on
    #[arg(long, value_name = "S")]
    max_seconds: Option<f64>,

    /// Judgements to validate on, in place of some that are held out
    #[arg(long, value_name = "DATA", conflicts_with = "hold_out")]
    validation: Option<PathBuf>,

    /// The share of references that is held out for validation, 0 for none [default: 0.1]
    #[arg(long, value_name = "X")]
    hold_out: Option<f64>,

    /// Where to start: the newest checkpoint in the folder (auto), anew (never), or a checkpoint
    #[arg(long, value_name = "auto|never|PATH", default_value = "auto")]
    resume: String,

    /// Folder for what the network says of the pictures, which runs may share [default: DIR/features]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Steps between two checkpoints
    #[arg(long, value_name = "N", default_value_t = 500)]
    checkpoint_every: u64,
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
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike train is written as text or json; use --format text or json");
    }
    let Some(out) = &global.out else { bail!("expected a folder for the run: --out DIR") };
    check_path(out)?;
    let recipe = recipe(args, global)?;
    let settings = Settings {
        out: out.clone(),
        cache: args.cache.clone().unwrap_or_else(|| out.join("features")),
        resume: match args.resume.as_str() {
            "auto" => Resume::Auto,
            "never" => Resume::Never,
            path => Resume::From(path.into()),
        },
        max_seconds: args.max_seconds,
        checkpoint_every: args.checkpoint_every,
    };
    rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build_global().ok();
    let stop = on_interrupt();
    // A bar for two counts or more.
    let log = Log::new(2, global);
    let mut phase = None;
    let result = train(&recipe, &settings, &StoredWeights, &mut |progress| {
        let (steps, done, count) = match progress {
            Progress::Features(done, count) => (false, done as u64, count as u64),
            Progress::Steps(done, count, loss) => {
                log.bar.set_message(format!("loss {loss:.4}"));
                (true, done, count)
            }
        };
        if phase != Some((steps, count)) {
            phase = Some((steps, count));
            let what = if steps { "steps, {msg}" } else { "triplets read" };
            let template = format!("{{bar:30}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                log.bar.set_style(style);
            }
            log.bar.reset();
            log.bar.set_length(count);
        }
        log.bar.set_position(done);
        !stop.load(Ordering::Relaxed)
    });
    log.bar.finish_and_clear();
    let outcome = result?;
    write(&outcome, out, global)?;
    if outcome.stopped == Stopped::Interrupted {
        let (steps, of) = (outcome.steps, outcome.of_steps);
        log.warn(&format!("interrupted after {steps} of {of} steps; the same command goes on"));
        return Ok(Status::Incomplete);
    }
    Ok(Status::Passed)
}

/// The path of the result becomes part of an id.
fn check_path(out: &Path) -> anyhow::Result<()> {
    let text = out.to_str().with_context(|| {
        format!("{}: the path becomes part of a metric's id and must be UTF-8", out.display())
    })?;
    if let Some(found) = text.chars().find(|c| ",+<>".contains(*c) || c.is_control()) {
        bail!(
            "{text}: the path becomes part of a metric's id, where {found:?} cannot stand; choose \
             another --out"
        );
    }
    Ok(())
}

/// The recipe of the file or the default one, with what the command line says.
fn recipe(args: &LpipsArgs, global: &GlobalArgs) -> anyhow::Result<Recipe> {
    let mut recipe = match &args.recipe {
        Some(path) => Recipe::read(path)?,
        None => Recipe { seed: global.seed, ..Recipe::default() },
    };
    // The option has a default value, which must not win over the recipe.
    let seed_given = std::env::args_os().any(|argument| {
        argument.to_str().is_some_and(|a| a == "--seed" || a.starts_with("--seed="))
    });
    if seed_given {
        recipe.seed = global.seed;
    }
    // The recipe can then be run from any folder.
    let absolute = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("{}: no such path", path.display()))
    };
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

fn write(outcome: &Outcome, out: &Path, global: &GlobalArgs) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    if global.format == Format::Json {
        serde_json::to_writer_pretty(&mut stdout, outcome)?;
        writeln!(stdout)?;
        return Ok(());
    }
    writeln!(stdout, "{}", outcome.id)?;
    let Outcome { steps, of_steps, seconds, .. } = outcome;
    writeln!(stdout, "steps       {steps} of {of_steps}, {seconds:.1} s")?;
    if let Some(loss) = outcome.loss {
        writeln!(stdout, "loss        {loss:.4}")?;
    }
    if let Some(found) = &outcome.validation {
        let (score, human, n) = (found.score, found.human, found.n);
        writeln!(stdout, "validation  2AFC {score:.4} on {n} triplets (people {human:.4})")?;
    }
    writeln!(stdout, "folder      {}", out.display())?;
    Ok(())
}
