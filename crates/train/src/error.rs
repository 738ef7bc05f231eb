//! What can go wrong in training.

use std::path::PathBuf;

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kernel refused.
    #[error(transparent)]
    Kernel(#[from] lookalike_kernels::Error),
    /// The network refused, or its weights are not there.
    #[error(transparent)]
    Deep(#[from] lookalike_deep::Error),
    /// A picture cannot be read.
    #[error(transparent)]
    Picture(#[from] lookalike_core::Error),
    /// Judgements cannot be read.
    #[error(transparent)]
    Data(#[from] lookalike_judge::dataset::DatasetError),
    /// Judgements cannot be scored.
    #[error(transparent)]
    Judge(#[from] lookalike_judge::Error),
    /// Numbers that are not finite.
    #[error("step {step}: {what} is not finite; lower the rate, or look for damaged pictures")]
    Diverged {
        /// The step that would have been.
        step: u64,
        /// The loss or a gradient.
        what: &'static str,
    },
    /// A loss that is not finite, with what was seen of the batch.
    #[error(
        "step {step}: the loss is not finite ({terms}; output from {least} to {most}); lower the rate, or look for \
         damaged pictures"
    )]
    NoLoss {
        /// The step that would have been.
        step: u64,
        /// The terms by name.
        terms: String,
        /// The least sample of the output.
        least: f32,
        /// The most.
        most: f32,
    },
    /// A file or folder of the run.
    #[error("{}: cannot {action}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read` or `write`.
        action: &'static str,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A file of the run, or a picture, that is not what it should be.
    #[error("{}: {reason}", path.display())]
    Unsuitable {
        /// Which.
        path: PathBuf,
        /// What was expected, what was found, and the way out.
        reason: String,
    },
    /// A choice that makes no sense, or that this build does not have.
    #[error("{0}")]
    Refused(String),
    /// The run was interrupted before the first step; what was computed is kept.
    #[error("interrupted after {done} of {count} triplets; run the same command to go on")]
    Interrupted {
        /// Triplets whose features are known.
        done: usize,
        /// All of them.
        count: usize,
    },
}

impl From<lookalike_nn::Error> for Error {
    fn from(error: lookalike_nn::Error) -> Self {
        Self::Deep(error.into())
    }
}
