//! An approximate index of the rows: a graph of near neighbours (HNSW), a cache.
//!
//! M = 16 links, ef = 200 when a row is added, rows in bf16, inner product, by the library usearch. Twice as many rows
//! as are wanted are scored again from the vectors themselves, as bf16 confuses what is nearly equal. How many rows a
//! search looks at (ef) is measured when the index is built: the least from 16 to about 1024, in steps of an eighth,
//! by which rows that are not in the index yet, taken as queries, find 95, or 98, of 100 of their ten nearest on
//! average, less the standard error of that average. Rows that are in it would find too easily: their links are
//! those of what they look for.
//!
//! Source: Malkov and Yashunin, "Efficient and Robust Approximate Nearest Neighbor Search Using Hierarchical
//! Navigable Small World Graphs", 2018.
//!
//! Choices: rows are added one after the other by id, those that were queries last, so that the same rows give the
//! same graph. A stamp beside the file has its hash and the generation of the rows; where either differs the file is
//! not used.
//!
//! Limits: one search at a time, as ef belongs to the index. What was deleted keeps its memory until the
//! index is built anew.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use crate::error::{malformed, unwritable};
use crate::store::scan::{Rounded, dot, first};
use crate::store::{Effort, Fingerprint, Hit};
use crate::{Error, Result};

const FILE: &str = "neighbours.usearch";
const STAMP: &str = "neighbours.json";
const LINKS: usize = 16;
const ADDING: usize = 200;
/// Rows that serve as queries when ef is measured, and how many results are asked of each.
const PROBES: usize = 1024;
const RESULTS: usize = 10;
/// Rows that are scored again for each that is wanted.
const AGAIN: usize = 2;
/// The least ef that is tried, and the one from which on none is.
const LEAST: usize = 16;
const MOST: usize = 1024;

pub(super) struct Neighbours {
    index: Mutex<Index>,
    effort: BTreeMap<Effort, usize>,
    digest: String,
}

#[derive(Serialize, Deserialize)]
struct Stamp {
    fingerprint: String,
    generation: u64,
    links: usize,
    adding: usize,
    /// Rows by which efforts were measured before they were added.
    held_out: usize,
    effort: BTreeMap<Effort, usize>,
    hash: String,
}

fn options(dimension: usize) -> IndexOptions {
    IndexOptions {
        dimensions: dimension,
        metric: MetricKind::IP,
        quantization: ScalarKind::BF16,
        connectivity: LINKS,
        expansion_add: ADDING,
        expansion_search: 64,
        multi: false,
    }
}

fn failed(error: impl ToString) -> Error {
    Error::Corrupt { path: FILE.into(), reason: error.to_string() }
}

impl Neighbours {
    /// The index of some rows.
    pub(super) fn build(fingerprint: &Fingerprint, rows: &[(u64, &[f32])]) -> Result<Self> {
        let mut rows = rows.to_vec();
        rows.sort_unstable_by_key(|one| one.0);
        let index = Index::new(&options(fingerprint.dimension)).map_err(failed)?;
        index.reserve(rows.len().max(1)).map_err(failed)?;
        // A few of many: what is measured with them is measured without them.
        let step = rows.len().div_ceil(PROBES).max(2);
        let (probes, others): (Vec<_>, Vec<_>) =
            rows.iter().enumerate().partition(|(place, _)| place % step == step - 1);
        for (_, (id, row)) in &others {
            index.add(*id, row).map_err(failed)?;
        }
        let others: Vec<(u64, &[f32])> = others.into_iter().map(|one| *one.1).collect();
        let probes: Vec<(u64, &[f32])> = probes.into_iter().map(|one| *one.1).collect();
        let effort = measured(&index, &others, &probes, fingerprint.dimension)?;
        for (id, row) in &probes {
            index.add(*id, row).map_err(failed)?;
        }
        Ok(Self { index: Mutex::new(index), effort, digest: fingerprint.digest() })
    }

    /// The index in a folder, where it belongs to these rows.
    pub(super) fn load(folder: &Path, fingerprint: &Fingerprint, generation: u64) -> Option<Self> {
        let stamp = std::fs::read(folder.join(STAMP)).ok()?;
        let stamp: Stamp = serde_json::from_slice(&stamp).ok()?;
        let (links, adding) = (stamp.links, stamp.adding);
        let own = stamp.fingerprint == fingerprint.digest() && stamp.generation == generation;
        if !own || (links, adding, stamp.held_out) != (LINKS, ADDING, PROBES) {
            return None;
        }
        let bytes = std::fs::read(folder.join(FILE)).ok()?;
        if *blake3::hash(&bytes).to_hex() != *stamp.hash {
            return None;
        }
        let index = Index::new(&options(fingerprint.dimension)).ok()?;
        index.load_from_buffer(&bytes).ok()?;
        Some(Self { index: Mutex::new(index), effort: stamp.effort, digest: stamp.fingerprint })
    }

