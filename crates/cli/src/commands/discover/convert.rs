//! `lookalike discover convert`: files of pairs, pictures and scores from one format to another.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use lookalike_discover::tables;
use serde_json::json;

use super::printing::{self, Printed, Rows};
use crate::Status;
use crate::args::GlobalArgs;
use crate::output::Output;

#[derive(Debug, Args)]
#[command(
    after_help = "Formats are told by the ends of names: .csv, .json (metadata, manifest, seeds and labels of the \
                  VSD benchmark), .jsonl (candidates) and, in programs built with the feature 'parquet', .parquet. \
                  Commands that read such files read them as Parquet too."
)]
pub(super) struct ConvertArgs {
    /// The file that is there
    #[arg(value_name = "FROM")]
    from: PathBuf,

    /// The file to write
    #[arg(value_name = "TO")]
    to: PathBuf,
}

/// Runs the command.
pub(super) fn run(args: &ConvertArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "convert")?;
    if args.from == args.to {
        bail!("{}: expected another file to write", args.to.display());
    }
    let output = Output::open(global)?;
    let table = tables::read(&args.from)?;
    tables::write(&table, &args.to)?;
    let mut rows = Rows::new(&["rows", "columns"], &[0]);
    let (count, columns) = (table.rows.len(), table.columns.join(" "));
    rows.rows.push(vec![count.to_string(), columns.clone()]);
    let json = json!({
        "schema": "lookalike.convert/1", "to": args.to, "rows": count, "columns": table.columns,
    });
    let text = format!("{count} rows of {columns}");
    printing::write(&Printed { json, items: "columns", rows, text }, global, output)?;
    Ok(Status::Passed)
}
