//! How sure a comparison of metrics is: correlations, intervals, tests.
//!
//! * [`correlation`]: SROCC, KRCC and PLCC between scores and ratings
//! * [`logistic`]: PLCC and RMSE after the fitted curve that papers on picture quality use
//! * [`auc`]: how well distances tell different pairs from same ones
//! * [`bootstrap`]: confidence intervals over references
//! * [`wilson`]: confidence intervals of shares
//! * [`permutation`]: whether one metric is better than another
//! * [`holm`]: the same for many pairs of metrics at once
//! * [`seeded`]: what all of these draw from
//!
//! Judgements of one reference are not independent, so whatever resamples or permutes does so by groups:
//! one label for every item, usually the number of its reference. Everything random is drawn by ChaCha
//! with eight rounds, one stream for each resample, so that results depend on the seed alone and not on
//! the number of threads.

pub mod auc;
pub mod bootstrap;
pub mod correlation;
mod groups;
pub mod holm;
mod kendall;
pub mod logistic;
pub mod permutation;
mod ranks;
pub mod seeded;
pub mod wilson;

pub use ranks::average_ranks;
