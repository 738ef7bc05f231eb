//! `lookalike train`: what all its commands have in common; one file per metric.

pub(crate) mod lipsim;
pub(crate) mod lpips;
pub(crate) mod reconstruction;
pub(crate) mod sight;
pub(crate) mod translate;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressStyle;
use lookalike_train::session::{Progress, Resume, Settings, Stopped};
use serde::Serialize;

use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::log::{Log, on_interrupt};

/// What does not change the result.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// End after this many seconds of steps, with a checkpoint; the same command goes on
    #[arg(long, value_name = "S")]
    max_seconds: Option<f64>,

    /// Where to start: the newest checkpoint in the folder (auto), anew (never), or a checkpoint
    #[arg(long, value_name = "auto|never|PATH", default_value = "auto")]
    resume: String,

    /// Folder for what is computed once of the pictures, which runs may share [default: DIR/features]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Steps between two checkpoints
    #[arg(long, value_name = "N", default_value_t = 500)]
    checkpoint_every: u64,
}

impl RunArgs {
    /// The settings of a run whose result is named by its path.
    fn settings(&self, global: &GlobalArgs) -> anyhow::Result<Settings> {
        if !matches!(global.format, Format::Text | Format::Json) {
            bail!("lookalike train is written as text or json; use --format text or json");
        }
        let Some(out) = &global.out else { bail!("expected a folder for the run: --out DIR") };
        check_path(out)?;
        Ok(Settings {
            out: out.clone(),
            cache: self.cache.clone().unwrap_or_else(|| out.join("features")),
            resume: match self.resume.as_str() {
                "auto" => Resume::Auto,
                "never" => Resume::Never,
                path => Resume::From(path.into()),
            },
            max_seconds: self.max_seconds,
            checkpoint_every: self.checkpoint_every,
        })
    }
}

/// Runs something that tells how far it is, with a bar and until it is interrupted. `what` is counted before
/// the first step.
fn with_progress<T>(
    what: &str,
    global: &GlobalArgs,
    run: impl FnOnce(&mut dyn FnMut(Progress) -> bool) -> lookalike_train::Result<T>,
) -> anyhow::Result<T> {
    rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build_global().ok();
    let stop = on_interrupt();
    // A bar for two counts or more.
    let log = Log::new(2, global);
    let mut phase = None;
    let result = run(&mut |progress| {
        let (steps, done, count) = match progress {
            Progress::Features(done, count) => (false, done as u64, count as u64),
            Progress::Steps(done, count, loss) => {
                log.bar.set_message(format!("loss {loss:.4}"));
                (true, done, count)
            }
        };
        if phase != Some((steps, count)) {
            phase = Some((steps, count));
            let what = if steps { "steps, {msg}" } else { what };
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
    Ok(result?)
}

/// What every run comes to.
struct Ended<'a> {
    id: &'a str,
    steps: u64,
    of_steps: u64,
    seconds: f64,
    loss: Option<f64>,
    /// What validation found, in words.
    validation: Option<String>,
}

/// Writes what a run came to: its record, or lines of text.
fn write(
    record: &impl Serialize,
    ended: &Ended<'_>,
    out: &Path,
    global: &GlobalArgs,
) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    if global.format == Format::Json {
        serde_json::to_writer_pretty(&mut stdout, record)?;
        writeln!(stdout)?;
        return Ok(());
    }
    let Ended { id, steps, of_steps, seconds, loss, validation } = ended;
    writeln!(stdout, "{id}")?;
    writeln!(stdout, "steps       {steps} of {of_steps}, {seconds:.1} s")?;
    if let Some(loss) = loss {
        writeln!(stdout, "loss        {loss:.4}")?;
    }
    if let Some(validation) = validation {
        writeln!(stdout, "validation  {validation}")?;
    }
    writeln!(stdout, "folder      {}", out.display())?;
    Ok(())
}

/// Writes what a command wrote in place of a run: its record, or where it is.
fn write_place(
    record: &impl Serialize,
    place: &Path,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let mut stdout = std::io::stdout().lock();
    if global.format == Format::Json {
        serde_json::to_writer_pretty(&mut stdout, record)?;
        writeln!(stdout)?;
    } else {
        writeln!(stdout, "{}", place.display())?;
    }
    Ok(Status::Passed)
}

/// What the exit status says of a run.
fn status(stopped: Stopped, steps: u64, of: u64, global: &GlobalArgs) -> Status {
    if stopped == Stopped::Interrupted {
        let log = Log::new(0, global);
        log.warn(&format!("interrupted after {steps} of {of} steps; the same command goes on"));
        return Status::Incomplete;
    }
    Status::Passed
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

/// The seed where the command line gives one: the option has a default value, which must not win over the
/// recipe's.
pub(crate) fn seed(global: &GlobalArgs) -> Option<u64> {
    let given = std::env::args_os().any(|argument| {
        argument.to_str().is_some_and(|a| a == "--seed" || a.starts_with("--seed="))
    });
    given.then_some(global.seed)
}

/// A path that a recipe can name from any folder.
pub(crate) fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{}: no such path", path.display()))
}
