//! What `judge generation` reports, in the shape of its JSON: `lookalike.generation/1`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::GenerationArgs;
use super::edges::EdgeRecord;
use super::paired::Paired;
use super::scores::Sets;
use crate::report::{ErrorRecord, SummaryRecord};

/// The version of the JSON layout.
const SCHEMA: &str = "lookalike.generation/1";

/// Everything.
#[derive(serde::Serialize)]
pub(crate) struct GenerationRecord {
    schema: &'static str,
    out: String,
    target: String,
    paired: PairedRecord,
    /// Of the outputs against what they were made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    edges: Option<EdgeRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<FeaturesRecord>,
    scores: Vec<SetScore>,
    /// For every generated picture; to be looked at, no score.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Vec<NearestRecord>>,
    warnings: Vec<String>,
    pub(crate) errors: Vec<ErrorRecord>,
}

#[derive(serde::Serialize)]
struct PairedRecord {
    n: usize,
    summary: BTreeMap<String, SummaryRecord>,
    missing: Vec<MissingRecord>,
}

#[derive(serde::Serialize)]
struct MissingRecord {
    id: String,
    value: (),
    reason: String,
}

#[derive(serde::Serialize)]
struct FeaturesRecord {
    embedder: Option<String>,
    columns: usize,
    out: FileRecord,
    target: FileRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    training: Option<FileRecord>,
}

#[derive(serde::Serialize)]
struct FileRecord {
    path: String,
    n: usize,
}

/// A score of both sets, or why there is none.
#[derive(Clone)]
pub(crate) struct SetScore {
    pub(crate) score: &'static str,
    /// The name in papers, where the network is the right one.
    pub(crate) called: Option<&'static str>,
    pub(crate) value: Option<f64>,
    pub(crate) deviation: Option<f64>,
    pub(crate) subset_size: Option<usize>,
    pub(crate) parts: Vec<(&'static str, f64)>,
    /// How many generated and how many target pictures.
    pub(crate) n: Option<(usize, usize)>,
    pub(crate) convention: String,
    pub(crate) embedder: Option<String>,
    pub(crate) reason: Option<String>,
}

impl Serialize for SetScore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("score", self.score)?;
        map.serialize_entry("called", &self.called)?;
        map.serialize_entry("value", &self.value)?;
        if let Some(reason) = &self.reason {
            map.serialize_entry("reason", reason)?;
        }
        if let Some(deviation) = self.deviation {
            map.serialize_entry("deviation", &deviation)?;
        }
        if let Some(size) = self.subset_size {
            map.serialize_entry("subset_size", &size)?;
        }
        if !self.parts.is_empty() {
            let parts: BTreeMap<_, _> = self.parts.iter().copied().collect();
            map.serialize_entry("parts", &parts)?;
        }
        if let Some((out, target)) = self.n {
            map.serialize_entry("n", &BTreeMap::from([("out", out), ("target", target)]))?;
        }
        map.serialize_entry("convention", &self.convention)?;
        if let Some(embedder) = &self.embedder {
            map.serialize_entry("embedder", embedder)?;
        }
        map.end()
    }
}

/// The training picture most like a generated one, rows counted from 0.
#[derive(serde::Serialize)]
pub(crate) struct NearestRecord {
    pub(crate) row: usize,
    pub(crate) training_row: usize,
    pub(crate) distance: f64,
}

/// One score for lists and tables; of pairs it is the mean.
#[derive(serde::Serialize)]
pub(crate) struct Line {
    pub(crate) score: String,
    pub(crate) called: Option<&'static str>,
    pub(crate) value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deviation: Option<f64>,
    /// Of sets, the smaller.
    pub(crate) n: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    convention: Option<String>,
}

impl Line {
    /// Why there is no value, or how it was computed.
    pub(crate) fn note(&self) -> &str {
        self.reason.as_deref().or(self.convention.as_deref()).unwrap_or_default()
    }
}

impl GenerationRecord {
    pub(crate) fn new(
        args: &GenerationArgs,
        paired: Paired,
        edges: Option<EdgeRecord>,
        features: Option<&Sets>,
        scores: Vec<SetScore>,
        nearest: Option<Vec<NearestRecord>>,
        warnings: Vec<String>,
    ) -> Self {
        let shown = |path: &Path| path.display().to_string();
        let file = |path: &Option<std::path::PathBuf>, n| FileRecord {
            path: path.as_deref().map(shown).unwrap_or_default(),
            n,
        };
        let missing = |(id, reason)| MissingRecord { id, value: (), reason };
        Self {
            schema: SCHEMA,
            out: shown(&args.out_dir),
            target: shown(&args.target_dir),
            features: features.map(|sets| FeaturesRecord {
                embedder: sets.embedder.clone(),
                columns: sets.out.columns(),
                out: file(&args.features_out, sets.out.rows()),
                target: file(&args.features_target, sets.target.rows()),
                training: sets
                    .training
                    .as_ref()
                    .map(|training| file(&args.features_training, training.rows())),
            }),
            paired: PairedRecord {
                n: paired.pairs,
                summary: paired.conclusion.summary,
                missing: paired.missing.into_iter().map(missing).collect(),
            },
            edges,
            scores,
            nearest,
            warnings,
            errors: paired.conclusion.errors,
        }
    }

    /// All scores one by one.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let summaries = self.paired.summary.iter().map(|(id, record)| Line {
            score: id.clone(),
            called: None,
            // A mean of decibels may be infinite, which JSON has no number for.
            value: Some(record.summary.mean).filter(|mean| mean.is_finite()),
            deviation: None,
            n: Some(record.summary.n),
            reason: record.summary.mean.is_infinite().then(|| "infinite".to_owned()),
            convention: None,
        });
        let missing = self.paired.missing.iter().map(|missing| Line {
            score: missing.id.clone(),
            called: None,
            value: None,
            deviation: None,
            n: None,
            reason: Some(missing.reason.clone()),
            convention: None,
        });
        let edges = self.edges.iter().map(|edges| Line {
            score: "edge-fidelity".to_owned(),
            called: None,
            value: Some(edges.f1),
            deviation: None,
            n: Some(edges.n),
            reason: None,
            convention: Some(edges.convention.clone()),
        });
        let sets = self.scores.iter().map(|score| Line {
            score: score.score.to_owned(),
            called: score.called,
            value: score.value,
            deviation: score.deviation,
            n: score.n.map(|(out, target)| out.min(target)),
            reason: score.reason.clone(),
            convention: Some(score.convention.clone()),
        });
        summaries.chain(missing).chain(edges).chain(sets).collect()
    }
}
