//! What a metric computes of the activations of two pictures.

use std::ops::Range;

use lookalike_core::{Part, ScoreMap};
use lookalike_nn::{Blocks, Line, PictureBlocks, Trunk};

use crate::Result;
use crate::samples::Scaling;

/// The activations of both pictures at one tap of one tile, and which of them count.
pub(crate) struct TapPair<'a> {
    /// Activations of the reference.
    pub(crate) reference: PictureBlocks<'a>,
    /// Activations of the candidate.
    pub(crate) candidate: PictureBlocks<'a>,
    /// Rows and columns of the tile that count here; others belong to its neighbours.
    pub(crate) owned: [Range<usize>; 2],
    /// Where the first of them lies among the activations of the whole picture.
    pub(crate) place: [usize; 2],
}

/// Positions that one task takes at once: enough to hide its cost, few enough to stay in the cache.
const RUN: usize = 256;

impl TapPair<'_> {
    /// The owned positions as runs of consecutive indices into a plane, row by row.
    pub(crate) fn runs(&self) -> Vec<Range<usize>> {
        let [rows, columns] = &self.owned;
        let [_, _, width] = self.candidate.shape();
        // Whole rows follow each other without a gap.
        let (lines, length) = if columns.len() == width {
            (1, rows.len() * width)
        } else {
            (rows.len(), columns.len())
        };
        let starts = (0..lines).map(|line| (rows.start + line) * width + columns.start);
        let pieces = starts.flat_map(|start| {
            let end = start + length;
            (start..end).step_by(RUN).map(move |from| from..(from + RUN).min(end))
        });
        pieces.collect()
    }
}

/// What a formula gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) value: f64,
    pub(crate) parts: Vec<Part>,
    pub(crate) map: Option<ScoreMap>,
}

/// A metric as a formula over the activations at the taps of a network.
///
/// Tiles come in one after the other, always in the same order. What a formula needs of all of them it
/// gathers in its state.
pub(crate) trait TapFormula: Send + Sync {
    /// What is gathered.
    type State: Send;

    /// The network.
    fn trunk(&self) -> &Trunk;

    /// How samples are scaled for it.
    fn scaling(&self) -> Scaling;

    /// Whether the samples in 0…1 count as a tap before those of the network.
    fn looks_at_samples(&self) -> bool;

    /// Nothing gathered yet of taps of given height and width.
    fn start(&self, sizes: &[[usize; 2]], map: bool) -> Self::State;

    /// Gathers one tap of one tile.
    fn add(&self, state: &mut Self::State, tap: usize, pair: &TapPair<'_>) -> Result<()>;

    /// What comes out, for a picture of a height and width.
    fn finish(&self, state: &Self::State, size: [usize; 2]) -> Outcome;

    /// The embedding of a picture of given activations, whole at every tap; `None` for formulas without.
    fn embedding(&self, _taps: &[Blocks]) -> Option<Vec<f64>> {
        None
    }

    /// The derivative of the value with respect to the candidate's activations that count, once all
    /// tiles are gathered. `derivatives` are lines like those of the activations, and zero.
    fn derive(
        &self,
        state: &Self::State,
        tap: usize,
        pair: &TapPair<'_>,
        derivatives: &mut [Line],
    ) -> Result<()>;
}
