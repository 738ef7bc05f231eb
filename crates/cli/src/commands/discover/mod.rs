//! `lookalike discover`: pictures of other things that look alike, and how well models find them.

mod agree;
mod candidates;
mod convert;
mod duplicates;
mod evaluate;
mod export;
mod import;
mod index;
mod label;
mod page;
mod pairs;
mod pictures;
mod printing;
mod progress;
mod recall;
mod report;
mod search;
pub(super) mod stores;
mod train_head;
mod verify;

use clap::{Args, Subcommand};

use crate::Status;
use crate::args::GlobalArgs;

#[derive(Debug, Args)]
pub(crate) struct DiscoverArgs {
    #[command(subcommand)]
    command: DiscoverCommand,
}

#[derive(Debug, Subcommand)]
enum DiscoverCommand {
    /// Put the pictures of a folder into a store, or bring a store up to date with it
    Index(index::IndexArgs),
    /// Find pictures in a store that look like others
    Search(search::SearchArgs),
    /// List groups of nearly equal pictures, and which of each to keep; nothing is deleted
    Duplicates(duplicates::DuplicatesArgs),
    /// Compare approximate searches of a store with exact ones
    Recall(recall::RecallArgs),
    /// Choose pairs that people should be asked about
    Candidates(candidates::CandidatesArgs),
    /// Make a project of candidates, which `judge collect` asks people about
    Label(label::LabelArgs),
    /// Say how far people agree with each other
    Agree(agree::AgreeArgs),
    /// Write what people said, or labels of the VSD benchmark, as votes
    Import(import::ImportArgs),
    /// Write votes as the files of the VSD benchmark
    Export(export::ExportArgs),
    /// Bring a file of pictures, pairs, votes or scores into another format: CSV, JSON, Parquet
    Convert(convert::ConvertArgs),
    /// Score models by labels, with intervals, bounds and comparisons
    Evaluate(Box<evaluate::EvaluateArgs>),
    /// Write an evaluation as one page with tables and pictures
    Report(Box<report::ReportArgs>),
    /// Score labelled pairs of pictures by models, without a catalogue
    Pairs(pairs::PairsArgs),
    /// Learn a linear map on the vectors of a store from labels
    TrainHead(train_head::TrainHeadArgs),
    /// Copy a store, or compare two
    Store(verify::StoreArgs),
}

/// Runs the command.
pub(crate) fn run(args: &DiscoverArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    // Errors name what follows, so no prefix is needed here.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build()?;
    pool.install(|| match &args.command {
        DiscoverCommand::Index(args) => index::run(args, global),
        DiscoverCommand::Search(args) => search::run(args, global),
        DiscoverCommand::Duplicates(args) => duplicates::run(args, global),
        DiscoverCommand::Recall(args) => recall::run(args, global),
        DiscoverCommand::Candidates(args) => candidates::run(args, global),
        DiscoverCommand::Label(args) => label::run(args, global),
        DiscoverCommand::Agree(args) => agree::run(args, global),
        DiscoverCommand::Import(args) => import::run(args, global),
        DiscoverCommand::Export(args) => export::run(args, global),
        DiscoverCommand::Convert(args) => convert::run(args, global),
        DiscoverCommand::Evaluate(args) => evaluate::run(args, global),
        DiscoverCommand::Report(args) => report::run(args, global),
        DiscoverCommand::Pairs(args) => pairs::run(args, global),
        DiscoverCommand::TrainHead(args) => train_head::run(args, global),
        DiscoverCommand::Store(args) => verify::run(args, global),
    })
}
