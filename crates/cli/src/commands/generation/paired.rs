//! Metrics of every generated picture against its target.

use std::sync::atomic::Ordering;

use anyhow::bail;
use lookalike::decode::DecodeOptions;
use lookalike::pairing::{self, NameFilter};
use lookalike::{Choice, Comparison, Limits, PairScores};

use super::GenerationArgs;
use crate::args::GlobalArgs;
use crate::log::{Log, on_interrupt};
use crate::report::{Conclusion, ErrorRecord, Tally};

/// What is computed when nothing is asked for; without weights the first is missing.
const DEFAULTS: [&str; 3] = ["lpips", "psnr", "ssim"];

/// How many of the worst pairs are named.
const WORST: usize = 5;

/// What became of the pairs.
pub(crate) struct Paired {
    pub(crate) pairs: usize,
    pub(crate) conclusion: Conclusion,
    /// Metrics by id that could not be made, with the reason.
    pub(crate) missing: Vec<(String, String)>,
}

impl Paired {
    /// Adds what failed elsewhere; what is known is not said twice.
    pub(crate) fn add_errors(&mut self, errors: Vec<ErrorRecord>) {
        for error in errors {
            if !self.conclusion.errors.iter().any(|known| known.to_string() == error.to_string()) {
                self.conclusion.errors.push(error);
            }
        }
    }
}

/// Scores all pairs.
pub(crate) fn run(args: &GenerationArgs, global: &GlobalArgs) -> anyhow::Result<Paired> {
    for folder in [&args.out_dir, &args.target_dir] {
        if !folder.is_dir() {
            bail!("{}: expected a folder of pictures", folder.display());
        }
    }
    let (metrics, missing) = metrics(args)?;
    let comparison = Comparison {
        metrics,
        decode: DecodeOptions { alpha: args.alpha.into(), ..DecodeOptions::default() },
        fit: args.fit.into(),
        maps: false,
        limits: Limits::default(),
        jobs: global.jobs,
    };
    let filter = NameFilter::new(&[], &[])?;
    let work = pairing::pair(&args.target_dir, std::slice::from_ref(&args.out_dir), &filter)?;
    let mut tally = Tally::new(&comparison.limits);
    let log = Log::new(work.pairs(), global);
    for entry in work.unpaired.iter().chain(&work.unreachable) {
        log.note(&mut tally, ErrorRecord::new(&entry.path, &entry.message));
    }
    let cancelled = on_interrupt();
    let store = |_: &mut PairScores| Vec::new();
    let left_out = comparison.run(&work, &cancelled, store, |outcome| {
        log.bar.inc(1);
        for failure in &outcome.failures {
            log.note(&mut tally, ErrorRecord::new(&failure.path, &failure.message));
        }
        if let Some(pair) = &outcome.pair {
            tally.add(pair, &comparison.limits);
        }
    });
    log.bar.finish_and_clear();
    if left_out > 0 || cancelled.load(Ordering::Relaxed) {
        let message = format!("cancelled: {left_out} of {} pairs were left out", work.pairs());
        log.note(&mut tally, ErrorRecord::of_the_run(&message));
    }
    Ok(Paired { pairs: work.pairs(), conclusion: tally.conclude(WORST), missing })
}

type Missing = Vec<(String, String)>;

fn metrics(args: &GenerationArgs) -> anyhow::Result<(Vec<Choice>, Missing)> {
    let mut metrics: Vec<Choice> = Vec::new();
    let mut missing = Vec::new();
    let asked: Vec<&str> = args.metrics.iter().map(|id| id.trim()).collect();
    for id in if asked.is_empty() { &DEFAULTS[..] } else { &asked } {
        match lookalike::metric(id) {
            Ok(metric) if metrics.iter().any(|known| known.metric().id() == metric.id()) => {}
            Ok(metric) => metrics.push(Choice::fixed(metric)),
            // Nobody asked for it by name, so it may be missing, but not in silence.
            Err(error) if asked.is_empty() => {
                let full = lookalike::look_up(id).map(|(id, _)| id.to_string());
                missing.push((full.unwrap_or_else(|_| (*id).to_owned()), error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((metrics, missing))
}
