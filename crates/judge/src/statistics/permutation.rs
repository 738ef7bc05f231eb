//! Is one metric better than another, judged by the same items?
//!
//! If both were as good it would not matter which score belongs to which, so within any groups of items
//! the two may change places. p is the share of such exchanges in which the statistics of the two differ
//! at least as much, in either direction, as they really do.
//!
//! * [`mean_difference`]: of means, such as 2AFC scores: differences change their sign by groups
//! * [`correlation_difference`]: of correlations with ratings: scores, made comparable, change places
//! * [`exchange`]: of anything
//!
//! Source: Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005, sections 3 and 7. Of
//! correlations, scores of two metrics differ in range, so they are replaced by ranks or standardised
//! first: without that, exchanged ones would not be alike.
//!
//! Choices: with G groups there are 2^G exchanges. Where no more than `permutations`, all are taken and p is
//! exact; else as many are drawn and p = (k + 1) / (n + 1), which is never 0 (Phipson and Smyth 2010). Of
//! two opposite exchanges, which differ as much, only one is computed when all are taken. Differences that
//! equal the real one but for rounding (1e-12 of the terms) count.
//!
//! Reproduces `scipy.stats.permutation_test` of SciPy 1.17.1 (`permutation_type="samples"`), exact, 1e-12.

use rayon::prelude::*;

use super::correlation::{Correlation, check_pairs, unit};
use super::{average_ranks, groups, seeded};
use crate::error::check_finite;
use crate::{Error, Result};

/// How many exchanges are usual: a p of 0.05 is then certain to 0.004.
pub const PERMUTATIONS: usize = 10_000;

/// How two metrics compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// By how much the first exceeds the second.
    pub difference: f64,
    /// How likely a difference at least as large would be if both were as good, two-sided.
    pub p: f64,
    /// Whether all exchanges were taken rather than some drawn.
    pub exact: bool,
}

/// Compares two means by the differences of the two at every item.
///
/// `differences` is the first less the second (of 2AFC, the agreement of one less that of the other),
/// `groups` one label for each.
///
/// ```
/// use lookalike_judge::statistics::permutation::mean_difference;
/// let found = mean_difference(&[0.2, 0.1, 0.3], &[0, 1, 2], 10_000, 0)?;
/// assert!((found.difference - 0.2).abs() < 1e-15);
/// // All have one sign in two of eight cases.
/// assert_eq!((found.p, found.exact), (0.25, true));
/// # Ok::<(), lookalike_judge::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`]; [`Error::Lengths`]; [`Error::NotANumber`], [`Error::NotFinite`].
pub fn mean_difference(
    differences: &[f64],
    groups: &[usize],
    permutations: usize,
    seed: u64,
) -> Result<Comparison> {
    check_pairs(differences, groups, 0)?;
    check_finite(differences)?;
    if differences.is_empty() {
        return Err(Error::Empty);
    }
    let count = differences.len() as f64;
    let difference = differences.iter().sum::<f64>() / count;
    // A group without a difference stays as it is whatever its sign.
    let sums: Vec<f64> = groups::by_label(groups)
        .iter()
        .map(|items| items.iter().map(|&item| differences[item]).sum::<f64>())
        .filter(|&sum| sum != 0.0)
        .collect();
    let rounding = 1e-12 * sums.iter().map(|sum| sum.abs()).sum::<f64>();
    let real = sums.iter().sum::<f64>().abs() - rounding;
    let (p, exact) = share(sums.len(), permutations, seed, |turned| {
        let signed = sums.iter().zip(turned).map(|(&sum, &turn)| if turn { -sum } else { sum });
        signed.sum::<f64>().abs() >= real
    });
    Ok(Comparison { difference, p, exact })
}

