//! Which pairs are read, and how, as a recipe has it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::{Direction, Layout};
use super::reading::Fit;
use crate::{Error, Result};

/// The longest side.
const LONGEST: usize = 4096;

/// Which pairs are read, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PairOptions {
    /// Folders whose layout is recognised, and manifests (`.csv`, `.jsonl`).
    pub data: Vec<PathBuf>,
    /// Two folders, of sources and of targets, in place of `data` or beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folders: Option<[PathBuf; 2]>,
    /// The layout of all folders of `data`, where it is not to be recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Which picture is the source.
    pub direction: Direction,
    /// Height and width.
    pub side: usize,
    /// Height and width from which squares of `side` are cut in training; `side` where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<usize>,
    /// How pictures become squares.
    pub fit: Fit,
    /// The share of the pairs that is held out, and that of those that validate, where no folder says which; from 0
    /// to below 0.5.
    pub held_out: f64,
    /// Pairs that are read at most, chosen by the hash of their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl Default for PairOptions {
    fn default() -> Self {
        Self {
            data: Vec::new(),
            folders: None,
            layout: None,
            direction: Direction::AToB,
            side: 256,
            load: None,
            fit: Fit::Resize,
            held_out: 0.1,
            limit: None,
        }
    }
}

impl PairOptions {
    /// The side at which pairs that are learned from are kept.
    pub(super) fn checked(&self) -> Result<usize> {
        let load = self.load.unwrap_or(self.side);
        if self.side == 0 || load < self.side || load > LONGEST {
            return Err(Error::Refused(format!(
                "expected a side of at least 1 and load from there to {LONGEST}, found side {} and load {load}",
                self.side
            )));
        }
        if !(0.0..0.5).contains(&self.held_out) {
            return Err(Error::Refused(format!(
                "expected held_out as a share from 0 to below 0.5, found {}",
                self.held_out
            )));
        }
        Ok(load)
    }
}
