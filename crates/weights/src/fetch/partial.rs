//! A download that is not complete yet: the bytes, and which version of which file they are from.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::source::Source;
use crate::whole_file::write_whole;
use crate::{Error, Result};

/// The version of a file that a server holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) url: String,
    /// A strong entity tag, or a date of modification: what `If-Range` takes.
    pub(super) validator: String,
    pub(super) total: Option<u64>,
}

/// The file that grows, with its origin in a file beside it.
pub(super) struct Partial {
    path: PathBuf,
    origin: PathBuf,
}

impl Partial {
    pub(super) fn at(path: PathBuf) -> Self {
        let mut origin = path.clone().into_os_string();
        origin.push(".json");
        Self { path, origin: origin.into() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that can be continued, and what they are from; nothing without an origin.
    pub(super) fn held(&self, url: &str) -> Option<(u64, Origin)> {
        let length = std::fs::metadata(&self.path).ok()?.len();
        let origin: Origin = serde_json::from_slice(&std::fs::read(&self.origin).ok()?).ok()?;
        let continues = length > 0 && origin.url == url && !origin.validator.is_empty();
        continues.then_some((length, origin))
    }

    /// Opens the file to add to it.
    pub(super) fn append(&self) -> Result<File> {
        let file = OpenOptions::new().append(true).open(&self.path);
        file.map_err(|reason| self.failed(reason))
    }

    /// Begins anew.
    pub(super) fn begin(&self, origin: &Origin) -> Result<File> {
        self.discard()?;
        let file = File::create(&self.path).map_err(|reason| self.failed(reason))?;
        write_whole(&self.origin, &serde_json::to_vec(origin).unwrap_or_default())?;
        Ok(file)
    }

    pub(super) fn sha256(&self) -> Result<String> {
        Source::open(&self.path)?.sha256()
    }

    pub(super) fn discard(&self) -> Result<()> {
        for path in [&self.origin, &self.path] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io(path.display(), "remove", error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn failed(&self, reason: std::io::Error) -> Error {
        Error::io(self.path.display(), "write", reason)
    }
}
