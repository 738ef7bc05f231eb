//! What can go wrong between a folder of pictures and an evaluation.

use std::path::{Path, PathBuf};

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error("{}: cannot read: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A file that cannot be written.
    #[error("{}: cannot write: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A file that says something else than expected.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// A picture that cannot be read or brought to a size.
    #[error(transparent)]
    Picture(#[from] lookalike_core::Error),
    /// Numbers for which there is no statistic.
    #[error(transparent)]
    Statistics(#[from] lookalike_judge::Error),
    /// An embedder that is not there, or has no weights.
    #[error("{id}: {reason}")]
    Embedder {
        /// What was asked for.
        id: String,
        /// Why it cannot be had, and what mends it.
        reason: String,
    },
    /// Something that was asked for and makes no sense.
    #[error("{0}")]
    Request(String),
    /// Vectors of another length than those of the store.
    #[error("expected vectors of {expected} numbers, found {found}")]
    WrongDimension {
        /// Of the store.
        expected: usize,
        /// Of what was given.
        found: usize,
    },
    /// Vectors of another model than those of the store.
    #[error(
        "the store holds vectors of {expected}, not of {found}; search with that model, or index \
         into another store"
    )]
    WrongModel {
        /// What the store was made with.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A vector with NaN or an infinity, or one without a direction.
    #[error("the vector of {what} has no direction: {reason}")]
    NotFinite {
        /// Whose vector.
        what: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A picture or row that is not in the store.
    #[error("{0} is not in the store")]
    NotFound(String),
    /// Text that is longer than every store takes.
    #[error("the {field} of {what} has {found} bytes, at most {limit} are kept")]
    TooLarge {
        /// Which field.
        field: &'static str,
        /// Of which row.
        what: String,
        /// The most that is kept.
        limit: usize,
        /// What was given.
        found: usize,
    },
    /// A search that took longer than it was given.
    #[error("no answer within {0:?}")]
    Timeout(std::time::Duration),
    /// A store that another process writes to.
    #[error("{}: another process writes to this store; wait for it", .0.display())]
    Unavailable(PathBuf),
    /// A server that does not answer.
    #[error("{address}: the server cannot be reached: {reason}")]
    Unreachable {
        /// The store.
        address: String,
        /// What the connection says.
        reason: String,
    },
    /// A server that does not know us, or does not let us.
    #[error(
        "{address}: the server refuses us: {reason}; give a token that it knows, as user:password in \
         LOOKALIKE_MILVUS_TOKEN or in a file"
    )]
    Unauthorised {
        /// The store.
        address: String,
        /// What the server says.
        reason: String,
    },
    /// A server that refuses, or answers something else than expected.
    #[error("{address}: the server says: {reason}")]
    Server {
        /// The store.
        address: String,
        /// What it says.
        reason: String,
    },
    /// A change of which only a part was made.
    #[error(
        "{address}: only {done} rows were changed: {reason}; doing the same again completes it"
    )]
    Partial {
        /// The store.
        address: String,
        /// Rows that were changed.
        done: u64,
        /// Why the others were not.
        reason: String,
    },
    /// A store whose files contradict each other.
    #[error("{}: the store is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A database that refuses.
    #[error("{}: the records cannot be read or written: {reason}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: rusqlite::Error,
    },
    /// A filter that cannot be read.
    #[error(
        "filter '{text}': {reason} (at character {at}); for example: colour=red and not category in (bag, \"hand bag\")"
    )]
    Filter {
        /// The whole of it.
        text: String,
        /// Where it stops making sense, from 1.
        at: usize,
        /// What was expected there.
        reason: String,
    },
}

/// What a file that cannot be read is.
pub(crate) fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    move |reason| Error::Read { path: path.to_owned(), reason }
}

/// What a file that cannot be written is.
pub(crate) fn unwritable(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    move |reason| Error::Write { path: path.to_owned(), reason }
}

/// What a file that says something else than expected is.
pub(crate) fn malformed(path: &Path, reason: impl ToString) -> Error {
    Error::Malformed { path: path.to_owned(), reason: reason.to_string() }
}
