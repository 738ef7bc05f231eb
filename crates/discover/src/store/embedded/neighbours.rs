//! An approximate index of the rows: a graph of near neighbours (HNSW), a cache.
//!
//! M = 16 links, ef = 200 when a row is added, rows in bf16, inner product, by the library usearch. How many
//! rows a search looks at (ef) is measured when the index is built: the least from 16 to about 1024, in steps
//! of an eighth, by which rows of the store, taken as queries, find on average 95, or 98, of 100 of their ten
//! nearest.
//!
//! Source: Malkov and Yashunin, "Efficient and Robust Approximate Nearest Neighbor Search Using Hierarchical
//! Navigable Small World Graphs", 2018.
//!
//! Choices: rows are added one after the other by id, so that the same rows give the same graph. A stamp
//! beside the file has its hash and the generation of the rows; where either differs the file is not used.
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
const PROBES: usize = 256;
const RESULTS: usize = 10;
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
        for (id, row) in &rows {
            index.add(*id, row).map_err(failed)?;
        }
        let effort = measured(&index, &rows, fingerprint.dimension)?;
        Ok(Self { index: Mutex::new(index), effort, digest: fingerprint.digest() })
    }

    /// The index in a folder, where it belongs to these rows.
    pub(super) fn load(folder: &Path, fingerprint: &Fingerprint, generation: u64) -> Option<Self> {
        let stamp = std::fs::read(folder.join(STAMP)).ok()?;
        let stamp: Stamp = serde_json::from_slice(&stamp).ok()?;
        let (links, adding) = (stamp.links, stamp.adding);
        let own = stamp.fingerprint == fingerprint.digest() && stamp.generation == generation;
        if !own || (links, adding) != (LINKS, ADDING) {
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
        let ef = self.effort.get(&effort).copied().unwrap_or(256);
        let index = self.index();
        index.change_expansion_search(ef.max(k));
        let found = match among {
            None => index.search(query, k),
            Some(ids) => index.filtered_search(query, k, |id| ids.contains(&id)),
        };
        Ok(found.map_err(failed)?.keys)
    }
}

/// The ef that each effort takes.
fn measured(
    index: &Index,
    rows: &[(u64, &[f32])],
    dimension: usize,
) -> Result<BTreeMap<Effort, usize>> {
    let step = rows.len().div_ceil(PROBES).max(1);
    let probes: Vec<&[f32]> = rows.iter().step_by(step).map(|one| one.1).collect();
    let all: Vec<f32> = rows.iter().flat_map(|one| one.1).copied().collect();
    let id = |place: usize| Some(rows.get(place)?.0);
    // Each probe finds itself first either way, which says nothing.
    let truths = Rounded::new(&all, dimension).nearest(&probes, &all, RESULTS + 1, id);
    drop(all);
    let own: Vec<u64> = rows.iter().step_by(step).map(|one| one.0).collect();
    let truths: Vec<HashSet<u64>> = truths
        .into_iter()
        .zip(&own)
        .map(|(hits, own)| hits.iter().map(|hit| hit.id).filter(|id| id != own).collect())
        .collect();
    let mut effort = BTreeMap::new();
    let mut ef = LEAST;
    while effort.len() < 2 {
        index.change_expansion_search(ef);
        let (mut found, mut all) = (0, 0);
        for (query, truth) in probes.iter().zip(&truths) {
            let keys = index.search(query, RESULTS + 1).map_err(failed)?.keys;
            found += keys.iter().filter(|key| truth.contains(key)).count();
            all += truth.len();
        }
        let recall = found as f64 / all.max(1) as f64;
        for (target, one) in [(0.95, Effort::Recall95), (0.98, Effort::Recall98)] {
            if recall >= target || ef >= MOST {
                effort.entry(one).or_insert(ef);
            }
        }
        ef += ef / 8;
    }
    Ok(effort)
}
