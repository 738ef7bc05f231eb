//! `lookalike judge eval`: human judgements in, how well metrics agree with them out.

mod distances_file;
mod gate;
mod judged_set;
mod measurement;
mod own_distances;
mod page;
mod print;
mod reading;
mod record;
#[cfg(feature = "deep")]
mod robust;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use lookalike::judge::dataset::Layout;
use lookalike::judge::evaluation::compare;
use lookalike::judge::statistics::{bootstrap::RESAMPLES, permutation::PERMUTATIONS};
use lookalike::{Choice, Direction};

use self::gate::ScoreGate;
use self::own_distances::OwnDistances;
use self::page::Evidence;
use self::record::{ComparisonRecord, MetricRecord, Report};
use crate::Status;
use crate::args::{Format, GlobalArgs, also};
use crate::log::Log;
use crate::output::{Output, open_also};

pub(crate) use self::judged_set::JudgedSet;
pub(crate) use self::measurement::{Measured, measure};
pub(crate) use self::reading::ReadingArgs;
#[cfg(feature = "deep")]
pub(crate) use self::record::EstimateRecord;
pub(crate) use self::record::HumanRecord;

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// Judgements: a CSV or JSONL file, or the folder of a published set
    #[arg(value_name = "DATA")]
    data: PathBuf,

    /// Metrics by id, such as ssim,lpips:alex
    #[arg(
        short,
        long = "metric",
        value_name = "ID,…",
        value_delimiter = ',',
        required_unless_present = "distances"
    )]
    metrics: Vec<String>,

    /// A metric whose distances were computed elsewhere: a CSV with a row per judgement in the order of
    /// DATA and the columns left,right (2AFC), first_second,first_third,second_third (odd one out) or
    /// distance; less means more alike. May be repeated; without -m no picture is read
    #[arg(long, value_name = "NAME=FILE", value_parser = OwnDistances::parse)]
    distances: Vec<OwnDistances>,

    /// The layout of the judgements [default: found from the header or the folder]
    #[arg(long, value_name = "NAME", value_parser = layout)]
    layout: Option<Layout>,

    /// Fail (exit 1) unless a metric's score meets the rule, such as 'lpips>=0.69'
    #[arg(long = "gate", value_name = "RULE")]
    gates: Vec<String>,

    /// Keep the distances of every pair in a file, and take up those that are there: a run that ended
    /// early goes on where it was, and other scores of the same distances take no time
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,

    /// Write a further format from the same run, such as html=report.html; may be repeated
    #[arg(long, value_name = "FORMAT=PATH", value_parser = also)]
    also: Vec<(Format, PathBuf)>,

    /// Mean over all judgements, or the unweighted mean of the subsets' scores [default: subsets for
    /// BAPPS, as its authors do, else items]
    #[arg(long, value_enum)]
    mean: Option<Mean>,

    /// Permutations of every comparison of two metrics; 0 makes none
    #[arg(long, value_name = "N", default_value_t = PERMUTATIONS)]
    permutations: usize,

    /// How many of the worst disagreements per metric a page shows with their pictures
    #[arg(long, value_name = "N", default_value_t = 6)]
    worst: usize,

    #[cfg(feature = "deep")]
    #[command(flatten)]
    robust: robust::RobustArgs,

    #[command(flatten)]
    reading: ReadingArgs,
}

/// Over what scores are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mean {
    /// Judgements
    Items,
    /// Subsets, each counting the same
    Subsets,
}

fn layout(name: &str) -> Result<Layout, String> {
    let names = || Layout::ALL.map(Layout::as_str).join(", ");
    Layout::named(name).ok_or_else(|| format!("expected one of {}", names()))
}

