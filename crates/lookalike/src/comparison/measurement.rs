//! What the metrics give for one pair. Metrics that share work on it are computed together.

use std::collections::BTreeMap;

use lookalike_core::{DisplayScale, Metric, Picture, Score, Want};

use super::group_run::Read;
use super::{Comparison, Failure, PairScores};
use crate::gate::Gate;
use crate::mask::MaskedArea;
use crate::pooling::Pooling;

impl Comparison {
    /// Computes the metrics that are asked of a pair, and the poolings that its gates need. Returns
    /// what failed.
    pub(super) fn measure(
        &self,
        pair: &mut PairScores,
        (reference, read, picture): (&Picture, Read<'_>, &Picture),
        masked: Option<&MaskedArea>,
        gates: &[&Gate],
    ) -> Vec<Failure> {
        let mut failures = Vec::new();
        let asked = self.metrics.iter().map(|choice| {
            let metric = choice.at(pair.width, pair.height);
            let of_metric = |gate: &&&Gate| gate.id() == metric.id();
            if choice.is_on_demand() && !gates.iter().any(|gate| of_metric(&gate)) {
                return None;
            }
            let poolings = gates.iter().filter(of_metric);
            let poolings = poolings.filter_map(|gate| gate.pooling().zip(metric.card().map));
            let poolings: Vec<(Pooling, DisplayScale)> = poolings.collect();
            let map = !poolings.is_empty() || (self.maps && metric.card().map.is_some());
            Some(Asked { metric, want: Want { map }, poolings })
        });
        let asked: Vec<Option<Asked<'_>>> = asked.collect();
        // Scores that came together with another metric's.
        let mut ready: BTreeMap<usize, Score> = BTreeMap::new();
        for (index, of_metric) in asked.iter().enumerate() {
            let Some(Asked { metric, want, poolings }) = of_metric else { continue };
            if pair.scores.iter().any(|score| score.id == *metric.id()) {
                continue;
            }
            let alone = || {
                let read = read.compare(index, *metric, picture, *want);
                read.unwrap_or_else(|| metric.compare(reference, picture, *want))
            };
            let score = match ready.remove(&index) {
                Some(score) => Ok(score),
                None => match together(&asked, index, &ready, [reference, picture]) {
                    Some((score, (other, of_other))) => {
                        ready.insert(other, of_other);
                        Ok(score)
                    }
                    None => alone(),
                },
            };
            match score {
                Ok(mut score) => {
                    let refused = pair.pool(&score, poolings, masked);
                    failures.extend(
                        refused.map(|message| Failure { path: pair.candidate.clone(), message }),
                    );
                    if !self.maps {
                        score.map = None;
                    }
                    pair.scores.push(score);
                }
                Err(error) => {
                    let (path, message) = (pair.candidate.clone(), error.to_string());
                    failures.push(Failure { path, message });
                }
            }
        }
        failures
    }
}

/// A metric that is asked of a pair, and for what.
struct Asked<'a> {
    metric: &'a dyn Metric,
    want: Want,
    /// The poolings of its map that gates need.
    poolings: Vec<(Pooling, DisplayScale)>,
}

/// The score of metric number `index`, and the number and score of a later one that shares its
/// work, if there is one.
fn together(
    asked: &[Option<Asked<'_>>],
    index: usize,
    ready: &BTreeMap<usize, Score>,
    pair: [&Picture; 2],
) -> Option<(Score, (usize, Score))> {
    let first = asked[index].as_ref()?;
    asked.iter().enumerate().skip(index + 1).find_map(|(other, second)| {
        let second = second.as_ref().filter(|_| !ready.contains_key(&other))?;
        let wants = [first.want, second.want];
        let [score, of_other] = first.metric.compare_together(second.metric, pair, wants)?;
        Some((score, (other, of_other)))
    })
}
