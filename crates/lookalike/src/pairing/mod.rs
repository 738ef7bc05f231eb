//! Which pictures meet which: single files, one reference against many, two folders, lists.
//!
//! Folders are paired by relative path. A file without a partner of the same name meets the one
//! whose name differs only in the extension, when there is exactly one on either side. What has no
//! partner is reported, never skipped.

mod folder;
mod list;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use folder::{pair_folders, pictures};

pub use folder::{NameFilter, PICTURE_EXTENSIONS};
pub use list::{Separator, parse_pairs, parse_paths};

/// One reference and the candidates that are held against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The reference.
    pub reference: PathBuf,
    /// The candidates, in the order of the result.
    pub candidates: Vec<Candidate>,
}

/// A candidate and the name under which its maps are filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// The path relative to the candidate's folder, with extension; of candidates that are named
    /// one by one, the path as given. What patterns are matched against.
    pub name: PathBuf,
    /// A relative path without extension, unique within the work list.
    pub label: PathBuf,
}

/// Two files that meet, before they are grouped and their labels made unique.
struct Pair {
    reference: PathBuf,
    candidate: PathBuf,
    name: PathBuf,
    label: PathBuf,
}

/// What an unpaired file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alone {
    /// A reference that no candidate meets.
    Reference,
    /// A candidate without a reference.
    Candidate {
        /// Where the reference would be.
        reference: PathBuf,
    },
    /// Neither for certain: several files share a name, or there is no such file.
    Unclear,
}

/// A file whose partner is missing, or an entry of a folder that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpaired {
    /// The file or entry that exists.
    pub path: PathBuf,
    /// What was looked for.
    pub message: String,
    /// What it is.
    pub kind: Alone,
}

/// Everything a run has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkList {
    /// References with their candidates.
    pub groups: Vec<Group>,
    /// Files without partners.
    pub unpaired: Vec<Unpaired>,
    /// Entries of folders that could not be followed: broken links, circular links, folders that
    /// may not be listed.
    pub unreachable: Vec<Unpaired>,
}

impl WorkList {
    /// The number of pairs.
    pub fn pairs(&self) -> usize {
        self.groups.iter().map(|group| group.candidates.len()).sum()
    }

    /// Every reference with each of its candidates, in the order of the result.
    pub fn each_pair(&self) -> impl Iterator<Item = (&Path, &Candidate)> {
        self.groups.iter().flat_map(|group| {
            group.candidates.iter().map(|candidate| (group.reference.as_path(), candidate))
        })
    }

    /// Pairs of one reference that follow each other share its group.
    fn from_pairs(pairs: Vec<Pair>) -> Self {
        let mut list = Self::default();
        let mut labels = BTreeMap::new();
        for Pair { reference, candidate: path, name, label } in pairs {
            let candidate = Candidate { path, name, label: unique(label, &mut labels) };
            match list.groups.last_mut() {
                Some(group) if group.reference == reference => group.candidates.push(candidate),
                _ => list.groups.push(Group { reference, candidates: vec![candidate] }),
            }
        }
        list
    }
}

/// Pairs a reference with candidates: file with files, file with every picture of a folder, folder
/// with folders.
///
/// # Errors
/// [`Error::Pairing`] when a path does not exist, a folder meets a file, or nothing is found;
/// [`Error::Folder`] when a folder cannot be listed.
pub fn pair(reference: &Path, candidates: &[PathBuf], filter: &NameFilter) -> Result<WorkList> {
    exists(reference)?;
    let mut pairs = Vec::new();
    let mut unpaired = Vec::new();
    let mut unreachable = Vec::new();
    // The reference's folder is walked once, however many folders it meets.
    let references = match reference.is_dir() {
        true => pictures(reference, filter, &mut unreachable)?,
        false => Vec::new(),
    };
    for candidate in candidates {
        exists(candidate)?;
        match (reference.is_dir(), candidate.is_dir()) {
            (true, true) => {
                let names = pictures(candidate, filter, &mut unreachable)?;
                let (found, alone) = pair_folders((reference, &references), (candidate, names));
                pairs.extend(found);
                unpaired.extend(alone);
            }
            (true, false) => {
                return Err(Error::Pairing(format!(
                    "the reference {} is a folder, the candidate {} is a file; give two folders or two files",
                    reference.display(),
                    candidate.display()
                )));
            }
            (false, true) => {
                for relative in pictures(candidate, filter, &mut unreachable)? {
                    pairs.push(Pair {
                        reference: reference.to_owned(),
                        candidate: candidate.join(&relative),
                        label: relative.with_extension(""),
                        name: relative,
                    });
                }
            }
            (false, false) => {
                pairs.push(Pair {
                    reference: reference.to_owned(),
                    candidate: candidate.clone(),
                    name: candidate.clone(),
                    label: PathBuf::from(file_stem(candidate)),
                });
            }
        }
    }
    if pairs.is_empty() && unpaired.is_empty() && unreachable.is_empty() {
        let places: Vec<String> = candidates.iter().map(|c| c.display().to_string()).collect();
        return Err(Error::Pairing(format!("no pictures were found in {}", places.join(", "))));
    }
    // Pairs of one folder against several others stand reference by reference, so that each
    // reference is read once.
    if candidates.len() > 1 && reference.is_dir() {
        pairs.sort_by(|a, b| a.reference.cmp(&b.reference));
    }
    Ok(WorkList { unpaired, unreachable, ..WorkList::from_pairs(pairs) })
}

