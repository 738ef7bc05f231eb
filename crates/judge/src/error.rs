//! What judgements or distances cannot be scored for.

/// Why there is no score.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Nothing to score.
    #[error("no judgements: expected at least one")]
    Empty,
    /// A distance that is no number.
    #[error("the distance of judgement {index} is not a number")]
    NoDistance {
        /// Which, from 0.
        index: usize,
    },
    /// A share of people beyond 0…1.
    #[error("judgement {index} says {share} of the people, expected a share from 0 to 1")]
    Share {
        /// Which, from 0.
        index: usize,
        /// What was found.
        share: f64,
    },
    /// Recall has no meaning where there is nothing to be found.
    #[error("nobody called any pair the same, so there is nothing to be found among them")]
    NothingSame,
}

/// The result of scoring.
pub type Result<T> = std::result::Result<T, Error>;

/// Whether a number is a share of people.
pub(crate) fn check_share(index: usize, share: f64) -> Result<()> {
    // A number that is none is in no range.
    if (0.0..=1.0).contains(&share) { Ok(()) } else { Err(Error::Share { index, share }) }
}
