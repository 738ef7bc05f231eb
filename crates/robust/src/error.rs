//! What can go wrong in certifying and attacking.

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no certificate, or no attack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture or the metric failed.
    #[error(transparent)]
    Core(#[from] lookalike_core::Error),
    /// The network failed.
    #[error(transparent)]
    Deep(#[from] lookalike_deep::Error),
    /// Something was asked for that makes no sense.
    #[error("{0}")]
    Asked(String),
}
