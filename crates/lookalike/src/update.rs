//! New references: candidates that were looked at and found good take the place of the references.
//!
//! A file is copied byte for byte and appears complete or not at all, so a run that is killed
//! leaves every reference either as it was or as it will be. A candidate never takes the place of a
//! reference with another extension: the name would lie about the format, or the old reference
//! would stay beside the new one.

use std::io::Write;
use std::path::{Path, PathBuf};

use lookalike_core::decode::{DecodeOptions, read};
use lookalike_core::encode::AtomicFile;

use crate::error::{Error, Result};
use crate::pairing::{Alone, WorkList};

/// A candidate that becomes a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReference {
    /// The file that is copied.
    pub candidate: PathBuf,
    /// Where it goes.
    pub reference: PathBuf,
}

impl NewReference {
    /// A candidate in the place of the reference it was compared with.
    ///
    /// # Errors
    /// [`Error::Update`] when their extensions differ.
    pub fn replacing(reference: &Path, candidate: &Path) -> Result<Self> {
        let extension = |path: &Path| path.extension().map(|text| text.to_ascii_lowercase());
        if extension(reference) != extension(candidate) {
            return Err(Error::Update {
                path: candidate.to_owned(),
                reason: format!(
                    "it cannot replace {}, which has another extension; save it in the \
                     reference's format, or exchange the reference by hand",
                    reference.display()
                ),
            });
        }
        Ok(Self { candidate: candidate.to_owned(), reference: reference.to_owned() })
    }

    /// Checks that a candidate nothing was compared with is a picture.
    ///
    /// # Errors
    /// [`Error::Core`] as [`read`].
    pub fn check(&self, options: &DecodeOptions) -> Result<()> {
        read(&self.candidate, options)?;
        Ok(())
    }

    /// Copies the file.
    ///
    /// # Errors
    /// [`Error::Update`] when the candidate cannot be read; [`Error::Write`]. The reference is then
    /// as it was.
    pub fn carry_out(&self) -> Result<()> {
        let bytes = std::fs::read(&self.candidate).map_err(|error| Error::Update {
            path: self.candidate.clone(),
            reason: format!("cannot read the file: {error}"),
        })?;
        let write = || {
            if let Some(folder) = self.reference.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file = AtomicFile::create(&self.reference)?;
            file.write_all(&bytes)?;
            file.finish()
        };
        write().map_err(|reason| Error::Write { path: self.reference.clone(), reason })
    }
}

/// Refuses work in which one reference would be replaced by several candidates.
///
/// # Errors
/// [`Error::Update`] with the reference.
pub fn check_one_candidate_each(work: &WorkList) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    let pairs = work
        .groups
        .iter()
        .flat_map(|group| group.candidates.iter().map(|_| group.reference.clone()));
    for reference in pairs.chain(without_reference(work).into_iter().map(|new| new.reference)) {
        if !seen.insert(reference.clone()) {
            return Err(Error::Update {
                path: reference,
                reason: "several candidates are meant for this reference, so none can take its \
                         place; give one candidate, or two folders"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// The candidates that have no reference yet.
pub fn without_reference(work: &WorkList) -> Vec<NewReference> {
    let unpaired = work.unpaired.iter();
    unpaired
        .filter_map(|alone| match &alone.kind {
            Alone::Candidate { reference } => {
                Some(NewReference { candidate: alone.path.clone(), reference: reference.clone() })
            }
            Alone::Reference | Alone::Unclear => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_must_agree() {
        let replacing = |reference: &str, candidate: &str| {
            NewReference::replacing(reference.as_ref(), candidate.as_ref())
        };
        assert!(replacing("a/x.png", "b/x.PNG").is_ok());
        let message = replacing("a/x.png", "b/x.webp").unwrap_err().to_string();
        assert!(message.contains("b/x.webp: it cannot replace a/x.png"), "{message}");
        assert!(replacing("a/x", "b/x.png").is_err());
    }
}
