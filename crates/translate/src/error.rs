//! What can go wrong in learning and drawing translations.

use std::path::PathBuf;

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be done; the message says what was expected.
    #[error("{0}")]
    Refused(String),
    /// A file that cannot be read or written.
    #[error("{}: cannot {action}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read` or `write`.
        action: &'static str,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A file that is not what was expected.
    #[error("{}: {reason}", path.display())]
    Unsuitable {
        /// Which.
        path: PathBuf,
        /// What was expected, and found.
        reason: String,
    },
    /// Of a picture.
    #[error(transparent)]
    Core(#[from] lookalike_core::Error),
    /// Of a learned metric.
    #[error(transparent)]
    Deep(#[from] lookalike_deep::Error),
    /// Of a kernel.
    #[error(transparent)]
    Kernel(#[from] lookalike_kernels::Error),
    /// Of a network.
    #[error(transparent)]
    Network(#[from] lookalike_nn::Error),
    /// Of training.
    #[error(transparent)]
    Train(#[from] lookalike_train::Error),
    /// Of a file with weights.
    #[error(transparent)]
    Weights(#[from] lookalike_weights::Error),
}

/// Of runs that are taken step by step by the shared mechanism.
impl From<Error> for lookalike_train::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Train(error) => error,
            error => Self::Refused(error.to_string()),
        }
    }
}
