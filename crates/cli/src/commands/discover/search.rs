//! `lookalike discover search`: pictures of a store that look like a file, a part of one, or each other.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use lookalike::decode::{self, DecodeOptions};
use lookalike::pairing::{self, Separator};
use lookalike_discover::embedder::Embedder;
use lookalike_discover::search::{Found, Request, search};
use lookalike_discover::store::{Effort, Embedded, Filter, Record, VectorStore};
use serde_json::json;

use super::printing::{self, Printed, Rows};
use super::stores;
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

    /// The store
    #[arg(long, value_name = "DIR")]
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
    crop: Option<[usize; 4]>,

    /// Lists on standard input are separated by NUL bytes
    #[arg(short = '0', long)]
    null: bool,

    /// What lies behind transparent pixels
    #[arg(long, value_enum, default_value = "white")]
    alpha: Alpha,

    /// Largest picture that is decoded, in pixels; K, M and G are understood
    #[arg(long, value_name = "N", default_value = "512M", value_parser = pixels)]
    max_pixels: u64,
}

fn rectangle(text: &str) -> Result<[usize; 4], String> {
    let numbers: Option<Vec<usize>> =
        text.split(',').map(|part| part.trim().parse().ok()).collect();
    let found = numbers.and_then(|numbers| <[usize; 4]>::try_from(numbers).ok());
    found
        .filter(|[.., width, height]| width * height > 0)
        .ok_or_else(|| format!("expected x,y,width,height in pixels, found '{text}'"))
}

/// What is looked for.
struct Query {
    vector: Vec<f32>,
    /// The row, where it is one of the store.
    own: Option<Record>,
}

/// Runs the command.
pub(super) fn run(args: &SearchArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "search")?;
    if let Some(limit) = args.collapse.filter(|limit| !(0.0..=1.0).contains(limit)) {
        bail!("--collapse takes a cosine from 0 to 1, found {limit}");
    }
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let store = stores::read(&args.store)?;
    let output = Output::open(global)?;
    let mut names: Vec<PathBuf> = Vec::new();
    let separator = if args.null { Separator::Nul } else { Separator::Line };
    for query in &args.queries {
        match query.as_os_str() == "-" {
            true => names.extend(pairing::parse_paths(&standard_input()?, separator)?),
            false => names.push(query.clone()),
        }
    }
    let mut asked = Asked { args, store: &store, embedder: None, by_path: None };
    let log = Log::new(0, global);
    let (mut answers, mut errors) = (Vec::new(), Vec::new());
    for name in &names {
        let found = asked.query(name).and_then(|query| {
            let request = Request {
                k: args.k,
                filter: filter.clone(),
                effort: if args.exact { Effort::Exact } else { Effort::Recall95 },
                one_per_product: args.one_per_product,
                without_product: query
                    .own
                    .as_ref()
                    .filter(|_| args.exclude_same_product)
                    .map(|own| own.product.clone()),
                without_id: query.own.as_ref().map(|own| own.id),
                collapse: args.collapse,
            };
            Ok(search(&store, &query.vector, &request)?)
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
    store: &'a Embedded,
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
        let Some(row) = self.store.get(&[id])?.pop().flatten() else {
            bail!("#{id} is not in the store");
        };
        Ok(Query { vector: row.vector, own: Some(row.record) })
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<Query> {
        let options = DecodeOptions {
            alpha: self.args.alpha.into(),
            max_pixels: self.args.max_pixels,
            shorter_side: None,
        };
        let bytes =
            std::fs::read(path).with_context(|| format!("{}: cannot read", path.display()))?;
        let mut picture = decode::decode(&bytes, &path.display().to_string(), &options)?;
        // The file itself may be in the store: then it is no answer.
        let hash = lookalike_discover::store::content_hash(&bytes);
        let filter = Filter::Eq(lookalike_discover::store::Field::ContentHash, hash);
        if let Some([x, y, width, height]) = self.args.crop {
            picture = picture.crop(x, y, width, height)?;
        }
        let embedder = match self.embedder.take() {
            Some(embedder) => embedder,
            None => stores::embedder_of(self.store, &self.args.store)?,
        };
        let vector = embedder.embed(&picture);
        self.embedder = Some(embedder);
        let vector = vector?;
        let options = lookalike_discover::store::SearchOptions::exact(1).among(Some(filter));
        let own = self.store.search(std::slice::from_ref(&vector), &options)?;
        let own = own.into_iter().flatten().next();
        let own = own.map(|hit| self.store.records(&[hit.id])).transpose()?;
        let own = own.and_then(|mut all| all.pop().flatten());
        Ok(Query { vector, own })
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
            let mut result = json!({
                "rank": rank, "id": record.id, "path": record.path, "product": record.product,
                "category": record.category, "score": one.score,
            });
            if one.collapsed > 0 {
                result["collapsed"] = one.collapsed.into();
            }
            results.push(result);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_have_an_area() {
        assert_eq!(rectangle("1, 2,30,40"), Ok([1, 2, 30, 40]));
        for text in ["", "1,2,3", "1,2,0,4", "1,2,3,x", "-1,2,3,4"] {
            assert!(rectangle(text).is_err(), "{text}");
        }
    }
}
