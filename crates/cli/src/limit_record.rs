//! How limits and poolings of maps appear in a report.

use std::fmt;

use lookalike::{Check, Limits, MapPooling, PairScores, Window};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::print::significant;
use crate::report::Value;

/// The poolings of one score's map, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Poolings(Vec<MapPooling>);

impl Poolings {
    /// The poolings of the metric among those of a pair.
    pub(crate) fn of(id: &str, all: &[MapPooling]) -> Self {
        Self(all.iter().filter(|pooling| pooling.id.to_string() == id).cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Poolings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Record {
            #[serde(flatten)]
            value: Value,
            direction: &'static str,
            #[serde(flatten)]
            place: Place,
        }
        serializer.collect_map(self.0.iter().map(|pooling| {
            let record = Record {
                value: Value(pooling.pooled.value),
                direction: pooling.direction.as_str(),
                place: Place(pooling.pooled.window),
            };
            (pooling.pooling.to_string(), record)
        }))
    }
}

/// Where in the compared pictures something was found: `x`, `y`, `width`, `height`, or nothing.
#[derive(Clone, Copy, Debug)]
struct Place(Option<Window>);

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(window) = self.0 {
            map.serialize_entry("x", &window.x)?;
            map.serialize_entry("y", &window.y)?;
            map.serialize_entry("width", &window.width)?;
            map.serialize_entry("height", &window.height)?;
        }
        map.end()
    }
}

/// A gate, or another limit, that a pair failed.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct FailedGate {
    pub(crate) rule: String,
    /// What was held against the bound; `sizes=equal` and `pixels=equal` have no number.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Value>,
    #[serde(flatten)]
    place: Place,
}

impl FailedGate {
    fn new(limits: &Limits, check: &Check) -> Self {
        Self {
            rule: limits.all()[check.limit].to_string(),
            value: check.value.map(Value),
            place: Place(check.window),
        }
    }

    /// The limits that a pair failed.
    pub(crate) fn all(limits: &Limits, pair: &PairScores) -> Vec<Self> {
        let failed = pair.checks.iter().filter(|check| !check.met);
        failed.map(|check| Self::new(limits, check)).collect()
    }
}

/// The value and where it was found: `0.41 at x=120 y=64 (32x32)`.
impl fmt::Display for FailedGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) => f.write_str(&significant(value.0))?,
            None => f.write_str("differs")?,
        }
        match self.place.0 {
            Some(Window { x, y, width: 1, height: 1 }) => write!(f, " at x={x} y={y}"),
            Some(Window { x, y, width, height }) => {
                write!(f, " at x={x} y={y} ({width}x{height})")
            }
            None => Ok(()),
        }
    }
}

/// A pair that failed a limit, as the limit lists it.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct FailedPair {
    pub(crate) reference: String,
    pub(crate) candidate: String,
    #[serde(flatten)]
    value: Option<Value>,
    #[serde(flatten)]
    place: Place,
    #[serde(skip)]
    shown: String,
}

impl FailedPair {
    pub(crate) fn new(limits: &Limits, pair: &PairScores, check: &Check) -> Self {
        let failed = FailedGate::new(limits, check);
        Self {
            reference: pair.reference.display().to_string(),
            candidate: pair.candidate.display().to_string(),
            value: failed.value,
            place: failed.place,
            shown: failed.to_string(),
        }
    }
}

impl fmt::Display for FailedPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.candidate, self.shown)
    }
}
