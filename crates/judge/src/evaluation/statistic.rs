//! The score of a protocol as a function of which items are drawn.

use super::{Answers, Estimate};
use crate::dataset::Protocol;
use crate::just_noticeable::{self, Pair};
use crate::statistics::bootstrap;
use crate::statistics::correlation::Correlation;
use crate::{Error, Result, odd_one_out, two_alternative};

pub(super) struct Statistic<'a> {
    answers: &'a Answers,
    distances: &'a [f64],
}

impl<'a> Statistic<'a> {
    pub(super) fn new(answers: &'a Answers, distances: &'a [f64]) -> Result<Self> {
        let expected = answers.count() * answers.protocol.pairs();
        if distances.len() != expected {
            return Err(Error::Lengths { left: distances.len(), right: expected });
        }
        crate::error::check_numbers(distances)?;
        Ok(Self { answers, distances })
    }

    fn choice(&self, item: usize) -> two_alternative::Triplet {
        let distances = [self.distances[2 * item], self.distances[2 * item + 1]];
        two_alternative::Triplet { distances, second: self.answers.values[item] }
    }

    fn odd(&self, item: usize) -> odd_one_out::Triplet {
        let distances = [0, 1, 2].map(|pair| self.distances[3 * item + pair]);
        odd_one_out::Triplet { distances, odd: self.answers.odd(item) }
    }

    /// The distances of an item.
    pub(super) fn of_item(&self, item: usize) -> &'a [f64] {
        let pairs = self.answers.protocol.pairs();
        &self.distances[pairs * item..pairs * (item + 1)]
    }

    /// The share of people who choose as the distances do, where people choose.
    pub(super) fn agreement(&self, item: usize) -> f64 {
        match self.answers.protocol {
            Protocol::OddOneOut => odd_one_out::agreement(&self.odd(item)),
            _ => two_alternative::agreement(&self.choice(item)),
        }
    }

    /// The score of some items, of which some may be there more than once.
    pub(super) fn of(&self, items: &[usize]) -> Result<f64> {
        let answers = self.answers;
        match answers.protocol {
            Protocol::TwoAlternative => {
                two_alternative::score(&items.iter().map(|&i| self.choice(i)).collect::<Vec<_>>())
            }
            Protocol::OddOneOut => {
                odd_one_out::score(&items.iter().map(|&i| self.odd(i)).collect::<Vec<_>>())
            }
            Protocol::JustNoticeable => {
                let pair =
                    |&i: &usize| Pair { distance: self.distances[i], same: answers.values[i] };
                just_noticeable::average_precision(&items.iter().map(pair).collect::<Vec<_>>())
            }
            Protocol::Rating => {
                let alike: Vec<f64> = items.iter().map(|&item| -self.distances[item]).collect();
                let ratings: Vec<f64> = items.iter().map(|&item| answers.values[item]).collect();
                Correlation::Spearman.of(&alike, &ratings)
            }
        }
    }

    /// The mean over the subsets that have a score.
    pub(super) fn of_subsets(&self, items: &[usize]) -> Result<f64> {
        let parts = self.answers.by_subset(items);
        let scores: Vec<f64> = parts.iter().filter_map(|part| self.of(part).ok()).collect();
        mean(&scores).ok_or(Error::Empty)
    }

    pub(super) fn estimate(
        &self,
        items: &[usize],
        mean_of_subsets: bool,
        resamples: usize,
        seed: u64,
    ) -> Result<Estimate> {
        let of = |items: &[usize]| {
            if mean_of_subsets { self.of_subsets(items) } else { self.of(items) }
        };
        let score = of(items)?;
        let references: Vec<usize> =
            items.iter().map(|&item| self.answers.references[item]).collect();
        let interval = bootstrap::interval(&references, resamples, seed, |drawn| {
            of(&drawn.iter().map(|&index| items[index]).collect::<Vec<_>>()).ok()
        });
        Ok(Estimate { score, interval })
    }
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