/// Every unordered pair of the pictures in a folder, the earlier name as reference.
///
/// # Errors
/// As [`pair`].
pub fn all_pairs(folder: &Path, filter: &NameFilter) -> Result<WorkList> {
    let (names, unreachable) = at_least_two(folder, filter)?;
    let mut pairs = Vec::new();
    for (i, a) in names.iter().enumerate() {
        for b in &names[i + 1..] {
            let label = format!("{}-{}", a.with_extension("").display(), file_stem(b));
            pairs.push(Pair {
                reference: folder.join(a),
                candidate: folder.join(b),
                name: b.clone(),
                label: PathBuf::from(label),
            });
        }
    }
    Ok(WorkList { unreachable, ..WorkList::from_pairs(pairs) })
}

/// Each picture of a folder against the one before it, in the order of names.
///
/// # Errors
/// As [`pair`].
pub fn consecutive(folder: &Path, filter: &NameFilter) -> Result<WorkList> {
    let (names, unreachable) = at_least_two(folder, filter)?;
    let pairs = names.windows(2).map(|two| Pair {
        reference: folder.join(&two[0]),
        candidate: folder.join(&two[1]),
        name: two[1].clone(),
        label: two[1].with_extension(""),
    });
    Ok(WorkList { unreachable, ..WorkList::from_pairs(pairs.collect()) })
}

/// The pictures of a folder in the order of names, with the folder, and what could not be reached.
///
/// # Errors
/// [`Error::Pairing`] where there is no picture; as [`pair`].
pub fn pictures_in(folder: &Path, filter: &NameFilter) -> Result<(Vec<PathBuf>, Vec<Unpaired>)> {
    exists(folder)?;
    let mut unreachable = Vec::new();
    let names = match folder.is_dir() {
        true => pictures(folder, filter, &mut unreachable)?,
        false => Vec::new(),
    };
    if names.is_empty() {
        let place = folder.display();
        return Err(Error::Pairing(format!(
            "expected a folder with pictures, found none in {place}"
        )));
    }
    Ok((names.iter().map(|name| folder.join(name)).collect(), unreachable))
}

fn at_least_two(folder: &Path, filter: &NameFilter) -> Result<(Vec<PathBuf>, Vec<Unpaired>)> {
    exists(folder)?;
    let mut unreachable = Vec::new();
    let names = match folder.is_dir() {
        true => pictures(folder, filter, &mut unreachable)?,
        false => Vec::new(),
    };
    if names.len() < 2 {
        return Err(Error::Pairing(format!(
            "expected a folder with at least two pictures, found {} in {}",
            names.len(),
            folder.display()
        )));
    }
    Ok((names, unreachable))
}

fn exists(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(reason) => Err(lookalike_core::Error::Read { path: path.to_owned(), reason }.into()),
    }
}

fn file_stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The label, numbered when it is taken. `taken` holds for each label the number given last.
fn unique(label: PathBuf, taken: &mut BTreeMap<PathBuf, usize>) -> PathBuf {
    let Some(&last) = taken.get(&label) else {
        taken.insert(label.clone(), 1);
        return label;
    };
    let mut number = last + 1;
    let numbered = |number| PathBuf::from(format!("{}-{number}", label.display()));
    while taken.contains_key(&numbered(number)) {
        number += 1;
    }
    let chosen = numbered(number);
    taken.insert(chosen.clone(), 1);
    taken.insert(label, number);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_numbered_past_names_that_exist() {
        let mut taken = BTreeMap::new();
        let labels = ["a", "a-2", "a", "a", "b"].map(|label| unique(label.into(), &mut taken));
        assert_eq!(labels, ["a", "a-2", "a-3", "a-4", "b"].map(PathBuf::from));
    }
}
