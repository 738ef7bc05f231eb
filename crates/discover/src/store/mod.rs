//! Where vectors and what is known of their pictures are kept and searched.
//!
//! * [`VectorStore`]: what every store does, whichever engine is behind it
//! * [`Embedded`]: a folder, for one machine; [`Memory`]: the simplest thing that is right, to compare with
//! * `MilvusStore`: a server, for many machines, with the feature `milvus`
//! * [`Filter`]: which rows a search may find
//! * [`scan`]: cosines of a query with many rows
//!
//! Vectors have unit length, the score is the cosine, and a higher one is better, whatever the engine calls
//! it. Equal scores stand in the order of ids. Ids are from 1 to 2⁶³ − 1 and never used again.

mod embedded;
mod filter;
mod memory;
#[cfg(feature = "milvus")]
mod milvus;
mod parser;
mod record;
pub mod scan;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Result;

pub use embedded::{Embedded, EmbeddedOptions};
pub use filter::{Field, Filter};
pub use memory::Memory;
#[cfg(feature = "milvus")]
pub use milvus::{MilvusAddress, MilvusOptions, MilvusStore, Token};
pub use record::{PART, Record, Row};

/// Whether what names a store is an address and not a folder.
pub fn is_address(text: &str) -> bool {
    text.contains("://")
}

/// The hash by which pictures of equal bytes are known: BLAKE3, in hexadecimal digits.
pub fn content_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// What vectors were made with. Vectors of two stores may be compared where these are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The embedder, by id.
    pub model: String,
    /// Hash of its weights; empty where it has none.
    pub weights: String,
    /// What was done to pictures first.
    pub preprocessing: String,
    /// Numbers in a vector.
    pub dimension: usize,
}

impl Fingerprint {
    /// Twelve digits that differ where anything does.
    pub fn digest(&self) -> String {
        let Self { model, weights, preprocessing, dimension } = self;
        let text = format!("{model}\n{weights}\n{preprocessing}\n{dimension}\nf32");
        blake3::hash(text.as_bytes()).to_hex()[..12].to_owned()
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} numbers, {})", self.model, self.dimension, self.digest())
    }
}

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// What its vectors were made with.
    pub fingerprint: Fingerprint,
    /// Rows.
    pub count: u64,
    /// `embedded`, `memory` or `milvus`.
    pub engine: &'static str,
    /// An id above all that were ever used.
    pub next_id: u64,
    /// Whether an approximate index answers searches that allow it.
    pub approximate: bool,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct BatchOutcome {
    /// Ids that are stored.
    pub applied: Vec<u64>,
    /// Ids that are not, each with its reason.
    pub failed: Vec<(u64, crate::Error)>,
}

/// Rows by id or by what is known of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// These.
    Ids(Vec<u64>),
    /// All that a filter lets through.
    Matching(Filter),
}

/// How fresh an answer must be. An embedded store is always up to date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// A few seconds old at most.
    #[default]
    Bounded,
    /// All that was acknowledged before.
    Strong,
}

/// How hard to look.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// At least 95 of 100 of the true results on average, by what was measured when the index was built.
    #[default]
    Recall95,
    /// At least 98 of 100.
    Recall98,
    /// All of them.
    Exact,
}

/// How a search is made.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchOptions {
    /// How many results.
    pub k: usize,
    /// Which rows may be found.
    pub filter: Option<Filter>,
    /// How fresh the answer must be.
    pub freshness: Freshness,
    /// How hard to look.
    pub effort: Effort,
    /// How long it may take.
    pub deadline: Option<Duration>,
}

impl SearchOptions {
    /// The true first `k`.
    pub fn exact(k: usize) -> Self {
        let (filter, freshness) = (None, Freshness::Strong);
        Self { k, filter, freshness, effort: Effort::Exact, deadline: None }
    }

    /// Most of the first `k`.
    pub fn approximate(k: usize) -> Self {
        Self { effort: Effort::Recall95, freshness: Freshness::Bounded, ..Self::exact(k) }
    }

    /// The same among rows that a filter lets through.
    #[must_use]
    pub fn among(self, filter: Option<Filter>) -> Self {
        Self { filter, ..self }
    }
}

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its id.
    pub id: u64,
    /// Its cosine with the query.
    pub score: f32,
}

/// A place where vectors are kept and searched.
pub trait VectorStore: Send + Sync {
    /// What it is.
    ///
    /// # Errors
    /// Where it cannot be asked.
    fn describe(&self) -> Result<StoreInfo>;

    /// Stores rows, over those with the same ids. Rows that cannot be stored are named; the others are stored
    /// together or not at all. Of several with one id the last counts.
    ///
    /// # Errors
    /// Where nothing could be stored for a reason that is not in the rows.
    fn upsert(&self, rows: &[Row]) -> Result<BatchOutcome>;

    /// Deletes rows and says how many there were.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn delete(&self, what: &Selection) -> Result<u64>;

    /// Rows by id, `None` where there is none.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn get(&self, ids: &[u64]) -> Result<Vec<Option<Row>>>;

    /// What is known of rows by id, without their vectors.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn records(&self, ids: &[u64]) -> Result<Vec<Option<Record>>>;

    /// The first results for every query, in order.
    ///
    /// # Errors
    /// [`Error::WrongDimension`](crate::Error::WrongDimension), [`Error::NotFinite`](crate::Error::NotFinite),
    /// [`Error::Timeout`](crate::Error::Timeout).
    fn search(&self, queries: &[Vec<f32>], options: &SearchOptions) -> Result<Vec<Vec<Hit>>>;

    /// How many rows there are, or a filter lets through.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn count(&self, filter: Option<&Filter>) -> Result<u64>;

    /// At most `count` rows with ids above `after`, by id.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn scan(&self, after: u64, count: usize) -> Result<Vec<Row>>;

    /// What is known of at most `count` rows with ids above `after`, by id, without their vectors.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn scan_records(&self, after: u64, count: usize) -> Result<Vec<Record>> {
        Ok(self.scan(after, count)?.into_iter().map(|row| row.record).collect())
    }

    /// The folder that paths of pictures are relative to, as it was when they were indexed.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn pictures(&self) -> Result<Option<PathBuf>>;

    /// Keeps the folder that paths of pictures are relative to. One whose name is not Unicode is not kept.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn set_pictures(&self, folder: &Path) -> Result<()>;

    /// Brings everything onto the disk, and an approximate index up to date.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn flush(&self) -> Result<()>;
}
