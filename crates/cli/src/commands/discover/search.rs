//! `lookalike discover search`: pictures of a store that look like a file, a part of one, or each other.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use lookalike::decode::DecodeOptions;
use lookalike::pairing::{self, Separator};
use lookalike_discover::embedder::{self, Embedder};
use lookalike_discover::query::{Query, Rectangle, rectangle};
use lookalike_discover::search::{Found, Request, search};
use lookalike_discover::store::{Effort, Filter, Record, VectorStore, is_address};
use serde_json::json;

use super::printing::{self, Printed, Rows};
use super::stores::{self, ServerArgs};
use crate::Status;
use crate::args::{Alpha, GlobalArgs, pixels};
use crate::commands::inputs::standard_input;
use crate::log::Log;
use crate::output::Output;
use crate::report::ErrorRecord;

#[derive(Debug, Args)]
#[command(
    after_help = "A filter is such as 'colour=red and not category in (bag, \"hand bag\") and price<=100'."
)]
pub(super) struct SearchArgs {
    /// What to look for: a file, '#' and the id of a picture in the store, or its path there; `-` reads a
    /// list from standard input
    #[arg(value_name = "QUERY", required = true)]
    queries: Vec<PathBuf>,

    /// The store: a folder, or the address of a server
    #[arg(long, value_name = "DIR|ADDRESS")]
    store: PathBuf,

    /// How many results
    #[arg(short, long = "results", value_name = "K", default_value_t = 10)]
    k: usize,

    /// Only rows that a filter lets through
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,

    /// The best picture of every product only
    #[arg(long)]
    one_per_product: bool,

    /// No pictures of the query's own product
    #[arg(long)]
    exclude_same_product: bool,

    /// Leave out pictures that are nearly the same as a result before them: by cosine
    #[arg(long, value_name = "COSINE", num_args = 0..=1, default_missing_value = "0.995")]
    collapse: Option<f32>,

    /// Compare with every row, though there is an approximate index
    #[arg(long)]
    exact: bool,

    /// Look for a part of the query only, in pixels
    #[arg(long, value_name = "x,y,w,h", value_parser = rectangle)]
    crop: Option<Rectangle>,

    /// Lists on standard input are separated by NUL bytes
    #[arg(short = '0', long)]
    null: bool,

    /// What lies behind transparent pixels
    #[arg(long, value_enum, default_value = "white")]
    alpha: Alpha,

    /// Largest picture that is decoded, in pixels; K, M and G are understood
    #[arg(long, value_name = "N", default_value = "512M", value_parser = pixels)]
    max_pixels: u64,

    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
pub(super) fn run(args: &SearchArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "search")?;
    if let Some(limit) = args.collapse.filter(|limit| !(0.0..=1.0).contains(limit)) {
        bail!("--collapse takes a cosine from 0 to 1, found {limit}");
    }
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let store = stores::read(&args.store, &args.server)?;
    let output = Output::open(global)?;
    let mut names: Vec<PathBuf> = Vec::new();
    let separator = if args.null { Separator::Nul } else { Separator::Line };
    for query in &args.queries {
        match query.as_os_str() == "-" {
            true => names.extend(pairing::parse_paths(&standard_input()?, separator)?),
            false => names.push(query.clone()),
        }
    }
    let mut asked = Asked { args, store: store.as_ref(), embedder: None, by_path: None };
    let log = Log::new(0, global);
    let (mut answers, mut errors) = (Vec::new(), Vec::new());
    for name in &names {
        let found = asked.query(name).and_then(|query| {
            let request = Request {
                k: args.k,
                filter: filter.clone(),
                effort: if args.exact { Effort::Exact } else { Effort::Recall95 },
                one_per_product: args.one_per_product,
                collapse: args.collapse,
                ..Request::default()
            };
            let request = request.about(&query, args.exclude_same_product);
            Ok(search(store.as_ref(), &query.vector, &request)?)
        });
        match found {
            Ok(found) => answers.push((name.display().to_string(), found)),
            Err(error) if names.len() == 1 => return Err(error),
            Err(error) => {
                let error = ErrorRecord::new(name, &plain(&error, name));
                log.warn(&error.to_string());
                errors.push(error);
            }
        }
    }
    if answers.is_empty() && !errors.is_empty() {
        bail!("none of the {} queries could be answered", errors.len());
    }
    printing::write(&printed(&answers, &errors), global, output)?;
    Ok(if errors.is_empty() { Status::Passed } else { Status::Incomplete })
}

