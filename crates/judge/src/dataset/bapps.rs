//! BAPPS as published: a folder per set, a picture and a judgement per stem.
//!
//! `2afc/{train,val}/SET/{ref,p0,p1,judge}/` and `jnd/val/SET/{p0,p1,same}/`, pictures `000000.png`…, each
//! judgement a `.npy` of one number: the share of people who prefer p1, or who call both the same. Files
//! belong together by stem; the authors' loader goes by rank, so a lost file would shift all others.
//!
//! Source: Zhang et al., CVPR 2018, and the layout that the authors' download has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{DatasetError, Item, Judgement};
use crate::npy;

/// The groups of 2AFC sets of which the authors report the mean beside that of all six.
pub(crate) const GROUPS: [(&str, &[&str]); 2] = [
    ("distortions", &["traditional", "cnn"]),
    ("real", &["superres", "deblur", "color", "frameinterp"]),
];

/// How deep sets lie below a folder that is named: `dataset/2afc/val/SET`.
const DEPTH: usize = 4;

/// Folders with subfolders `p0` and `judgements`, sorted.
pub(super) fn sets(root: &Path, judgements: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let folders =
        walkdir::WalkDir::new(root).max_depth(DEPTH).follow_links(true).sort_by_file_name();
    // Tens of thousands of files lie in the folders of a set, none of which has sets in it.
    let inside =
        |name: &std::ffi::OsStr| ["ref", "p0", "p1", "judge", "same"].iter().any(|n| name == *n);
    let walk = folders
        .into_iter()
        .filter_entry(|e| e.depth() == 0 || (e.file_type().is_dir() && !inside(e.file_name())));
    for entry in walk.flatten() {
        if ["p0", judgements].iter().all(|folder| entry.path().join(folder).is_dir()) {
            found.push(entry.into_path());
        }
    }
    found
}

/// The files of a folder by stem.
pub(super) fn stems(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DatasetError> {
    let failed = |reason| DatasetError::Read { path: folder.to_owned(), reason };
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(other) = found.insert(stem, path.clone()) {
            let reason = format!("has the same stem as {}", other.display());
            return Err(DatasetError::malformed(&path, None, reason));
        }
    }
    Ok(found)
}

/// The judgements of one set and the files of their numbers, which are read when their turn comes.
fn of_set(set: &Path, triplets: bool) -> Result<Vec<(Item, PathBuf)>, DatasetError> {
    let name = set.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let judgements = stems(&set.join(if triplets { "judge" } else { "same" }))?;
    let kinds: &[&str] = if triplets { &["p0", "p1", "ref"] } else { &["p0", "p1"] };
    let mut pictures = Vec::new();
    for kind in kinds {
        let folder = set.join(kind);
        let found = stems(&folder)?;
        let lost = judgements.keys().find(|stem| !found.contains_key(*stem));
        let extra = found.keys().find(|stem| !judgements.contains_key(*stem));
        if let Some(stem) = lost.or(extra) {
            let reason = format!(
                "{} pictures for {} judgements: '{stem}' is only among the {}",
                found.len(),
                judgements.len(),
                if lost.is_some() { "judgements" } else { "pictures" }
            );
            return Err(DatasetError::malformed(&folder, None, reason));
        }
        pictures.push(found.into_values());
    }
    let mut pictures = pictures.into_iter();
    let (first, second) = (pictures.next(), pictures.next());
    let both = first.into_iter().flatten().zip(second.into_iter().flatten());
    let both: Vec<_> = both.collect();
    let references: Vec<Option<PathBuf>> = match pictures.next() {
        Some(references) => references.map(Some).collect(),
        None => vec![None; both.len()],
    };
    let items = both.into_iter().zip(references).zip(judgements.into_values());
    Ok(items
        .map(|(((first, second), reference), said)| {
            let judgement = match reference {
                Some(reference) => Judgement::Triplet {
                    reference,
                    left: first,
                    right: second,
                    right_share: f64::NAN,
                },
                None => Judgement::Same { reference: first, candidate: second, same: f64::NAN },
            };
            (Item { judgement, subset: Some(name.clone()) }, said)
        })
        .collect())
}

/// Reads the number of an item.
fn with_number((mut item, path): (Item, PathBuf)) -> Result<Item, DatasetError> {
    let bytes =
        std::fs::read(&path).map_err(|reason| DatasetError::Read { path: path.clone(), reason })?;
    let wrong = |reason| DatasetError::malformed(&path, None, reason);
    let value = npy::number(&bytes).map_err(|error| wrong(error.to_string()))?;
    if !(0.0..=1.0).contains(&value) {
        return Err(wrong(format!("expected a share from 0 to 1, found {value}")));
    }
    match &mut item.judgement {
        Judgement::Triplet { right_share: share, .. } | Judgement::Same { same: share, .. } => {
            *share = value;
        }
        Judgement::Rating { .. } | Judgement::OddOneOut { .. } => {}
    }
    Ok(item)
}

/// All judgements below a folder, set after set.
pub(super) fn items(
    root: &Path,
    triplets: bool,
) -> Result<Box<dyn Iterator<Item = Result<Item, DatasetError>> + Send>, DatasetError> {
    let judgements = if triplets { "judge" } else { "same" };
    let sets = sets(root, judgements);
    if sets.is_empty() {
        let reason =
            format!("expected folders of sets with folders 'p0' and '{judgements}', found none");
        return Err(DatasetError::malformed(root, None, reason));
    }
    let of_sets = sets.into_iter().flat_map(move |set| match of_set(&set, triplets) {
        Ok(items) => items.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    });
    Ok(Box::new(of_sets.map(|item| item.and_then(with_number))))
}
