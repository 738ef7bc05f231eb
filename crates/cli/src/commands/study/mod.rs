//! `lookalike study`: an experiment of a paper as one command.

mod features;
mod features_record;
mod losses;
mod preference;
mod translation;

use clap::{Args, Subcommand};

use self::features::FeaturesArgs;
use self::losses::LossesArgs;
use self::preference::PreferenceArgs;
use self::translation::TranslationArgs;
use crate::Status;
use crate::args::GlobalArgs;

#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    command: StudyCommand,
}

#[derive(Debug, Subcommand)]
enum StudyCommand {
    /// Hold what networks see against people: trained ones, and as they are before training
    Features(Box<FeaturesArgs>),
    /// One network under several losses: what metrics say of it, and a study of preference for people
    Losses(Box<LossesArgs>),
    /// What people preferred: shares, intervals and tests of a project that they answered
    Preference(PreferenceArgs),
    /// What each part of a translation buys: how the source is shown, losses, and baselines
    Translation(Box<TranslationArgs>),
}

/// Runs a study.
pub(crate) fn run(args: &StudyArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    match &args.command {
        StudyCommand::Features(args) => features::run(args, global),
        StudyCommand::Losses(args) => losses::run(args, global),
        StudyCommand::Preference(args) => preference::run(args, global),
        StudyCommand::Translation(args) => translation::run(args, global),
    }
}
