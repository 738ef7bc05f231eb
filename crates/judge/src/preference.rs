//! Which of two things people prefer: forced choices between pictures of two makers.
//!
//! * the share of answers for the first, with Wilson's interval, as if answers were independent, and with one that
//!   resamples people and pictures together, as they are not;
//! * over pictures: the majority of each, and an exact two-sided binomial test against ½; ties take no part;
//! * over people: each person's share against ½ by Wilcoxon's signed ranks;
//! * of several makers: strengths by Bradley and Terry 1952, P(i beats j) = πᵢ/(πᵢ + πⱼ).
//!
//! Source: Snell et al. 2017 report shares by picture and by network; the tests are the usual ones for answers that
//! are not independent. Choices: mean ranks for ties; signs of ranks are exchanged exactly for up to 13 people, and
//! drawn beyond ([`permutation`]); a maker that never won or never lost has half a win and half a loss against
//! everybody, so that strengths are finite.
//!
//! Reproduces `scipy.stats.binomtest` and, for up to 13 people, `scipy.stats.wilcoxon(method="exact")` without ties.

use crate::statistics::bootstrap::{Interval, percentile};
use crate::statistics::permutation::{self, PERMUTATIONS};
use crate::statistics::wilson::wilson;
use crate::statistics::{average_ranks, seeded};
use crate::{Error, Result};

/// Resamples of people and pictures.
const DRAWS: usize = 10_000;
/// Steps of the strengths' iteration, at most.
const STEPS: usize = 10_000;

/// One person's answer about one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Who answered, from 0 on.
    pub person: usize,
    /// About which picture, from 0 on.
    pub picture: usize,
    /// Whether the first maker was preferred.
    pub first: bool,
}

/// What people prefer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preference {
    /// Answers, and those for the first.
    pub answers: [usize; 2],
    /// The share for the first.
    pub share: f64,
    /// Its interval if answers were independent.
    pub wilson: Interval,
    /// Its interval with people and pictures drawn anew; `None` of one person or one picture.
    pub clustered: Option<Interval>,
    /// Pictures whose majority is for the first, for the second, and neither.
    pub pictures: [usize; 3],
    /// How likely majorities at least as uneven are by chance, two-sided.
    pub p_pictures: f64,
    /// People.
    pub people: usize,
    /// How likely people's shares at least as uneven are by chance, two-sided.
    pub p_people: f64,
}

/// Compares two makers.
///
/// # Errors
/// [`Error::Empty`].
pub fn preference(choices: &[Choice], seed: u64) -> Result<Preference> {
    let count = choices.len();
    let first = choices.iter().filter(|choice| choice.first).count();
    let wilson = wilson(first, count).ok_or(Error::Empty)?;
    let by = |of: fn(&Choice) -> usize| -> Vec<[usize; 2]> {
        let size = choices.iter().map(of).max().map_or(0, |most| most + 1);
        let mut counts = vec![[0; 2]; size];
        for choice in choices {
            counts[of(choice)][usize::from(!choice.first)] += 1;
        }
        counts.into_iter().filter(|[a, b]| a + b > 0).collect()
    };
    let (pictures, people) = (by(|c| c.picture), by(|c| c.person));
    let won = pictures.iter().filter(|[a, b]| a > b).count();
    let lost = pictures.iter().filter(|[a, b]| a < b).count();
    let shares: Vec<f64> = people
        .iter()
        .map(|&[a, b]| a as f64 / (a + b) as f64 - 0.5)
        .filter(|&d| d != 0.0)
        .collect();
    Ok(Preference {
        answers: [count, first],
        share: first as f64 / count as f64,
        wilson,
        clustered: clustered(choices, seed),
        pictures: [won, lost, pictures.len() - won - lost],
        p_pictures: binomial(won, won + lost),
        people: people.len(),
        p_people: signed_ranks(&shares, seed)?,
    })
}

