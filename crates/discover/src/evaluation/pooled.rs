//! Areas under curves of all labelled pairs of all seeds together (micro).
//!
//! * ROC: the chance that a pair drawn from the similar ones has a greater cosine than one drawn from the
//!   others, equal ones counting a half (Mann–Whitney)
//! * precision and recall: Σ_n (R_n − R_{n−1})·P_n over distinct cosines, in steps, not trapezoidal; what
//!   scikit-learn calls average precision
//!
//! Source: the released evaluator of VSD, which calls scikit-learn. Reproduces it on worked examples, 1e-6.
//!
//! Choices: every seed has a weight, so that a resample of seeds is one pass over pairs that were sorted once.
//!
//! Limits: labels are of what some model ranked among its first few, so all pairs are hard ones, and scores
//! of different seeds are compared with each other, which a ranking never does: see `roc_auc_macro`.

use super::report::Estimate;
use super::uncertainty::{self, Sampling};
use super::{Rules, SeedRanking};

/// A labelled pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Its cosine.
    pub score: f32,
    /// Whether it is similar.
    pub similar: bool,
    /// The number of its seed.
    pub seed: usize,
}

/// All labelled pairs, the nearest first. Seeds are numbered as they come.
pub fn pairs(seeds: &[SeedRanking], rules: Rules) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    for (seed, ranking) in seeds.iter().enumerate() {
        pairs.extend(ranking.labelled.iter().map(|one| Pair {
            score: one.score,
            similar: one.grade >= rules.threshold,
            seed,
        }));
    }
    sort(&mut pairs);
    pairs
}

/// Brings pairs into falling order of their score.
pub fn sort(pairs: &mut [Pair]) {
    pairs.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));
}

/// `roc_auc` and `pr_auc` of sorted pairs of `count` seeds, with intervals over seeds; what has no value is left
/// out.
pub fn estimates(pairs: &[Pair], count: usize, sampling: Sampling) -> Vec<(String, Estimate)> {
    let mut seeds: Vec<usize> = pairs.iter().map(|pair| pair.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    type Curve = fn(&[Pair], &[f64]) -> Option<f64>;
    let curves: [(&str, Curve); 2] = [("roc_auc", area), ("pr_auc", average_precision)];
    let estimates = curves.into_iter().filter_map(|(name, curve)| {
        let value = curve(pairs, &vec![1.0; count])?;
        let interval = uncertainty::interval(count, sampling, |drawn| {
            curve(pairs, &uncertainty::weights(count, drawn))
        });
        let seeds = seeds.len();
        Some((name.to_owned(), Estimate { value, interval, seeds, ..Estimate::default() }))
    });
    estimates.collect()
}

/// Weights of similar and of other pairs, for each distinct score, the greatest first.
fn steps<'a>(pairs: &'a [Pair], weights: &'a [f64]) -> impl Iterator<Item = [f64; 2]> + 'a {
    pairs.chunk_by(|a, b| a.score == b.score).map(|same| {
        let mut both = [0.0; 2];
        for pair in same {
            both[usize::from(!pair.similar)] += weights.get(pair.seed).copied().unwrap_or(0.0);
        }
        both
    })
}

/// The area under the ROC curve of pairs in falling order of their score, with a weight for every seed;
/// `None` where there is one kind only.
pub fn area(pairs: &[Pair], weights: &[f64]) -> Option<f64> {
    let (mut above, mut others, mut won) = (0.0, 0.0, 0.0);
    for [similar, other] in steps(pairs, weights) {
        won += other * (above + similar / 2.0);
        above += similar;
        others += other;
    }
    (above > 0.0 && others > 0.0).then(|| won / (above * others))
}

/// The average precision of pairs in falling order of their score, with a weight for every seed; `None`
/// where none is similar.
pub fn average_precision(pairs: &[Pair], weights: &[f64]) -> Option<f64> {
    let (mut found, mut taken, mut sum) = (0.0, 0.0, 0.0);
    for [similar, other] in steps(pairs, weights) {
        found += similar;
        taken += similar + other;
        if similar > 0.0 {
            sum += similar * found / taken;
        }
    }
    (found > 0.0).then(|| sum / found)
}

#[cfg(test)]
mod tests {
    use lookalike_judge::just_noticeable;
    use lookalike_judge::statistics::{auc, seeded};

    use super::*;

    #[test]
    fn equal_scores_are_one_step() {
        // y = [1, 0, 1, 0, 0], s = [.9, .9, .5, .5, .1], by scikit-learn.
        let scores = [(0.9, true), (0.9, false), (0.5, true), (0.5, false), (0.1, false)];
        let pairs = scores.map(|(score, similar)| Pair { score, similar, seed: 0 });
        assert!((area(&pairs, &[1.0]).unwrap() - 2.0 / 3.0).abs() < 1e-15);
        assert!((average_precision(&pairs, &[1.0]).unwrap() - 0.5).abs() < 1e-15);
        assert_eq!(area(&pairs, &[0.0]), None);
        assert_eq!(
            (area(&pairs[..1], &[1.0]), average_precision(&pairs[4..], &[1.0])),
            (None, None)
        );
    }

    #[test]
    fn whole_weights_are_copies_of_pairs() {
        let mut draws = seeded::stream(5, 0);
        let mut pairs: Vec<Pair> = (0..300)
            .map(|_| Pair {
                score: seeded::below(&mut draws, 40) as f32 / 40.0,
                similar: seeded::below(&mut draws, 3) == 0,
                seed: seeded::below(&mut draws, 12),
            })
            .collect();
        pairs.sort_by(|a, b| b.score.total_cmp(&a.score));
        let weights: Vec<f64> = (0..12).map(|seed| (seed % 4) as f64).collect();
        let copied: Vec<Pair> = pairs.iter().flat_map(|pair| vec![*pair; pair.seed % 4]).collect();
        let one = vec![1.0; 12];
        let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-12;
        assert!(close(area(&pairs, &weights), area(&copied, &one)));
        assert!(close(average_precision(&pairs, &weights), average_precision(&copied, &one)));
        // The area of distances that the workspace knows already.
        let same: Vec<just_noticeable::Pair> = pairs
            .iter()
            .map(|pair| just_noticeable::Pair {
                distance: -f64::from(pair.score),
                same: f64::from(u8::from(pair.similar)),
            })
            .collect();
        assert!(close(area(&pairs, &one), auc::area(&same).ok()));
    }
}
