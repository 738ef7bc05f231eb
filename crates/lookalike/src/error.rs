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
    /// A mask that cannot be read or does not fit the pictures.
    #[error("mask '{mask}': {reason}")]
    Mask {
        /// The mask as given.
        mask: String,
        /// What was expected and found.
        reason: String,
    },
    /// A configuration file that cannot be read or makes no sense.
    #[error("{}: {}{reason}", path.display(), at_line(*line))]
    GatesFile {
        /// The file.
        path: PathBuf,
        /// Line number, from 1, where it is known.
        line: Option<usize>,
        /// What was expected and found.
        reason: String,
    },
    /// A candidate that cannot become a reference.
    #[error("{}: {reason}", path.display())]
    Update {
        /// The candidate, or the reference that several candidates would replace.
        path: PathBuf,
        /// Why, and what to do.
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

fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}
