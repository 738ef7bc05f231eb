//! An approximate index on the server: when it is made, and how hard searches look.
//!
//! Below [`MilvusOptions::approximate_from`](super::MilvusOptions::approximate_from) rows the server compares with
//! all of them (index FLAT), which is exact. From there on it keeps a graph of near neighbours (HNSW, M = 16,
//! efConstruction = 200). How many rows a search looks at is measured when the graph is made: the least of 16, 32,
//! … 1024 by which rows of the store find on average 95, or 98, of 100 of their ten nearest, which the exact index
//! has found before.
//!
//! Limits: rows of the store find themselves more easily than pictures from outside are found, for which the share
//! may be a few of 100 less; in a folder rows are held out for it.

use std::collections::HashSet;

use lookalike_judge::statistics::seeded;

use super::MilvusStore;
use super::expression::PICTURES;
use super::milvus_sdk::ConsistencyLevel;
use crate::Result;

/// Rows that serve as queries, and how many results are asked of each.
const PROBES: usize = 64;
const RESULTS: usize = 10;
/// Ids that are drawn to find rows among them.
const DRAWN: usize = 1024;

impl MilvusStore {
    /// Makes the approximate index where there are rows enough and it is not there.
    pub(super) fn make_neighbours_where_wanted(&self) -> Result<()> {
        if self.is_approximate() {
            return Ok(());
        }
        let count = self.counted(PICTURES, ConsistencyLevel::Strong)?;
        let from = self.collection.connection.options().approximate_from as u64;
        if count == 0 || count < from {
            return Ok(());
        }
        let probes = self.probes()?;
        let queries: Vec<&[f32]> = probes.iter().map(Vec::as_slice).collect();
        let truth = self.nearest(&queries, LOOKED_AT_MOST)?;
        self.collection.make_approximate()?;
        self.approximate.store(true, std::sync::atomic::Ordering::Release);
        let mut measured = [None; 2];
        let mut looked_at = 16;
        while looked_at <= LOOKED_AT_MOST {
            let found = self.nearest(&queries, looked_at)?;
            let recall = recall(&truth, &found);
            for (measured, target) in measured.iter_mut().zip([0.95, 0.98]) {
                if measured.is_none() && recall >= target {
                    *measured = Some(looked_at);
                }
            }
            if measured.iter().all(Option::is_some) {
                break;
            }
            looked_at *= 2;
        }
        let mut settings = self.settings();
        settings.efforts = Some(measured.map(|one| one.unwrap_or(LOOKED_AT_MOST)));
        self.collection.keep(&settings)
    }

    fn nearest(&self, queries: &[&[f32]], looked_at: usize) -> Result<Vec<HashSet<u64>>> {
        let mut all = Vec::new();
        for some in queries.chunks(16) {
            let budget = self.collection.connection.long_budget();
            let level = ConsistencyLevel::Bounded;
            let found = self.server_search(some, None, RESULTS, looked_at, level, budget)?;
            all.extend(found.iter().map(|hits| hits.iter().map(|hit| hit.id).collect()));
        }
        Ok(all)
    }

    /// Vectors of rows that were drawn.
    fn probes(&self) -> Result<Vec<Vec<f32>>> {
        let next_id = usize::try_from(self.settings().next_id).unwrap_or(usize::MAX);
        let mut draws = seeded::stream(0, 0);
        let ids: Vec<u64> =
            (0..DRAWN).map(|_| 1 + seeded::below(&mut draws, next_id) as u64).collect();
        let mut there = self.existing(&ids)?;
        if there.is_empty() {
            there = self.records_after(0, PROBES)?.iter().map(|record| record.id).collect();
        }
        there.sort_unstable();
        let step = (there.len() / PROBES).max(1);
        let some: Vec<u64> = there.into_iter().step_by(step).take(PROBES).collect();
        let found = self.vectors_of(&some, ConsistencyLevel::Strong, &self.usual())?;
        let mut found: Vec<(u64, Vec<f32>)> = found.into_iter().collect();
        found.sort_unstable_by_key(|one| one.0);
        Ok(found.into_iter().map(|one| one.1).collect())
    }
}

const LOOKED_AT_MOST: usize = 1024;

fn recall(truth: &[HashSet<u64>], found: &[HashSet<u64>]) -> f64 {
    let shares = truth
        .iter()
        .zip(found)
        .map(|(truth, found)| truth.intersection(found).count() as f64 / truth.len().max(1) as f64);
    shares.sum::<f64>() / truth.len().max(1) as f64
}
