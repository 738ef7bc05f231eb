//! The vectors of a store once more, rounded, for stores that are searched often.
//!
//! Rounding reads all vectors and takes as long as a few searches, so that a program that asks once is
//! better off without. From [`ASKED`] queries on the copy is made, and kept up from then.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::vectors::Vectors;
use crate::store::scan::Rounded;

/// Queries that were compared with all rows before those are rounded.
const ASKED: usize = 4;

/// Rows below which comparing with all of them takes no time worth speaking of.
const ROWS: usize = 4096;

/// The rounded vectors, where there are any.
#[derive(Debug, Default)]
pub(super) struct Often {
    asked: AtomicUsize,
    rounded: OnceLock<Rounded>,
}

impl Often {
    /// The rounded vectors, for so many more queries, where they are worth it.
    pub(super) fn rounded(&self, vectors: &Vectors, queries: usize) -> Option<&Rounded> {
        let asked = self.asked.fetch_add(queries, Ordering::Relaxed);
        if vectors.count() < ROWS || (asked < ASKED && queries < ASKED) {
            return None;
        }
        Some(self.rounded.get_or_init(|| Rounded::new(vectors.rows(), vectors.dimension())))
    }

    /// Keeps up with vectors that were added.
    pub(super) fn keep_up(&mut self, vectors: &Vectors) {
        if let Some(rounded) = self.rounded.get_mut() {
            let from = rounded.count() * vectors.dimension();
            rounded.extend(vectors.rows().get(from..).unwrap_or_default());
        }
    }
}
