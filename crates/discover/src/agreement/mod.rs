//! How far people agree with each other, and what to make of it where they do not.
//!
//! * [`raw`](mod@raw): the share of pairs of raters who say the same
//! * [`cohen`], [`fleiss`]: how much of that is more than chance, of two raters and of many
//! * [`krippendorff`]: the same with missing votes and with grades
//! * [`prevalence`]: coefficients that hold where nearly all pairs are alike (PABAK, AC1)
//! * [`dawid_skene`]: the likeliest labels, and how reliable each rater is
//! * [`panel`]: all of it for a set of votes, with intervals over seeds
//!
//! Kappas punish agreement on a label that nearly every pair has: of two raters who agree on 90 of 100 pairs
//! it can be below zero. The share of similar pairs and the coefficients of [`prevalence`] belong beside it.
//!
//! Votes come as one row per unit (a pair of pictures) with one place per rater; grades are whole numbers
//! from 0, and a missing vote is `None`.

pub mod cohen;
pub mod dawid_skene;
pub mod fleiss;
pub mod krippendorff;
pub mod panel;
pub mod prevalence;
pub mod raw;
mod record;
#[cfg(test)]
mod worked_examples;

/// The votes on a unit, one place per rater.
pub type Unit = Vec<Option<u8>>;

/// The grades that were given, in ascending order.
pub(crate) fn grades(units: &[Unit]) -> Vec<u8> {
    let mut grades: Vec<u8> = units.iter().flatten().copied().flatten().collect();
    grades.sort_unstable();
    grades.dedup();
    grades
}

/// How often each grade was given to a unit.
pub(crate) fn counts(unit: &Unit, grades: &[u8]) -> Vec<f64> {
    let count = |grade: &u8| unit.iter().filter(|vote| **vote == Some(*grade)).count() as f64;
    grades.iter().map(count).collect()
}
