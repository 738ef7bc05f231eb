//! `lookalike discover import`: labels of the VSD benchmark, or what people said on pages, as votes.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use lookalike_discover::evaluation::files::{self, Tag};
use lookalike_discover::votes::{Vote, write_votes};
use lookalike_studio::{Project, Store, label_votes};

use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::output::Output;

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Labels: a JSON array of {"key":[seed,candidate],"value":0|1}; or the folder of a project of `label`
    #[arg(value_name = "LABELS|PROJECT")]
    from: PathBuf,

    /// Who is named as the rater of labels
    #[arg(long, value_name = "NAME", default_value = "imported")]
    rater: String,

    /// The folder that paths of the store are relative to, for a project
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &ImportArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Csv) {
        bail!("lookalike discover import writes votes, which are CSV; leave --format out");
    }
    if args.rater.trim().is_empty() {
        bail!("--rater takes a name, found none");
    }
    let votes = match (args.from.is_dir(), &args.pictures) {
        (true, Some(pictures)) => {
            let project = Project::read(&args.from)?;
            label_votes(&project, &Store::read_only(&project)?.votes()?, pictures)?
        }
        (true, None) => {
            bail!("--pictures DIR says which part of a project's paths is not the store's")
        }
        (false, _) => of_labels(&args.from, &args.rater)?,
    };
    if votes.is_empty() {
        bail!("{}: there are no votes in it", args.from.display());
    }
    let mut output = Output::open(global)?;
    write_votes(&votes, &mut output)?;
    output.flush()?;
    output.finish()?;
    Ok(Status::Passed)
}

fn of_labels(path: &Path, rater: &str) -> anyhow::Result<Vec<Vote>> {
    let tags: Vec<Tag> = files::read(path)?;
    let vote = |Tag { key: [seed, candidate], value }: Tag| Vote {
        seed,
        candidate,
        rater: rater.to_owned(),
        value: Ok(value),
        adjudicates: false,
    };
    Ok(tags.into_iter().map(vote).collect())
}
