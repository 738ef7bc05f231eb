//! What can go wrong while pages are served and judgements are collected.

use std::path::PathBuf;

use axum::http::StatusCode;

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something cannot be served, collected or exported.
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
    /// A store that cannot be searched, or votes that cannot be evaluated.
    #[error(transparent)]
    Discovery(#[from] lookalike_discover::Error),
    /// Something that was asked for and is not there, and what mends it.
    #[error("{0}")]
    Absent(String),
    /// A page that cannot be written.
    #[error("a page of the program cannot be written: {0}")]
    Page(String),
    /// An export that cannot be written.
    #[error("cannot write the judgements: {0}")]
    Write(std::io::Error),
}

impl Error {
    /// What a request is told that ended so.
    pub(crate) fn status(&self) -> StatusCode {
        use lookalike_discover::Error as Discovery;
        match self {
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Absent(_) | Self::Discovery(Discovery::NotFound(_)) => StatusCode::NOT_FOUND,
            Self::Discovery(
                Discovery::Picture(_)
                | Discovery::Filter { .. }
                | Discovery::Request(_)
                | Discovery::NotFinite { .. }
                | Discovery::Embedder { .. }
                | Discovery::WrongModel { .. },
            ) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
