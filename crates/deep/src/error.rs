//! What can go wrong in a learned metric.

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a learned metric could not be made or computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network refused.
    #[error(transparent)]
    Network(#[from] lookalike_nn::Error),
    /// Weights that are not in the store.
    #[error("there are no weights '{name}' in {}", folder.display())]
    Absent {
        /// Their name.
        name: String,
        /// The folder of the store.
        folder: std::path::PathBuf,
    },
    /// Weights that cannot be used, or are not those of the metric.
    #[error("{0}")]
    Weights(String),
    /// Batches that do not belong together.
    #[error(
        "expected as many references as candidates, or one; found {references} and {candidates}"
    )]
    Batches {
        /// References given.
        references: usize,
        /// Candidates given.
        candidates: usize,
    },
    /// Pictures of different size.
    #[error(
        "sizes differ: {}x{} against {}x{}", reference[1], reference[0], candidate[1], candidate[0]
    )]
    Sizes {
        /// Height and width of the references.
        reference: [usize; 2],
        /// Height and width of the candidates.
        candidate: [usize; 2],
    },
}
