//! Which pairs of the data are read: all of them by name, or as many as a limit allows.

use std::path::PathBuf;

use lookalike_train::sha256;
use lookalike_train::sight::Role;

use super::layout::{self, Found, FoundPair};
use super::options::PairOptions;
use super::report::{Recognised, Report};
use super::roles;
use crate::{Error, Result};

/// A pair of the data.
pub(super) struct Selected {
    /// With the name of where it comes from.
    pub(super) name: String,
    pub(super) pair: FoundPair,
    pub(super) role: Role,
}

/// The pairs that are to be read, by name, and what was found beside them.
pub(super) fn select(options: &PairOptions) -> Result<(Vec<Selected>, Report)> {
    let (mut report, mut all) = (Report::default(), Vec::new());
    let mut add = |root: &PathBuf, found: Found| {
        let title =
            root.file_name().map_or(String::new(), |name| format!("{}/", name.to_string_lossy()));
        let (path, pairs) = (root.clone(), found.pairs.len());
        report.layouts.push(Recognised { path, layout: found.layout, pairs });
        report.unmatched.extend(found.unmatched);
        let said = found.pairs.iter().map(|pair| (pair.role, pair.stem.as_str()));
        let roles = roles::decide(said, options.held_out);
        for (pair, role) in found.pairs.into_iter().zip(roles) {
            all.push(Selected { name: format!("{title}{}", pair.name), pair, role });
        }
    };
    for root in &options.data {
        add(root, layout::find(root, options.layout)?);
    }
    if let Some(folders) = &options.folders {
        add(&folders[0], layout::find_in_two(folders)?);
    }
    if report.layouts.is_empty() {
        return Err(Error::Refused(
            "expected a folder or a manifest with pairs of pictures, found none named".to_owned(),
        ));
    }
    report.found = all.len();
    if let Some(limit) = options.limit.filter(|&limit| limit < all.len()) {
        // By hash, so that all roles and kinds stay as frequent as they are.
        all.sort_by_cached_key(|selected| sha256(selected.pair.name.as_bytes()));
        all.truncate(limit);
        report.beyond_limit = report.found - limit;
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((all, report))
}
