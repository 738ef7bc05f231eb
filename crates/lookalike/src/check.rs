//! Holding one pair against its limits.

use lookalike_core::{Direction, DisplayScale, MetricId, Picture, Score};

use crate::comparison::PairScores;
use crate::limits::Limit;
use crate::mask::MaskedArea;
use crate::pooling::{Pooled, Pooling, Window, map_direction};

/// A pooling of a metric's map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapPooling {
    /// The metric.
    pub id: MetricId,
    /// Which pooling.
    pub pooling: Pooling,
    /// Which way the values of the map are better.
    pub direction: Direction,
    /// What it gave.
    pub pooled: Pooled,
}

/// How a pair did on one limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// The limit's position in [`Limits::all`](crate::Limits::all).
    pub limit: usize,
    /// Whether it is met.
    pub met: bool,
    /// The number that was held against the bound.
    pub value: Option<f64>,
    /// Where it was found: the worst window, or the first pixel that differs.
    pub window: Option<Window>,
}

impl PairScores {
    /// Pools the map of a score. Returns why, where that is not possible.
    pub(crate) fn pool(
        &mut self,
        score: &Score,
        poolings: &[(Pooling, DisplayScale)],
        masked: Option<&MaskedArea>,
    ) -> Option<String> {
        let map = score.map.as_ref()?;
        for &(pooling, scale) in poolings {
            let known = |known: &MapPooling| known.id == score.id && known.pooling == pooling;
            if self.poolings.iter().any(known) {
                continue;
            }
            let size = (self.width, self.height);
            let Some(pooled) = pooling.of(map, scale, size, masked) else {
                return Some(format!(
                    "{}.{pooling} cannot be checked: every position of the map is masked",
                    score.id
                ));
            };
            let direction = map_direction(scale);
            self.poolings.push(MapPooling { id: score.id.clone(), pooling, direction, pooled });
        }
        None
    }

    /// Holds the pair against a limit, when what the limit bounds is known.
    pub(crate) fn check(
        &mut self,
        index: usize,
        limit: &Limit,
        reference: &Picture,
        candidate: &Picture,
    ) {
        let (met, value, window) = match limit {
            Limit::EqualSizes => (self.sizes_differ.is_none(), None, None),
            Limit::EqualPixels => {
                let window = first_difference(reference, candidate);
                (window.is_none() && self.sizes_differ.is_none(), None, window)
            }
            Limit::Gate(gate) => {
                let found = match gate.pooling() {
                    None => {
                        let score = self.scores.iter().find(|score| score.id == *gate.id());
                        score.map(|score| (score.value, None))
                    }
                    Some(pooling) => {
                        let known = |p: &&MapPooling| p.id == *gate.id() && p.pooling == pooling;
                        let pooling = self.poolings.iter().find(known);
                        pooling.map(|pooling| (pooling.pooled.value, pooling.pooled.window))
                    }
                };
                let Some((value, window)) = found else { return };
                (gate.passes(value), Some(value), window)
            }
        };
        self.checks.push(Check { limit: index, met, value, window });
    }
}

/// The first pixel, row by row, on which two pictures of one size differ.
fn first_difference(reference: &Picture, candidate: &Picture) -> Option<Window> {
    let channels = reference.channels().count().max(candidate.channels().count());
    let differs = |channel| {
        let planes = (reference.plane(channel, 1.0), candidate.plane(channel, 1.0));
        planes.0.iter().zip(&planes.1).position(|(a, b)| a != b)
    };
    let pixel = (0..channels).filter_map(differs).min()?;
    let (x, y) = (pixel % reference.width(), pixel / reference.width());
    Some(Window { x, y, width: 1, height: 1 })
}
