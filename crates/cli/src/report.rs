//! What `compare` reports, in the shape of its JSON: `lookalike.compare/1`.
//!
//! JSON has no infinity: an infinite value is `null` with `"infinite": true` beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lookalike::pairing::Candidate;
use lookalike::{Gate, PairScores, Part, Score, Summary};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The version of the JSON layout.
pub(crate) const SCHEMA: &str = "lookalike.compare/1";

/// One pair with its scores.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct PairRecord {
    pub(crate) reference: String,
    pub(crate) candidate: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) scores: Vec<ScoreRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) failed_gates: Vec<FailedGate>,
}

/// A gate that a pair failed.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct FailedGate {
    /// The gate as it was completed, such as `ssim@wang>=0.95`.
    pub(crate) rule: String,
    /// What was held against the bound.
    #[serde(flatten)]
    pub(crate) value: Value,
}

/// What became of one pair of the work list, scored or not.
#[derive(Clone, Debug)]
pub(crate) struct PairAccount {
    /// A relative path without extension, unique within the run.
    pub(crate) label: PathBuf,
    pub(crate) reference: PathBuf,
    pub(crate) candidate: PathBuf,
    /// How long reading the candidate and scoring took.
    pub(crate) elapsed: Duration,
    /// What could not be done for it.
    pub(crate) errors: Vec<ErrorRecord>,
    /// The scores, unless the pictures could not be compared at all.
    pub(crate) record: Option<PairRecord>,
}

impl PairAccount {
    /// The account of a pair about which nothing but its names is known.
    pub(crate) fn new(reference: &Path, candidate: &Candidate) -> Self {
        Self {
            label: candidate.label.clone(),
            reference: reference.to_owned(),
            candidate: candidate.path.clone(),
            elapsed: Duration::ZERO,
            errors: Vec::new(),
            record: None,
        }
    }

    /// The gates it failed.
    pub(crate) fn failed_gates(&self) -> &[FailedGate] {
        self.record.as_ref().map_or(&[], |record| &record.failed_gates)
    }
}

/// One score.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct ScoreRecord {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) value: Value,
    pub(crate) direction: &'static str,
    #[serde(skip_serializing_if = "Parts::is_empty")]
    pub(crate) parts: Parts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) map: Option<String>,
    pub(crate) provenance: ProvenanceRecord,
}

/// Where a score came from.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct ProvenanceRecord {
    pub(crate) software: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weights: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) preprocessing: Vec<String>,
}

/// A value that may be infinite: `"value": x`, or `"value": null, "infinite": true`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Value(pub(crate) f64);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &finite(self.0))?;
        if self.0.is_infinite() {
            map.serialize_entry("infinite", &true)?;
        }
        map.end()
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Named shares of a score, in the order of its definition.
#[derive(Clone, Debug)]
pub(crate) struct Parts(Vec<Part>);

impl Parts {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|part| (&part.name, finite(part.value))))
    }
}

impl PairRecord {
    /// The record of a scored pair; `maps` names the files of the maps by score position.
    pub(crate) fn new(
        pair: PairScores,
        maps: &BTreeMap<usize, String>,
        failed_gates: Vec<FailedGate>,
    ) -> Self {
        let scores = pair.scores.into_iter().enumerate();
        Self {
            reference: pair.reference.display().to_string(),
            candidate: pair.candidate.display().to_string(),
            width: pair.width,
            height: pair.height,
            scores: scores
                .map(|(index, score)| ScoreRecord::new(score, maps.get(&index).cloned()))
                .collect(),
            failed_gates,
        }
    }
}

impl PairRecord {
    /// What was done to the pair before the metrics saw it.
    pub(crate) fn preprocessing(&self) -> &[String] {
        self.scores.first().map_or(&[], |score| &score.provenance.preprocessing)
    }
}

impl ScoreRecord {
    fn new(score: Score, map: Option<String>) -> Self {
        Self {
            id: score.id.to_string(),
            value: Value(score.value),
            direction: score.direction.as_str(),
            parts: Parts(score.parts),
            map,
            provenance: ProvenanceRecord {
                software: score.provenance.software,
                weights: score.provenance.weights,
                preprocessing: score.provenance.preprocessing,
            },
        }
    }
}

/// Statistics of one metric, with the names of the worst candidates.
#[derive(Clone, Debug)]
pub(crate) struct SummaryRecord {
    pub(crate) summary: Summary,
    /// Value and name of the worst candidates, worst first.
    pub(crate) worst: Vec<(f64, String)>,
}

impl Serialize for SummaryRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let summary = &self.summary;
        let mut numbers = vec![
            ("mean", summary.mean),
            ("median", summary.median),
            ("min", summary.min),
            ("max", summary.max),
        ];
        numbers.extend(summary.decibel_of_mean_error.map(|db| ("db_of_mean_error", db)));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("n", &summary.n)?;
        for (name, value) in &numbers {
            map.serialize_entry(name, &finite(*value))?;
        }
        if numbers.iter().any(|(_, value)| value.is_infinite()) {
            map.serialize_entry("infinite", &true)?;
        }
        let worst: Vec<&str> = self.worst.iter().map(|(_, name)| name.as_str()).collect();
        map.serialize_entry("worst", &worst)?;
        map.end()
    }
}

