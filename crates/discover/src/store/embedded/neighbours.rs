//! An approximate index of the rows: a graph of near neighbours (HNSW), a cache.
//!
//! M = 16 links, ef = 200 when a row is added, rows in bf16, inner product, by the library usearch. How many rows
//! a search looks at (ef) is measured when the index is built: the least from 16 to 1024, to a sixteenth, by which rows
//! that are not in the index yet, taken as queries, find 95, or 98, of 100 of their ten nearest on average, less the
//! standard error of that average. Rows that are in it would find too easily: their links are those of what they
//! look for.
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
use crate::store::scan::Rounded;
use crate::store::{Effort, Fingerprint};
use crate::{Error, Result};

const FILE: &str = "neighbours.usearch";
const STAMP: &str = "neighbours.json";
const LINKS: usize = 16;
const ADDING: usize = 200;
/// Rows that serve as queries when ef is measured, and how many results are asked of each.
const PROBES: usize = 4096;
const RESULTS: usize = 10;
/// The least ef that is tried, and the greatest.
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

    /// About the `k` nearest, in no order.
    pub(super) fn search(
        &self,
        query: &[f32],
        k: usize,
        effort: Effort,
        among: Option<&HashSet<u64>>,
    ) -> Result<Vec<u64>> {
        let ef = self.effort.get(&effort).copied().unwrap_or(256).max(k);
        let index = self.index();
        index.change_expansion_search(ef);
        let found = match among {
            None => index.search(query, k),
            Some(ids) => index.filtered_search(query, k, |id| ids.contains(&id)),
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
    // The share that is found on average, less its standard error.
    let share = |ef: usize| -> Result<f64> {
        index.change_expansion_search(ef);
        let (mut sum, mut squares) = (0.0, 0.0);
        for (query, truth) in queries.iter().zip(&truths) {
            let keys = index.search(query, RESULTS).map_err(failed)?.keys;
            let found = keys.iter().filter(|key| truth.contains(key)).count();
            let share = found as f64 / truth.len().max(1) as f64;
            sum += share;
            squares += share * share;
        }
        let count = queries.len() as f64;
        let mean = sum / count;
        Ok(mean - ((squares / count - mean * mean).max(0.0) / count).sqrt())
    };
    let mut effort = BTreeMap::new();
    for (target, one) in efforts {
        let mut enough = LEAST;
        while enough < MOST && share(enough)? < target {
            enough *= 2;
        }
        let mut few = if enough > LEAST { enough / 2 } else { LEAST };
        while enough - few > (few / 16).max(1) {
            let middle = few.midpoint(enough);
            match share(middle)? >= target {
                true => enough = middle,
                false => few = middle,
            }
        }
        effort.insert(one, enough);
    }
    Ok(effort)
}
