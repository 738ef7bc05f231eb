//! Lists of paths and of pairs, as they come on standard input.

use std::path::{Path, PathBuf};

use super::{Pair, WorkList, file_stem};
use crate::error::{Error, Result};

/// What separates the entries of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// One entry a line; a trailing carriage return is dropped.
    Line,
    /// Entries end with a NUL byte, as `find -print0` writes them.
    Nul,
}

/// Reads a list of paths.
///
/// # Errors
/// [`Error::List`] for an entry that is not UTF-8.
pub fn parse_paths(bytes: &[u8], separator: Separator) -> Result<Vec<PathBuf>> {
    Ok(entries(bytes, separator)?.into_iter().map(|(_, path)| PathBuf::from(path)).collect())
}

/// Reads a list of pairs: reference and candidate separated by a tab. NUL-separated lists hold
/// reference and candidate as entries of their own, in turn.
///
/// # Errors
/// [`Error::List`].
pub fn parse_pairs(bytes: &[u8], separator: Separator) -> Result<WorkList> {
    let entries = entries(bytes, separator)?;
    let mut pairs = Vec::new();
    match separator {
        Separator::Line => {
            for (line, entry) in entries {
                let Some((reference, candidate)) = entry.split_once('\t') else {
                    let reason = "expected REFERENCE<tab>CANDIDATE, found no tab".to_owned();
                    return Err(Error::List { line, reason });
                };
                if reference.is_empty() || candidate.is_empty() || candidate.contains('\t') {
                    let reason = "expected exactly two paths".to_owned();
                    return Err(Error::List { line, reason });
                }
                pairs.push((reference, candidate));
            }
        }
        Separator::Nul => {
            for two in entries.chunks(2) {
                let [(_, reference), (_, candidate)] = two else {
                    let reason = "the last reference has no candidate".to_owned();
                    return Err(Error::List { line: two[0].0, reason });
                };
                pairs.push((reference, candidate));
            }
        }
    }
    let pairs = pairs.into_iter().map(|(reference, candidate)| Pair {
        reference: PathBuf::from(reference),
        candidate: PathBuf::from(candidate),
        name: PathBuf::from(candidate),
        label: PathBuf::from(file_stem(Path::new(candidate))),
    });
    Ok(WorkList::from_pairs(pairs.collect()))
}

fn entries(bytes: &[u8], separator: Separator) -> Result<Vec<(usize, &str)>> {
    let mark = if separator == Separator::Nul { 0 } else { b'\n' };
    let mut found = Vec::new();
    for (index, entry) in bytes.split(|&byte| byte == mark).enumerate() {
        let line = index + 1;
        let text = std::str::from_utf8(entry)
            .map_err(|_| Error::List { line, reason: "it is not UTF-8 text".to_owned() })?;
        let text = if separator == Separator::Line { text.trim_end_matches('\r') } else { text };
        if text.contains('\0') {
            let reason = "it holds a NUL byte; read NUL-separated lists with -0".to_owned();
            return Err(Error::List { line, reason });
        }
        if !text.is_empty() {
            found.push((line, text));
        }
    }
    Ok(found)
}
