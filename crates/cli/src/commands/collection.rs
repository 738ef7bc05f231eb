//! `lookalike judge collect` and `lookalike judge export`: asking people, and what they said.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use lookalike_studio::export::{RowFormat, checks, judgements, raw, write};
use lookalike_studio::{PROJECT_FILE, Project, Server, Store, Studio};
use serde_json::json;

use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::log::{Log, on_interrupt};
use crate::output::Output;

#[derive(Debug, Args)]
#[command(
    after_help = "The pages are for this machine unless --listen says otherwise. Ctrl-C ends; \
                        votes are stored one by one, and the same command goes on."
)]
pub(crate) struct CollectArgs {
    /// The folder of the project, which has a project.toml
    #[arg(value_name = "PROJECT")]
    project: PathBuf,

    /// Where the pages are served; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8642")]
    listen: SocketAddr,

    /// Write the project.toml, and ask nobody yet
    #[arg(long, requires = "items", requires = "task")]
    init: bool,

    /// The pictures to ask about: CSV or JSONL with reference,left,right or reference,candidate
    #[arg(long, value_name = "FILE", requires = "init")]
    items: Option<PathBuf>,

    /// What is asked: which is closer, same or different, or how good
    #[arg(long, value_name = "TASK", requires = "init", value_parser = ["2afc", "jnd", "rating"])]
    task: Option<String>,

    /// How many people are asked
    #[arg(long, value_name = "N", requires = "init", default_value_t = 3)]
    raters: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The folder of the project
    #[arg(value_name = "PROJECT")]
    project: PathBuf,

    /// Every answer on its own, attention checks and answers taken back included
    #[arg(long, conflicts_with_all = ["exclude_failed", "min_votes"])]
    raw: bool,

    /// Leave out raters who met a smaller share of their attention checks, such as 14/15
    #[arg(long, value_name = "N/M", value_parser = share)]
    exclude_failed: Option<(usize, usize)>,

    /// Leave out items with fewer votes
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_votes: usize,
}

fn share(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(n, m)| Some((n.parse().ok()?, m.parse().ok()?)));
    parts
        .filter(|&(n, m)| n <= m && (1..=1_000_000).contains(&m))
        .ok_or_else(|| format!("expected a share such as 14/15, found '{text}'"))
}

/// Runs `collect`.
pub(crate) fn collect(args: &CollectArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike judge collect is written as text or json; use one of them");
    }
    if args.init {
        return init(args, global);
    }
    let studio = Arc::new(Studio::open(Project::read(&args.project)?)?);
    let server = Server::bind(Arc::clone(&studio), args.listen)?;
    links(&studio, server.address(), global)?;
    let interrupted = on_interrupt();
    let bar = progress(global);
    let watched = Arc::clone(&studio);
    let mut last = None;
    server.run(move || {
        let now = watched.overview();
        if last != Some(now.votes) {
            bar.set_length(now.wanted as u64);
            bar.set_position(now.votes as u64);
            last = Some(now.votes);
        }
        let ended = interrupted.load(Ordering::Relaxed);
        if ended {
            bar.finish_and_clear();
        }
        ended
    })?;
    let overview = studio.overview();
    Log::new(0, global).warn(&format!(
        "{} of {} votes are stored; the same command goes on, 'lookalike judge export' writes them",
        overview.votes, overview.wanted
    ));
    Ok(Status::Passed)
}

fn progress(global: &GlobalArgs) -> ProgressBar {
    if global.quiet || global.no_progress || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} votes") {
        bar.set_style(style);
    }
    bar
}

/// The address to open: nobody can open 0.0.0.0; on this machine the loopback is the same.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let mut shown = address;
    if address.ip().is_unspecified() {
        shown.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    shown
}

fn links(studio: &Studio, address: SocketAddr, global: &GlobalArgs) -> anyhow::Result<()> {
    let shown = reachable(address);
    let overview = format!("http://{shown}/overview#{}", studio.owner_token());
    let raters = studio.tokens().iter();
    let raters: Vec<_> =
        raters.map(|one| (one.rater.as_str(), format!("http://{shown}/#{}", one.token))).collect();
    let mut output = Output::open(global)?;
    if global.format == Format::Json {
        let raters: Vec<_> =
            raters.iter().map(|(rater, link)| json!({ "rater": rater, "link": link })).collect();
        let report = json!({
            "schema": "lookalike.judge-collect/1",
            "address": shown.to_string(),
            "overview": overview,
            "raters": raters,
        });
        writeln!(output, "{report}")?;
    } else {
        for (rater, link) in &raters {
            writeln!(output, "{rater}: {link}")?;
        }
        writeln!(output, "progress: {overview}")?;
    }
    output.finish()
}

