//! `lookalike judge bapps --check`: is a download of BAPPS whole?

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use lookalike::judge::dataset::{SetInspection, inspect_bapps};
use serde_json::json;

use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::output::Output;
use crate::print::{align_right, plain_table, tidy};

#[derive(Debug, Args)]
pub(crate) struct BappsArgs {
    /// The folder that has `2afc` and `jnd` in it; exit 2 where anything is missing
    #[arg(long, required = true, value_name = "DIR")]
    check: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &BappsArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike judge bapps is written as text or json; use one of them");
    }
    let sets = inspect_bapps(&args.check)?;
    let mut output = Output::open(global)?;
    match global.format {
        Format::Json => {
            let sets: Vec<_> = sets.iter().map(record).collect();
            let report = json!({ "schema": "lookalike.judge-bapps/1", "sets": sets });
            serde_json::to_writer_pretty(&mut output, &report)?;
            writeln!(output)?;
        }
        _ => writeln!(output, "{}", text(&sets))?,
    }
    output.finish()?;
    let whole = sets.iter().all(|set| set.problems.is_empty());
    Ok(if whole { Status::Passed } else { Status::Incomplete })
}

fn record(set: &SetInspection) -> serde_json::Value {
    let sizes = set.sizes.iter().map(
        |((width, height), count)| json!({ "width": width, "height": height, "pictures": count }),
    );
    json!({
        "name": set.name,
        "folder": set.folder.as_ref().map(|folder| folder.display().to_string()),
        "judgements": set.judgements,
        "expected": set.expected,
        "sizes": sizes.collect::<Vec<_>>(),
        "problems": set.problems,
    })
}

fn text(sets: &[SetInspection]) -> String {
    let mut table = plain_table();
    table.set_header(["set", "judgements", "expected", "pictures", "state"]);
    for set in sets {
        let sizes = set.sizes.iter().map(|((w, h), count)| format!("{count} of {w}x{h}"));
        let state =
            if set.problems.is_empty() { "whole".to_owned() } else { set.problems.join("; ") };
        table.add_row([
            set.name.clone(),
            set.judgements.to_string(),
            set.expected.map_or_else(|| "-".to_owned(), |count| count.to_string()),
            sizes.collect::<Vec<_>>().join(", "),
            state,
        ]);
    }
    align_right(&mut table, 1);
    align_right(&mut table, 2);
    tidy(&table)
}
