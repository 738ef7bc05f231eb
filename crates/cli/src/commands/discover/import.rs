//! `lookalike discover import`: labels of the VSD benchmark, or what people said on pages, as votes.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use lookalike_discover::evaluation::files::{self, Tag};
use lookalike_discover::votes::{Vote, write_votes};
use lookalike_studio::{Project, Store, Task};

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
        (true, Some(pictures)) => of_project(&args.from, pictures)?,
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
    };
    Ok(tags.into_iter().map(vote).collect())
}

/// The votes of a project that count; attention checks are not among them.
fn of_project(folder: &Path, pictures: &Path) -> anyhow::Result<Vec<Vote>> {
    let project = Project::read(folder)?;
    if project.task != Task::Rating {
        bail!("{}: expected a project of ratings, as 'discover label' makes", folder.display());
    }
    let root = canonical(pictures)?;
    let items: HashMap<&str, _> = project
        .items
        .iter()
        .filter(|item| !item.is_check())
        .map(|item| (item.key.as_str(), &item.question))
        .collect();
    let name = |path: &Path| -> anyhow::Result<String> {
        let path = canonical(path)?;
        let relative = path
            .strip_prefix(&root)
            .ok()
            .with_context(|| format!("{}: it is not in {}", path.display(), pictures.display()))?;
        let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
        Ok(parts.with_context(|| format!("{}: not UTF-8", path.display()))?.join("/"))
    };
    let mut votes = Vec::new();
    for vote in Store::read_only(&project)?.votes()?.into_iter().filter(|vote| !vote.undone) {
        let Some(question) = items.get(vote.item.as_str()) else { continue };
        let Some(candidate) = question.candidates.first() else { continue };
        let value = vote.answer.parse().map_err(|_| {
            anyhow::anyhow!("{}: the answer '{}' is no grade", folder.display(), vote.answer)
        })?;
        votes.push(Vote {
            seed: name(&question.reference)?,
            candidate: name(candidate)?,
            rater: vote.rater,
            value: Ok(value),
        });
    }
    Ok(votes)
}

fn canonical(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("{}: cannot be found", path.display()))
}
