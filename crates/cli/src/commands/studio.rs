//! `lookalike studio`: stores of pictures, and labels on pairs of them, on pages in a browser.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::Args;
use lookalike_discover::candidates::file;
use lookalike_discover::store::VectorStore;
use lookalike_studio::{Access, Catalogue, Project, Server, Workbench};
use serde_json::json;

use super::collection::reachable;
use super::discover::stores;
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::log::{Log, on_interrupt};
use crate::output::Output;

/// Holds the token that shops send, where one is chosen; an argument would show it to everybody on the machine.
const TOKEN: &str = "LOOKALIKE_STUDIO_TOKEN";

#[derive(Debug, Args)]
#[command(
    after_help = "The pages are for this machine unless --listen says otherwise; then a token is needed, which \
                  is printed, or taken from the environment variable LOOKALIKE_STUDIO_TOKEN. Several stores are \
                  several models of one catalogue. Ctrl-C ends; votes are stored one by one, and the same \
                  command goes on."
)]
pub(crate) struct StudioArgs {
    /// Stores, as `discover index` makes them
    #[arg(long, value_name = "DIR,…", value_delimiter = ',', required = true)]
    store: Vec<PathBuf>,

    /// The folder that paths of the stores are relative to [default: the one that was indexed]
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,

    /// A project of pairs, as `discover label` makes them
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,

    /// Candidates, for who proposed each pair: what generators gain from it
    #[arg(long, value_name = "FILE", requires = "project")]
    candidates: Option<PathBuf>,

    /// Where the pages are served; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7878")]
    listen: SocketAddr,

    /// A name by which the server is called, besides addresses and localhost; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,

    /// Ask for a token on this machine too, which others may use as well
    #[arg(long)]
    require_token: bool,
}

/// Runs the command.
pub(crate) fn run(args: &StudioArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike studio is written as text or json; use one of them");
    }
    let given = match std::env::var(TOKEN) {
        Ok(token) => Some(token),
        Err(std::env::VarError::NotPresent) => None,
        Err(error) => bail!("{TOKEN}: {error}"),
    };
    let access = Access::of(args.listen, args.require_token, given)
        .map_err(|reason| anyhow::anyhow!("{TOKEN}: {reason}"))?;
    let mut catalogues = Vec::new();
    let named = stores::named_folders(&args.store)?;
    for ((name, store), folder) in named.into_iter().zip(&args.store) {
        let pictures = match &args.pictures {
            Some(pictures) => pictures.clone(),
            None => store.pictures()?.with_context(|| {
                let place = folder.display();
                format!("{place}: it does not say where its pictures are; --pictures DIR does")
            })?,
        };
        catalogues.push(Catalogue::new(name, store, folder, &pictures)?);
    }
    let mut workbench = Workbench::new(catalogues, access)?;
    if let Some(project) = &args.project {
        workbench = workbench.with_project(Project::read(project)?)?;
    }
    if let Some(candidates) = &args.candidates {
        workbench = workbench.with_candidates(file::read(candidates)?);
    }
    let workbench = Arc::new(workbench);
    let server = Server::workbench(Arc::clone(&workbench), args.listen, args.hosts.clone())?;
    tell(&workbench, server.address(), global)?;
    let interrupted = on_interrupt();
    server.run(move || interrupted.load(Ordering::Relaxed))?;
    if let Some(studio) = workbench.studio() {
        let overview = studio.overview();
        Log::new(0, global).warn(&format!(
            "{} of {} votes are stored; the same command goes on, 'lookalike discover import' writes them",
            overview.votes, overview.wanted
        ));
    }
    Ok(Status::Passed)
}

/// Says where the pages are.
fn tell(workbench: &Workbench, address: SocketAddr, global: &GlobalArgs) -> anyhow::Result<()> {
    let shown = reachable(address);
    let token = workbench.access().token();
    let page = match token {
        None => format!("http://{shown}/"),
        Some(token) => format!("http://{shown}/#{token}"),
    };
    let people = workbench.studio().map(|studio| studio.tokens()).unwrap_or_default();
    let link = |token: &str| format!("http://{shown}/label#{token}");
    let mut output = Output::open(global)?;
    if global.format == Format::Json {
        let people = people.iter().map(|one| {
            json!({ "rater": one.rater, "adjudicates": one.adjudicates, "link": link(&one.token) })
        });
        let report = json!({
            "schema": "lookalike.studio/1", "address": shown.to_string(), "page": page,
            "token": token, "raters": people.collect::<Vec<_>>(),
        });
        writeln!(output, "{report}")?;
    } else {
        writeln!(output, "{page}")?;
        if let Some(token) = token {
            writeln!(output, "token: {token}")?;
        }
        for one in people {
            writeln!(output, "{}: {}", one.rater, link(&one.token))?;
        }
    }
    output.finish()
}
