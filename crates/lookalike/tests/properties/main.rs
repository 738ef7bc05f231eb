//! What every registered metric must keep, whatever its formula.
//!
//! Each test walks the whole registry and lists all violations at once. A metric that is right to
//! differ stands in [`exceptions`] with the reason. `LOOKALIKE_PROPERTIES_ONLY=ssim` restricts the
//! walk to ids that contain the text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cards;
mod derivatives;
mod exceptions;
mod extremes;
mod maps;
mod options;
mod order;
mod pictures;
mod repeatability;
mod samples;

use std::panic::{AssertUnwindSafe, catch_unwind};

use lookalike::{Metric, Picture, Score, Want};
use rayon::prelude::*;

use crate::exceptions::excused;

/// Checks a property of every metric. `check` describes each violation; a panic is one, and so is
/// an exception from a property that the metric keeps.
fn every_metric(property: &str, check: impl Fn(&dyn Metric) -> Vec<String> + Sync) {
    let only = std::env::var("LOOKALIKE_PROPERTIES_ONLY").unwrap_or_default();
    let ids: Vec<_> = lookalike::definitions()
        .map(|definition| definition.card)
        .filter(|card| card.weights.is_empty() || LEARNED.contains(&card.id))
        .map(|card| card.id)
        .filter(|id| id.contains(&only))
        .collect();
    assert!(!ids.is_empty(), "no metric's id contains '{only}'");
    let violations: Vec<String> = ids
        .par_iter()
        .flat_map_iter(|&id| {
            let metric = metric(id).unwrap();
            let found = catch_unwind(AssertUnwindSafe(|| check(metric.as_ref())));
            let found = match (found, excused(id, property)) {
                (Ok(found), false) => found,
                (Ok(found), true) if found.is_empty() => {
                    vec!["it keeps what it is excused from".to_owned()]
                }
                (Ok(_), true) => Vec::new(),
                (Err(panic), _) => vec![format!("it panicked: {}", words(panic.as_ref()))],
            };
            found.into_iter().map(move |violation| format!("{id}: {property}: {violation}"))
        })
        .collect();
    let count = violations.len();
    assert!(violations.is_empty(), "{count} violations\n{}", violations.join("\n"));
}

/// The learned metrics that take part, one for each kind of head and network; the others are the same
/// code on larger networks, and the tests of their crate cover them.
const LEARNED: [&str; 2] = ["lpips:alex@0.1", "lpips:squeeze@baseline"];

/// A metric by its id; a learned one on random weights, which every machine has.
fn metric(id: &str) -> lookalike::Result<Box<dyn Metric>, lookalike::CoreError> {
    #[cfg(feature = "deep")]
    if id.starts_with("lpips") {
        return lookalike::deep::metric_from(id, &lookalike::deep::SeededWeights);
    }
    lookalike::metric(id)
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}

fn score(metric: &dyn Metric, reference: &Picture, candidate: &Picture) -> Score {
    metric.compare(reference, candidate, Want::default()).unwrap()
}

fn value(metric: &dyn Metric, reference: &Picture, candidate: &Picture) -> f64 {
    score(metric, reference, candidate).value
}

/// Whether two values agree within a share of their size; equal infinities do.
fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-3)
}
