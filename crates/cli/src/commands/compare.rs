//! `lookalike compare`: pairs in, scores, summary and gates out.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lookalike::pairing::WorkList;
use lookalike::{Choice, Comparison, GatesFile};

use super::explain;
use super::inputs;
use super::maps::MapFolder;
use super::selection;
use super::update::{UpdateRecord, Updates};
use crate::Status;
use crate::args::{CompareArgs, Format, GlobalArgs};
use crate::log::{Log, on_interrupt};
use crate::output::{self, Output};
use crate::print::{Column, Gallery, Setting, printers};
use crate::report::{Conclusion, ErrorRecord, PairAccount, PairRecord, Tally};

/// Runs the command.
pub(crate) fn run(args: &CompareArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let work = inputs::work_list(args)?;
    if args.explain_diff {
        return explain::run(args, global, &work);
    }
    let file = args.config.as_deref().map(GatesFile::read).transpose()?;
    let limits = selection::limits(args, file.as_ref())?;
    let comparison = selection::comparison(args, global, file.as_ref(), limits)?;
    let maps = MapFolder::new(args.map.as_deref(), &comparison)?;
    let allow_missing = args.allow_missing || file.is_some_and(|file| file.allow_missing);
    execute(&work, &comparison, &maps, allow_missing, args, global)
}

/// Runs a comparison that is set up, and writes what it gives.
fn execute(
    work: &WorkList,
    comparison: &Comparison,
    maps: &MapFolder,
    allow_missing: bool,
    args: &CompareArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let limits = &comparison.limits;
    let gallery = Arc::new(Gallery::new(comparison));
    let setting = Setting {
        columns: columns(comparison),
        pairs: work.pairs(),
        gallery: Arc::clone(&gallery),
    };
    let html = args.writes(Format::Html, global);
    let main = (global.format, Output::open(global)?);
    let mut printer = printers(main, output::open_also(&args.also, global)?, &setting);
    let mut tally = Tally::new(limits);
    let pairs: Vec<_> = work.each_pair().collect();
    let log = Log::new(work.pairs(), global);
    let mut updates = args.update.then(|| Updates::new(work, args.dry_run)).transpose()?;
    let candidates = work.groups.iter().flat_map(|group| &group.candidates);
    for pattern in limits.unmatched(candidates.map(|candidate| candidate.name.as_path())) {
        log.warn(&format!("the pattern '{pattern}' matches none of the candidates"));
    }
    for alone in &work.unpaired {
        let error = ErrorRecord::new(&alone.path, &alone.message);
        if updates.as_ref().is_some_and(|updates| updates.takes(&alone.kind)) {
            continue;
        }
        if allow_missing {
            log.warn(&error.to_string());
            tally.add_unpaired(error);
        } else {
            log.note(&mut tally, error);
        }
    }
    for entry in &work.unreachable {
        log.note(&mut tally, ErrorRecord::new(&entry.path, &entry.message));
    }
    if work.pairs() == 0 && allow_missing && updates.is_none() {
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
            let sizes = outcome.not_fitted.as_ref().map(|pair| pair.sizes);
            let planned = match (&mut updates, &outcome.not_fitted, &outcome.pair) {
                (Some(updates), Some(pair), _) => updates.not_fitted(pair),
                (Some(updates), None, Some(pair)) => updates.pair(pair, limits),
                _ => None,
            };
            let (reference, candidate) = pairs[outcome.index];
            let mut account = PairAccount::new(reference, candidate);
            account.elapsed = outcome.elapsed;
            let mut errors: Vec<ErrorRecord> = Vec::new();
            if updates.is_none() || outcome.not_fitted.is_none() {
                let failures = outcome.failures.iter();
                errors.extend(failures.map(|failure| {
                    ErrorRecord::new(&failure.path, &failure.message).with_sizes(sizes)
                }));
            }
            errors.extend(planned);
            for error in errors {
                account.errors.push(error.clone());
                log.note(&mut tally, error);
            }
            if broken.is_some() {
                return;
            }
            if let Some(pair) = outcome.pair {
                tally.add(&pair, limits);
                let files = maps.files(&pair, comparison);
                let record = PairRecord::new(pair, &files, limits);
                if global.verbose {
                    let size = format!("{}x{}", record.width, record.height);
                    log.warn(&format!("{} against {}: {size}", record.candidate, record.reference));
                }
                if global.verbose || !printer.tells_everything() {
                    for note in record.notes() {
                        log.warn(&format!("{}: {note}", record.candidate));
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
    // A run that was cut short has not seen everything, so it changes nothing.
    let updates = updates.filter(|_| left_out == 0);
    let update = updates.map(|updates| updates.carry_out(&comparison.decode, &log, &mut tally));
    let conclusion = Conclusion { update, ..tally.conclude(args.worst) };
    if !printer.tells_everything() {
        for gate in conclusion.gates.iter().filter(|gate| gate.failed > 0) {
            log.warn(&format!("gate {}: failed by {} of {}", gate.gate, gate.failed, gate.checked));
            for failure in &gate.failures {
                log.warn(&format!("gate {}: {failure}", gate.gate));
            }
        }
        for line in conclusion.update.iter().flat_map(UpdateRecord::lines) {
            log.warn(&line);
        }
    }
    printer.finish(&conclusion)?;
    Ok(if !conclusion.errors.is_empty() {
        Status::Incomplete
    } else if conclusion.update.is_some() {
        // What failed has become the reference.
        Status::Passed
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
    let mut columns: Vec<Column> = Vec::new();
    for column in comparison.metrics.iter().map(column) {
        // A gate's metric may already have a place among those that depend on the size.
        if !columns.iter().any(|known| known.ids.iter().any(|id| column.ids.first() == Some(id))) {
            columns.push(column);
        }
    }
    columns
}
