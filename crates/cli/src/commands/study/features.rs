//! `lookalike study features`: how well what networks see agrees with people, trained and before training.
//!
//! The title experiment of "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (Zhang et
//! al., CVPR 2018, tables 4 and 5): activations of a network, every channel weighing 1, as a distance, held
//! against every set of judgements; and the correlation between how networks do in two-alternative forced
//! choice and in just noticeable differences.
//!
//! Choices: a network takes part as its published weights have it, where these are installed, and as it is
//! before training, once for every seed. The correlation is over all rows of the table that are networks, so
//! that other metrics given for comparison do not enter it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use lookalike::deep::{FEATURE_NETWORKS, feature_name};
use lookalike::judge::dataset::Protocol;
use lookalike::judge::statistics::bootstrap::RESAMPLES;
use lookalike::judge::statistics::correlation::Correlation;
use lookalike::{Choice, CoreError};

use super::features_record::{
    CorrelationRecord, MissingRecord, Report, RowRecord, SCHEMA, SetRecord, write,
};
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::commands::evaluation::{HumanRecord, JudgedSet, ReadingArgs, measure};
use crate::output::Output;

#[derive(Debug, Args)]
pub(crate) struct FeaturesArgs {
    /// Judgements: CSV or JSONL files, or folders of published sets
    #[arg(value_name = "DATA", required = true)]
    data: Vec<PathBuf>,

    /// Networks to study [default: all]
    #[arg(long = "network", value_name = "NAME,…", value_delimiter = ',', value_parser = names())]
    networks: Vec<String>,

    /// How many random networks of each kind, with the seeds 1 to N
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,

    /// Further metrics to show beside them, such as mse,ssim,lpips:alex
    #[arg(short, long = "metric", value_name = "ID,…", value_delimiter = ',')]
    metrics: Vec<String>,

    /// Keep the distances of every pair in files of this folder, and take up those that are there: a run
    /// that ended early goes on where it was
    #[arg(long, value_name = "DIR")]
    resume: Option<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,
}

fn names() -> [&'static str; FEATURE_NETWORKS.len()] {
    FEATURE_NETWORKS.map(feature_name)
}

/// Runs the command.
pub(crate) fn run(args: &FeaturesArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if matches!(global.format, Format::Junit | Format::Html) {
        bail!(global.format.refusal("lookalike study features"));
    }
    // What is wrong in the last set shows before the first is measured.
    let sets = args.data.iter().map(|path| JudgedSet::look_through(path, None));
    let sets = sets.collect::<anyhow::Result<Vec<_>>>()?;
    let (choices, missing) = choices(args)?;
    if let Some(folder) = &args.resume {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot keep distances here", folder.display()))?;
    }
    let output = Output::open(global)?;
    let ids: Vec<String> = choices.iter().map(|choice| choice.metric().id().to_string()).collect();
    let studied = ids.len() - args.metrics.len().min(ids.len());
    let mut comparison = args.reading.comparison(choices, global);
    let mut rows: Vec<RowRecord> = ids.iter().map(|id| RowRecord::new(id)).collect();
    let mut records = Vec::new();
    for (set, name) in sets.iter().zip(set_names(&args.data)) {
        comparison.decode.shorter_side = args.reading.shorter_side(set.layout);
        // Named by what is in it, as folders and files of judgements may be moved.
        let file = format!("{}-{}.jsonl", set.layout.as_str(), &set.name[..16]);
        let file = args.resume.as_ref().map(|folder| folder.join(file));
        let mean_of_subsets = set.layout.is_mean_of_subsets();
        let file = file.as_deref();
        let found = measure(&comparison, set, mean_of_subsets, &args.reading, file, global);
        let found = found.with_context(|| name.clone())?;
        let answers = &found.answers;
        for (row, distances) in rows.iter_mut().zip(&found.distances) {
            let evaluated = answers.evaluate(distances, RESAMPLES, global.seed);
            let evaluated = evaluated.with_context(|| format!("{name}: {}", row.id))?;
            row.scores.push(evaluated.overall.into());
        }
        records.push(SetRecord {
            name,
            protocol: answers.protocol().as_str(),
            layout: set.layout.as_str(),
            n: answers.count(),
            resize: comparison.decode.shorter_side,
            human: answers.ceiling(RESAMPLES, global.seed).map(HumanRecord::from),
            errors: found.errors,
        });
    }
    for row in &mut rows {
        row.two_alternative = mean(row, &records, Protocol::TwoAlternative);
        row.just_noticeable = mean(row, &records, Protocol::JustNoticeable);
    }
    let correlation = correlation(&rows[..studied]);
    let report = Report { schema: SCHEMA, sets: records, features: rows, missing, correlation };
    let whole = report.sets.iter().all(|set| set.errors.is_empty());
    write(&report, global.format, output)?;
    Ok(if whole { Status::Passed } else { Status::Incomplete })
}