/// Compares the correlations of two metrics with the same ratings.
///
/// Both must run the same way as the ratings or both the other way: negate distances where qualities are
/// rated. For [`Correlation::Pearson`] after a [fitted curve](super::logistic) give the fitted ratings.
///
/// # Errors
/// As [`Correlation::of`]; [`Error::Lengths`].
pub fn correlation_difference(
    kind: Correlation,
    [first, second]: [&[f64]; 2],
    ratings: &[f64],
    groups: &[usize],
    permutations: usize,
    seed: u64,
) -> Result<Comparison> {
    kind.of(first, ratings)?;
    kind.of(second, ratings)?;
    let comparable = |scores| match kind {
        Correlation::Pearson => unit(scores),
        Correlation::Spearman | Correlation::Kendall => average_ranks(scores),
    };
    let (first, second) = (comparable(first)?, comparable(second)?);
    check_pairs(&first, groups, 0)?;
    exchange(groups, permutations, seed, |exchanged| {
        let mixed = |own: &[f64], others: &[f64]| -> Vec<f64> {
            let both = own.iter().zip(others).zip(exchanged);
            both.map(|((&own, &other), &exchanged)| if exchanged { other } else { own }).collect()
        };
        let one = kind.of(&mixed(&first, &second), ratings)?;
        let other = kind.of(&mixed(&second, &first), ratings)?;
        Ok(one - other)
    })
}

/// Compares by any statistic.
///
/// `difference` gets, for every item, whether the two metrics change places there, and answers the
/// statistic of the first less that of the second; exchanging all must turn its sign. An exchange that has
/// no difference counts as one at least as large, which makes p larger.
///
/// # Errors
/// [`Error::Empty`]; that of `difference` where nothing is exchanged.
pub fn exchange(
    groups: &[usize],
    permutations: usize,
    seed: u64,
    difference: impl Fn(&[bool]) -> Result<f64> + Sync,
) -> Result<Comparison> {
    if groups.is_empty() {
        return Err(Error::Empty);
    }
    let items = groups.len();
    let real = difference(&vec![false; items])?;
    let groups = groups::by_label(groups);
    let least = real.abs() - 1e-12;
    let (p, exact) = share(groups.len(), permutations, seed, |turned| {
        let mut exchanged = vec![false; items];
        for (group, &turn) in groups.iter().zip(turned) {
            group.iter().for_each(|&item| exchanged[item] = turn);
        }
        difference(&exchanged).map_or(true, |found| found.is_nan() || found.abs() >= least)
    });
    Ok(Comparison { difference: real, p, exact })
}

