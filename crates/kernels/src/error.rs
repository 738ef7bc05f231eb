//! What can go wrong.

/// Why an operation was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Numbers and the shape that they are said to have do not go together.
    #[error("{what}: {expected} numbers were expected, {found} were found")]
    Count {
        /// What was given.
        what: &'static str,
        /// Product of the shape.
        expected: usize,
        /// Numbers there are.
        found: usize,
    },
    /// A dimension is not what the operation takes.
    #[error("{what}: {expected} was expected, {found} was found")]
    Dimension {
        /// Which dimension of what.
        what: &'static str,
        /// What is taken.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The input has no room for a window.
    #[error(
        "a window of {window} does not fit into {found} positions (with what is padded around them)"
    )]
    TooSmall {
        /// Positions under a window.
        window: usize,
        /// Positions there are.
        found: usize,
    },
    /// A dimension is zero, or the product of all overflows.
    #[error("{what}: {shape:?} is no shape of anything")]
    Shape {
        /// What was given.
        what: &'static str,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// The environment names an instruction set that is unknown, or that this machine lacks.
    #[error(
        "{variable}={found} names no instruction set of this machine: expected {}, or nothing",
        available.join(", "),
        variable = crate::VARIABLE
    )]
    InstructionSet {
        /// The name.
        found: String,
        /// Names of those that there are.
        available: Vec<&'static str>,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
