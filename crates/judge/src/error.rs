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
    /// Shares of all answers that are not everybody.
    #[error("the shares of judgement {index} add up to {sum}, expected 1")]
    Shares {
        /// Which, from 0.
        index: usize,
        /// Their sum.
        sum: f64,
    },
    /// Recall has no meaning where there is nothing to be found.
    #[error("nobody called any pair the same, so there is nothing to be found among them")]
    NothingSame,
    /// Judgements that are scored in different ways.
    #[error("judgement {index} answers another question than those before it")]
    Mixed {
        /// Which, from 0.
        index: usize,
    },
    /// Nor is anything told from the same where nothing is different.
    #[error("everybody called every pair the same, so there is nothing to tell them from")]
    NothingDifferent,
    /// Two lists that belong together.
    #[error("{left} numbers against {right}: expected as many of one as of the other")]
    Lengths {
        /// How many of the first.
        left: usize,
        /// How many of the second.
        right: usize,
    },
    /// Too little to compute from.
    #[error("{found} items, expected at least {least}")]
    TooFew {
        /// What was found.
        found: usize,
        /// What is needed.
        least: usize,
    },
    /// A number that is none.
    #[error("number {index} of a list is NaN")]
    NotANumber {
        /// Which, from 0.
        index: usize,
    },
    /// An infinity where there can be none.
    #[error("number {index} of a list is infinite, expected finite ones")]
    NotFinite {
        /// Which, from 0.
        index: usize,
    },
    /// What does not vary is correlated with nothing.
    #[error("all numbers of a list are equal, so nothing is correlated with them")]
    Constant,
    /// Features of different networks.
    #[error(
        "{left} columns against {right}: expected features of one network, or maps of one size"
    )]
    Columns {
        /// Of the first.
        left: usize,
        /// Of the second.
        right: usize,
    },
    /// What is no rectangle.
    #[error("{numbers} numbers are no rows of {columns}")]
    Shape {
        /// How many there are.
        numbers: usize,
        /// How many a row has.
        columns: usize,
    },
    /// A covariance that is none.
    #[error("the covariance at row {row} and column {column} is not that at {column} and {row}")]
    Asymmetric {
        /// Which row, from 0.
        row: usize,
        /// Which column, from 0.
        column: usize,
    },
    /// Zero has no direction.
    #[error("row {index} of the features has no length that it could be divided by")]
    NoDirection {
        /// Which, from 0.
        index: usize,
    },
    /// An iteration that did not end.
    #[error("the covariances have no decomposition that could be found")]
    NoDecomposition,
    /// A probability beyond 0…1.
    #[error("p-value {index} is {value}, expected one from 0 to 1")]
    Probability {
        /// Which, from 0.
        index: usize,
        /// What was found.
        value: f64,
    },
}

/// The result of scoring.
pub type Result<T> = std::result::Result<T, Error>;

/// Whether a number is a share of people.
pub(crate) fn check_share(index: usize, share: f64) -> Result<()> {
    // A number that is none is in no range.
    if (0.0..=1.0).contains(&share) { Ok(()) } else { Err(Error::Share { index, share }) }
}

/// Whether none of the numbers is NaN.
pub(crate) fn check_numbers(numbers: &[f64]) -> Result<()> {
    match numbers.iter().position(|number| number.is_nan()) {
        Some(index) => Err(Error::NotANumber { index }),
        None => Ok(()),
    }
}

/// Whether all of the numbers are finite.
pub(crate) fn check_finite(numbers: &[f64]) -> Result<()> {
    check_numbers(numbers)?;
    match numbers.iter().position(|number| number.is_infinite()) {
        Some(index) => Err(Error::NotFinite { index }),
        None => Ok(()),
    }
}
