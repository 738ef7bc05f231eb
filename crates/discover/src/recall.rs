//! How much of the true results an approximate search finds, and how long both take.
//!
//! recall@k is the mean over queries of |found ∩ true| / |true|, with pictures of the store, drawn at random,
//! as queries; each finds itself either way and is left out.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use lookalike_judge::statistics::seeded;

use crate::catalogue::records;
use crate::store::{Effort, SearchOptions, VectorStore};
use crate::{Error, Result};

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recall {
    /// Queries.
    pub queries: usize,
    /// The share of the true results that was found, on average.
    pub recall: f64,
    /// The least share of a query.
    pub worst: f64,
    /// A search, the median.
    pub approximate: Duration,
    /// An exact search, the median.
    pub exact: Duration,
    /// Whether the store has an approximate index; without one both searches are exact.
    pub indexed: bool,
}

/// Compares searches of an effort with exact ones.
///
/// # Errors
/// [`Error::Request`] for a store with fewer than two pictures, or k of 0; those of the store.
pub fn recall(
    store: &dyn VectorStore,
    k: usize,
    effort: Effort,
    queries: usize,
    seed: u64,
) -> Result<Recall> {
    let all = records(store)?;
    if all.len() < 2 || k == 0 || queries == 0 {
        return Err(Error::Request(format!(
            "recall needs two pictures, a k and a query at least; found {} pictures, k = {k} and {queries} queries",
            all.len()
        )));
    }
    let drawn = seeded::sample(&mut seeded::stream(seed, 0), all.len(), queries);
    let ids: Vec<u64> = drawn.iter().map(|&place| all[place].id).collect();
    let rows: Vec<_> = store.get(&ids)?.into_iter().flatten().collect();
    let mut shares = Vec::with_capacity(rows.len());
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    for row in &rows {
        let ask = |effort: Effort| -> Result<(HashSet<u64>, Duration)> {
            let options = SearchOptions { effort, ..SearchOptions::exact(k + 1) };
            let started = Instant::now();
            let hits = store.search(std::slice::from_ref(&row.vector), &options)?;
            let took = started.elapsed();
            let others = hits.into_iter().flatten().map(|hit| hit.id);
            Ok((others.filter(|&id| id != row.record.id).take(k).collect(), took))
        };
        let (found, quick) = ask(effort)?;
        let (truth, long) = ask(Effort::Exact)?;
        shares.push(found.intersection(&truth).count() as f64 / truth.len().max(1) as f64);
        fast.push(quick);
        slow.push(long);
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    Ok(Recall {
        queries: shares.len(),
        recall: shares.iter().sum::<f64>() / shares.len().max(1) as f64,
        worst: shares.iter().copied().fold(1.0, f64::min),
        approximate: median(fast),
        exact: median(slow),
        indexed: store.describe()?.approximate,
    })
}