fn init(args: &CollectArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let (Some(items), Some(task)) = (&args.items, &args.task) else {
        bail!("--init needs --items FILE and --task 2afc, jnd or rating");
    };
    let path = args.project.join(PROJECT_FILE);
    if path.exists() {
        bail!(
            "{}: there is a project already; edit that file, or name another folder",
            path.display()
        );
    }
    let absolute = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("{}: no path", path.display()))
    };
    let (from, to) = (absolute(&args.project)?, absolute(items)?);
    let relative = pathdiff::diff_paths(&to, &from).unwrap_or(to);
    let relative = relative.to_str().context("the path of the items is not UTF-8")?;
    let mut text = format!(
        "task = \"{task}\"\nitems = {}\nraters = {}            # or names: [\"anna\", \"ben\"]\nseed = {}\n\
         check_every = 10      # one attention check in so many questions, of rows with 'expected'\n\
         # votes = 2           # answers wanted per item; without this line one of each rater\n\
         # question = \"...\"\n# zoom = 2            # device pixels per sample\n",
        serde_json::Value::from(relative),
        args.raters,
        global.seed
    );
    text += match task.as_str() {
        "jnd" => "\n[timing]              # milliseconds\nshow = 1000\ngap = 250\n",
        "rating" => {
            "\n[scale]\nlowest = 1\nhighest = 5\nlowest_label = \"very annoying\"\nhighest_label = \"imperceptible\"\n"
        }
        _ => "",
    };
    // A path that leads out of the folder needs the folder to be there.
    let is_new = !args.project.exists();
    std::fs::create_dir_all(&args.project)
        .with_context(|| format!("{}: cannot make the folder", args.project.display()))?;
    // What could not be read again is not written.
    let project = Project::parse(text.as_bytes(), &args.project).inspect_err(|_| {
        if is_new {
            // It is empty; if that fails, an empty folder is left.
            std::fs::remove_dir(&args.project).ok();
        }
    })?;
    let mut file = Output::create(&path)?;
    file.write_all(text.as_bytes())?;
    file.finish()?;
    let mut output = Output::open(global)?;
    if global.format == Format::Json {
        let report = json!({
            "schema": "lookalike.judge-collect/1",
            "project": path.display().to_string(),
            "items": project.items.len(),
        });
        writeln!(output, "{report}")?;
    } else {
        writeln!(output, "{}: {} items", path.display(), project.items.len())?;
    }
    output.finish()?;
    Ok(Status::Passed)
}

/// Runs `export`.
pub(crate) fn export(args: &ExportArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let is_lines = global.out.as_deref().and_then(Path::extension).is_some_and(|extension| {
        extension.eq_ignore_ascii_case("jsonl") || extension.eq_ignore_ascii_case("ndjson")
    });
    let format = match global.format {
        Format::Text if is_lines => RowFormat::JsonLines,
        Format::Text => RowFormat::Csv,
        Format::Csv if is_lines => {
            bail!("a file called .jsonl is read as JSON lines; leave --format csv out")
        }
        Format::Csv => RowFormat::Csv,
        Format::Jsonl if global.out.is_some() && !is_lines => {
            bail!("judge eval knows JSON lines by the name; let it end in .jsonl")
        }
        Format::Jsonl => RowFormat::JsonLines,
        _ => bail!("lookalike judge export is written as csv or jsonl; use one of them"),
    };
    let project = Project::read(&args.project)?;
    let votes = Store::read_only(&project)?.votes()?;
    let folder = match global.out.as_deref().and_then(Path::parent) {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let log = Log::new(0, global);
    let rows = if args.raw {
        raw(&project, &votes, folder)
    } else {
        let mut excluded = Vec::new();
        for one in checks(&project, &votes) {
            if let Some((least, of)) = args.exclude_failed
                && one.fails(least, of)
            {
                log.warn(&format!(
                    "{} is left out: met {} of {} attention checks",
                    one.rater, one.met, one.checks
                ));
                excluded.push(one.rater);
            }
        }
        judgements(&project, &votes, &excluded, args.min_votes, folder)
    };
    if rows.is_empty() {
        bail!("{}: there are no votes to export", args.project.display());
    }
    if !args.raw {
        let items = project.items.iter().filter(|item| item.is_ordinary()).count();
        if rows.len() < items {
            log.warn(&format!(
                "{} of {items} items have too few votes and are left out",
                items - rows.len()
            ));
        }
    }
    let mut output = Output::open(global)?;
    write(&rows, format, &mut output)?;
    output.finish()?;
    Ok(Status::Passed)
}
