//! `lookalike optimise`: a picture moved towards another along the gradient of a metric, frame by frame.
//!
//! What a metric sees is what it mends; what it is blind to stays, and other metrics say how much.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressStyle;
use lookalike::decode::{DecodeOptions, read};
use lookalike::encode::write_png;
use lookalike::{Choice, Picture, Want, default_metrics, metric};
use lookalike_train::descent::{Descended, Descent};
use lookalike_train::write_whole;
use serde::Serialize;

use crate::Status;
use crate::args::{Alpha, Format, GlobalArgs};
use crate::log::{Log, on_interrupt};

#[derive(Debug, Args)]
pub(crate) struct OptimiseArgs {
    /// The picture to start from
    #[arg(value_name = "START")]
    start: PathBuf,

    /// The picture to move towards
    #[arg(long, value_name = "REF")]
    towards: PathBuf,

    /// The metric to follow; it must have a gradient
    #[arg(short, long, value_name = "ID")]
    metric: String,

    /// Metrics to hold start and result against the reference with [default: those of compare]
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    also: Vec<String>,

    /// Steps of Adam
    #[arg(long, value_name = "N", default_value_t = 300)]
    steps: u64,

    /// About how far a sample from 0 to 1 moves in a step
    #[arg(long, value_name = "X", default_value_t = 0.01)]
    rate: f64,

    /// Keep every Nth frame; 0 keeps none
    #[arg(long, value_name = "N", default_value_t = 25)]
    frames: u64,

    /// What lies behind transparent pixels
    #[arg(long, value_enum, default_value = "error")]
    alpha: Alpha,
}

/// The result.
#[derive(Debug, Serialize)]
struct Record {
    schema: &'static str,
    id: String,
    direction: &'static str,
    steps: u64,
    /// Why it ended: `finished` or `interrupted`.
    stopped: &'static str,
    start: f64,
    best: f64,
    best_step: u64,
    picture: PathBuf,
    frames: Vec<PathBuf>,
    others: Vec<OtherRecord>,
}

/// What another metric says of start and result; absent where it refuses the pictures.
#[derive(Debug, Serialize)]
struct OtherRecord {
    id: String,
    start: Option<f64>,
    best: Option<f64>,
}

/// Runs the command.
pub(crate) fn run(args: &OptimiseArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike optimise is written as text or json; use --format text or json");
    }
    let Some(out) = &global.out else { bail!("expected a folder for the frames: --out DIR") };
    let decode = DecodeOptions { alpha: args.alpha.into(), ..DecodeOptions::default() };
    let start = read(&args.start, &decode)?;
    let reference = read(&args.towards, &decode)?;
    let followed = metric(args.metric.trim())?;
    let others = others(&args.also)?;
    rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build_global().ok();
    let folder = out.join("frames");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{}: cannot write", folder.display()))?;

    let stop = on_interrupt();
    let log = Log::new(2, global);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {pos}/{len} steps, {msg}, {per_sec}, {eta} left")
    {
        log.bar.set_style(style);
    }
    log.bar.set_length(args.steps);
    let (mut values, mut frames) = (String::new(), Vec::new());
    let descent = Descent { steps: args.steps, rate: args.rate };
    let descended =
        descent.run(followed.as_ref(), &reference, &start, &mut |step, value, picture| {
            log.bar.set_position(step);
            log.bar.set_message(format!("{} {value:.5}", followed.id()));
            values.push_str(&format!("{}\n", serde_json::json!({ "step": step, "value": value })));
            if args.frames > 0 && (step.is_multiple_of(args.frames) || step == args.steps) {
                let path = folder.join(format!("{step:06}.png"));
                write_png(picture, &path)?;
                frames.push(path);
            }
            Ok(!stop.load(Ordering::Relaxed))
        });
    log.bar.finish_and_clear();
    let descended = descended?;
    let picture = out.join("best.png");
    write_png(&descended.picture, &picture)?;
    write_whole(&out.join("log.jsonl"), values.as_bytes())?;
    let finished = descended.steps == args.steps;
    let record = Record {
        schema: "lookalike.optimise/1",
        id: followed.id().to_string(),
        direction: followed.direction().as_str(),
        steps: descended.steps,
        stopped: if finished { "finished" } else { "interrupted" },
        start: descended.start,
        best: descended.best,
        best_step: descended.best_step,
        others: compared(&others, &reference, &start, &descended),
        picture,
        frames,
    };
    let json = serde_json::to_string_pretty(&record)?;
    write_whole(&out.join("result.json"), format!("{json}\n").as_bytes())?;
    write(&record, &json, out, global)?;
    if !finished {
        log.warn(&format!("interrupted after {} of {} steps", record.steps, args.steps));
        return Ok(Status::Incomplete);
    }
    Ok(Status::Passed)
}

/// The metrics that look on.
fn others(ids: &[String]) -> anyhow::Result<Vec<Choice>> {
    if ids.is_empty() {
        return Ok(default_metrics()?);
    }
    let fixed = ids.iter().map(|id| Ok(Choice::fixed(metric(id.trim())?)));
    fixed.collect()
}

/// What the others say of start and result.
fn compared(
    others: &[Choice],
    reference: &Picture,
    start: &Picture,
    descended: &Descended,
) -> Vec<OtherRecord> {
    let of = |choice: &Choice| {
        let metric = choice.at(reference.width(), reference.height());
        let value = |picture: &Picture| {
            let score = metric.compare(reference, picture, Want::default()).ok()?;
            Some(score.value).filter(|value| value.is_finite())
        };
        let id = metric.id().to_string();
        OtherRecord { id, start: value(start), best: value(&descended.picture) }
    };
    others.iter().map(of).collect()
}

fn write(record: &Record, json: &str, out: &Path, global: &GlobalArgs) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    if global.format == Format::Json {
        writeln!(stdout, "{json}")?;
        return Ok(());
    }
    let Record { id, start, best, best_step, .. } = record;
    writeln!(stdout, "{id}  {start:.6} -> {best:.6} at step {best_step}")?;
    for OtherRecord { id, start, best } in &record.others {
        let shown =
            |value: &Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.6}"));
        writeln!(stdout, "{id}  {} -> {}", shown(start), shown(best))?;
    }
    writeln!(stdout, "folder  {}", out.display())?;
    Ok(())
}
