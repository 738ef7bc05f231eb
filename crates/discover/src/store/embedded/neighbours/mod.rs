//! An approximate index of the rows: a graph of near neighbours (HNSW), a cache.
//!
//! ```text
//! neighbours.graph     what is searched: rows in bf16 and links
//! neighbours.usearch   the same graph as the library has it, to add rows to
//! neighbours.json      to which rows both belong, and what ef each effort takes
//! ```
//!
//! M = 16 links, ef = 200 when a row is added, inner product. The library usearch makes the graph, from rows in bf16;
//! [`graph`] searches it, which takes a third of the library's time. [`effort`] measures how many rows a search looks
//! at.
//!
//! Source: Malkov and Yashunin, "Efficient and Robust Approximate Nearest Neighbor Search Using Hierarchical
//! Navigable Small World Graphs", 2018.
//!
//! Choices: rows are added one after the other by id, those that were queries last, so that the same rows give the
//! same graph. The stamp has the hashes of both files and the generation of the rows; where one differs they are not
//! used. Rows that arrive while the store is open are compared one by one until the store is flushed, and then added
//! to the graph.
//!
//! Limits: what was deleted stays a node that is passed through; where that is every fourth, the graph is made anew.

mod effort;
mod file;
mod graph;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use self::graph::{GONE, Graph, LANES, LINES, Level, Line, NONE, Scratch};
use crate::error::{malformed, unreadable};
use crate::store::{Effort, Fingerprint};
use crate::{Error, Result, whole_file};

const GRAPH: &str = "neighbours.graph";
const INDEX: &str = "neighbours.usearch";
const STAMP: &str = "neighbours.json";
const LINKS: usize = 16;
const ADDING: usize = 200;
/// Rows that serve as queries when ef is measured.
const PROBES: usize = 4096;
/// Of so many nodes one may have lost its row.
const WORN: usize = 4;

pub(super) struct Neighbours {
    graph: Graph,
    effort: BTreeMap<Effort, usize>,
    digest: String,
    /// Ids of rows that are not in the graph yet.
    fresh: BTreeSet<u64>,
    /// The nodes of all ids, once one was asked for.
    nodes: Option<HashMap<u64, usize>>,
    /// Whether rows of the graph went since it was written.
    lost: bool,
    /// That of the rows when it was written.
    generation: u64,
    /// The hash of the library's file.
    index: String,
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
    /// Hashes of the files.
    graph: String,
    index: String,
}

fn failed(error: impl ToString) -> Error {
    Error::Corrupt { path: INDEX.into(), reason: error.to_string() }
}

fn empty(dimension: usize) -> Result<Index> {
    Index::new(&IndexOptions {
        dimensions: dimension,
        metric: MetricKind::IP,
        quantization: ScalarKind::BF16,
        connectivity: LINKS,
        expansion_add: ADDING,
        expansion_search: 64,
        multi: false,
    })
    .map_err(failed)
}

/// Adds rows to the library's index, whose keys are the numbers of nodes, and to the graph but for the links.
fn add<'a>(
    index: &Index,
    graph: &mut Graph,
    rows: impl ExactSizeIterator<Item = (u64, &'a [f32])>,
) -> Result<()> {
    let count = graph.ids.len() + rows.len();
    if u32::try_from(count).is_err() {
        return Err(failed("too many rows for one graph"));
    }
    index.reserve(count.max(1)).map_err(failed)?;
    for (id, row) in rows {
        index.add(graph.ids.len() as u64, row).map_err(failed)?;
        graph.ids.push(id);
        graph.rows.extend(graph::rounded(row));
    }
    Ok(())
}

/// Takes the links of all nodes from the library's index.
fn link(index: &Index, graph: &mut Graph) {
    let mut keys = [0; LINES * LANES];
    let mut lines = |node: usize, level: usize, to: &mut [Line]| {
        let count = index.neighbors(node as u64, level).drain_into(&mut keys);
        let known = keys.iter().take(count).filter(|&&key| key < graph.ids.len() as u64);
        let places = to.iter_mut().flat_map(|line| &mut line.0);
        places.zip(known).for_each(|(place, &key)| *place = key as u32);
    };
    graph.links = vec![Line([NONE; LANES]); LINES * graph.ids.len()];
    let mut levels: Vec<(Vec<u32>, Vec<Line>)> = Vec::new();
    for (node, to) in graph.links.chunks_exact_mut(LINES).enumerate() {
        lines(node, 0, to);
        for level in 1..=index.level_of_key(node as u64) {
            if levels.len() < level {
                levels.push(Default::default());
            }
            let mut line = [Line([NONE; LANES])];
            lines(node, level, &mut line);
            levels[level - 1].0.push(node as u32);
            levels[level - 1].1.extend(line);
        }
    }
    graph.levels = levels.into_iter().map(|(nodes, links)| Level::new(nodes, links)).collect();
}