/// The share of the ways to turn `count` groups that are extreme, and whether all were taken.
fn share(
    count: usize,
    permutations: usize,
    seed: u64,
    extreme: impl Fn(&[bool]) -> bool + Sync,
) -> (f64, bool) {
    let all = u32::try_from(count).ok().and_then(|count| 1_usize.checked_shl(count));
    if let Some(all) = all.filter(|&all| all <= permutations.max(1)) {
        // The last group stays: turning it and all others gives the opposite.
        let taken = (all / 2).max(1);
        let extremes = (0..taken)
            .into_par_iter()
            .filter(|ways| {
                let turned: Vec<bool> = (0..count).map(|group| ways >> group & 1 == 1).collect();
                extreme(&turned)
            })
            .count();
        return (extremes as f64 / taken as f64, true);
    }
    let extremes = (0..permutations)
        .into_par_iter()
        .filter(|&number| extreme(&seeded::coins(&mut seeded::stream(seed, number as u64), count)))
        .count();
    ((extremes + 1) as f64 / (permutations + 1) as f64, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(stream: u64, count: usize) -> Vec<f64> {
        let mut draws = seeded::stream(11, stream);
        (0..count).map(|_| seeded::below(&mut draws, 1_000_001) as f64 / 1e6 - 0.5).collect()
    }

    fn alone(count: usize) -> Vec<usize> {
        (0..count).collect()
    }

    #[test]
    fn drawn_exchanges_come_near_to_all() {
        let differences: Vec<f64> = even(0, 14).iter().map(|number| number + 0.2).collect();
        let all = mean_difference(&differences, &alone(14), 1 << 14, 0).unwrap();
        let drawn = mean_difference(&differences, &alone(14), 16_000, 0).unwrap();
        assert!(all.exact && !drawn.exact);
        assert_eq!(all.difference, drawn.difference);
        let sure = 5.0 * (all.p * (1.0 - all.p) / 16_000.0).sqrt();
        assert!((all.p - drawn.p).abs() < sure, "{all:?} {drawn:?}");
    }

    #[test]
    fn chance_is_called_significant_as_often_as_it_may() {
        let significant = (0..400)
            .filter(|&sample| {
                let found = mean_difference(&even(sample, 25), &alone(25), 500, sample).unwrap();
                found.p <= 0.05
            })
            .count();
        // 20 expected; four standard deviations.
        assert!((3..=37).contains(&significant), "{significant} of 400");
    }

    #[test]
    fn groups_change_sign_together() {
        let differences = [0.3, 0.1, 0.2, 0.2, 0.4, 0.1];
        let found = mean_difference(&differences, &[1, 1, 2, 2, 2, 1], 10_000, 0).unwrap();
        assert_eq!((found.p, found.exact), (0.5, true));
        let found = mean_difference(&differences, &alone(6), 10_000, 0).unwrap();
        assert_eq!(found.p, 2.0 / 64.0);
        let same = mean_difference(&[0.0; 5], &alone(5), 10_000, 0).unwrap();
        assert_eq!((same.difference, same.p), (0.0, 1.0));
    }

    #[test]
    fn the_better_of_two_is_found() {
        let ratings = even(1, 60);
        let noisy = |stream, share: f64| -> Vec<f64> {
            let noise = even(stream, 60);
            ratings.iter().zip(noise).map(|(rating, noise)| rating + share * noise).collect()
        };
        let (good, as_good, bad) = (noisy(2, 0.2), noisy(3, 0.2), noisy(4, 3.0));
        // Another range, the same order.
        let stretched: Vec<f64> = good.iter().map(|score| 100.0 * score + 7.0).collect();
        for kind in [Correlation::Pearson, Correlation::Spearman, Correlation::Kendall] {
            let compare = |a: &[f64], b: &[f64]| {
                correlation_difference(kind, [a, b], &ratings, &alone(60), 999, 3).unwrap()
            };
            let found = compare(&good, &bad);
            let direct = kind.of(&good, &ratings).unwrap() - kind.of(&bad, &ratings).unwrap();
            assert!((found.difference - direct).abs() < 1e-12, "{kind:?}");
            assert_eq!(found.p, 1e-3, "{kind:?}");
            assert_eq!(found.p, compare(&bad, &good).p);
            assert!(compare(&good, &as_good).p > 0.05, "{kind:?}");
            assert_eq!(compare(&good, &stretched).p, 1.0, "{kind:?}");
        }
    }

    #[test]
    fn threads_do_not_matter() {
        let differences = even(9, 40);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| mean_difference(&differences, &alone(40), 700, 1).unwrap())
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        assert_eq!(mean_difference(&[], &[], 10, 0), Err(Error::Empty));
        let uneven = mean_difference(&[1.0], &[0, 1], 10, 0);
        assert_eq!(uneven, Err(Error::Lengths { left: 1, right: 2 }));
        let lost = mean_difference(&[1.0, f64::NAN], &[0, 1], 10, 0);
        assert_eq!(lost, Err(Error::NotANumber { index: 1 }));
        let scores = [1.0, 2.0, 3.0];
        let flat = correlation_difference(
            Correlation::Spearman,
            [&scores, &[1.0; 3]],
            &scores,
            &alone(3),
            10,
            0,
        );
        assert_eq!(flat, Err(Error::Constant));
    }
}
