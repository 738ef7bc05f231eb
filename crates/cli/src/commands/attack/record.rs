//! The JSON of `attack`.

use lookalike::Metric;
use lookalike::robust::attack::{Attack, Method};
use serde::Serialize;

use super::files::Written;
use crate::report::{ErrorRecord, finite};

const SCHEMA: &str = "lookalike.attack/1";

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) schema: &'static str,
    pub(super) metric: String,
    pub(super) weights: Option<String>,
    pub(super) target: &'static str,
    pub(super) attack: AttackRecord,
    pub(super) items: Vec<Item>,
    pub(super) summary: Summary,
    pub(super) errors: Vec<ErrorRecord>,
}

/// The attack with its choices.
#[derive(Debug, Serialize)]
pub(super) struct AttackRecord {
    pub(super) method: &'static str,
    pub(super) norm: &'static str,
    pub(super) eps: f64,
    pub(super) steps: usize,
    pub(super) restarts: usize,
    pub(super) seed: u64,
}

/// An attack's result.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Item {
    Decision(DecisionRecord),
    Distance(DistanceRecord),
    Retrieval(RetrievalRecord),
}

/// Margins are the distance to the other picture less that to the chosen one.
#[derive(Debug, Serialize)]
pub(super) struct DecisionRecord {
    pub(super) reference: String,
    pub(super) left: String,
    pub(super) right: String,
    pub(super) choice: &'static str,
    pub(super) flipped: bool,
    pub(super) norm: f64,
    pub(super) margin_before: f64,
    pub(super) margin_after: f64,
    /// Of the picture in 8 bits.
    pub(super) margin_picture: f64,
    pub(super) queries: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) written: Option<Written>,
}

#[derive(Debug, Serialize)]
pub(super) struct DistanceRecord {
    pub(super) path: String,
    pub(super) norm: f64,
    /// The metric of the picture and its change.
    pub(super) value: f64,
    /// The same of the change in 8 bits.
    pub(super) value_picture: f64,
    pub(super) queries: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) written: Option<Written>,
}

#[derive(Debug, Serialize)]
pub(super) struct RetrievalRecord {
    pub(super) query: String,
    pub(super) first: String,
    pub(super) first_after: String,
    /// Of the picture in 8 bits.
    pub(super) first_picture: String,
    pub(super) flipped: bool,
    pub(super) norm: f64,
    pub(super) queries: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) written: Option<Written>,
}

/// What all items come to.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) n: usize,
    /// How many gave way; not for distances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flipped: Option<usize>,
    /// Values of pictures and their changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attacked: Option<Distribution>,
    /// Values of every picture and the next of its size, for comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unrelated: Option<Distribution>,
}

/// Values in a few numbers; `null` where they are infinite.
#[derive(Debug, Serialize)]
pub(super) struct Distribution {
    pub(super) n: usize,
    pub(super) mean: Option<f64>,
    pub(super) p10: Option<f64>,
    pub(super) median: Option<f64>,
    pub(super) p90: Option<f64>,
}

impl Distribution {
    /// Quantiles are values themselves: that at the share of the places, rounded.
    fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| finite(sorted[(share * (sorted.len() - 1) as f64).round() as usize]);
        let n = sorted.len();
        let mean = finite(sorted.iter().sum::<f64>() / n as f64);
        Some(Self { n, mean, p10: at(0.1), median: at(0.5), p90: at(0.9) })
    }
}

impl AttackRecord {
    pub(super) fn new(attack: &Attack) -> Self {
        let Attack { method, norm, eps, steps, restarts, seed, .. } = *attack;
        let restarts = match method {
            Method::Pgd | Method::Apgd | Method::ApgdSquare => restarts,
            Method::Fgsm | Method::Mim | Method::Square => 1,
        };
        let steps = if method == Method::Fgsm { 1 } else { steps };
        Self { method: method.as_str(), norm: norm.as_str(), eps, steps, restarts, seed }
    }
}

impl Report {
    pub(super) fn new(
        metric: &dyn Metric,
        target: &'static str,
        attack: AttackRecord,
        items: Vec<Item>,
        unrelated: &[f64],
        errors: Vec<ErrorRecord>,
    ) -> Self {
        let flips: Vec<bool> = items
            .iter()
            .filter_map(|item| match item {
                Item::Decision(one) => Some(one.flipped),
                Item::Retrieval(one) => Some(one.flipped),
                Item::Distance(_) => None,
            })
            .collect();
        let values: Vec<f64> = items
            .iter()
            .filter_map(|item| match item {
                Item::Distance(one) => Some(one.value),
                Item::Decision(_) | Item::Retrieval(_) => None,
            })
            .collect();
        let flipped = flips.iter().filter(|flipped| **flipped).count();
        let summary = Summary {
            n: items.len(),
            flipped: (target != "distance").then_some(flipped),
            attacked: Distribution::of(&values),
            unrelated: Distribution::of(unrelated),
        };
        Self {
            schema: SCHEMA,
            metric: metric.id().to_string(),
            weights: metric.weights().map(str::to_owned),
            target,
            attack,
            items,
            summary,
            errors,
        }
    }
}
