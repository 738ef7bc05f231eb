//! How well distances between pictures agree with what people said of them.
//!
//! * [`two_alternative`]: which of two pictures is closer to a reference (2AFC)
//! * [`odd_one_out`]: which of three pictures is least like the others
//! * [`preference`]: which of two makers' pictures people prefer
//! * [`just_noticeable`]: whether two pictures look the same (JND)
//! * [`generation`]: how good generated pictures are, from features of them
//! * [`statistics`]: correlations with ratings, confidence intervals, tests of one metric against another
//! * [`dataset`]: what people said, from the files in which it is published
//! * [`evaluation`]: metrics held against it
//! * [`npy`]: arrays as NumPy writes them
//!
//! Distances come in as numbers, smaller for more alike, so any metric can be judged; one for which
//! higher is better is negated first.

pub mod dataset;
mod error;
pub mod evaluation;
pub mod generation;
pub mod just_noticeable;
pub mod npy;
pub mod odd_one_out;
pub mod preference;
pub mod statistics;
pub mod two_alternative;

pub use error::{Error, Result};
