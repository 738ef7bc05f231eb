//! Metrics held against judgements: scores with intervals, per subset, and which metric is better.
//!
//! | protocol | score | beside it |
//! |---|---|---|
//! | 2AFC | mean [agreement](crate::two_alternative) | people against one another; the majority's score |
//! | JND | [average precision](crate::just_noticeable) | [AUC](crate::statistics::auc) |
//! | rating | SROCC, above 0 where the metric agrees | KRCC, PLCC and RMSE after the fitted curve |
//!
//! Of sets that are published so (BAPPS) the score is the unweighted mean over subsets; else it is that of
//! all items. Intervals are bootstrapped over references, comparisons exchange metrics by references and
//! their p-values are also given as Holm adjusts them for the number of pairs.
//!
//! Choices: every metric is scored on the same items, so those that any of them could not compare are to
//! be left out before. Metrics that point upwards are negated, so what is scored is always a distance. Where
//! a subset has no score (nobody called anything the same, all ratings equal) it has none here, and the mean
//! over subsets is that of the others.

mod comparison;
mod statistic;

use std::collections::HashMap;

pub use comparison::{Compared, compare};
use statistic::Statistic;

use crate::dataset::{Item, Judgement, Protocol, bapps};
use crate::statistics::bootstrap::{self, Interval};
use crate::statistics::{auc, correlation::Correlation, logistic};
use crate::{Error, Result, just_noticeable, two_alternative};

/// What people said, without the pictures: one entry for every item, in one order.
#[derive(Clone, Debug)]
pub struct Answers {
    protocol: Protocol,
    /// The share that chose the second, or called both the same; or the rating, more being better.
    values: Vec<f64>,
    /// Which of `subset_names` an item belongs to.
    subsets: Vec<Option<usize>>,
    subset_names: Vec<String>,
    /// A number for every reference.
    references: Vec<usize>,
    mean_of_subsets: bool,
}

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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ceiling {
    /// One person with another.
    pub human: Estimate,
    /// The majority with all; no distance can do better.
    pub majority: f64,
}

impl Answers {
    /// The answers of items, which must all be of one protocol.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::Mixed`].
    pub fn new<'a>(
        items: impl IntoIterator<Item = &'a Item>,
        mean_of_subsets: bool,
    ) -> Result<Self> {
        let mut answers: Option<Self> = None;
        let (mut names, mut references) = (HashMap::new(), HashMap::new());
        for (index, item) in items.into_iter().enumerate() {
            let (protocol, value) = match item.judgement {
                Judgement::Triplet { right_share, .. } => (Protocol::TwoAlternative, right_share),
                Judgement::Same { same, .. } => (Protocol::JustNoticeable, same),
                Judgement::Rating { score, .. } => (Protocol::Rating, score),
            };
            let all = answers.get_or_insert_with(|| Self {
                protocol,
                values: Vec::new(),
                subsets: Vec::new(),
                subset_names: Vec::new(),
                references: Vec::new(),
                mean_of_subsets,
            });
            if all.protocol != protocol {
                return Err(Error::Mixed { index });
            }
            all.values.push(value);
            all.subsets.push(item.subset.as_ref().map(|name| {
                *names.entry(name.clone()).or_insert_with(|| {
                    all.subset_names.push(name.clone());
                    all.subset_names.len() - 1
                })
            }));
            let next = references.len();
            all.references.push(*references.entry(item.judgement.reference()).or_insert(next));
        }
        answers.ok_or(Error::Empty)
    }

    /// How they are scored.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// Distances per item: of a triplet two, else one.
    pub fn distances_per_item(&self) -> usize {
        if self.protocol == Protocol::TwoAlternative { 2 } else { 1 }
    }

    fn items_of(&self, subset: usize) -> Vec<usize> {
        (0..self.count()).filter(|&item| self.subsets[item] == Some(subset)).collect()
    }

    /// How a metric does, of which `distances` has the distances of all items one after the other (two
    /// each of triplets), less being more alike. `seed` and `resamples` are those of the
    /// [bootstrap].
    ///
    /// # Errors
    /// [`Error::Lengths`], [`Error::NotANumber`]; those of the protocol's score.
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
            Protocol::TwoAlternative => {}
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

    /// How often people agree with one another; only 2AFC says so.
    pub fn ceiling(&self, resamples: usize, seed: u64) -> Option<Ceiling> {
        if self.protocol != Protocol::TwoAlternative {
            return None;
        }
        let of = |shares: &[f64], one: fn(&[f64]) -> Result<f64>| one(shares).ok();
        let mean = |items: &[usize], one| {
            let parts =
                if self.mean_of_subsets { self.by_subset(items) } else { vec![items.to_vec()] };
            let scores = parts.iter().filter_map(|items| {
                let shares: Vec<f64> = items.iter().map(|&item| self.values[item]).collect();
                of(&shares, one)
            });
            statistic::mean(&scores.collect::<Vec<_>>())
        };
        let all: Vec<usize> = (0..self.count()).collect();
        let interval = bootstrap::interval(&self.references, resamples, seed, |items| {
            mean(items, two_alternative::human)
        });
        let score = mean(&all, two_alternative::human)?;
        let majority = mean(&all, two_alternative::oracle)?;
        Some(Ceiling { human: Estimate { score, interval }, majority })
    }

    /// Items parted by their subset; those without one are a part as well.
    fn by_subset(&self, items: &[usize]) -> Vec<Vec<usize>> {
        let mut parts = vec![Vec::new(); self.subset_names.len() + 1];
        for &item in items {
            parts[self.subsets[item].unwrap_or(self.subset_names.len())].push(item);
        }
        parts.retain(|part| !part.is_empty());
        parts
    }
}

#[cfg(test)]
mod tests;
