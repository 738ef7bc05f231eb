//! `lookalike discover store copy|verify`: stores as a whole.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use lookalike_discover::head::{FILE as HEAD, Head};
use lookalike_discover::store::{Embedded, EmbeddedOptions, VectorStore};
use serde_json::json;

use super::printing::{self, Printed, Rows};
use super::{progress, stores};
use crate::Status;
use crate::args::GlobalArgs;
use crate::output::Output;

/// Rows that are read at a time.
const PAGE: usize = 1000;

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Copy all rows of a store into another, which is made where there is none
    Copy {
        /// The store to read
        #[arg(value_name = "A")]
        from: PathBuf,
        /// The store to write
        #[arg(value_name = "B")]
        to: PathBuf,
    },
    /// Compare all rows of two stores; exit 1 where they differ
    Verify {
        /// One store
        #[arg(value_name = "A")]
        first: PathBuf,
        /// The other
        #[arg(value_name = "B")]
        second: PathBuf,
    },
}

/// Runs the command.
pub(super) fn run(args: &StoreArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "store")?;
    match &args.command {
        StoreCommand::Copy { from, to } => {
            let source = stores::read(from)?;
            stores::refuse_address(to)?;
            let info = source.describe()?;
            let target = Embedded::create(to, &info.fingerprint, EmbeddedOptions::default())?;
            let output = Output::open(global)?;
            let bar = progress::bar(info.count as usize, "rows", global);
            let (mut after, mut copied) = (0, 0);
            loop {
                let rows = source.scan(after, PAGE)?;
                let Some(last) = rows.last() else { break };
                after = last.record.id;
                let outcome = target.upsert(&rows)?;
                if let Some((id, error)) = outcome.failed.first() {
                    bail!("row {id} cannot be copied: {error}");
                }
                copied += outcome.applied.len();
                bar.set_position(copied as u64);
            }
            if let Some(pictures) = source.pictures()? {
                target.set_pictures(&pictures)?;
            }
            // What follows the model belongs to the vectors.
            if from.join(HEAD).is_file() {
                Head::read(&from.join(HEAD))?.write(&to.join(HEAD))?;
            }
            target.flush()?;
            bar.finish_and_clear();
            let mut rows = Rows::new(&["copied"], &[0]);
            rows.rows.push(vec![copied.to_string()]);
            let json = json!({"schema": "lookalike.store-copy/1", "copied": copied});
            let text = format!("{copied} rows copied");
            printing::write(&Printed { json, items: "", rows, text }, global, output)?;
            Ok(Status::Passed)
        }
        StoreCommand::Verify { first, second } => {
            let (a, b) = (stores::read(first)?, stores::read(second)?);
            let output = Output::open(global)?;
            let [one, other] = [a.describe()?.fingerprint, b.describe()?.fingerprint];
            if one != other {
                bail!("one store holds vectors of {one}, the other of {other}");
            }
            let mut differences: Vec<(u64, &'static str)> = Vec::new();
            for (store, against, missing) in
                [(&a, &b, "missing in the second"), (&b, &a, "missing in the first")]
            {
                let mut after = 0;
                loop {
                    let rows = store.scan(after, PAGE)?;
                    let Some(last) = rows.last() else { break };
                    after = last.record.id;
                    let ids: Vec<u64> = rows.iter().map(|row| row.record.id).collect();
                    for (row, found) in rows.iter().zip(against.get(&ids)?) {
                        match found {
                            None => differences.push((row.record.id, missing)),
                            Some(found) if found.record != row.record => {
                                differences.push((row.record.id, "another record"));
                            }
                            Some(found) if found.vector != row.vector => {
                                differences.push((row.record.id, "another vector"));
                            }
                            Some(_) => (),
                        }
                    }
                }
            }
            differences.sort_unstable();
            differences.dedup();
            let mut rows = Rows::new(&["id", "difference"], &[0]);
            rows.rows.extend(
                differences.iter().map(|(id, how)| vec![id.to_string(), (*how).to_owned()]),
            );
            let listed: Vec<_> =
                differences.iter().map(|(id, how)| json!({"id": id, "difference": how})).collect();
            let json = json!({
                "schema": "lookalike.store-verify/1", "rows": a.describe()?.count,
                "differences": listed,
            });
            let text = match differences.len() {
                0 => format!("{} rows, all equal", a.describe()?.count),
                _ => rows.text(),
            };
            printing::write(&Printed { json, items: "differences", rows, text }, global, output)?;
            Ok(if differences.is_empty() { Status::Passed } else { Status::GateFailed })
        }
    }
}
