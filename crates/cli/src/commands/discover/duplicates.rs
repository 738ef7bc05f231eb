//! `lookalike discover duplicates`: groups of nearly equal pictures.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use lookalike_discover::duplicates::duplicates;
use lookalike_discover::store::Effort;
use serde_json::json;

use super::printing::{self, Printed, Rows};
use super::progress;
use super::stores::{self, ServerArgs};
use crate::Status;
use crate::args::GlobalArgs;
use crate::output::Output;

#[derive(Debug, Args)]
pub(super) struct DuplicatesArgs {
    /// The store: a folder, or the address of a server
    #[arg(long, value_name = "DIR|ADDRESS")]
    store: PathBuf,

    /// Pictures belong together from this cosine on
    #[arg(long, value_name = "COSINE", default_value_t = 0.995)]
    threshold: f32,

    /// Compare with every row, though there is an approximate index
    #[arg(long)]
    exact: bool,

    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
pub(super) fn run(args: &DuplicatesArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "duplicates")?;
    if !(0.0..=1.0).contains(&args.threshold) {
        bail!("--threshold takes a cosine from 0 to 1, found {}", args.threshold);
    }
    let store = stores::read(&args.store, &args.server)?;
    let output = Output::open(global)?;
    let bar = progress::bar(store.describe()?.count as usize, "pictures", global);
    let effort = if args.exact { Effort::Exact } else { Effort::Recall98 };
    let groups = duplicates(store.as_ref(), args.threshold, effort, &|done, _| {
        bar.set_position(done as u64)
    })?;
    bar.finish_and_clear();
    let mut rows = Rows::new(&["group", "action", "path", "score", "identical"], &[0, 3]);
    let mut texts = Vec::new();
    let mut json_groups = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let how = if group.identical { "the same bytes" } else { "nearly the same" };
        texts.push(format!("{how}\n  keep {}", group.keep.path));
        let mut row = |action: &str, path: &str, score: String| {
            let (number, identical) = ((number + 1).to_string(), group.identical.to_string());
            rows.rows.push(vec![number, action.to_owned(), path.to_owned(), score, identical]);
        };
        row("keep", &group.keep.path, String::new());
        for (other, score) in &group.others {
            texts.push(format!("       {} ({score:.4})", other.path));
            row("other", &other.path, score.to_string());
        }
        let others: Vec<_> = group
            .others
            .iter()
            .map(|(other, score)| json!({"id": other.id, "path": other.path, "score": score}))
            .collect();
        json_groups.push(json!({
            "keep": {"id": group.keep.id, "path": group.keep.path},
            "others": others, "identical": group.identical,
        }));
    }
    let extra: usize = groups.iter().map(|group| group.others.len()).sum();
    texts.push(match groups.len() {
        0 => "no duplicates".to_owned(),
        count => format!("{count} groups, {extra} pictures besides those to keep"),
    });
    let json = json!({
        "schema": "lookalike.duplicates/1", "threshold": args.threshold, "groups": json_groups,
    });
    printing::write(
        &Printed { json, items: "groups", rows, text: texts.join("\n") },
        global,
        output,
    )?;
    Ok(Status::Passed)
}
