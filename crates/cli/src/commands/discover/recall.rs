//! `lookalike discover recall`: what an approximate search finds of what an exact one does.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lookalike_discover::recall::recall;
use lookalike_discover::store::Effort;
use serde_json::json;

use super::printing::{self, Printed, Rows};
use super::stores::{self, ServerArgs};
use crate::Status;
use crate::args::GlobalArgs;
use crate::output::Output;

#[derive(Debug, Args)]
pub(super) struct RecallArgs {
    /// The store: a folder, or the address of a server
    #[arg(long, value_name = "DIR|ADDRESS")]
    store: PathBuf,

    /// How many results
    #[arg(short, long = "results", value_name = "K", default_value_t = 10)]
    k: usize,

    /// Pictures of the store that serve as queries
    #[arg(long, value_name = "N", default_value_t = 200)]
    queries: usize,

    /// How hard the approximate search looks
    #[arg(long, value_enum, default_value = "recall95")]
    effort: EffortName,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EffortName {
    /// For 95 of 100 results
    Recall95,
    /// For 98 of 100
    Recall98,
}

/// Runs the command.
pub(super) fn run(args: &RecallArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "recall")?;
    let store = stores::read(&args.store, &args.server)?;
    let output = Output::open(global)?;
    let effort = match args.effort {
        EffortName::Recall95 => Effort::Recall95,
        EffortName::Recall98 => Effort::Recall98,
    };
    let found = recall(store.as_ref(), args.k, effort, args.queries, global.seed)?;
    let [fast, slow] = [found.approximate, found.exact].map(|time| time.as_secs_f64() * 1e3);
    let mut rows = Rows::new(
        &["k", "queries", "recall", "worst", "ms", "exact_ms", "indexed"],
        &[0, 1, 2, 3, 4, 5],
    );
    let indexed = found.indexed;
    rows.rows.push(vec![
        args.k.to_string(),
        found.queries.to_string(),
        found.recall.to_string(),
        found.worst.to_string(),
        fast.to_string(),
        slow.to_string(),
        indexed.to_string(),
    ]);
    let note = match indexed {
        true => String::new(),
        false => "\nthe store has no approximate index, so both searches were exact".to_owned(),
    };
    let text = format!(
        "recall@{} {:.4}, worst query {:.2}; {fast:.3} ms, exact {slow:.3} ms (medians of {}){note}",
        args.k, found.recall, found.worst, found.queries
    );
    let json = json!({
        "schema": "lookalike.recall/1", "k": args.k, "queries": found.queries,
        "recall": found.recall, "worst": found.worst, "ms": fast, "exact_ms": slow,
        "indexed": indexed,
    });
    printing::write(&Printed { json, items: "", rows, text }, global, output)?;
    Ok(Status::Passed)
}
