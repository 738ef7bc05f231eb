//! Pictures on pages that hold everything themselves: small ones, each read once.

use std::collections::HashMap;
use std::path::Path;

use lookalike::decode::{DecodeOptions, read};
use lookalike::{AlphaPolicy, PictureOptions};
use serde::Serialize;

use crate::print::pictures::{displayed, thumbnail};

/// A picture and what is said of it.
#[derive(Debug, Serialize)]
pub(super) struct PictureCell {
    path: String,
    /// `None` where the file cannot be shown.
    address: Option<String>,
    /// `similar`, `other`, `unlabelled` or `seed`.
    label: &'static str,
}

/// The pictures of a folder.
pub(super) struct Pictures<'a> {
    folder: &'a Path,
    /// Addresses of those that were read.
    read: HashMap<String, Option<String>>,
}

impl<'a> Pictures<'a> {
    pub(super) fn of(folder: &'a Path) -> Self {
        Self { folder, read: HashMap::new() }
    }

    /// A picture by its path in the folder.
    pub(super) fn cell(&mut self, path: &str, label: &'static str) -> PictureCell {
        let folder = self.folder;
        let address = self.read.entry(path.to_owned()).or_insert_with(|| {
            let options = DecodeOptions { alpha: AlphaPolicy::White, ..DecodeOptions::default() };
            let picture = read(&folder.join(path), &options).ok()?;
            let shown = thumbnail(&displayed(&picture, &PictureOptions::default())?)?;
            Some(shown.address.to_string())
        });
        PictureCell { path: path.to_owned(), address: address.clone(), label }
    }
}
