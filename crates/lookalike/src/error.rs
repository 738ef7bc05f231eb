//! What can go wrong around a comparison: inputs that cannot be paired, rules that make no sense.

use std::path::PathBuf;

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a comparison could not be set up or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture or a metric failed.
    #[error(transparent)]
    Core(#[from] lookalike_core::Error),
    /// Reference and candidates do not fit together.
    #[error("{0}")]
    Pairing(String),
    /// A line of a list that is not one path, or not one pair of paths.
    #[error("line {line} of the list: {reason}")]
    List {
        /// Line number, from 1.
        line: usize,
        /// What was expected and found.
        reason: String,
    },
    /// A folder could not be walked.
    #[error("{}: cannot list the folder: {reason}", path.display())]
    Folder {
        /// The folder or entry.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// A pattern for names that is not a valid glob.
    #[error("'{pattern}' is not a valid pattern: {reason}")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A gate that cannot be read or can never mean what was intended.
    #[error("gate '{rule}': {reason}")]
    Gate {
        /// The rule as given.
        rule: String,
        /// What was expected and found.
        reason: String,
    },
    /// A file could not be written.
    #[error("{}: cannot write: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
}
