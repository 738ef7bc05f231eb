//! Folders: which of their files take part, and which partner each has in another folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::{Alone, Pair, Unpaired};
use crate::error::{Error, Result};

/// File name extensions that are taken for pictures when a folder is walked.
pub const PICTURE_EXTENSIONS: [&str; 22] = [
    "apng", "avif", "bmp", "dib", "exr", "gif", "hdr", "jfif", "jpe", "jpeg", "jpg", "jxl", "pam",
    "pbm", "pgm", "png", "pnm", "ppm", "qoi", "tif", "tiff", "webp",
];

/// Which names take part when folders are walked.
#[derive(Clone, Debug, Default)]
pub struct NameFilter {
    include: Option<GlobSet>,
    exclude: Option<GlobSet>,
}

impl NameFilter {
    /// Patterns such as `**/*.png`, matched against paths relative to the folder. Without `include`
    /// patterns every picture takes part.
    ///
    /// # Errors
    /// [`Error::Pattern`].
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self> {
        Ok(Self { include: glob_set(include)?, exclude: glob_set(exclude)? })
    }

    fn accepts(&self, relative: &Path) -> bool {
        self.include.as_ref().is_none_or(|set| set.is_match(relative))
            && !self.exclude.as_ref().is_some_and(|set| set.is_match(relative))
    }
}

fn glob_set(patterns: &[String]) -> Result<Option<GlobSet>> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let wrong = |pattern: &str, error: globset::Error| Error::Pattern {
        pattern: pattern.to_owned(),
        reason: error.kind().to_string(),
    };
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        builder.add(Glob::new(pattern).map_err(|error| wrong(pattern, error))?);
    }
    builder.build().map(Some).map_err(|error| wrong(&patterns.join(" "), error))
}

/// Pairs the pictures of two folders, each given with the relative paths of its pictures.
pub(super) fn pair_folders(
    (reference, references): (&Path, &[PathBuf]),
    (candidate, candidates): (&Path, Vec<PathBuf>),
) -> (Vec<Pair>, Vec<Unpaired>) {
    let mut remaining: BTreeSet<PathBuf> = candidates.into_iter().collect();
    let mut partner: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for name in references {
        if remaining.remove(name) {
            partner.insert(name.clone(), name.clone());
        }
    }
    // What is left may differ in the extension alone.
    let unmatched: Vec<&PathBuf> =
        references.iter().filter(|name| !partner.contains_key(*name)).collect();
    let reference_stems = by_stem(unmatched.into_iter());
    let candidate_stems = by_stem(remaining.iter());
    let mut unpaired = Vec::new();
    for (stem, names) in &reference_stems {
        match (names.as_slice(), candidate_stems.get(stem).map(Vec::as_slice)) {
            ([name], Some([other])) => {
                partner.insert(name.clone(), other.clone());
                remaining.remove(other);
            }
            (names, others) => {
                for name in names {
                    let message = match others {
                        None => format!("no partner in {}", candidate.display()),
                        Some(_) => format!(
                            "several files in {} or {} share its name without extension",
                            reference.display(),
                            candidate.display()
                        ),
                    };
                    let kind = if others.is_none() { Alone::Reference } else { Alone::Unclear };
                    unpaired.push(Unpaired { path: reference.join(name), message, kind });
                }
            }
        }
    }
    for name in remaining {
        let message = format!("no partner in {}", reference.display());
        let kind = match reference_stems.contains_key(&name.with_extension("")) {
            true => Alone::Unclear,
            false => Alone::Candidate { reference: reference.join(&name) },
        };
        unpaired.push(Unpaired { path: candidate.join(name), message, kind });
    }
    let pairs = partner.into_iter().map(|(name, other)| Pair {
        reference: reference.join(&name),
        candidate: candidate.join(&other),
        name: other,
        label: name.with_extension(""),
    });
    (pairs.collect(), unpaired)
}

fn by_stem<'a>(names: impl Iterator<Item = &'a PathBuf>) -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let mut stems: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for name in names {
        stems.entry(name.with_extension("")).or_default().push(name.clone());
    }
    stems
}

/// Relative paths of the pictures below a folder, sorted. Hidden files and folders are left out;
/// entries that cannot be followed join `unreachable`.
pub(super) fn pictures(
    folder: &Path,
    filter: &NameFilter,
    unreachable: &mut Vec<Unpaired>,
) -> Result<Vec<PathBuf>> {
    let hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
    };
    let takes_part = |path: &Path| {
        is_picture(path) && path.strip_prefix(folder).is_ok_and(|name| filter.accepts(name))
    };
    let mut found = Vec::new();
    let walk = walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(|entry| !hidden(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && takes_part(entry.path()) => {
                found.extend(entry.path().strip_prefix(folder).map(Path::to_owned));
            }
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                let missing = error.io_error().map(std::io::Error::kind)
                    == Some(std::io::ErrorKind::NotFound);
                if error.depth() == 0 {
                    return Err(Error::Folder { path, reason: obstacle(&error) });
                } else if !missing || takes_part(&path) {
                    // A broken link that is no picture's is nobody's loss.
                    let message = obstacle(&error);
                    unreachable.push(Unpaired { path, message, kind: Alone::Unclear });
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Why an entry could not be followed. The path is named elsewhere.
fn obstacle(error: &walkdir::Error) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!("a link that leads back to {}", ancestor.display()),
        (None, Some(reason)) => format!("cannot be followed: {reason}"),
        (None, None) => error.to_string(),
    }
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|e| PICTURE_EXTENSIONS.contains(&e.as_str()))
}
