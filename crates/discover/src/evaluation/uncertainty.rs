//! How sure scores are: intervals and tests over seeds, never over pairs, as pairs of a seed depend on it.
//!
//! * [`interval`]: of Q seeds Q are drawn with replacement; the interval goes from the 2.5th to the 97.5th
//!   percentile of the statistic. Where all Q^Q resamples are few enough all are taken, and it is exact.
//! * [`difference`]: of two models by a mean over seeds: differences change their sign at random, all ways
//!   where they are few enough.
//!
//! Source: Efron and Tibshirani 1993, chapter 13; Good 2005, section 3. Drawing, tests and Holm's adjustment
//! are those of [`lookalike_judge::statistics`], so all models meet the same resamples of seeds.
//!
//! Reproduces `numpy.percentile` over all resamples on a worked example, 1e-6.

use lookalike_judge::statistics::bootstrap::{self, Interval, percentile};
use lookalike_judge::statistics::permutation::{Comparison, mean_difference};
use rayon::prelude::*;

use super::Share;
use crate::Result;

/// Seeds of which all resamples are taken: 5⁵ = 3125.
const ENUMERATED: usize = 5;

/// How the random part is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Resamples of seeds for intervals; 0 makes none.
    pub resamples: usize,
    /// Exchanges of signs for tests; 0 makes none.
    pub permutations: usize,
    /// The seed of both.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        let permutations = lookalike_judge::statistics::permutation::PERMUTATIONS;
        Self { resamples: bootstrap::RESAMPLES, permutations, seed: 1 }
    }
}

/// The interval of a statistic of `count` seeds, which gets the numbers of those drawn. `None` for fewer than
/// two seeds, no resamples, or where too many resamples have no value.
pub fn interval(
    count: usize,
    sampling: Sampling,
    statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<Interval> {
    if count < 2 || sampling.resamples == 0 {
        return None;
    }
    if count > ENUMERATED {
        let seeds: Vec<usize> = (0..count).collect();
        return bootstrap::interval(&seeds, sampling.resamples, sampling.seed, statistic);
    }
    let all = count.pow(count as u32);
    let mut values: Vec<f64> = (0..all)
        .into_par_iter()
        .filter_map(|number| {
            let drawn = (0..count).scan(number, |rest, _| {
                let seed = *rest % count;
                *rest /= count;
                Some(seed)
            });
            statistic(&drawn.collect::<Vec<_>>()).filter(|value| !value.is_nan())
        })
        .collect();
    if (all - values.len()) * 20 > all {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    Some(Interval { low: percentile(&values, 0.025), high: percentile(&values, 0.975) })
}

/// The interval of a share over seeds.
pub fn share_interval(shares: &[Option<Share>], sampling: Sampling) -> Option<Interval> {
    interval(shares.len(), sampling, |drawn| Share::value(drawn.iter().map(|&seed| &shares[seed])))
}

/// How often each seed was drawn.
pub fn weights(count: usize, drawn: &[usize]) -> Vec<f64> {
    let mut weights = vec![0.0; count];
    drawn.iter().for_each(|&seed| weights[seed] += 1.0);
    weights
}

/// Compares two models by a mean over the seeds that have a value for both.
///
/// # Errors
/// [`Error::Statistics`](crate::Error::Statistics) where no seed has a value for both.
pub fn difference(
    [first, second]: [&[Option<Share>]; 2],
    sampling: Sampling,
) -> Result<Comparison> {
    let both = first.iter().zip(second);
    let differences: Vec<f64> =
        both.filter_map(|(a, b)| Some((*a)?.numerator - (*b)?.numerator)).collect();
    let alone: Vec<usize> = (0..differences.len()).collect();
    Ok(mean_difference(&differences, &alone, sampling.permutations, sampling.seed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(values: &[f64]) -> Vec<Option<Share>> {
        values.iter().map(|&numerator| Some(Share { numerator, denominator: 1.0 })).collect()
    }

    #[test]
    fn few_seeds_have_all_their_resamples() {
        let found = share_interval(&shares(&[0.5, 1.0, 0.0]), Sampling::default()).unwrap();
        assert!((found.low - 0.108_333).abs() < 1e-6 && (found.high - 0.891_667).abs() < 1e-6);
        let none = Sampling { resamples: 0, ..Sampling::default() };
        assert_eq!(share_interval(&shares(&[0.5, 1.0]), none), None);
        assert_eq!(share_interval(&shares(&[0.5]), Sampling::default()), None);
        assert_eq!(share_interval(&[None, None], Sampling::default()), None);
    }

    #[test]
    fn many_seeds_have_some_and_come_near() {
        let values: Vec<f64> = (0..200).map(|i| f64::from(i % 10) / 10.0).collect();
        let found = share_interval(&shares(&values), Sampling::default()).unwrap();
        // The mean is 0.45, its standard error 0.287 / √200.
        assert!(
            (found.low - 0.410).abs() < 0.006 && (found.high - 0.490).abs() < 0.006,
            "{found:?}"
        );
    }

    #[test]
    fn differences_change_their_signs() {
        let [a, b] = [[0.5, 0.4, 0.7, 0.2, 0.9], [0.3, 0.5, 0.4, 0.2, 0.5]];
        let found = difference([&shares(&a), &shares(&b)], Sampling::default()).unwrap();
        assert!((found.difference - 0.16).abs() < 1e-12 && found.exact);
        assert!((found.p - 0.25).abs() < 1e-12, "{found:?}");
        assert!(difference([&[None], &shares(&[1.0])], Sampling::default()).is_err());
    }
}
