//! Why judgements cannot be read.

use std::path::PathBuf;

/// What is wrong with a set of judgements. Every message names the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder that cannot be read.
    #[error("{}: cannot read: {reason}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Something else than the layout asks for.
    #[error("{}{}: {reason}", path.display(), at(*line))]
    Malformed {
        /// The file or folder.
        path: PathBuf,
        /// The line, from 1, where the file has lines.
        line: Option<u64>,
        /// What was expected and what was found.
        reason: String,
    },
    /// A layout that cannot be told from the header or the folder.
    #[error("{}: {reason}; say which with --layout, one of {layouts}", path.display())]
    Layout {
        /// The file or folder.
        path: PathBuf,
        /// What was found.
        reason: String,
        /// The names of all layouts.
        layouts: String,
    },
}

impl DatasetError {
    pub(super) fn malformed(path: &std::path::Path, line: Option<u64>, reason: String) -> Self {
        Self::Malformed { path: path.to_owned(), line, reason }
    }
}

fn at(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}