/// What a gate found.
#[derive(Clone, Debug)]
pub(crate) struct GateRecord {
    pub(crate) gate: Gate,
    pub(crate) checked: usize,
    pub(crate) failed: usize,
}

impl Serialize for GateRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("rule", &self.gate.to_string())?;
        map.serialize_entry("checked", &self.checked)?;
        map.serialize_entry("failed", &self.failed)?;
        map.end()
    }
}

/// Something that went wrong with one file or pair.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct ErrorRecord {
    pub(crate) path: String,
    pub(crate) message: String,
}

impl ErrorRecord {
    /// An error of a file.
    pub(crate) fn new(path: &Path, message: &str) -> Self {
        Self { path: path.display().to_string(), message: message.to_owned() }
    }

    /// An error of the run as a whole.
    pub(crate) fn of_the_run(message: &str) -> Self {
        Self { path: String::new(), message: message.to_owned() }
    }
}

impl fmt::Display for ErrorRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// What a run amounts to, once all pairs are done.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Conclusion {
    pub(crate) summary: BTreeMap<String, SummaryRecord>,
    pub(crate) gates: Vec<GateRecord>,
    pub(crate) errors: Vec<ErrorRecord>,
    /// Files without a partner where that is allowed.
    #[serde(skip)]
    pub(crate) unpaired: Vec<ErrorRecord>,
}

/// The gates among `gates` that a pair fails.
pub(crate) fn failed_gates<'a>(
    gates: impl IntoIterator<Item = &'a Gate>,
    pair: &PairScores,
) -> Vec<FailedGate> {
    let mut failed = Vec::new();
    for gate in gates {
        for score in pair.scores.iter().filter(|score| &score.id == gate.id()) {
            if !gate.passes(score.value) {
                failed.push(FailedGate { rule: gate.to_string(), value: Value(score.value) });
            }
        }
    }
    failed
}

/// Gathers values while pairs come in, so that the pairs themselves need not be kept.
pub(crate) struct Tally {
    gates: Vec<GateRecord>,
    values: BTreeMap<String, (Score, Vec<(usize, f64)>)>,
    candidates: Vec<String>,
    errors: Vec<ErrorRecord>,
    unpaired: Vec<ErrorRecord>,
    known: BTreeSet<(String, String)>,
}

impl Tally {
    pub(crate) fn new(gates: Vec<Gate>) -> Self {
        let gates =
            gates.into_iter().map(|gate| GateRecord { gate, checked: 0, failed: 0 }).collect();
        Self {
            gates,
            values: BTreeMap::new(),
            candidates: Vec::new(),
            errors: Vec::new(),
            unpaired: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    /// Takes a pair's values in, and holds them against the gates. Returns the gates it failed.
    pub(crate) fn add(&mut self, pair: &PairScores) -> Vec<FailedGate> {
        let index = self.candidates.len();
        self.candidates.push(pair.candidate.display().to_string());
        for score in &pair.scores {
            for gate in self.gates.iter_mut().filter(|record| record.gate.id() == &score.id) {
                gate.checked += 1;
                gate.failed += usize::from(!gate.gate.passes(score.value));
            }
            let (_, values) = self.values.entry(score.id.to_string()).or_insert_with(|| {
                (Score { map: None, parts: Vec::new(), ..score.clone() }, Vec::new())
            });
            values.push((index, score.value));
        }
        failed_gates(self.gates.iter().map(|record| &record.gate), pair)
    }

    /// Notes a file without a partner where that is allowed.
    pub(crate) fn add_unpaired(&mut self, file: ErrorRecord) {
        self.unpaired.push(file);
    }

    /// Notes an error, once. Returns whether it is new.
    pub(crate) fn add_error(&mut self, error: ErrorRecord) -> bool {
        let new = self.known.insert((error.path.clone(), error.message.clone()));
        if new {
            self.errors.push(error);
        }
        new
    }

    /// Draws the sum; `worst` is how many of the worst pairs are named.
    pub(crate) fn conclude(self, worst: usize) -> Conclusion {
        let mut summary = BTreeMap::new();
        for (id, (score, values)) in self.values {
            let Some(of) = Summary::of(&score.id, score.direction, &values, worst) else {
                continue;
            };
            let named = |&(index, value): &(usize, f64)| (value, self.candidates[index].clone());
            let worst = of.worst.iter().map(named).collect();
            summary.insert(id, SummaryRecord { summary: of, worst });
        }
        Conclusion { summary, gates: self.gates, errors: self.errors, unpaired: self.unpaired }
    }
}