/// The message without the path that is named beside it.
fn plain(error: &anyhow::Error, path: &Path) -> String {
    let message = format!("{error:#}");
    let prefix = format!("{}: ", path.display());
    message.strip_prefix(&prefix).map_or_else(|| message.clone(), str::to_owned)
}

struct Asked<'a> {
    args: &'a SearchArgs,
    store: &'a dyn VectorStore,
    embedder: Option<Box<dyn Embedder>>,
    /// Rows by path, once one was asked for.
    by_path: Option<std::collections::HashMap<String, Record>>,
}

impl Asked<'_> {
    fn query(&mut self, name: &Path) -> anyhow::Result<Query> {
        let text = name.to_string_lossy();
        if let Some(id) = text.strip_prefix('#') {
            let id: u64 =
                id.parse().with_context(|| format!("{text}: expected an id after '#'"))?;
            return self.row(id).with_context(|| format!("{text} cannot be looked for"));
        }
        if name.is_file() {
            return self.file(name);
        }
        let all = match self.by_path.take() {
            Some(all) => all,
            None => {
                let records = lookalike_discover::catalogue::records(self.store)?;
                records.into_iter().map(|record| (record.path.clone(), record)).collect()
            }
        };
        let id = all.get(text.as_ref()).map(|record| record.id);
        self.by_path = Some(all);
        match id {
            Some(id) => self.row(id),
            None => bail!("{text}: no such file, nor is it the path of a picture in the store"),
        }
    }

    fn row(&self, id: u64) -> anyhow::Result<Query> {
        if self.args.crop.is_some() {
            bail!("--crop takes a file as its query, as the store has no pictures");
        }
        Ok(Query::of_row(self.store, id)?)
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<Query> {
        let options = DecodeOptions {
            alpha: self.args.alpha.into(),
            max_pixels: self.args.max_pixels,
            shorter_side: None,
        };
        let bytes =
            std::fs::read(path).with_context(|| format!("{}: cannot read", path.display()))?;
        let model = self.store.describe()?.fingerprint.model;
        if model.ends_with(embedder::SUFFIX) && is_address(&self.args.store.to_string_lossy()) {
            bail!(
                "{}: the learned head of {model} is in the folder of a store, and this is none; look for a \
                 picture of the store, by '#' and its id or by its path",
                path.display()
            );
        }
        let (store, name) = (self.store, path.display().to_string());
        let (slot, folder) = (&mut self.embedder, &self.args.store);
        let embedder = move || match slot {
            Some(embedder) => Ok(&**embedder),
            none => Ok(&**none.insert(embedder::of_store(store, folder)?)),
        };
        Ok(Query::of_file(store, embedder, &bytes, &name, &options, self.args.crop)?)
    }
}

fn printed(answers: &[(String, Vec<Found>)], errors: &[ErrorRecord]) -> Printed {
    let header = ["query", "rank", "score", "id", "path", "product", "category"];
    let mut rows = Rows::new(&header, &[1, 2, 3]);
    let mut texts = Vec::new();
    let mut queries = Vec::new();
    for (query, found) in answers {
        let mut table = Rows::new(&["rank", "score", "path", "product"], &[0, 1]);
        let mut results = Vec::new();
        for (index, one) in found.iter().enumerate() {
            let (record, rank) = (&one.record, index + 1);
            results.push(one.record(rank));
            let [rank, score] = [rank.to_string(), one.score.to_string()];
            table.rows.push(vec![
                rank.clone(),
                format!("{:.4}", one.score),
                record.path.clone(),
                // A product that only repeats the path says nothing.
                if record.product == record.path { String::new() } else { record.product.clone() },
            ]);
            let id = record.id.to_string();
            rows.rows.push(vec![
                query.clone(),
                rank,
                score,
                id,
                record.path.clone(),
                record.product.clone(),
                record.category.clone(),
            ]);
        }
        let title = if answers.len() > 1 { format!("{query}\n") } else { String::new() };
        let body = if found.is_empty() { "nothing was found".to_owned() } else { table.text() };
        texts.push(format!("{title}{body}"));
        queries.push(json!({"query": query, "results": results}));
    }
    let json = json!({"schema": "lookalike.search/1", "queries": queries, "errors": errors});
    Printed { json, items: "queries", rows, text: texts.join("\n\n") }
}