/// Runs the command.
pub(crate) fn run(args: &EvalArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    for format in args.also.iter().map(|(format, _)| *format).chain([global.format]) {
        print::check(format)?;
    }
    let mut comparison = args.reading.comparison(choices(&args.metrics)?, global);
    let mut ids: Vec<String> =
        comparison.metrics.iter().map(|choice| choice.metric().id().to_string()).collect();
    for own in &args.distances {
        if ids.contains(&own.name) {
            bail!("--distances {}: there are two metrics of this name; give it another", own.name);
        }
        ids.push(own.name.clone());
    }
    let rules = args.gates.iter().map(|rule| ScoreGate::parse(rule, &ids));
    let rules = rules.collect::<anyhow::Result<Vec<_>>>()?;
    #[cfg(feature = "deep")]
    let threats = args.robust.threats()?;
    let set = JudgedSet::look_through(&args.data, args.layout)?;
    #[cfg(feature = "deep")]
    robust::RobustArgs::check(&threats, &set)?;
    comparison.decode.shorter_side = args.reading.shorter_side(set.layout);
    let mut outputs = vec![(global.format, Output::open(global)?)];
    outputs.extend(open_also(&args.also, global)?);
    let mean_of_subsets =
        args.mean.map_or(set.layout.is_mean_of_subsets(), |mean| mean == Mean::Subsets);
    let file = args.resume.as_deref();
    let Measured { answers, positions, mut distances, errors } =
        measure(&comparison, &set, mean_of_subsets, &args.reading, file, global)?;
    for own in &args.distances {
        let count = set.pairs / set.layout.protocol().pairs();
        distances.push(own.read(set.layout.protocol(), count, &positions)?);
    }
    let evaluated = ids.iter().zip(&distances).map(|(id, distances)| {
        let found = answers.evaluate(distances, RESAMPLES, global.seed);
        Ok(MetricRecord::new(id, found.with_context(|| id.clone())?))
    });
    #[cfg_attr(not(feature = "deep"), allow(unused_mut, reason = "only attacks add to them"))]
    let mut metrics = evaluated.collect::<anyhow::Result<Vec<_>>>()?;
    #[cfg(feature = "deep")]
    if !threats.is_empty() {
        let scores = args.robust.scores(&threats, &comparison, &set, &positions, global)?;
        // Distances from elsewhere cannot be attacked.
        for (metric, scores) in metrics.iter_mut().zip(scores) {
            metric.robust = Some(scores);
        }
    }
    let all: Vec<&[f64]> = distances.iter().map(Vec::as_slice).collect();
    let compared = match args.permutations {
        0 => Vec::new(),
        permutations => compare(&answers, &all, permutations, global.seed)?,
    };
    let comparisons = compared.iter().map(|one| ComparisonRecord::new(one, &ids)).collect();
    let scores: Vec<f64> = metrics.iter().map(|metric| metric.estimate.score).collect();
    let report = Report {
        schema: record::SCHEMA,
        protocol: answers.protocol().as_str(),
        layout: set.layout.as_str(),
        n: answers.count(),
        resize: comparison.decode.shorter_side,
        human: answers.ceiling(RESAMPLES, global.seed).map(HumanRecord::from),
        metrics,
        comparisons,
        gates: rules.iter().map(|rule| rule.check(&scores)).collect(),
        errors,
    };
    let log = Log::new(0, global);
    for gate in report.gates.iter().filter(|gate| gate.failed > 0) {
        log.warn(&format!("gate {}: failed", gate.rule));
    }
    let upwards = |choice: &Choice| choice.metric().card().direction == Direction::HigherIsBetter;
    let mut negated: Vec<bool> = comparison.metrics.iter().map(upwards).collect();
    negated.resize(ids.len(), false);
    let evidence = Evidence {
        set: &set,
        data: &args.data,
        answers: &answers,
        positions: &positions,
        negated: &negated,
        distances: &distances,
        decode: &comparison.decode,
        worst: args.worst,
        seed: global.seed,
    };
    for (format, output) in outputs {
        print::write(&report, &evidence, format, output)?;
    }
    Ok(if !report.errors.is_empty() {
        Status::Incomplete
    } else if report.gates.iter().any(|gate| gate.failed > 0) {
        Status::GateFailed
    } else {
        Status::Passed
    })
}

fn choices(ids: &[String]) -> anyhow::Result<Vec<Choice>> {
    let mut choices: Vec<Choice> = Vec::new();
    for id in ids {
        let metric = lookalike::metric(id.trim())?;
        if !choices.iter().any(|known| known.metric().id() == metric.id()) {
            choices.push(Choice::fixed(metric));
        }
    }
    Ok(choices)
}
