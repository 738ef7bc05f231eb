//! What `compare` reports, in the shape of its JSON: `lookalike.compare/1`.
//!
//! JSON has no infinity: an infinite value is `null` with `"infinite": true` beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lookalike::pairing::Candidate;
use lookalike::{Limit, Limits, PairScores, Part, Score, SizesDiffer, Summary};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::commands::update::UpdateRecord;
use crate::limit_record::{FailedGate, FailedPair, Poolings};

/// The version of the JSON layout.
pub(crate) const SCHEMA: &str = "lookalike.compare/1";

/// One pair with its scores.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct PairRecord {
    pub(crate) reference: String,
    pub(crate) candidate: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// The sizes before fitting, where they differ.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) sizes: Option<Sizes>,
    /// How a pair of different sizes was brought to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fit: Option<&'static str>,
    /// The share of the pixels that is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) masked: Option<f64>,
    pub(crate) scores: Vec<ScoreRecord>,
    /// The limits that the pair failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) failed_gates: Vec<FailedGate>,
}

/// Width and height of two pictures whose sizes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Sizes {
    reference_size: (usize, usize),
    candidate_size: (usize, usize),
}

impl From<SizesDiffer> for Sizes {
    fn from(sizes: SizesDiffer) -> Self {
        Self { reference_size: sizes.reference, candidate_size: sizes.candidate }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reference_size: reference, candidate_size: candidate } = self;
        let [(a, b), (c, d)] = [reference, candidate];
        write!(f, "sizes differ: {a}x{b} against {c}x{d}")
    }
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
    #[serde(skip_serializing_if = "Poolings::is_empty")]
    pub(crate) poolings: Poolings,
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

pub(crate) fn finite(value: f64) -> Option<f64> {
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
    pub(crate) fn new(pair: PairScores, maps: &BTreeMap<usize, String>, limits: &Limits) -> Self {
        let failed_gates = FailedGate::all(limits, &pair);
        let scores = pair.scores.into_iter().enumerate();
        Self {
            sizes: pair.sizes_differ.map(Sizes::from),
            fit: pair.sizes_differ.map(|sizes| sizes.fit.as_str()),
            masked: pair.masked,
            failed_gates,
            reference: pair.reference.display().to_string(),
            candidate: pair.candidate.display().to_string(),
            width: pair.width,
            height: pair.height,
            scores: scores
                .map(|(index, score)| {
                    let poolings = Poolings::of(&score.id.to_string(), &pair.poolings);
                    ScoreRecord { poolings, ..ScoreRecord::new(score, maps.get(&index).cloned()) }
                })
                .collect(),
        }
    }
}

impl PairRecord {
    /// What was done to the pair before the metrics saw it.
    pub(crate) fn preprocessing(&self) -> &[String] {
        self.scores.first().map_or(&[], |score| &score.provenance.preprocessing)
    }

    /// What a reader should know of the pair besides its scores: that the sizes differed, and what
    /// was done before the metrics saw it.
    pub(crate) fn notes(&self) -> Vec<String> {
        let sizes = self.sizes.map(|sizes| sizes.to_string());
        sizes.into_iter().chain(self.preprocessing().iter().cloned()).collect()
    }
}

impl ScoreRecord {
    fn new(score: Score, map: Option<String>) -> Self {
        Self {
            id: score.id.to_string(),
            value: Value(score.value),
            direction: score.direction.as_str(),
            parts: Parts(score.parts),
            poolings: Poolings::default(),
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

/// What a gate or another limit found.
#[derive(Clone, Debug)]
pub(crate) struct GateRecord {
    pub(crate) gate: Limit,
    pub(crate) checked: usize,
    pub(crate) failed: usize,
    /// The pairs that failed, in the order of the run.
    pub(crate) failures: Vec<FailedPair>,
}

impl Serialize for GateRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("rule", &self.gate.to_string())?;
        map.serialize_entry("checked", &self.checked)?;
        map.serialize_entry("failed", &self.failed)?;
        if !self.failures.is_empty() {
            map.serialize_entry("failures", &self.failures)?;
        }
        map.end()
    }
}

/// Something that went wrong with one file or pair.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct ErrorRecord {
    pub(crate) path: String,
    pub(crate) message: String,
    /// The sizes, where they are what went wrong.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) sizes: Option<Sizes>,
}

impl ErrorRecord {
    /// An error of a file.
    pub(crate) fn new(path: &Path, message: &str) -> Self {
        Self { path: path.display().to_string(), message: message.to_owned(), sizes: None }
    }

    /// An error of the run as a whole.
    pub(crate) fn of_the_run(message: &str) -> Self {
        Self { path: String::new(), message: message.to_owned(), sizes: None }
    }

    /// The same with the sizes of the pictures.
    pub(crate) fn with_sizes(self, sizes: Option<SizesDiffer>) -> Self {
        Self { sizes: sizes.map(Sizes::from), ..self }
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
    /// What became of references, when they were to be updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) update: Option<UpdateRecord>,
    /// Files without a partner where that is allowed.
    #[serde(skip)]
    pub(crate) unpaired: Vec<ErrorRecord>,
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
    pub(crate) fn new(limits: &Limits) -> Self {
        let record = |limit: &Limit| GateRecord {
            gate: limit.clone(),
            checked: 0,
            failed: 0,
            failures: Vec::new(),
        };
        Self {
            gates: limits.all().iter().map(record).collect(),
            values: BTreeMap::new(),
            candidates: Vec::new(),
            errors: Vec::new(),
            unpaired: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    /// Takes a pair's values in, and how it did on the limits.
    pub(crate) fn add(&mut self, pair: &PairScores, limits: &Limits) {
        let index = self.candidates.len();
        self.candidates.push(pair.candidate.display().to_string());
        for check in &pair.checks {
            let gate = &mut self.gates[check.limit];
            gate.checked += 1;
            if !check.met {
                gate.failed += 1;
                gate.failures.push(FailedPair::new(limits, pair, check));
            }
        }
        for score in &pair.scores {
            let (_, values) = self.values.entry(score.id.to_string()).or_insert_with(|| {
                (Score { map: None, parts: Vec::new(), ..score.clone() }, Vec::new())
            });
            values.push((index, score.value));
        }
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
        for (id, (score, values)) in &self.values {
            let Some(of) = Summary::of(&score.id, score.direction, values, worst) else {
                continue;
            };
            let named = |&(index, value): &(usize, f64)| (value, self.candidates[index].clone());
            let worst = of.worst.iter().map(named).collect();
            summary.insert(id.clone(), SummaryRecord { summary: of, worst });
        }
        let Self { gates, errors, unpaired, .. } = self;
        Conclusion { summary, gates, errors, unpaired, update: None }
    }
}
