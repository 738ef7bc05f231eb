//! The JSON of `certify`.

use std::path::{Path, PathBuf};

use lookalike::robust::{Compat, Decision, Evidence, Pixels, Radius, Retrieval, Value};
use serde::Serialize;

use crate::report::{ErrorRecord, finite};

pub(super) const SCHEMA: &str = "lookalike.certify/1";

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) schema: &'static str,
    pub(super) metric: String,
    pub(super) weights: Option<String>,
    pub(super) items: Vec<Item>,
    pub(super) errors: Vec<ErrorRecord>,
}

/// An answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Item {
    Triplet(TripletRecord),
    Value(ValueRecord),
    Query(QueryRecord),
}

#[derive(Debug, Serialize)]
pub(super) struct TripletRecord {
    pub(super) reference: String,
    pub(super) left: String,
    pub(super) right: String,
    pub(super) choice: &'static str,
    pub(super) distances: Distances,
    pub(super) radius: RadiusRecord,
    #[serde(flatten)]
    pub(super) evidence: EvidenceRecord,
}

#[derive(Debug, Serialize)]
pub(super) struct Distances {
    pub(super) left: f64,
    pub(super) right: f64,
}

/// A radius; `null` where it is infinite, with `infinite`, or where there is none, with a `reason`.
#[derive(Debug, Serialize)]
pub(super) struct RadiusRecord {
    pub(super) pixels: Option<f64>,
    pub(super) network: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compat: Option<f64>,
    /// Whether the condition of the published radius is met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compat_holds: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) infinite: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct EvidenceRecord {
    pub(super) lipschitz: LipschitzRecord,
    pub(super) rounding: RoundingRecord,
}

#[derive(Debug, Serialize)]
pub(super) struct LipschitzRecord {
    pub(super) bound: f64,
    pub(super) how: &'static str,
}

/// By how much radii of the network are shortened already.
#[derive(Debug, Serialize)]
pub(super) struct RoundingRecord {
    pub(super) reduction: f64,
    pub(super) how: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct ValueRecord {
    pub(super) reference: String,
    pub(super) candidate: String,
    pub(super) distance: f64,
    pub(super) eps: f64,
    pub(super) eps_reference: f64,
    pub(super) interval: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(flatten)]
    pub(super) evidence: EvidenceRecord,
}

#[derive(Debug, Serialize)]
pub(super) struct QueryRecord {
    pub(super) query: String,
    pub(super) k: usize,
    pub(super) results: Vec<ResultRecord>,
    /// While the set of results stays.
    pub(super) radius: RadiusRecord,
    /// While the first stays first.
    pub(super) radius_first: RadiusRecord,
    #[serde(flatten)]
    pub(super) evidence: EvidenceRecord,
}

#[derive(Debug, Serialize)]
pub(super) struct ResultRecord {
    pub(super) rank: usize,
    pub(super) path: String,
    pub(super) distance: f64,
    /// While it stays among the k nearest.
    pub(super) radius: RadiusRecord,
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl RadiusRecord {
    fn new(radius: &Radius, compat: Option<Compat>) -> Self {
        let (pixels, reason) = match &radius.pixels {
            Pixels::Radius(pixels) => (finite(*pixels), None),
            Pixels::Unknown(reason) => (None, Some(reason.clone())),
        };
        Self {
            pixels,
            network: finite(radius.network),
            compat: compat.and_then(|compat| finite(compat.radius)),
            compat_holds: compat.map(|compat| compat.holds),
            infinite: radius.network.is_infinite(),
            reason,
        }
    }
}

impl EvidenceRecord {
    fn new(evidence: &Evidence) -> Self {
        let how = if evidence.proved { "proved" } else { "estimated" };
        let lipschitz = evidence.lipschitz;
        Self {
            lipschitz: LipschitzRecord { bound: lipschitz.value, how: lipschitz.how.as_str() },
            rounding: RoundingRecord { reduction: evidence.reduction, how },
        }
    }
}

impl TripletRecord {
    pub(super) fn new(paths: &[PathBuf; 3], decision: &Decision) -> Self {
        let [reference, left, right] = paths.each_ref().map(|path| shown(path));
        Self {
            reference,
            left,
            right,
            choice: match decision.left {
                None => "tie",
                Some(true) => "left",
                Some(false) => "right",
            },
            distances: Distances { left: decision.distances[0], right: decision.distances[1] },
            radius: RadiusRecord::new(&decision.radius, decision.compat),
            evidence: EvidenceRecord::new(&decision.evidence),
        }
    }
}

impl ValueRecord {
    pub(super) fn new(paths: &[PathBuf; 2], eps: [f64; 2], value: &Value) -> Self {
        let [reference, candidate] = paths.each_ref().map(|path| shown(path));
        let interval = value.interval.as_ref();
        Self {
            reference,
            candidate,
            distance: value.value,
            eps: eps[1],
            eps_reference: eps[0],
            interval: interval.ok().map(|interval| [interval.low, interval.high]),
            reason: interval.err().cloned(),
            evidence: EvidenceRecord::new(&value.evidence),
        }
    }
}

impl QueryRecord {
    pub(super) fn new(path: &Path, k: usize, names: &[PathBuf], found: &Retrieval) -> Self {
        let result = |(at, one): (usize, &lookalike::robust::Retrieved)| ResultRecord {
            rank: at + 1,
            path: names.get(one.index).map(|name| shown(name)).unwrap_or_default(),
            distance: one.distance,
            radius: RadiusRecord::new(&one.radius, None),
        };
        Self {
            query: shown(path),
            k,
            results: found.results.iter().enumerate().map(result).collect(),
            radius: RadiusRecord::new(&found.set, None),
            radius_first: RadiusRecord::new(&found.first, None),
            evidence: EvidenceRecord::new(&found.evidence),
        }
    }
}
