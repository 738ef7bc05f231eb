//! What can go wrong while judgements are collected.

use std::path::PathBuf;

/// The result of collecting judgements.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why judgements cannot be collected or exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A project that is not there, or whose file says something else than expected.
    #[error("{}: {reason}", path.display())]
    Project {
        /// The file or folder.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// Questions that cannot be read.
    #[error(transparent)]
    Questions(#[from] lookalike_judge::dataset::DatasetError),
    /// A picture that cannot be read or shown.
    #[error(transparent)]
    Picture(#[from] lookalike_core::Error),
    /// A database of votes that refuses.
    #[error("{}: the votes cannot be read or written: {reason}", path.display())]
    Votes {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        reason: rusqlite::Error,
    },
    /// Something that contradicts what is stored: the same answer twice, or another one.
    #[error("{0}")]
    Conflict(String),
    /// An address that cannot be listened on, or a server that stopped.
    #[error("{address}: cannot serve: {reason}")]
    Serve {
        /// The address.
        address: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// An export that cannot be written.
    #[error("cannot write the judgements: {0}")]
    Write(std::io::Error),
}
