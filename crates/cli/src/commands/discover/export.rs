//! `lookalike discover export`: votes as the files of the VSD benchmark.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use lookalike_discover::catalogue::records;
use lookalike_discover::evaluation::files::{Manifest, Metadata, MetadataImage, Seeds};
use lookalike_discover::votes::{Settlement, Votes};
use serde_json::json;

use super::printing::{self, Printed, Rows};
use super::stores::{self, ServerArgs};
use crate::Status;
use crate::args::GlobalArgs;
use crate::log::Log;
use crate::output::Output;

#[derive(Debug, Args)]
#[command(after_help = "Writes metadata.json, manifest.json, seeds.json and labels.json, which \
                        `evaluate DIR` reads.")]
pub(super) struct ExportArgs {
    /// Votes: a CSV with the columns seed,candidate,rater,value
    #[arg(value_name = "VOTES")]
    votes: PathBuf,

    /// A store of the catalogue, for what is known of its pictures: a folder, or the address of a server
    #[arg(long, value_name = "DIR|ADDRESS")]
    store: PathBuf,

    /// The folder for the files
    #[arg(long, value_name = "DIR")]
    to: PathBuf,

    /// How votes become a label
    #[arg(long, value_enum, default_value = "majority")]
    settle: SettlementName,

    /// Leave out pairs with fewer votes
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_votes: usize,

    #[command(flatten)]
    server: ServerArgs,
}

/// How votes become a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SettlementName {
    /// What most say; pairs on which as many say something else have no label
    Majority,
    /// The likeliest by Dawid and Skene, who weigh raters by their reliability
    DawidSkene,
}

impl From<SettlementName> for Settlement {
    fn from(name: SettlementName) -> Self {
        match name {
            SettlementName::Majority => Self::Majority,
            SettlementName::DawidSkene => Self::DawidSkene,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &ExportArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "export")?;
    let votes = Votes::read(&args.votes)?;
    let settled = votes.settle(args.settle.into(), args.min_votes);
    if settled.tags.is_empty() {
        bail!("{}: no pair has a label after all", args.votes.display());
    }
    let store = stores::read(&args.store, &args.server)?;
    let output = Output::open(global)?;
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let images: Vec<MetadataImage> = records(store.as_ref())?
        .into_iter()
        .map(|record| MetadataImage {
            id: record.id.to_string(),
            product: filled(&record.product),
            category: filled(&record.category),
            color: filled(&record.colour),
            phase: if record.phase.is_empty() { "gallery".to_owned() } else { record.phase },
            path: record.path,
            ..MetadataImage::default()
        })
        .collect();
    let known: BTreeSet<&str> = images.iter().map(|image| image.path.as_str()).collect();
    let unknown: Vec<&str> = settled
        .tags
        .iter()
        .flat_map(|tag| &tag.key)
        .map(String::as_str)
        .filter(|path| !known.contains(path))
        .collect();
    if let Some(first) = unknown.first() {
        Log::new(0, global).warn(&format!(
            "{} pictures of the votes are not in the store, such as {first}",
            unknown.iter().collect::<BTreeSet<_>>().len()
        ));
    }
    let mut seeds: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for tag in &settled.tags {
        if seen.insert(&tag.key[0]) {
            seeds.push(tag.key[0].clone());
        }
    }
    let counts = [seeds.len(), settled.tags.len(), settled.divided.len(), settled.too_few];
    std::fs::create_dir_all(&args.to)
        .with_context(|| format!("{}: cannot make the folder", args.to.display()))?;
    save(&args.to.join("metadata.json"), &Metadata { images })?;
    save(&args.to.join("manifest.json"), &Manifest::default())?;
    save(&args.to.join("seeds.json"), &Seeds { seeds })?;
    save(&args.to.join("labels.json"), &settled.tags)?;
    let names = ["seeds", "labels", "divided", "too_few"];
    let mut rows = Rows::new(&["what", "count"], &[1]);
    let mut json = json!({"schema": "lookalike.export/1", "divided_pairs": settled.divided});
    for (name, count) in names.into_iter().zip(counts) {
        rows.rows.push(vec![name.to_owned(), count.to_string()]);
        json[name] = count.into();
    }
    let text = format!(
        "{} labels of {} seeds; {} pairs are divided, {} have too few votes",
        counts[1], counts[0], counts[2], counts[3]
    );
    printing::write(&Printed { json, items: "divided_pairs", rows, text }, global, output)?;
    Ok(Status::Passed)
}

fn save(path: &Path, content: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut file = Output::create(path)?;
    serde_json::to_writer(&mut file, content)?;
    writeln!(file)?;
    file.finish()
}
