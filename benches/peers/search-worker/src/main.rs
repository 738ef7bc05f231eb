//! Lookalike's side of the comparison of searches with peers.
//!
//! * `lookalike-search-worker make FOLDER ROWSxDIMENSION flat|graph`: a store of the rows that
//!   `search_data.py` drew, without an approximate index or with one; prints how long that took
//! * `lookalike-search-worker serve FOLDER`: answers requests about them (see `line_protocol.rs`)
//!
//! Names of work:
//!
//! * `exact/BATCH`: the ten nearest of so many queries, the next ones each time
//! * `graph`: the ten nearest of all queries at the effort for 95 of 100, by the approximate index
//! * `evaluate/SEEDS`: an evaluation with so many seeds, 36 labels each, on the rows as a gallery
//!
//! A store is asked a few times before anything is measured, as one that serves people would have been.

mod evaluation;
#[path = "../../line_protocol.rs"]
mod line_protocol;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use line_protocol::Work;
use lookalike_discover::store::{
    Effort, Embedded, EmbeddedOptions, Fingerprint, Freshness, Record, Row, SearchOptions,
    VectorStore,
};
use serde_json::{Value, json};

/// The allocator of the command line program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Results of a search.
const K: usize = 10;

/// Rows that are written at a time.
const BATCH: usize = 10_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["serve", folder] => {
            let versions = json!({ "lookalike": env!("CARGO_PKG_VERSION") });
            let opened = Mutex::new(None);
            line_protocol::serve(folder.into(), versions, |folder, name, shape| {
                bind(&opened, folder, name, shape)
            })
            .map_err(|error| error.to_string())
        }
        ["make", folder, shape, kind] => {
            make(Path::new(folder), shape, kind == "graph").map(|seconds| {
                println!("{}", json!({ "seconds": seconds }));
            })
        }
        _ => Err("usage: make FOLDER ROWSxDIMENSION flat|graph | serve FOLDER".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// A store that is open, and what is asked of it.
struct Opened {
    name: String,
    store: Embedded,
    queries: Vec<Vec<f32>>,
    /// What the process held before, in bytes.
    before: u64,
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Resident bytes of this process; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
        * 1024
}

fn bind(
    opened: &Mutex<Option<Arc<Opened>>>,
    folder: &Path,
    name: &str,
    shape: &str,
) -> Result<Work<Value>, String> {
    if let Some(("evaluate", seeds)) = name.split_once('/') {
        *opened.lock().map_err(text)? = None;
        let (count, dimension) = numbers(shape)?;
        let rows = read(&folder.join(format!("{shape}.rows.f32")))?;
        return evaluation::work(rows, count, dimension, seeds.parse().map_err(text)?);
    }
    let graph = name == "graph";
    let key = format!("{shape} {graph}");
    let mut slot = opened.lock().map_err(text)?;
    let known = slot.as_ref().filter(|opened| opened.name == key).cloned();
    let opened = match known {
        Some(opened) => opened,
        None => {
            // The one before must be gone before memory is looked at.
            *slot = None;
            let opened = Arc::new(open(folder, key, shape, graph)?);
            *slot = Some(opened.clone());
            opened
        }
    };
    drop(slot);
    let batch: usize = match name.split_once('/') {
        Some(("exact", batch)) => batch.parse().map_err(text)?,
        _ if graph => opened.queries.len(),
        _ => return Err(format!("{name}: unknown work")),
    };
    let effort = if graph { Effort::Recall95 } else { Effort::Exact };
    let options = SearchOptions { effort, freshness: Freshness::Strong, ..SearchOptions::exact(K) };
    let mut next = 0;
    Ok(Box::new(move || {
        let queries = &opened.queries[next..next + batch];
        let first = next;
        next = if next + 2 * batch > opened.queries.len() { 0 } else { next + batch };
        let found = opened.store.search(queries, &options).map_err(text)?;
        // Ids of a store are from 1, rows of the file from 0.
        let rows: Vec<Vec<u64>> =
            found.iter().map(|hits| hits.iter().map(|hit| hit.id - 1).collect()).collect();
        let held = resident().saturating_sub(opened.before);
        Ok(json!({ "first": first, "rows": rows, "bytes": held }))
    }))
}

fn numbers(shape: &str) -> Result<(usize, usize), String> {
    let (count, dimension) =
        shape.split_once('x').ok_or(format!("{shape}: expected ROWSxDIMENSION"))?;
    Ok((count.parse().map_err(text)?, dimension.parse().map_err(text)?))
}

fn read(path: &Path) -> Result<Vec<f32>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect())
}

fn place(folder: &Path, shape: &str, graph: bool) -> (PathBuf, EmbeddedOptions) {
    let kind = if graph { "graph" } else { "flat" };
    let options = EmbeddedOptions { approximate_from: if graph { 1 } else { usize::MAX } };
    (folder.join(format!("{shape}.{kind}")), options)
}

/// Makes a store; gives the seconds that its index took.
fn make(folder: &Path, shape: &str, graph: bool) -> Result<f64, String> {
    let (count, dimension) = numbers(shape)?;
    let (place, options) = place(folder, shape, graph);
    let _ = std::fs::remove_dir_all(&place);
    let fingerprint = Fingerprint {
        model: "drawn".to_owned(),
        weights: String::new(),
        preprocessing: String::new(),
        dimension,
    };
    let store = Embedded::create(&place, &fingerprint, options).map_err(text)?;
    let rows = read(&folder.join(format!("{shape}.rows.f32")))?;
    let mut id = 0;
    for chunk in rows.chunks(BATCH * dimension) {
        let batch = chunk.chunks_exact(dimension).map(|vector| {
            id += 1;
            let record = Record { id, path: format!("{id}.png"), ..Record::default() };
            Row { record, vector: vector.to_vec() }
        });
        let batch: Vec<Row> = batch.collect();
        let outcome = store.upsert(&batch).map_err(text)?;
        if let Some((id, error)) = outcome.failed.first() {
            return Err(format!("row {id}: {error}"));
        }
    }
    if id != count as u64 {
        return Err(format!("{shape}: expected {count} rows, found {id}"));
    }
    drop(rows);
    let started = Instant::now();
    store.flush().map_err(text)?;
    Ok(started.elapsed().as_secs_f64())
}

fn open(folder: &Path, name: String, shape: &str, graph: bool) -> Result<Opened, String> {
    let (_, dimension) = numbers(shape)?;
    let (place, options) = place(folder, shape, graph);
    let queries = read(&folder.join(format!("{shape}.queries.f32")))?;
    let queries: Vec<Vec<f32>> = queries.chunks_exact(dimension).map(<[f32]>::to_vec).collect();
    let before = resident();
    let store = Embedded::read_only(&place, options).map_err(text)?;
    if graph != store.describe().map_err(text)?.approximate {
        return Err(format!("{}: made with other options", place.display()));
    }
    if !graph {
        let few = queries.get(..8).unwrap_or_default();
        store.search(few, &SearchOptions::exact(K)).map_err(text)?;
    }
    Ok(Opened { name, store, queries, before })
}
