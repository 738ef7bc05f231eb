//! `lookalike study losses`: one network under several losses, held against each other.
//!
//! The comparison of "Learning to Generate Images with Perceptual Similarity Metrics" (Snell et al. 2017): the same
//! network, start, order of the data and number of steps under squared error, absolute error and MS-SSIM; what is
//! drawn of held-out pictures under every metric; how well classes are told apart from the codes; and a study of
//! preference that people can answer.
//!
//! Choices: what is measured is what anybody would see, pictures of 8 bits, which are written, so that `compare` can
//! repeat every number. Intervals are of a bootstrap over pictures, whose values are means over the seeds.

mod codes;
mod markdown;
mod measured;
mod page;
mod preference;
mod record;

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::ProgressStyle;
use lookalike::deep::StoredWeights;
use lookalike_train::reconstruction::{Recipe, Study, Task};
use lookalike_train::session::Progress;
use lookalike_train::write_whole;

use self::measured::Shown;
use self::record::{LossRecord, Report, SCHEMA};
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::commands::train::reconstruction::Choices;
use crate::commands::train::{absolute, seed};
use crate::log::{Log, on_interrupt};

#[derive(Debug, Args)]
pub(crate) struct LossesArgs {
    /// Folders with pictures, or binary files of CIFAR or STL-10; pictures under folders named test are held out
    #[arg(value_name = "DATA", required = true)]
    data: Vec<PathBuf>,

    /// A loss to learn under; give two or more [default: mse, l1 and ms-ssim]
    #[arg(long = "loss", value_name = "LOSS")]
    losses: Vec<String>,

    /// What is learned
    #[arg(long, value_enum, default_value_t = TaskArg::Autoencoder)]
    task: TaskArg,

    /// Rates to choose from for each loss, by that loss on pictures that validate
    #[arg(long, value_name = "X,…", value_delimiter = ',', default_values_t = [3e-4, 1e-3, 3e-3])]
    rates: Vec<f64>,

    /// Steps of a trial of a rate [default: a quarter of the steps, all of them for vae]
    #[arg(long, value_name = "N")]
    trial_steps: Option<u64>,

    /// How often each loss is learned under, with seeds from --seed on
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,

    /// Metrics to hold what was drawn against the pictures with [default: all that need no weights and read pictures
    /// of this size]
    #[arg(short, long = "metric", value_name = "ID,…", value_delimiter = ',')]
    metrics: Vec<String>,

    /// How well classes are told apart from the codes: a CSV with a column path and columns of classes, or folder for
    /// the names of the pictures' folders
    #[arg(long, value_name = "FILE|folder")]
    labels: Option<String>,

    /// Pictures of each pair of losses that people are asked about
    #[arg(long, value_name = "N", default_value_t = 100)]
    questions: usize,

    #[command(flatten)]
    choices: Choices,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TaskArg {
    Autoencoder,
    Vae,
    SuperResolution,
}

/// Runs the command.
pub(crate) fn run(args: &LossesArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike study losses is written as text or json; use --format text or json");
    }
    let Some(out) = &global.out else { bail!("expected a folder for the study: --out DIR") };
    let mut recipe = Recipe::of(match args.task {
        TaskArg::Autoencoder => Task::Autoencoder,
        TaskArg::Vae => Task::Vae,
        TaskArg::SuperResolution => Task::SuperResolution,
    });
    recipe.data = args.data.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?;
    args.choices.apply(&mut recipe);
    if args.task == TaskArg::SuperResolution && args.labels.is_some() {
        bail!("super-resolution has no code to tell classes by; leave out --labels");
    }
    let shown = Shown::read(&recipe)?;
    let first = seed(global).unwrap_or(recipe.seed);
    let losses = match args.losses.as_slice() {
        [] => ["mse", "l1", "ms-ssim"].map(str::to_owned).to_vec(),
        losses => losses.to_vec(),
    };
    let study = Study {
        recipe: recipe.clone(),
        losses,
        rates: args.rates.clone(),
        trial_steps: args.trial_steps,
        seeds: (first..first + args.seeds.max(1)).collect(),
        out: out.clone(),
    };
    let metrics = measured::metrics(&args.metrics, &recipe)?;
    let labels = match (&args.labels, &shown) {
        (Some(labels), Shown::Whole(pictures, _)) => {
            Some((codes::Labels::read(labels, pictures)?, pictures))
        }
        _ => None,
    };
    let studied = learn(&study, global)?;
    let drawn = shown.draw(out, &studied)?;
    let found = measured::measure(&drawn, &metrics, global.seed)?;
    let classified = match labels {
        Some((labels, pictures)) => {
            codes::classify(&labels, pictures, &studied, recipe.code, global.seed)?
        }
        None => Vec::new(),
    };
    let project = preference::write(out, &drawn, args.questions, first)?;
    let first_run = studied.first().and_then(|one| one.runs.first());
    let report = Report {
        schema: SCHEMA,
        task: recipe.task.as_str(),
        network: recipe.network.clone(),
        side: recipe.side,
        code: recipe.code,
        steps: first_run.map_or(0, |run| run.2.of_steps),
        seeds: study.seeds.clone(),
        learned: first_run.map_or(0, |run| run.2.pictures),
        held_out: drawn.originals.len(),
        columns: drawn.columns.clone(),
        losses: studied.iter().map(LossRecord::of).collect(),
        metrics: found.metrics,
        comparisons: found.comparisons,
        left_out: found.left_out,
        classification: classified,
        preference: project,
    };
    write_whole(&out.join("result.json"), &serde_json::to_vec_pretty(&report)?)?;
    let page = page::render(&report, &drawn)?;
    write_whole(&out.join("report.html"), page.as_bytes())?;
    let text = markdown::render(&report, &command());
    write_whole(&out.join("report.md"), text.as_bytes())?;
    record::write(&report, out, global)?;
    Ok(Status::Passed)
}

/// What was asked for, as it can be asked for again. Paths are of the caller's folder.
fn command() -> String {
    let words = std::env::args().skip(1).map(|word| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@*+=".contains(c);
        if word.chars().all(plain) { word } else { format!("'{word}'") }
    });
    std::iter::once("lookalike".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn learn(
    study: &Study,
    global: &GlobalArgs,
) -> anyhow::Result<Vec<lookalike_train::reconstruction::Studied>> {
    rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build_global().ok();
    let stop = on_interrupt();
    let log = Log::new(2, global);
    let template = "{bar:30} {pos}/{len} {msg}, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        log.bar.set_style(style);
    }
    let mut now = String::new();
    let found = study.run(&StoredWeights, &mut |what, progress| {
        if let Progress::Steps(done, count, _) = progress {
            if now != what {
                what.clone_into(&mut now);
                log.bar.reset();
                log.bar.set_length(count);
                log.bar.set_message(now.clone());
            }
            log.bar.set_position(done);
        }
        !stop.load(Ordering::Relaxed)
    });
    log.bar.finish_and_clear();
    found.context("lookalike study losses")
}
