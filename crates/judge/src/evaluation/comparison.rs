//! Which of two metrics is better by the same judgements.

use super::Answers;
use super::statistic::Statistic;
use crate::dataset::Protocol;
use crate::statistics::correlation::Correlation;
use crate::statistics::{average_ranks, holm, permutation};
use crate::{Result, just_noticeable};

/// How two metrics compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// The first, by its position.
    pub first: usize,
    /// The second, by its position.
    pub second: usize,
    /// The score of the first less that of the second.
    pub difference: f64,
    /// How likely a difference at least as large would be if both were as good, two-sided.
    pub p: f64,
    /// The same for the number of pairs that are compared.
    pub p_holm: f64,
}

/// Compares every two of several metrics, whose distances are given as [`Answers::evaluate`] wants them.
///
/// Permutations are by reference. JND exchanges ranks, since distances of two metrics are not of one scale.
///
/// # Errors
/// As [`Answers::evaluate`], and those of the [permutation] tests.
pub fn compare(
    answers: &Answers,
    metrics: &[&[f64]],
    permutations: usize,
    seed: u64,
) -> Result<Vec<Compared>> {
    let mut found = Vec::new();
    for first in 0..metrics.len() {
        for second in first + 1..metrics.len() {
            let one = pair(answers, [metrics[first], metrics[second]], permutations, seed)?;
            found.push(Compared {
                first,
                second,
                difference: one.difference,
                p: one.p,
                p_holm: 1.0,
            });
        }
    }
    let adjusted = holm::adjust(&found.iter().map(|one| one.p).collect::<Vec<_>>())?;
    for (one, adjusted) in found.iter_mut().zip(adjusted) {
        one.p_holm = adjusted;
    }
    Ok(found)
}

fn pair(
    answers: &Answers,
    both: [&[f64]; 2],
    permutations: usize,
    seed: u64,
) -> Result<permutation::Comparison> {
    let groups = &answers.references;
    match answers.protocol {
        Protocol::TwoAlternative | Protocol::OddOneOut => {
            let [first, second] = both.map(|distances| Statistic::new(answers, distances));
            let (first, second) = (first?, second?);
            let weights = weights(answers);
            let difference = |item| {
                let gain = first.agreement(item) - second.agreement(item);
                weights[item] * gain
            };
            let differences: Vec<f64> = (0..answers.count()).map(difference).collect();
            permutation::mean_difference(&differences, groups, permutations, seed)
        }
        Protocol::Rating => {
            let alike = both.map(|distances| distances.iter().map(|d| -d).collect::<Vec<f64>>());
            permutation::correlation_difference(
                Correlation::Spearman,
                [&alike[0], &alike[1]],
                &answers.values,
                groups,
                permutations,
                seed,
            )
        }
        Protocol::JustNoticeable => {
            let ranks = [average_ranks(both[0])?, average_ranks(both[1])?];
            let all: Vec<usize> = (0..answers.count()).collect();
            let parts = if answers.mean_of_subsets { answers.by_subset(&all) } else { vec![all] };
            permutation::exchange(groups, permutations, seed, |exchanged| {
                let score = |own: usize| -> Result<f64> {
                    let mut scores = Vec::with_capacity(parts.len());
                    for part in &parts {
                        let pair = |&item: &usize| just_noticeable::Pair {
                            distance: ranks[own ^ usize::from(exchanged[item])][item],
                            same: answers.values[item],
                        };
                        let pairs: Vec<_> = part.iter().map(pair).collect();
                        // A subset without a score has none whatever is exchanged.
                        scores.extend(just_noticeable::average_precision(&pairs).ok());
                    }
                    super::statistic::mean(&scores).ok_or(crate::Error::NothingSame)
                };
                Ok(score(0)? - score(1)?)
            })
        }
    }
}

/// By how much an item counts, 1 in the mean: where subsets do equally, more in the smaller ones.
fn weights(answers: &Answers) -> Vec<f64> {
    let mut weights = vec![1.0; answers.count()];
    if answers.mean_of_subsets {
        let all: Vec<usize> = (0..answers.count()).collect();
        let parts = answers.by_subset(&all);
        for part in &parts {
            for &item in part {
                weights[item] = answers.count() as f64 / (parts.len() * part.len()) as f64;
            }
        }
    }
    weights
}
