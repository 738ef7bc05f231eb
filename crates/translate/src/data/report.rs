//! What became of every file of paired data: nothing is dropped without a line here.

use std::path::PathBuf;

use lookalike_train::sight::Role;
use serde::Serialize;

use super::layout::Layout;

/// A file, or a row of a manifest, that has something wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Which.
    pub path: PathBuf,
    /// What was expected, and found.
    pub message: String,
}

/// A folder or manifest, and what its layout was taken to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recognised {
    /// Which.
    pub path: PathBuf,
    /// How pictures lie in it.
    pub layout: Layout,
    /// Pairs in it.
    pub pairs: usize,
}

/// A pair whose content has a stricter role under another name, and took that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The pair.
    pub name: String,
    /// What its folder or stem said.
    pub from: Role,
    /// What it is.
    pub to: Role,
}

/// What was found, and what could not be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The layout of every folder and manifest.
    pub layouts: Vec<Recognised>,
    /// Pairs that were found, before a limit.
    pub found: usize,
    /// Pairs that a limit left out.
    pub beyond_limit: usize,
    /// Files without a partner, and rows that name none.
    pub unmatched: Vec<Problem>,
    /// Pairs that are left out: damaged pictures, missing files, halves that are none, sides of other proportions.
    pub unreadable: Vec<Problem>,
    /// Pairs whose two pictures have different sizes of the same proportions; they are used.
    pub resized: Vec<Problem>,
    /// Pairs whose content has several roles, of which the strictest holds.
    pub moved: Vec<Moved>,
}

impl Report {
    /// The share of what is there that can be used, from 0 to 1.
    pub fn sound_share(&self) -> f64 {
        let share = |good: usize, bad: usize| match good + bad {
            0 => 0.0,
            all => good as f64 / all as f64,
        };
        let tried = self.found - self.beyond_limit.min(self.found);
        let unreadable = self.unreadable.len().min(tried);
        share(self.found, self.unmatched.len()) * share(tried - unreadable, unreadable)
    }
}