    /// Writes the index, and says to which rows it belongs.
    pub(super) fn save(&self, folder: &Path, generation: u64) -> Result<()> {
        let index = self.index();
        let mut bytes = vec![0; index.serialized_length()];
        index.save_to_buffer(&mut bytes).map_err(failed)?;
        let stamp = Stamp {
            fingerprint: self.digest.clone(),
            generation,
            links: LINKS,
            adding: ADDING,
            held_out: PROBES,
            effort: self.effort.clone(),
            hash: blake3::hash(&bytes).to_hex().to_string(),
        };
        let stamp = serde_json::to_vec(&stamp).map_err(|e| malformed(&folder.join(STAMP), e))?;
        for (name, bytes) in [(FILE, bytes), (STAMP, stamp)] {
            let path = folder.join(name);
            let mut file = tempfile::NamedTempFile::new_in(folder).map_err(unwritable(&path))?;
            file.write_all(&bytes).map_err(unwritable(&path))?;
            file.persist(&path).map_err(|error| unwritable(&path)(error.error))?;
        }
        Ok(())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a row, over another of the same id.
    pub(super) fn put(&self, id: u64, row: &[f32], replaced: bool) -> Result<()> {
        let index = self.index();
        if replaced {
            index.remove(id).map_err(failed)?;
        }
        if index.size() + 1 >= index.capacity() {
            index.reserve((index.capacity() * 2).max(1024)).map_err(failed)?;
        }
        index.add(id, row).map_err(failed)
    }

    pub(super) fn remove(&self, id: u64) -> Result<()> {
        self.index().remove(id).map(|_| ()).map_err(failed)
    }

    /// Rows among which the `k` nearest are, about as often as the effort says: by their scores in bf16, so that they are
    /// to be scored again.
    pub(super) fn search(
        &self,
        query: &[f32],
        k: usize,
        effort: Effort,
        among: Option<&HashSet<u64>>,
    ) -> Result<Vec<u64>> {
        let ef = self.effort.get(&effort).copied().unwrap_or(256).max(k);
        let several = ef.min(AGAIN * k);
        let index = self.index();
        index.change_expansion_search(ef);
        let found = match among {
            None => index.search(query, several),
            Some(ids) => index.filtered_search(query, several, |id| ids.contains(&id)),
        };
        Ok(found.map_err(failed)?.keys)
    }
}

/// The ef that each effort takes, by `probes` that are not among the `rows` of the index.
fn measured(
    index: &Index,
    rows: &[(u64, &[f32])],
    probes: &[(u64, &[f32])],
    dimension: usize,
) -> Result<BTreeMap<Effort, usize>> {
    let efforts = [(0.95, Effort::Recall95), (0.98, Effort::Recall98)];
    if rows.is_empty() || probes.is_empty() {
        return Ok(efforts.into_iter().map(|(_, effort)| (effort, MOST)).collect());
    }
    let queries: Vec<&[f32]> = probes.iter().map(|one| one.1).collect();
    let all: Vec<f32> = rows.iter().flat_map(|one| one.1).copied().collect();
    let id = |place: usize| Some(rows.get(place)?.0);
    let truths = Rounded::new(&all, dimension).nearest(&queries, &all, RESULTS, id);
    drop(all);
    let truths: Vec<HashSet<u64>> =
        truths.into_iter().map(|hits| hits.iter().map(|hit| hit.id).collect()).collect();
    let row = |id: u64| {
        let place = rows.binary_search_by_key(&id, |one| one.0).ok()?;
        Some(rows[place].1)
    };
    let mut effort = BTreeMap::new();
    let mut ef = LEAST;
    while effort.len() < efforts.len() {
        index.change_expansion_search(ef);
        let (mut sum, mut squares) = (0.0, 0.0);
        for (query, truth) in queries.iter().zip(&truths) {
            let keys = index.search(query, ef.min(AGAIN * RESULTS)).map_err(failed)?.keys;
            let hits = keys.iter().filter_map(|&id| Some(Hit { id, score: dot(query, row(id)?) }));
            let hits = first(hits.collect(), RESULTS);
            let found = hits.iter().filter(|hit| truth.contains(&hit.id)).count();
            let share = found as f64 / truth.len().max(1) as f64;
            sum += share;
            squares += share * share;
        }
        let count = queries.len() as f64;
        let mean = sum / count;
        let error = ((squares / count - mean * mean).max(0.0) / count).sqrt();
        for (target, one) in efforts {
            if mean - error >= target || ef >= MOST {
                effort.entry(one).or_insert(ef);
            }
        }
        ef += ef / 8;
    }
    Ok(effort)
}
