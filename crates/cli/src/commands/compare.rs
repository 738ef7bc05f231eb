//! `lookalike compare`: pairs in, scores, summary and gates out.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lookalike::pairing::WorkList;
use lookalike::{Choice, Comparison, Gate};

use super::explain;
use super::inputs;
use super::maps::MapFolder;
use super::selection;
use crate::Status;
use crate::args::{CompareArgs, Format, GlobalArgs};
use crate::log::{Log, on_interrupt};
use crate::output::{self, Output};
use crate::print::{Column, Gallery, Setting, printers};
use crate::report::{ErrorRecord, PairAccount, PairRecord, Tally};

/// Runs the command.
pub(crate) fn run(args: &CompareArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let work = inputs::work_list(args)?;
    if args.explain_diff {
        return explain::run(args, global, &work);
    }
    let gates = selection::gates(args)?;
    let comparison = selection::comparison(args, global, &gates)?;
    let maps = MapFolder::new(args.map.as_deref(), &comparison)?;
    execute(&work, &comparison, &maps, gates, args, global)
}

/// Runs a comparison that is set up, and writes what it gives.
fn execute(
    work: &WorkList,
    comparison: &Comparison,
    maps: &MapFolder,
    gates: Vec<Gate>,
    args: &CompareArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let gallery = Arc::new(Gallery::new(comparison, &gates));
    let setting = Setting {
        columns: columns(comparison),
        pairs: work.pairs(),
        gallery: Arc::clone(&gallery),
    };
    let html = args.writes(Format::Html, global);
    let main = (global.format, Output::open(global)?);
    let mut printer = printers(main, output::open_also(&args.also, global)?, &setting);
    let mut tally = Tally::new(gates);
    let pairs: Vec<_> = work.each_pair().collect();
    let log = Log::new(work.pairs(), global);
    for alone in &work.unpaired {
        let error = ErrorRecord::new(&alone.path, &alone.message);
        if args.allow_missing {
            log.warn(&error.to_string());
            tally.add_unpaired(error);
        } else {
            log.note(&mut tally, error);
        }
    }
    for entry in &work.unreachable {
        log.note(&mut tally, ErrorRecord::new(&entry.path, &entry.message));
    }
    if work.pairs() == 0 && args.allow_missing {
        // A gate that had nothing to check must not pass.
        let message = "no picture has a partner, so nothing was compared";
        log.note(&mut tally, ErrorRecord::of_the_run(message));
    }
    let cancelled = on_interrupt();
    let mut broken = None;
    let left_out = comparison.run(
        work,
        &cancelled,
        |pair| {
            if html {
                gallery.add(pair);
            }
            maps.write(pair, comparison)
        },
        |outcome| {
            log.bar.inc(1);
            let (reference, candidate) = pairs[outcome.index];
            let mut account = PairAccount::new(reference, candidate);
            account.elapsed = outcome.elapsed;
            for failure in outcome.failures {
                let error = ErrorRecord::new(&failure.path, &failure.message);
                account.errors.push(error.clone());
                log.note(&mut tally, error);
            }
            if broken.is_some() {
                return;
            }
            if let Some(pair) = outcome.pair {
                let failed_gates = tally.add(&pair);
                let files = maps.files(&pair, comparison);
                let record = PairRecord::new(pair, &files, failed_gates);
                if global.verbose {
                    let size = format!("{}x{}", record.width, record.height);
                    log.warn(&format!("{} against {}: {size}", record.candidate, record.reference));
                }
                if global.verbose || !printer.tells_everything() {
                    for step in record.preprocessing() {
                        log.warn(&format!("{}: {step}", record.candidate));
                    }
                }
                account.record = Some(record);
            }
            if let Err(error) = log.bar.suspend(|| printer.account(&account)) {
                // Nobody can read the rest, so the rest need not be computed.
                broken = Some(error);
                cancelled.store(true, Ordering::Relaxed);
            }
        },
    );
    log.bar.finish_and_clear();
    if let Some(error) = broken {
        return Err(error);
    }
    if left_out > 0 {
        let message = format!("cancelled: {left_out} of {} pairs were left out", work.pairs());
        log.note(&mut tally, ErrorRecord::of_the_run(&message));
    }
    let conclusion = tally.conclude(args.worst);
    for gate in conclusion.gates.iter().filter(|gate| gate.failed > 0) {
        if !printer.tells_everything() {
            log.warn(&format!("gate {}: failed by {} of {}", gate.gate, gate.failed, gate.checked));
        }
    }
    printer.finish(&conclusion)?;
    Ok(if !conclusion.errors.is_empty() {
        Status::Incomplete
    } else if conclusion.gates.iter().any(|gate| gate.failed > 0) {
        Status::GateFailed
    } else {
        Status::Passed
    })
}

fn columns(comparison: &Comparison) -> Vec<Column> {
    let column = |choice: &Choice| {
        let mut ids = vec![choice.metric().id().to_string()];
        ids.extend(choice.small().map(|(_, metric)| metric.id().to_string()));
        Column { ids, direction: choice.metric().direction().as_str() }
    };
    comparison.metrics.iter().map(column).collect()
}
