//! What `judge eval` reports, in the shape of its JSON: `lookalike.judge/1`.

use std::collections::BTreeMap;

use lookalike::judge::evaluation::{Ceiling, Compared, Estimate, Evaluated, SubsetCeiling};
use serde::{Serialize, Serializer};

use crate::report::ErrorRecord;

/// The version of the JSON layout.
pub(super) const SCHEMA: &str = "lookalike.judge/1";

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) schema: &'static str,
    pub(super) protocol: &'static str,
    pub(super) layout: &'static str,
    pub(super) n: usize,
    /// The shorter side to which pictures were brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resize: Option<usize>,
    /// How often people agree with one another; only 2AFC and the odd one out say so.
    pub(super) human: Option<HumanRecord>,
    pub(super) metrics: Vec<MetricRecord>,
    pub(super) comparisons: Vec<ComparisonRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) gates: Vec<GateRecord>,
    pub(super) errors: Vec<ErrorRecord>,
}

/// A score and the interval in which it lies; `ci` is null where there are too few references.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct EstimateRecord {
    pub(crate) score: f64,
    pub(crate) ci: Option<[f64; 2]>,
}

#[derive(Debug, Serialize)]
pub(crate) struct HumanRecord {
    #[serde(flatten)]
    pub(crate) estimate: EstimateRecord,
    /// The score of whoever sides with the majority.
    pub(crate) majority: f64,
    pub(crate) subsets: BTreeMap<String, SubsetHumanRecord>,
}

#[derive(Debug, Serialize)]
pub(crate) struct SubsetHumanRecord {
    pub(crate) n: usize,
    pub(crate) score: f64,
    pub(crate) majority: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct MetricRecord {
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) estimate: EstimateRecord,
    /// `auc`, or `krcc`, `plcc` and `rmse`; of BAPPS `distortions` and `real`.
    #[serde(flatten)]
    pub(super) further: BTreeMap<&'static str, f64>,
    pub(super) subsets: BTreeMap<String, SubsetRecord>,
    /// Under attack, where that was asked for.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) robust: Option<RobustRecord>,
}

/// Answers to the triplets with a majority, ties being wrong; intervals are Wilson's.
#[derive(Debug, Serialize)]
#[cfg_attr(not(feature = "deep"), allow(dead_code, reason = "only attacks make them"))]
pub(super) struct RobustRecord {
    pub(super) majority_n: usize,
    pub(super) natural_majority: f64,
    pub(super) natural_majority_ci: Option<[f64; 2]>,
    /// By threat, such as `l2:36/255`, in the order in which they were asked for.
    #[serde(serialize_with = "by_threat")]
    pub(super) robust: Vec<ThreatRecord>,
}

fn by_threat<S: Serializer>(records: &[ThreatRecord], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(records.iter().map(|record| (&record.threat, record)))
}

/// Answers that stay right: under attack, and proved to.
#[derive(Debug, Serialize)]
#[cfg_attr(not(feature = "deep"), allow(dead_code, reason = "only attacks make them"))]
pub(super) struct ThreatRecord {
    #[serde(skip)]
    pub(super) threat: String,
    pub(super) attack: &'static str,
    pub(super) empirical: f64,
    pub(super) empirical_ci: Option<[f64; 2]>,
    /// Null for metrics without certificates.
    pub(super) certified: Option<f64>,
    pub(super) certified_ci: Option<[f64; 2]>,
}

#[derive(Debug, Serialize)]
pub(super) struct SubsetRecord {
    pub(super) n: usize,
    /// Null where the score is not defined.
    pub(super) score: Option<f64>,
    pub(super) ci: Option<[f64; 2]>,
}

#[derive(Debug, Serialize)]
pub(super) struct ComparisonRecord {
    pub(super) a: String,
    pub(super) b: String,
    pub(super) difference: f64,
    pub(super) p: f64,
    pub(super) p_holm: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct GateRecord {
    pub(super) rule: String,
    pub(super) checked: usize,
    pub(super) failed: usize,
}

impl From<Estimate> for EstimateRecord {
    fn from(estimate: Estimate) -> Self {
        let ci = estimate.interval.map(|interval| [interval.low, interval.high]);
        Self { score: estimate.score, ci }
    }
}

impl From<Ceiling> for HumanRecord {
    fn from(ceiling: Ceiling) -> Self {
        let subsets = ceiling.subsets.into_iter().map(|subset| {
            let SubsetCeiling { name, count: n, human: score, majority } = subset;
            (name, SubsetHumanRecord { n, score, majority })
        });
        let subsets = subsets.collect();
        Self { estimate: ceiling.human.into(), majority: ceiling.majority, subsets }
    }
}

impl MetricRecord {
    pub(super) fn new(id: &str, found: Evaluated) -> Self {
        let subsets = found.subsets.into_iter().map(|subset| {
            let estimate = subset.estimate.map(EstimateRecord::from);
            let score = estimate.map(|estimate| estimate.score);
            let ci = estimate.and_then(|estimate| estimate.ci);
            (subset.name, SubsetRecord { n: subset.count, score, ci })
        });
        Self {
            id: id.to_owned(),
            estimate: found.overall.into(),
            further: found.further.into_iter().collect(),
            subsets: subsets.collect(),
            robust: None,
        }
    }
}

impl ComparisonRecord {
    pub(super) fn new(compared: &Compared, ids: &[String]) -> Self {
        let &Compared { first, second, difference, p, p_holm } = compared;
        Self { a: ids[first].clone(), b: ids[second].clone(), difference, p, p_holm }
    }
}
