//! Which pairs of pictures people are asked about.
//!
//! Nobody can label all pairs of a catalogue. Several models, the generators, each propose the first K other
//! products of a seed; what any of them proposes is labelled, whatever else is not (depth-K pooling).
//!
//! * [`pool`]: candidates of seeds
//! * [`file`](mod@file): candidates on disk, one JSON object a line
//!
//! Source: Barkan et al., ICCV 2023 ("Efficient Discovery of Similarities"); pooling as in TREC (Spärck Jones
//! and van Rijsbergen 1975).

pub mod file;
pub mod pool;

use serde::{Deserialize, Serialize};

/// A generator's part in a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The generator.
    pub model: String,
    /// The rank that it gave, from 0, own product left out and one picture per product.
    pub rank: usize,
    /// Its cosine.
    pub score: f32,
}

/// Why a pair was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stratum {
    /// A generator proposed it.
    Pool,
    /// It was drawn from what no generator proposed.
    Random,
    /// It was drawn from the unlabelled results of a model that is to be judged.
    Audit,
}

/// A pair to be labelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The path of the seed.
    pub seed: String,
    /// The path of the candidate.
    pub candidate: String,
    /// Who proposed it.
    #[serde(default)]
    pub proposals: Vec<Proposal>,
    /// Why it was chosen.
    pub stratum: Stratum,
    /// How likely it was to be chosen.
    pub p_incl: f64,
}
