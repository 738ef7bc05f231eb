//! What can go wrong in training.

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kernel refused.
    #[error(transparent)]
    Kernel(#[from] lookalike_kernels::Error),
    /// The network refused, or its weights are not there.
    #[error(transparent)]
    Deep(#[from] lookalike_deep::Error),
    /// Numbers that are not finite.
    #[error("step {step}: {what} is not finite; lower the rate, or look for damaged pictures")]
    Diverged {
        /// The step that would have been.
        step: u64,
        /// The loss or a gradient.
        what: &'static str,
    },
}
