//! Metrics held against judgements: scores with intervals, per subset, and which metric is better.
//!
//! | protocol | score | beside it |
//! |---|---|---|
//! | 2AFC | mean [agreement](crate::two_alternative) | people against one another; the majority's score |
//! | JND | [average precision](crate::just_noticeable) | [AUC](crate::statistics::auc) |
//! | rating | SROCC, above 0 where the metric agrees | KRCC, PLCC and RMSE after the fitted curve |
//! | odd one out | mean [agreement](crate::odd_one_out) | people against one another; the majority's score |
//!
//! Of sets that are published so (BAPPS) the score is the unweighted mean over subsets; else it is that of
//! all items. Intervals are bootstrapped over references, comparisons exchange metrics by references and
//! their p-values are also given as Holm adjusts them for the number of pairs.
//!
//! Choices: every metric is scored on the same items, so those that any of them could not compare are to
//! be left out before. Metrics that point upwards are negated, so what is scored is always a distance. Where
//! a subset has no score (nobody called anything the same, all ratings equal) it has none here, and the mean
//! over subsets is that of the others.

mod answers;
mod comparison;
mod disagreement;
mod scatter;
mod statistic;

pub use answers::{Answers, AnswersBuilder};
pub use comparison::{Compared, compare};
pub use scatter::Scatter;
use statistic::Statistic;

use crate::dataset::{Protocol, bapps};
use crate::statistics::bootstrap::{self, Interval};
use crate::statistics::{auc, correlation::Correlation, logistic};
use crate::{Result, just_noticeable, odd_one_out, two_alternative};

/// A value and how far it may be from the true one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub score: f64,
    /// In 95 of 100 cases the true value lies here; `None` where there are too few references.
    pub interval: Option<Interval>,
}

/// The score of a subset.
#[derive(Clone, Debug, PartialEq)]
pub struct SubsetScore {
    /// Its name.
    pub name: String,
    /// Its items.
    pub count: usize,
    /// The score; `None` where it is not defined.
    pub estimate: Option<Estimate>,
}

/// How a metric does.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// The score of the protocol.
    pub overall: Estimate,
    /// By subset, in the order of appearance.
    pub subsets: Vec<SubsetScore>,
    /// Further scores of all items by their names, as far as they are defined.
    pub further: Vec<(&'static str, f64)>,
}

/// How often people agree with one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Ceiling {
    /// One person with another.
    pub human: Estimate,
    /// The majority with all; no distance can do better.
    pub majority: f64,
    /// The same by subset, in the order of appearance.
    pub subsets: Vec<SubsetCeiling>,
}

/// How often people agree with one another in a subset.
#[derive(Clone, Debug, PartialEq)]
pub struct SubsetCeiling {
    /// Its name.
    pub name: String,
    /// Its items.
    pub count: usize,
    /// One person with another.
    pub human: f64,
    /// The majority with all.
    pub majority: f64,
}

impl Answers {
    /// How a metric does, of which `distances` has the distances of all items one after the other (those
    /// of its pairs in their order), less being more alike. `seed` and `resamples` are those of the
    /// [bootstrap].
    ///
    /// # Errors
    /// [`Lengths`](crate::Error::Lengths), [`NotANumber`](crate::Error::NotANumber); those of the protocol's
    /// score.
    pub fn evaluate(&self, distances: &[f64], resamples: usize, seed: u64) -> Result<Evaluated> {
        let statistic = Statistic::new(self, distances)?;
        let all: Vec<usize> = (0..self.count()).collect();
        let overall = statistic.estimate(&all, self.mean_of_subsets, resamples, seed)?;
        let subsets = self.subset_names.iter().enumerate().map(|(subset, name)| {
            let items = self.items_of(subset);
            SubsetScore {
                name: name.clone(),
                count: items.len(),
                estimate: statistic.estimate(&items, false, resamples, seed).ok(),
            }
        });
        let subsets: Vec<SubsetScore> = subsets.collect();
        let mut further = self.further(distances);
        further.extend(self.groups(&subsets));
        Ok(Evaluated { overall, subsets, further })
    }

    /// The unweighted means over the groups of BAPPS of which all sets are there.
    fn groups(&self, subsets: &[SubsetScore]) -> Vec<(&'static str, f64)> {
        if !self.mean_of_subsets || self.protocol != Protocol::TwoAlternative {
            return Vec::new();
        }
        let score = |name: &&str| {
            let subset = subsets.iter().find(|subset| subset.name == *name)?;
            subset.estimate.map(|estimate| estimate.score)
        };
        let mean = |(name, sets): (&'static str, &[&str])| {
            let scores: Option<Vec<f64>> = sets.iter().map(score).collect();
            statistic::mean(&scores?).map(|mean| (name, mean))
        };
        bapps::GROUPS.into_iter().filter_map(mean).collect()
    }

    fn further(&self, distances: &[f64]) -> Vec<(&'static str, f64)> {
        let mut found = Vec::new();
        match self.protocol {
            Protocol::TwoAlternative | Protocol::OddOneOut => {}
            Protocol::JustNoticeable => {
                let pairs = distances.iter().zip(&self.values);
                let pairs: Vec<_> = pairs
                    .map(|(&distance, &same)| just_noticeable::Pair { distance, same })
                    .collect();
                found.extend(auc::area(&pairs).ok().map(|area| ("auc", area)));
            }
            Protocol::Rating => {
                let alike: Vec<f64> = distances.iter().map(|distance| -distance).collect();
                let kendall = Correlation::Kendall.of(&alike, &self.values);
                found.extend(kendall.ok().map(|value| ("krcc", value)));
                if let Ok(fit) = logistic::fit(&alike, &self.values) {
                    found.extend([("plcc", fit.correlation), ("rmse", fit.rmse)]);
                }
            }
        }
        found
    }

    /// How often people agree with one another; only choices say so: 2AFC and the odd one out.
    pub fn ceiling(&self, resamples: usize, seed: u64) -> Option<Ceiling> {
        if !matches!(self.protocol, Protocol::TwoAlternative | Protocol::OddOneOut) {
            return None;
        }
        let human =
            |items: &[usize]| self.mean_of(items, two_alternative::human, odd_one_out::human);
        let all: Vec<usize> = (0..self.count()).collect();
        let interval = bootstrap::interval(&self.references, resamples, seed, human);
        let majority =
            |items: &[usize]| self.mean_of(items, two_alternative::oracle, odd_one_out::majority);
        let subsets = self.subset_names.iter().enumerate().filter_map(|(subset, name)| {
            let items = self.items_of(subset);
            let (human, majority) = (human(&items)?, majority(&items)?);
            Some(SubsetCeiling { name: name.clone(), count: items.len(), human, majority })
        });
        Some(Ceiling {
            human: Estimate { score: human(&all)?, interval },
            majority: majority(&all)?,
            subsets: subsets.collect(),
        })
    }

    /// A bound of choices, its mean over subsets where these do equally.
    fn mean_of(
        &self,
        items: &[usize],
        of_two: fn(&[f64]) -> Result<f64>,
        of_three: fn(&[[f64; 3]]) -> Result<f64>,
    ) -> Option<f64> {
        let parts = if self.mean_of_subsets { self.by_subset(items) } else { vec![items.to_vec()] };
        let scores = parts.iter().filter_map(|items| {
            let found = if self.protocol == Protocol::OddOneOut {
                of_three(&items.iter().map(|&item| self.odd(item)).collect::<Vec<_>>())
            } else {
                of_two(&items.iter().map(|&item| self.values[item]).collect::<Vec<_>>())
            };
            found.ok()
        });
        statistic::mean(&scores.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests;
