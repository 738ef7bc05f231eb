//! `lookalike judge eval`: human judgements in, how well metrics agree with them out.

mod gate;
mod print;
mod record;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use lookalike::decode::DecodeOptions;
use lookalike::judge::dataset::{Item, Layout};
use lookalike::judge::evaluation::{Answers, compare};
use lookalike::judge::statistics::{bootstrap::RESAMPLES, permutation::PERMUTATIONS};
use lookalike::pairing::{Candidate, Group, WorkList};
use lookalike::{Choice, Comparison, Direction, Limits};

use self::gate::ScoreGate;
use self::record::{ComparisonRecord, HumanRecord, MetricRecord, Report};
use crate::Status;
use crate::args::{Alpha, Fit, GlobalArgs, pixels};
use crate::log::{Log, on_interrupt};
use crate::output::Output;
use crate::report::{ErrorRecord, Tally};

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// Judgements: a CSV or JSONL file, or the folder of a published set
    #[arg(value_name = "DATA")]
    data: PathBuf,

    /// Metrics by id, such as ssim,lpips:alex
    #[arg(short, long = "metric", value_name = "ID,…", value_delimiter = ',', required = true)]
    metrics: Vec<String>,

    /// The layout of the judgements [default: found from the header or the folder]
    #[arg(long, value_name = "NAME", value_parser = layout)]
    layout: Option<Layout>,

    /// Fail (exit 1) unless a metric's score meets the rule, such as 'lpips>=0.69'
    #[arg(long = "gate", value_name = "RULE")]
    gates: Vec<String>,

    /// Bring the shorter side of every picture to N pixels before anything else, bilinearly as Pillow
    /// does; `none` keeps them [default: 64 for BAPPS, as its authors do, else none]
    #[arg(long, value_name = "N", value_parser = resize)]
    resize: Option<Resize>,

    /// What to do when sizes differ
    #[arg(long, value_enum, default_value = "error")]
    fit: Fit,

    /// What lies behind transparent pixels
    #[arg(long, value_enum, default_value = "error")]
    alpha: Alpha,

    /// Largest picture that is decoded, in pixels; K, M and G are understood
    #[arg(long, value_name = "N", default_value = "512M", value_parser = pixels)]
    max_pixels: u64,
}

/// What `--resize` asks for.
#[derive(Clone, Copy, Debug)]
enum Resize {
    None,
    ShorterSide(usize),
}

fn resize(text: &str) -> Result<Resize, String> {
    if text == "none" {
        return Ok(Resize::None);
    }
    let side = text.parse::<usize>().ok().filter(|&side| side > 0).map(Resize::ShorterSide);
    side.ok_or_else(|| format!("expected a number of pixels from 1 or none, found '{text}'"))
}

impl EvalArgs {
    /// The shorter side of every picture, unless it is kept.
    fn shorter_side(&self, layout: Layout) -> Option<usize> {
        match (self.resize, layout) {
            (Some(Resize::ShorterSide(side)), _) => Some(side),
            (Some(Resize::None), _) => None,
            (None, layout) => layout.protocol_side(),
        }
    }
}

fn layout(name: &str) -> Result<Layout, String> {
    let names = || Layout::ALL.map(Layout::as_str).join(", ");
    Layout::named(name).ok_or_else(|| format!("expected one of {}", names()))
}