/// The networks, then the other metrics; and the networks whose weights are not there.
fn choices(args: &FeaturesArgs) -> anyhow::Result<(Vec<Choice>, Vec<MissingRecord>)> {
    let (mut choices, mut missing) = (Vec::new(), Vec::new());
    let chosen = |name: &str| args.networks.is_empty() || args.networks.iter().any(|n| n == name);
    for name in names().into_iter().filter(|name| chosen(name)) {
        let id = format!("features:{name}@imagenet");
        match lookalike::metric(&id) {
            Ok(metric) => choices.push(Choice::fixed(metric)),
            Err(error @ CoreError::Weights { .. }) => {
                missing.push(MissingRecord { id, reason: error.to_string() });
            }
            Err(error) => return Err(error.into()),
        }
        for seed in 1..=args.seeds {
            let id = format!("features:{name}@random+seed={seed}");
            choices.push(Choice::fixed(lookalike::metric(&id)?));
        }
    }
    if choices.is_empty() {
        let reasons: Vec<&str> = missing.iter().map(|one| one.reason.as_str()).collect();
        bail!("no network to study: {}", reasons.join("; "));
    }
    for id in &args.metrics {
        let metric = lookalike::metric(id.trim())?;
        if choices.iter().any(|known: &Choice| known.metric().id() == metric.id()) {
            bail!("-m {id}: is studied already; leave it out");
        }
        choices.push(Choice::fixed(metric));
    }
    Ok((choices, missing))
}

/// The last part of each path, or the whole path where others end alike.
fn set_names(paths: &[PathBuf]) -> Vec<String> {
    let short = |path: &Path| path.file_stem().map(|name| name.to_string_lossy().into_owned());
    let name = |path: &PathBuf| {
        let own = short(path);
        let alone = paths.iter().filter(|other| short(other) == own).count() == 1;
        own.filter(|_| alone).unwrap_or_else(|| path.display().to_string())
    };
    paths.iter().map(name).collect()
}

/// The mean score over the sets of a protocol.
fn mean(row: &RowRecord, sets: &[SetRecord], protocol: Protocol) -> Option<f64> {
    let of_protocol =
        sets.iter().zip(&row.scores).filter(|(set, _)| set.protocol == protocol.as_str());
    let scores: Vec<f64> = of_protocol.map(|(_, estimate)| estimate.score).collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}

/// Between the scores in 2AFC and in JND, where there are both.
fn correlation(rows: &[RowRecord]) -> Option<CorrelationRecord> {
    let both = rows.iter().filter_map(|row| Some((row.two_alternative?, row.just_noticeable?)));
    let (two_alternative, just_noticeable): (Vec<f64>, Vec<f64>) = both.unzip();
    if two_alternative.is_empty() {
        return None;
    }
    let of = |kind: Correlation| kind.of(&two_alternative, &just_noticeable).ok();
    Some(CorrelationRecord {
        n: two_alternative.len(),
        srocc: of(Correlation::Spearman),
        krcc: of(Correlation::Kendall),
        plcc: of(Correlation::Pearson),
    })
}
