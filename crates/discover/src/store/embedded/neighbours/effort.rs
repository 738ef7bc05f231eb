//! How many rows a search has to look at (ef) to find 95, or 98, of 100 of its ten nearest on average.
//!
//! The least from 16 to 1024, to a sixteenth, by which rows that are not in the graph, taken as queries, find as
//! much, less the standard error of their average. Rows that are in it would find too easily: their links are those
//! of what they look for.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;

use super::graph::{Graph, Scratch};
use crate::store::Effort;
use crate::store::scan::Rounded;

/// Results that are asked of each.
const RESULTS: usize = 10;
/// The least ef that is tried, and the greatest.
const LEAST: usize = 16;
const MOST: usize = 1024;

/// The ef that each effort takes, by `probes` that are not among the `rows` of the graph.
pub(super) fn measured(
    graph: &Graph,
    rows: &[(u64, &[f32])],
    probes: &[(u64, &[f32])],
) -> BTreeMap<Effort, usize> {
    let efforts = [(0.95, Effort::Recall95), (0.98, Effort::Recall98)];
    if rows.is_empty() || probes.is_empty() {
        return efforts.into_iter().map(|(_, effort)| (effort, MOST)).collect();
    }
    let queries: Vec<&[f32]> = probes.iter().map(|one| one.1).collect();
    let all: Vec<f32> = rows.iter().flat_map(|one| one.1).copied().collect();
    let id = |place: usize| Some(rows.get(place)?.0);
    let truths = Rounded::new(&all, graph.dimension).nearest(&queries, &all, RESULTS, id);
    drop(all);
    let truths: Vec<HashSet<u64>> =
        truths.into_iter().map(|hits| hits.iter().map(|hit| hit.id).collect()).collect();
    // The share that is found on average, less its standard error.
    let share = |ef: usize| -> f64 {
        let pairs = queries.par_iter().zip(&truths);
        let shares: Vec<f64> = pairs
            .map_init(Scratch::default, |scratch, (query, truth)| {
                let ids = graph.nearest(query, RESULTS, ef, |_| true, scratch);
                let found = ids.iter().filter(|id| truth.contains(id)).count();
                found as f64 / truth.len().max(1) as f64
            })
            .collect();
        let count = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / count;
        let squares = shares.iter().map(|share| share * share).sum::<f64>() / count;
        mean - ((squares - mean * mean).max(0.0) / count).sqrt()
    };
    let mut effort = BTreeMap::new();
    for (target, one) in efforts {
        let mut enough = LEAST;
        while enough < MOST && share(enough) < target {
            enough *= 2;
        }
        let mut few = if enough > LEAST { enough / 2 } else { LEAST };
        while enough - few > (few / 16).max(1) {
            let middle = few.midpoint(enough);
            match share(middle) >= target {
                true => enough = middle,
                false => few = middle,
            }
        }
        effort.insert(one, enough);
    }
    effort
}
