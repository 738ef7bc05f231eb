//! Where a metric and people disagree, item by item, so that someone can look.
//!
//! | protocol | disagreement, 0 to 1 | between equals |
//! |---|---|---|
//! | 2AFC, odd one out | share of people who chose otherwise than the distances | the surer metric: (larger − smaller) / (larger + smaller distance) |
//! | JND | distance between the share of people who said "same" and the share of pairs with a larger distance | – |
//! | rating | distance between the place of the rating and that of the distance, as shares of all items | – |
//!
//! Our own definition: it orders items, and no score is made of it.

use super::{Answers, Statistic};
use crate::Result;
use crate::dataset::Protocol;
use crate::statistics::average_ranks;

impl Answers {
    /// Items in the order of their disagreement with a metric, the greatest first, and how great it is.
    ///
    /// `distances` are as in [`evaluate`](Self::evaluate). Items of equal disagreement keep their order.
    ///
    /// # Errors
    /// [`Error::Lengths`](crate::Error::Lengths), [`Error::NotANumber`](crate::Error::NotANumber).
    pub fn disagreements(&self, distances: &[f64]) -> Result<Vec<(usize, f64)>> {
        let statistic = Statistic::new(self, distances)?;
        let items = 0..self.count();
        let mut found: Vec<(usize, f64, f64)> = match self.protocol {
            Protocol::TwoAlternative | Protocol::OddOneOut => {
                let one = |item| {
                    (item, 1.0 - statistic.agreement(item), sureness(statistic.of_item(item)))
                };
                items.map(one).collect()
            }
            Protocol::JustNoticeable => {
                let near = places(distances)?.into_iter().map(|place| 1.0 - place);
                let both = near.zip(&self.values).map(|(near, same)| (near - same).abs());
                items.zip(both).map(|(item, both)| (item, both, 0.0)).collect()
            }
            Protocol::Rating => {
                let near = places(distances)?.into_iter().map(|place| 1.0 - place);
                let both = near.zip(places(&self.values)?).map(|(near, good)| (near - good).abs());
                items.zip(both).map(|(item, both)| (item, both, 0.0)).collect()
            }
        };
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.2.total_cmp(&a.2)).then(a.0.cmp(&b.0)));
        Ok(found.into_iter().map(|(item, disagreement, _)| (item, disagreement)).collect())
    }
}

/// The shares of the list that are smaller, equal ones counting one half.
fn places(values: &[f64]) -> Result<Vec<f64>> {
    let count = values.len() as f64;
    Ok(average_ranks(values)?.into_iter().map(|rank| (rank - 0.5) / count).collect())
}

/// How far the smallest of several distances is from the next, from 0 to 1.
pub(super) fn sureness(distances: &[f64]) -> f64 {
    let mut sorted = distances.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.as_slice() {
        [smaller, larger, ..] => contrast(*smaller, *larger),
        _ => 0.0,
    }
}

/// (second − first) / (|first| + |second|), from −1 to 1; 0 of equal ones.
pub(super) fn contrast(first: f64, second: f64) -> f64 {
    if first == second {
        return 0.0;
    }
    if first.is_infinite() || second.is_infinite() {
        return if second > first { 1.0 } else { -1.0 };
    }
    // Distances of similarities can be negative, so lengths are added.
    (second - first) / (first.abs() + second.abs())
}
