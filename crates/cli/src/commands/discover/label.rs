//! `lookalike discover label`: candidates as a project that `judge collect` asks people about.
//!
//! The pages show a seed and a candidate, no model, rank or score; every rater has an order of their own.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use lookalike_discover::candidates::file;
use lookalike_discover::evaluation::files::{self, Tag};
use lookalike_studio::{PROJECT_FILE, Project};
use serde_json::json;

use super::printing::{self, Printed, Rows};
use crate::Status;
use crate::args::GlobalArgs;
use crate::output::Output;

const ITEMS: &str = "items.csv";

#[derive(Debug, Args)]
#[command(
    after_help = "Then: 'lookalike judge collect PROJECT' asks, and 'lookalike discover import PROJECT \
                  --pictures DIR' writes what people said as votes."
)]
pub(super) struct LabelArgs {
    /// Candidates, as `discover candidates` writes them
    #[arg(value_name = "CANDIDATES")]
    candidates: PathBuf,

    /// The folder that paths of the store are relative to
    #[arg(long, value_name = "DIR")]
    pictures: PathBuf,

    /// The folder of the new project
    #[arg(long, value_name = "PROJECT")]
    to: PathBuf,

    /// How many people are asked
    #[arg(long, value_name = "N", default_value_t = 3)]
    raters: usize,

    /// How many of them are asked about every pair [default: all]
    #[arg(long, value_name = "N")]
    votes: Option<usize>,

    /// The highest grade; 1 asks for similar or not
    #[arg(long, value_name = "GRADE", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    highest: u8,

    /// Labels that are known, as attention checks: a JSON array of {"key":[seed,candidate],"value":0|1}
    #[arg(long, value_name = "FILE")]
    gold: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &LabelArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "label")?;
    let path = args.to.join(PROJECT_FILE);
    if path.exists() {
        bail!("{}: there is a project already; name another folder", path.display());
    }
    let candidates = file::read(&args.candidates)?;
    if candidates.is_empty() {
        bail!("{}: there is no candidate in it", args.candidates.display());
    }
    let gold: Vec<Tag> = args.gold.as_deref().map(files::read).transpose()?.unwrap_or_default();
    let output = Output::open(global)?;
    std::fs::create_dir_all(&args.to)
        .with_context(|| format!("{}: cannot make the folder", args.to.display()))?;
    let absolute = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("{}: no path", path.display()))
    };
    let (from, pictures) = (absolute(&args.to)?, absolute(&args.pictures)?);
    let shown = |name: &str| -> anyhow::Result<String> {
        let to = pictures.join(name);
        let relative = pathdiff::diff_paths(&to, &from).unwrap_or(to);
        Ok(relative.to_str().context("the path of the pictures is not UTF-8")?.to_owned())
    };
    let mut items = csv::Writer::from_writer(Output::create(&args.to.join(ITEMS))?);
    items.write_record(["reference", "candidate", "expected"])?;
    let mut asked = 0;
    let known = |seed: &str, candidate: &str| {
        gold.iter().any(|tag| tag.key[0] == seed && tag.key[1] == candidate)
    };
    for one in candidates.iter().filter(|one| !known(&one.seed, &one.candidate)) {
        items.write_record([shown(&one.seed)?, shown(&one.candidate)?, String::new()])?;
        asked += 1;
    }
    for tag in &gold {
        let expected = tag.value.min(args.highest).to_string();
        items.write_record([shown(&tag.key[0])?, shown(&tag.key[1])?, expected])?;
    }
    let file = items.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    file.finish()?;
    let question = match args.highest {
        1 => "Would these two, different things, pass for look-alikes? 1 yes, 0 no".to_owned(),
        highest => format!("How much do these two, different things, look alike? 0 to {highest}"),
    };
    let votes = args.votes.map_or_else(String::new, |votes| format!("votes = {votes}\n"));
    let text = format!(
        "task = \"rating\"\nitems = \"{ITEMS}\"\nraters = {}            # or names: [\"anna\", \"ben\"]\n\
         {votes}seed = {}\ncheck_every = 10\nquestion = \"{question}\"\n\n[scale]\nlowest = 0\nhighest = {}\n\
         lowest_label = \"not similar\"\nhighest_label = \"similar\"\n",
        args.raters, global.seed, args.highest
    );
    // What could not be read again is not written.
    let project = Project::parse(text.as_bytes(), &args.to)?;
    let mut file = Output::create(&path)?;
    file.write_all(text.as_bytes())?;
    file.finish()?;
    let mut rows = Rows::new(&["project", "pairs", "checks"], &[1, 2]);
    let (project_path, checks) = (path.display().to_string(), project.items.len() - asked);
    rows.rows.push(vec![project_path.clone(), asked.to_string(), checks.to_string()]);
    let json = json!({
        "schema": "lookalike.label/1", "project": project_path, "pairs": asked, "checks": checks,
    });
    let text = format!(
        "{project_path}: {asked} pairs, {checks} attention checks; 'lookalike judge collect {}' asks",
        args.to.display()
    );
    printing::write(&Printed { json, items: "", rows, text }, global, output)?;
    Ok(Status::Passed)
}
