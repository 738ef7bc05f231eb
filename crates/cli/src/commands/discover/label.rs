//! `lookalike discover label`: candidates as a project of pairs that people are asked about.
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
    after_help = "Then: 'lookalike studio --store STORE --project PROJECT' asks, and so does 'lookalike judge \
                  collect PROJECT'; 'lookalike discover import PROJECT --pictures DIR' writes what people said as \
                  votes."
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

    /// Who is asked: how many, or their names
    #[arg(long, value_name = "N|NAME,…", value_delimiter = ',', default_value = "3")]
    raters: Vec<String>,

    /// Who decides where those are divided
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    adjudicators: Vec<String>,

    /// One pair in so many questions is one that was asked before, to see how steady a rater is; 0 for none
    #[arg(long, value_name = "N", default_value_t = 12)]
    repeat_every: usize,

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
    let text = project_text(args, global.seed);
    // What could not be read again is not written.
    let project = Project::parse(text.as_bytes(), &args.to)?;
    let mut file = Output::create(&path)?;
    file.write_all(text.as_bytes())?;
    file.finish()?;
    let mut rows = Rows::new(&["project", "pairs", "checks"], &[1, 2]);
    let (project_path, checks) =
        (path.display().to_string(), project.items.iter().filter(|item| item.is_check()).count());
    rows.rows.push(vec![project_path.clone(), asked.to_string(), checks.to_string()]);
    let json = json!({
        "schema": "lookalike.label/1", "project": project_path, "pairs": asked, "checks": checks,
    });
    let text = format!(
        "{project_path}: {asked} pairs, {checks} attention checks; 'lookalike studio --store STORE --project {}' \
         asks",
        args.to.display()
    );
    printing::write(&Printed { json, items: "", rows, text }, global, output)?;
    Ok(Status::Passed)
}

/// What the file of the project says.
fn project_text(args: &LabelArgs, seed: u64) -> String {
    let names = |names: &[String]| serde_json::Value::from(names).to_string();
    let raters = match args.raters.as_slice() {
        [count] if count.parse::<usize>().is_ok() => {
            format!("{count}            # or names: [\"anna\", \"ben\"]")
        }
        given => names(given),
    };
    let question = match args.highest {
        1 => "Would these two, different things, pass for look-alikes?".to_owned(),
        highest => format!("How much do these two, different things, look alike? 0 to {highest}"),
    };
    let mut text = format!(
        "task = \"similarity\"\nitems = \"{ITEMS}\"\nraters = {raters}\nseed = {seed}\ncheck_every = 10\n\
         question = \"{question}\"\n"
    );
    if let Some(votes) = args.votes {
        text += &format!("votes = {votes}\n");
    }
    if args.repeat_every > 0 {
        text += &format!("repeat_every = {}\n", args.repeat_every);
    }
    if !args.adjudicators.is_empty() {
        text += &format!("adjudicators = {}\n", names(&args.adjudicators));
    }
    text += &format!(
        "# guidelines = \"What raters read before they begin.\"\n\n[scale]\nlowest = 0\nhighest = {}\n\
         lowest_label = \"not similar\"\nhighest_label = \"similar\"\n",
        args.highest
    );
    text
}