/// Runs the command.
pub(crate) fn run(args: &EvalArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    print::check(global.format)?;
    let mut comparison = comparison(args, global)?;
    let ids: Vec<String> =
        comparison.metrics.iter().map(|choice| choice.metric().id().to_string()).collect();
    let rules = args.gates.iter().map(|rule| ScoreGate::parse(rule, &ids));
    let rules = rules.collect::<anyhow::Result<Vec<_>>>()?;
    let layout = match args.layout {
        Some(layout) => layout,
        None => Layout::detect(&args.data)?,
    };
    comparison.decode.shorter_side = args.shorter_side(layout);
    let items: Vec<Item> = layout.items(&args.data)?.collect::<Result<_, _>>()?;
    if items.is_empty() {
        bail!("{}: expected at least one judgement, found none", args.data.display());
    }
    let output = Output::open(global)?;
    let work = work_list(&items);
    let log = Log::new(work.pairs(), global);
    let mut tally = Tally::new(&comparison.limits);
    let measured = measure(&comparison, &work, &log, &mut tally);
    // Metrics are scored on the same items: those that every one of them could compare.
    let mut distances = vec![Vec::new(); ids.len()];
    let mut kept = Vec::with_capacity(items.len());
    let mut from = 0;
    for item in &items {
        let pairs = from..from + item.judgement.candidates().len();
        from = pairs.end;
        let known: Option<Vec<&Vec<f64>>> =
            measured[pairs].iter().map(|values| values.as_ref()).collect();
        if let Some(known) = known {
            kept.push(item);
            for (metric, distances) in distances.iter_mut().enumerate() {
                distances.extend(known.iter().map(|values| values[metric]));
            }
        }
    }
    let errors = tally.conclude(0).errors;
    if kept.is_empty() {
        let first = errors.first().map(|error| format!("; the first: {error}"));
        bail!("no judgement could be scored: {} errors{}", errors.len(), first.unwrap_or_default());
    }
    let answers = Answers::new(kept, layout.is_mean_of_subsets())?;
    let evaluated = ids.iter().zip(&distances).map(|(id, distances)| {
        let found = answers.evaluate(distances, RESAMPLES, global.seed);
        Ok(MetricRecord::new(id, found.with_context(|| id.clone())?))
    });
    let metrics = evaluated.collect::<anyhow::Result<Vec<_>>>()?;
    let all: Vec<&[f64]> = distances.iter().map(Vec::as_slice).collect();
    let comparisons = compare(&answers, &all, PERMUTATIONS, global.seed)?;
    let comparisons = comparisons.iter().map(|one| ComparisonRecord::new(one, &ids)).collect();
    let scores: Vec<f64> = metrics.iter().map(|metric| metric.estimate.score).collect();
    let report = Report {
        schema: record::SCHEMA,
        protocol: answers.protocol().as_str(),
        layout: layout.as_str(),
        n: answers.count(),
        resize: comparison.decode.shorter_side,
        human: answers.ceiling(RESAMPLES, global.seed).map(HumanRecord::from),
        metrics,
        comparisons,
        gates: rules.iter().map(|rule| rule.check(&scores)).collect(),
        errors,
    };
    for gate in report.gates.iter().filter(|gate| gate.failed > 0) {
        log.warn(&format!("gate {}: failed", gate.rule));
    }
    print::write(&report, global.format, output)?;
    Ok(if !report.errors.is_empty() {
        Status::Incomplete
    } else if report.gates.iter().any(|gate| gate.failed > 0) {
        Status::GateFailed
    } else {
        Status::Passed
    })
}

fn comparison(args: &EvalArgs, global: &GlobalArgs) -> anyhow::Result<Comparison> {
    let mut metrics: Vec<Choice> = Vec::new();
    for id in &args.metrics {
        let metric = lookalike::metric(id.trim())?;
        if !metrics.iter().any(|known| known.metric().id() == metric.id()) {
            metrics.push(Choice::fixed(metric));
        }
    }
    Ok(Comparison {
        metrics,
        decode: DecodeOptions {
            alpha: args.alpha.into(),
            max_pixels: args.max_pixels,
            shorter_side: None,
        },
        fit: args.fit.into(),
        maps: false,
        limits: Limits::default(),
        jobs: global.jobs,
    })
}

/// Pairs in the order of the items. Neighbours with one reference read it once.
fn work_list(items: &[Item]) -> WorkList {
    let mut groups: Vec<Group> = Vec::new();
    for item in items {
        let reference = item.judgement.reference();
        let candidates = item.judgement.candidates().into_iter().map(|path| Candidate {
            path: path.to_owned(),
            name: path.to_owned(),
            label: path.to_owned(),
        });
        match groups.last_mut() {
            Some(group) if group.reference == reference => group.candidates.extend(candidates),
            _ => groups
                .push(Group { reference: reference.to_owned(), candidates: candidates.collect() }),
        }
    }
    WorkList { groups, ..WorkList::default() }
}

/// The distances of every pair by all metrics, where all could compare it.
fn measure(
    comparison: &Comparison,
    work: &WorkList,
    log: &Log,
    tally: &mut Tally,
) -> Vec<Option<Vec<f64>>> {
    let mut measured = vec![None; work.pairs()];
    let count = comparison.metrics.len();
    let left_out = comparison.run(
        work,
        &on_interrupt(),
        |_| Vec::new(),
        |outcome| {
            log.bar.inc(1);
            for failure in &outcome.failures {
                log.note(tally, ErrorRecord::new(&failure.path, &failure.message));
            }
            // Failed metrics are missing among the scores; only with all of them do they match.
            if let Some(pair) = outcome.pair.filter(|pair| pair.scores.len() == count) {
                let distance = |score: &lookalike::Score| match score.direction {
                    Direction::HigherIsBetter => -score.value,
                    Direction::LowerIsBetter => score.value,
                };
                measured[outcome.index] = Some(pair.scores.iter().map(distance).collect());
            }
        },
    );
    log.bar.finish_and_clear();
    if left_out > 0 {
        let message = format!("cancelled: {left_out} of {} pairs were left out", work.pairs());
        log.note(tally, ErrorRecord::of_the_run(&message));
    }
    measured
}