/// How likely a result at least as uneven as `k` of `n` is where both are as likely, two-sided; 1 of none.
pub fn binomial(k: usize, n: usize) -> f64 {
    let most = k.max(n.saturating_sub(k));
    // The logarithms of n over i, times 2⁻ⁿ, from the last term down.
    let mut log = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for i in (most..=n).rev() {
        sum += log.exp();
        log += (i as f64).ln() - ((n - i + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}

/// Wilcoxon's test of differences, none of them 0; 1 of none.
fn signed_ranks(differences: &[f64], seed: u64) -> Result<f64> {
    if differences.is_empty() {
        return Ok(1.0);
    }
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let ranks = average_ranks(&sizes)?;
    let signed: Vec<f64> = ranks.iter().zip(differences).map(|(r, d)| r * d.signum()).collect();
    let groups: Vec<usize> = (0..signed.len()).collect();
    Ok(permutation::mean_difference(&signed, &groups, PERMUTATIONS, seed)?.p)
}

/// The interval of the share with people and pictures drawn with replacement.
fn clustered(choices: &[Choice], seed: u64) -> Option<Interval> {
    let size = |of: fn(&Choice) -> usize| choices.iter().map(of).max().map_or(0, |most| most + 1);
    let (people, pictures) = (size(|c| c.person), size(|c| c.picture));
    if people < 2 || pictures < 2 {
        return None;
    }
    let mut shares = Vec::with_capacity(DRAWS);
    for draw in 0..DRAWS {
        let mut stream = seeded::stream(seed, draw as u64);
        let mut drawn = |count: usize| {
            let mut times = vec![0_usize; count];
            (0..count).for_each(|_| times[seeded::below(&mut stream, count)] += 1);
            times
        };
        let (people, pictures) = (drawn(people), drawn(pictures));
        let (mut all, mut first) = (0, 0);
        for choice in choices {
            let times = people[choice.person] * pictures[choice.picture];
            all += times;
            first += if choice.first { times } else { 0 };
        }
        if all > 0 {
            shares.push(first as f64 / all as f64);
        }
    }
    shares.sort_unstable_by(f64::total_cmp);
    Some(Interval { low: percentile(&shares, 0.025), high: percentile(&shares, 0.975) })
}

/// Strengths of makers whose mean logarithm is 0; `wins[i][j]` is how often i was preferred to j.
///
/// # Errors
/// [`Error::Empty`] of no maker; [`Error::Lengths`] where the table is not square.
pub fn strengths(wins: &[Vec<f64>]) -> Result<Vec<f64>> {
    let count = wins.len();
    if count == 0 {
        return Err(Error::Empty);
    }
    if let Some(row) = wins.iter().find(|row| row.len() != count) {
        return Err(Error::Lengths { left: count, right: row.len() });
    }
    let mut wins = wins.to_vec();
    let total = |i: usize, wins: &[Vec<f64>]| -> [f64; 2] {
        let others = (0..count).filter(|&j| j != i);
        others.fold([0.0; 2], |[won, lost], j| [won + wins[i][j], lost + wins[j][i]])
    };
    for i in 0..count {
        let [won, lost] = total(i, &wins);
        if count > 1 && (won == 0.0 || lost == 0.0) {
            for j in (0..count).filter(|&j| j != i) {
                wins[i][j] += 0.5;
                wins[j][i] += 0.5;
            }
        }
    }
    let mut found = vec![1.0_f64; count];
    for _ in 0..STEPS {
        let next: Vec<f64> = (0..count)
            .map(|i| {
                let of = |j: usize| (wins[i][j] + wins[j][i]) / (found[i] + found[j]);
                let games: f64 = (0..count).filter(|&j| j != i).map(of).sum();
                if games > 0.0 { total(i, &wins)[0] / games } else { 1.0 }
            })
            .collect();
        let mean = next.iter().map(|s| s.ln()).sum::<f64>() / count as f64;
        let next: Vec<f64> = next.into_iter().map(|s| s / mean.exp()).collect();
        let moved = next.iter().zip(&found).map(|(a, b)| (a / b).ln().abs()).fold(0.0, f64::max);
        found = next;
        if moved < 1e-12 {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomial_tests_are_as_published() {
        for (k, n, p) in [(61, 100, 0.0352), (60, 100, 0.0569), (87, 100, 1.3e-14), (5, 10, 1.0)] {
            let found = binomial(k, n);
            assert!((found / p - 1.0).abs() < 0.03, "{k} of {n}: {found}");
            assert_eq!(binomial(n - k, n), found);
        }
        assert!(binomial(0, 0) == 1.0 && (binomial(3, 3) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn signed_ranks_are_exact_for_few() {
        // All of one sign: two of 2⁶ exchanges.
        let found = signed_ranks(&[0.1, 0.2, 0.3, 0.05, 0.4, 0.25], 0).unwrap();
        assert_eq!(found, 2.0 / 64.0);
        // Ranks 1…5 with the smallest turned: sums of 15 and 13 either way.
        assert_eq!(signed_ranks(&[-0.1, 0.2, 0.3, 0.4, 0.5], 0).unwrap(), 4.0 / 32.0);
        assert_eq!(signed_ranks(&[], 0).unwrap(), 1.0);
    }

    #[test]
    fn a_preference_is_seen_from_both_sides() {
        let choices: Vec<Choice> = (0..12)
            .flat_map(|person| {
                (0..20).map(move |picture| Choice {
                    person,
                    picture,
                    first: (person * 3 + picture * 7) % 10 < 7,
                })
            })
            .collect();
        let found = preference(&choices, 1).unwrap();
        assert!((found.share - 0.7).abs() < 0.02, "{found:?}");
        let wide = found.clustered.unwrap();
        assert!(wide.low < found.share && found.share < wide.high);
        assert_eq!((found.people, found.pictures.iter().sum::<usize>()), (12, 20));
        assert!(found.p_people < 0.01);
        let turned: Vec<Choice> =
            choices.iter().map(|c| Choice { first: !c.first, ..*c }).collect();
        let other = preference(&turned, 1).unwrap();
        assert!((other.share + found.share - 1.0).abs() < 1e-12);
        assert_eq!((other.p_pictures, other.p_people), (found.p_pictures, found.p_people));
        assert!(preference(&[], 1).is_err());
    }

    #[test]
    fn strengths_give_back_what_they_were_drawn_from() {
        let exact = [2.0, 1.0, 0.5];
        let wins: Vec<Vec<f64>> =
            exact.iter().map(|a| exact.iter().map(|b| 90.0 * a / (a + b)).collect()).collect();
        for (found, expected) in strengths(&wins).unwrap().iter().zip(exact) {
            assert!((found - expected).abs() < 1e-6);
        }
        let found = strengths(&[vec![0.0, 9.0], vec![0.0, 0.0]]).unwrap();
        assert!((found[0] / found[1] - 19.0).abs() < 1e-6, "{found:?}");
        assert!(strengths(&[]).is_err() && strengths(&[vec![0.0, 1.0]]).is_err());
    }
}