impl Neighbours {
    /// The index of some rows, written into a folder as that of a generation of its rows.
    pub(super) fn build(
        fingerprint: &Fingerprint,
        rows: &[(u64, &[f32])],
        folder: &Path,
        generation: u64,
    ) -> Result<Self> {
        let mut rows = rows.to_vec();
        rows.sort_unstable_by_key(|one| one.0);
        // A few of many: what is measured with them is measured without them.
        let step = rows.len().div_ceil(PROBES).max(2);
        let (probes, others): (Vec<_>, Vec<_>) =
            rows.into_iter().enumerate().partition(|(place, _)| place % step == step - 1);
        let [probes, others] =
            [probes, others].map(|rows| rows.into_iter().map(|one| one.1).collect::<Vec<_>>());
        let index = empty(fingerprint.dimension)?;
        let mut graph = Graph::empty(fingerprint.dimension);
        add(&index, &mut graph, others.iter().copied())?;
        link(&index, &mut graph);
        let effort = effort::measured(&graph, &others, &probes);
        add(&index, &mut graph, probes.iter().copied())?;
        link(&index, &mut graph);
        let mut built = Self {
            graph,
            effort,
            digest: fingerprint.digest(),
            fresh: BTreeSet::new(),
            nodes: None,
            lost: false,
            generation,
            index: written(&index, folder)?,
        };
        built.write(folder, generation)?;
        Ok(built)
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
        let (graph, hash) = file::read(&folder.join(GRAPH), fingerprint.dimension).ok()?;
        let there = folder.join(INDEX).is_file() && *hash.to_hex() == *stamp.graph;
        there.then(|| Self {
            graph,
            effort: stamp.effort,
            digest: stamp.fingerprint,
            fresh: BTreeSet::new(),
            nodes: None,
            lost: false,
            generation,
            index: stamp.index,
        })
    }

    /// Writes what changed, with the rows that are not in the graph yet, which `row` gives. `false` where the graph
    /// should be made anew instead.
    pub(super) fn keep_up<'a>(
        &mut self,
        folder: &Path,
        generation: u64,
        row: impl Fn(u64) -> &'a [f32],
    ) -> Result<bool> {
        let gone = self.graph.ids.iter().filter(|&&id| id == GONE).count();
        if gone * WORN >= self.graph.ids.len() {
            return Ok(false);
        }
        if !self.fresh.is_empty() {
            let Ok(bytes) = std::fs::read(folder.join(INDEX)) else { return Ok(false) };
            if *blake3::hash(&bytes).to_hex() != *self.index {
                return Ok(false);
            }
            let index = empty(self.graph.dimension)?;
            index.load_from_buffer(&bytes).map_err(failed)?;
            drop(bytes);
            let fresh: Vec<(u64, &[f32])> = self.fresh.iter().map(|&id| (id, row(id))).collect();
            add(&index, &mut self.graph, fresh.into_iter())?;
            link(&index, &mut self.graph);
            self.index = written(&index, folder)?;
            self.fresh.clear();
            self.nodes = None;
            self.lost = true;
        }
        if self.lost || self.generation != generation {
            self.write(folder, generation)?;
        }
        Ok(true)
    }

    /// Writes the graph, and says to which rows it belongs.
    fn write(&mut self, folder: &Path, generation: u64) -> Result<()> {
        let path = folder.join(GRAPH);
        file::write(&self.graph, &path)?;
        let mut hasher = blake3::Hasher::new();
        let file = std::fs::File::open(&path).map_err(unreadable(&path))?;
        hasher.update_reader(file).map_err(unreadable(&path))?;
        let stamp = Stamp {
            fingerprint: self.digest.clone(),
            generation,
            links: LINKS,
            adding: ADDING,
            held_out: PROBES,
            effort: self.effort.clone(),
            graph: hasher.finalize().to_hex().to_string(),
            index: self.index.clone(),
        };
        let stamp = serde_json::to_vec(&stamp).map_err(|e| malformed(&folder.join(STAMP), e))?;
        whole_file::write(&folder.join(STAMP), &stamp)?;
        (self.lost, self.generation) = (false, generation);
        Ok(())
    }

    /// Takes note of a row that has a new vector, and of the end of the one that it had.
    pub(super) fn put(&mut self, id: u64) {
        self.remove(id);
        self.fresh.insert(id);
    }

    pub(super) fn remove(&mut self, id: u64) {
        if self.fresh.remove(&id) {
            return;
        }
        let ids = &mut self.graph.ids;
        let nodes = self
            .nodes
            .get_or_insert_with(|| ids.iter().enumerate().map(|(node, &id)| (id, node)).collect());
        if let Some(node) = nodes.remove(&id) {
            ids[node] = GONE;
            self.lost = true;
        }
    }

    /// About the `k` nearest of every query and all rows that are not in the graph yet, in no order; `in_time` fails
    /// when it takes too long.
    pub(super) fn search(
        &self,
        queries: &[Vec<f32>],
        k: usize,
        effort: Effort,
        among: Option<&HashSet<u64>>,
        in_time: impl Fn() -> Result<()> + Sync,
    ) -> Result<Vec<Vec<u64>>> {
        let ef = self.effort.get(&effort).copied().unwrap_or(256);
        let allowed = |id: u64| among.is_none_or(|ids| ids.contains(&id));
        let found = queries.par_iter().map_init(Scratch::default, |scratch, query| {
            in_time()?;
            let mut ids = self.graph.nearest(query, k, ef, allowed, scratch);
            ids.extend(self.fresh.iter().copied().filter(|&id| allowed(id)));
            Ok(ids)
        });
        found.collect()
    }
}

/// Writes the library's index, and gives the hash of its file.
fn written(index: &Index, folder: &Path) -> Result<String> {
    let mut bytes = vec![0; index.serialized_length()];
    index.save_to_buffer(&mut bytes).map_err(failed)?;
    whole_file::write(&folder.join(INDEX), &bytes)?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}
