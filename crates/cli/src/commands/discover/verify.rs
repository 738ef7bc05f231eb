//! `lookalike discover store copy|verify`: stores as a whole.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::bail;
use clap::{Args, Subcommand};
use lookalike_discover::head::{FILE as HEAD, Head};
use lookalike_discover::store::{EmbeddedOptions, is_address};
use lookalike_discover::transfer::{Difference, copy, differences};
use serde_json::json;

use super::printing::{self, Printed, Rows};
use super::progress;
use super::stores::{self, ServerArgs};
use crate::Status;
use crate::args::GlobalArgs;
use crate::log::{Log, on_interrupt};
use crate::output::Output;

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Copy all rows of a store into another, which is made where there is none
    Copy {
        /// The store to read: a folder, or the address of a server
        #[arg(value_name = "A")]
        from: PathBuf,
        /// The store to write
        #[arg(value_name = "B")]
        to: PathBuf,
        /// Leave rows alone that are there with the same record: goes on with a copy that was stopped
        #[arg(long)]
        resume: bool,
        /// Keep an approximate index in B from this many rows on
        #[arg(long, value_name = "N", default_value_t = EmbeddedOptions::default().approximate_from)]
        approximate_from: usize,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Compare all rows of two stores; exit 1 where they differ
    Verify {
        /// One store: a folder, or the address of a server
        #[arg(value_name = "A")]
        first: PathBuf,
        /// The other
        #[arg(value_name = "B")]
        second: PathBuf,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Runs the command.
pub(super) fn run(args: &StoreArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "store")?;
    match &args.command {
        StoreCommand::Copy { from, to, resume, approximate_from, server } => {
            let options = EmbeddedOptions { approximate_from: *approximate_from };
            copied(from, to, *resume, options, server, global)
        }
        StoreCommand::Verify { first, second, server } => verified(first, second, server, global),
    }
}

fn copied(
    from: &Path,
    to: &Path,
    resume: bool,
    options: EmbeddedOptions,
    server: &ServerArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let head = from.join(HEAD);
    let has_head = !is_address(&from.to_string_lossy()) && head.is_file();
    if has_head && is_address(&to.to_string_lossy()) {
        bail!(
            "{}: the store has a learned head, {HEAD}, which a server cannot keep; copy it to a folder",
            from.display()
        );
    }
    let source = stores::read_strongly(from, server)?;
    let info = source.describe()?;
    let target = stores::write(to, &info.fingerprint, options, server)?;
    let output = Output::open(global)?;
    let bar = progress::bar(info.count as usize, "rows", global);
    let cancelled = on_interrupt();
    let started = Instant::now();
    let outcome = copy(source.as_ref(), target.as_ref(), resume, &cancelled, &|done| {
        bar.set_position(done);
    })?;
    // What follows the model belongs to the vectors.
    if has_head {
        Head::read(&head)?.write(&to.join(HEAD))?;
    }
    bar.finish_and_clear();
    if outcome.stopped {
        let message = "stopped: not all rows were copied; the same command with --resume goes on";
        Log::new(0, global).warn(message);
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut rows = Rows::new(&["copied", "kept"], &[0, 1]);
    rows.rows.push(vec![outcome.copied.to_string(), outcome.kept.to_string()]);
    let json = json!({
        "schema": "lookalike.store-copy/1", "copied": outcome.copied, "kept": outcome.kept,
        "seconds": seconds, "stopped": outcome.stopped,
    });
    let text = match outcome.kept {
        0 => format!("{} rows copied", outcome.copied),
        kept => format!("{} rows copied, {kept} kept", outcome.copied),
    };
    printing::write(&Printed { json, items: "", rows, text }, global, output)?;
    Ok(if outcome.stopped { Status::Incomplete } else { Status::Passed })
}

fn verified(
    first: &Path,
    second: &Path,
    server: &ServerArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let a = stores::read_strongly(first, server)?;
    let b = stores::read_strongly(second, server)?;
    let output = Output::open(global)?;
    let [one, other] = [a.describe()?, b.describe()?];
    if one.fingerprint != other.fingerprint {
        let (one, other) = (one.fingerprint, other.fingerprint);
        bail!("one store holds vectors of {one}, the other of {other}");
    }
    let bar = progress::bar(one.count as usize, "rows", global);
    let differences = differences(a.as_ref(), b.as_ref(), &|done| bar.set_position(done))?;
    bar.finish_and_clear();
    let kind = |how: &Difference| match how {
        Difference::Record(_) => "another record".to_owned(),
        other => other.to_string(),
    };
    let fields = |how: &Difference| match how {
        Difference::Record(fields) => fields.clone(),
        _ => Vec::new(),
    };
    let mut rows = Rows::new(&["id", "difference", "fields"], &[0]);
    rows.rows.extend(
        differences.iter().map(|(id, how)| vec![id.to_string(), kind(how), fields(how).join(" ")]),
    );
    let listed: Vec<_> = differences
        .iter()
        .map(|(id, how)| json!({"id": id, "difference": kind(how), "fields": fields(how)}))
        .collect();
    let json = json!({
        "schema": "lookalike.store-verify/1", "rows": one.count, "differences": listed,
    });
    let text = match differences.len() {
        0 => format!("{} rows, all equal", one.count),
        _ => rows.text(),
    };
    printing::write(&Printed { json, items: "differences", rows, text }, global, output)?;
    Ok(if differences.is_empty() { Status::Passed } else { Status::GateFailed })
}
