//! Learned metrics that may not be there.

use lookalike_core::{Metric, look_up_among};
use lookalike_deep::{WeightSource, definitions, metric_from};

use crate::Result;

/// A learned metric by its id, for pictures of a side; or why there is none and what brings it: pictures that are too
/// small, or weights that are not in the store.
///
/// # Errors
/// [`Error::Core`](crate::Error::Core) for ids of no learned metric, and for weights that are there and damaged.
pub fn learned(
    id: &str,
    side: usize,
    weights: &dyn WeightSource,
) -> Result<std::result::Result<Box<dyn Metric>, String>> {
    let (full, card) = look_up_among(definitions(), id)?;
    if side < card.minimum_side {
        let least = card.minimum_side;
        return Ok(Err(format!(
            "{full} reads pictures from {least} pixels on; give --side {least} or more"
        )));
    }
    let error = match metric_from(id, weights) {
        Ok(metric) => return Ok(Ok(metric)),
        Err(error) => error,
    };
    let mut absent = Vec::new();
    for name in card.weights {
        if let Err(lookalike_deep::Error::Absent { .. }) = weights.load(name) {
            absent.push(*name);
        }
    }
    if absent.is_empty() {
        return Err(error.into());
    }
    Ok(Err(format!(
        "{full} has no weights here; `lookalike weights fetch {}` brings them",
        absent.join(" ")
    )))
}
