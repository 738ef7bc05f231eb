//! The judgements of a run: looked through once before anything is computed, then read again as needed.
//!
//! Looking through finds what is wrong with line 90,000 before an hour has gone by, counts the pairs, and
//! gives the list of pictures a name by which a later run knows it again. No judgement is kept.

use std::path::{Path, PathBuf};

use anyhow::bail;
use lookalike::judge::dataset::{DatasetError, Item, Layout};
use sha2::{Digest, Sha256};

pub(crate) struct JudgedSet {
    path: PathBuf,
    pub(crate) layout: Layout,
    /// Pairs whose distances are needed.
    pub(crate) pairs: usize,
    /// Sha256 of the names of all pairs, those in the set's folder relative to it.
    pub(crate) name: String,
}

impl JudgedSet {
    pub(crate) fn look_through(path: &Path, layout: Option<Layout>) -> anyhow::Result<Self> {
        let layout = match layout {
            Some(layout) => layout,
            None => Layout::detect(path)?,
        };
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        let (mut pairs, mut hash) = (0, Sha256::new());
        for item in layout.items(path)? {
            for picture in item?.judgement.pairs().into_iter().flatten() {
                let picture = picture.strip_prefix(folder).unwrap_or(picture);
                hash.update(picture.as_os_str().as_encoded_bytes());
                hash.update([0]);
            }
            pairs += layout.protocol().pairs();
        }
        if pairs == 0 {
            bail!("{}: expected at least one judgement, found none", path.display());
        }
        let name = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { path: path.to_owned(), layout, pairs, name })
    }

    pub(super) fn items(
        &self,
    ) -> anyhow::Result<impl Iterator<Item = Result<Item, DatasetError>> + use<>> {
        Ok(self.layout.items(&self.path)?)
    }
}
