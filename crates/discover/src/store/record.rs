//! What is known of a picture beside its vector.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::query::{Rectangle, rectangle};
use crate::{Error, Result};

/// The name under which [`Record::meta`] keeps the part of the picture that is looked at.
pub const PART: &str = "bbox";

/// The most bytes of each text: what a server's columns hold.
const LIMITS: [(&str, usize); 7] = [
    ("product", 256),
    ("category", 128),
    ("colour", 64),
    ("phase", 16),
    ("split", 16),
    ("content hash", 64),
    ("path", 1024),
];

/// A picture of a catalogue. Texts that are not known are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: u64,
    /// Its file, relative to the catalogue's folder, with `/` between folders.
    pub path: String,
    /// What it shows; pictures of one product are not answers to each other.
    pub product: String,
    /// The kind of product.
    pub category: String,
    /// Its colour.
    pub colour: String,
    /// The phase of a data set.
    pub phase: String,
    /// The split of a data set.
    pub split: String,
    /// BLAKE3 of the file, in hexadecimal digits.
    pub content_hash: String,
    /// Columns of pixels.
    pub width: u32,
    /// Rows of pixels.
    pub height: u32,
    /// Whatever else is known.
    pub meta: BTreeMap<String, String>,
}

/// A picture and its vector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// What is known of it.
    pub record: Record,
    /// Its vector, of unit length once it is stored.
    pub vector: Vec<f32>,
}

impl Record {
    /// The part of the picture that its vector is of, where it is not of all: left, top, width, height.
    pub fn part(&self) -> Option<Rectangle> {
        rectangle(self.meta.get(PART)?).ok()
    }

    /// Whether every store can hold it.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; [`Error::Request`] for an id beyond 1…2⁶³ − 1.
    pub fn check(&self) -> Result<()> {
        if self.id == 0 || self.id > i64::MAX as u64 {
            return Err(Error::Request(format!(
                "expected an id from 1 to {}, found {}",
                i64::MAX,
                self.id
            )));
        }
        let texts = [
            &self.product,
            &self.category,
            &self.colour,
            &self.phase,
            &self.split,
            &self.content_hash,
            &self.path,
        ];
        for ((field, limit), text) in LIMITS.into_iter().zip(texts) {
            if text.len() > limit {
                let (what, found) = (format!("row {}", self.id), text.len());
                return Err(Error::TooLarge { field, what, limit, found });
            }
        }
        Ok(())
    }
}
