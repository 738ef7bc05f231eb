//! What other metrics say of an example, and how their answers become one distance.
//!
//! Every teacher's scores are turned so that more is worse, and replaced by the share of all learned pairs
//! that score less (ranks have no scale to disagree on). The weighted mean of these shares is ranked again,
//! and the distance aimed at is the value of the first teacher at that rank: so distances have its scale,
//! even where its own opinion weighs nothing.

use lookalike_core::{Direction, Metric, Want};
use lookalike_deep::{WeightSource, metric_from};
use serde::{Deserialize, Serialize};

use super::examples::{CANDIDATES, Example};
use crate::{Error, Result};

/// A metric whose opinion counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teacher {
    /// Its id.
    pub id: String,
    /// How much it counts; 0 for nothing.
    pub weight: f64,
}

/// The metrics of the teachers.
pub(crate) struct Teachers {
    metrics: Vec<Box<dyn Metric>>,
    weights: Vec<f64>,
}

/// The scores of the four pairs of an example by every teacher, more being worse.
pub(crate) type Scores = [Vec<f32>; CANDIDATES];

impl Teachers {
    pub(crate) fn open(teachers: &[Teacher], source: &dyn WeightSource) -> Result<Self> {
        let open = |teacher: &Teacher| match lookalike_metrics::metric(&teacher.id) {
            Err(lookalike_core::Error::UnknownMetric { .. }) => metric_from(&teacher.id, source),
            found => found,
        };
        let metrics = teachers.iter().map(open).collect::<lookalike_core::Result<_>>()?;
        Ok(Self { metrics, weights: teachers.iter().map(|teacher| teacher.weight).collect() })
    }

    /// Ids with the hashes of their weights.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.metrics.iter().map(|metric| match metric.weights() {
            Some(weights) => format!("{} {weights}", metric.id()),
            None => metric.id().to_string(),
        });
        names.collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.metrics.len()
    }

    /// What all say of an example.
    pub(crate) fn scores(&self, example: &Example) -> Result<Scores> {
        let [reference, candidates @ ..] = &example.pictures;
        let mut scores: Scores = Default::default();
        for metric in &self.metrics {
            let prepared = metric.prepare(reference)?;
            for (scores, candidate) in scores.iter_mut().zip(candidates) {
                let value = prepared.compare(candidate, Want::default())?.value as f32;
                scores.push(match metric.direction() {
                    Direction::LowerIsBetter => value,
                    Direction::HigherIsBetter => -value,
                });
            }
        }
        Ok(scores)
    }
}

/// Numbers in order, and where others stand among them.
struct Quantiles(Vec<f32>);

impl Quantiles {
    fn of(mut numbers: Vec<f32>) -> Self {
        numbers.sort_unstable_by(f32::total_cmp);
        Self(numbers)
    }

    /// The share that is less, equal ones counting half.
    fn share(&self, number: f32) -> f64 {
        let less = self.0.partition_point(|&other| other < number);
        let not_more = self.0.partition_point(|&other| other <= number);
        0.5 * (less + not_more) as f64 / self.0.len().max(1) as f64
    }

    /// The number at a share.
    fn at(&self, share: f64) -> f32 {
        let place = share * self.0.len() as f64 - 0.5;
        let last = self.0.len().saturating_sub(1);
        let lower = (place.max(0.0).floor() as usize).min(last);
        let t = (place - lower as f64).clamp(0.0, 1.0) as f32;
        let number = |at: usize| self.0.get(at.min(last)).copied().unwrap_or(0.0);
        number(lower) * (1.0 - t) + number(lower + 1) * t
    }
}

/// How scores become distances, learned from all scores.
pub(crate) struct Blend {
    weights: Vec<f64>,
    teachers: Vec<Quantiles>,
    blended: Quantiles,
}

impl Blend {
    pub(crate) fn learn(teachers: &Teachers, scores: &[Scores]) -> Result<Self> {
        let weights = teachers.weights.clone();
        let finite = scores.iter().flatten().flatten().all(|score| !score.is_nan());
        if !finite {
            return Err(Error::Refused("a teacher gave no number for a pair".to_owned()));
        }
        let of = |teacher: usize| {
            Quantiles::of(scores.iter().flatten().map(|pair| pair[teacher]).collect())
        };
        let teachers = (0..weights.len()).map(of).collect();
        let mut blend = Self { weights, teachers, blended: Quantiles(Vec::new()) };
        let blended = scores.iter().flatten().map(|pair| blend.mean(pair) as f32).collect();
        blend.blended = Quantiles::of(blended);
        Ok(blend)
    }

    fn mean(&self, pair: &[f32]) -> f64 {
        let parts = self.weights.iter().zip(&self.teachers).zip(pair);
        let sum: f64 = parts.map(|((weight, of), &score)| weight * of.share(score)).sum();
        sum / self.weights.iter().sum::<f64>()
    }

    /// The distances aimed at, for the pairs of an example.
    pub(crate) fn targets(&self, scores: &Scores) -> [f32; CANDIDATES] {
        std::array::from_fn(|at| {
            let share = self.blended.share(self.mean(&scores[at]) as f32);
            self.teachers.first().map_or(0.0, |first| first.at(share)).max(0.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_numbers_are_inverse() {
        let quantiles = Quantiles::of(vec![3.0, 1.0, 2.0, 2.0]);
        assert_eq!(quantiles.share(0.0), 0.0);
        assert_eq!(quantiles.share(2.0), 0.5);
        assert_eq!(quantiles.share(9.0), 1.0);
        assert_eq!([0.0, 0.125, 0.5, 1.0].map(|share| quantiles.at(share)), [1.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn the_first_teacher_gives_the_scale_and_weights_the_order() {
        let weights = vec![0.0, 1.0];
        let teachers = Teachers { metrics: Vec::new(), weights };
        let scores: Vec<Scores> = (0..25)
            .map(|i| std::array::from_fn(|j| vec![(4 * i + j) as f32, -((4 * i + j) as f32)]))
            .collect();
        let blend = Blend::learn(&teachers, &scores).unwrap();
        let found: Vec<f32> = scores.iter().flat_map(|scores| blend.targets(scores)).collect();
        assert!(found.windows(2).all(|two| two[0] > two[1]));
        assert!((found[0] - 99.0).abs() < 1e-3 && found[99].abs() < 1e-3, "{found:?}");
    }
}
