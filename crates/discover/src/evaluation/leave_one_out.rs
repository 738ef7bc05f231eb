//! By how much a model gains from having chosen the candidates itself.
//!
//! Candidates are the first few of some models, the generators, so all that a generator ranks first is
//! labelled, and what a new model ranks first need not be. For every generator the pairs that it alone
//! proposed become unlabelled, and it is scored again, as if it had had no part. The difference is its gain;
//! Kendall's τ_b says whether the order of the models depends on it.
//!
//! Source: Zobel, "How Reliable are the Results of Large-Scale Information Retrieval Experiments?", SIGIR
//! 1998, leaving one run out of the pool.
//!
//! Limits: it needs who proposed each pair, which published labels do not say; candidate files of ours do.

use std::collections::{BTreeMap, BTreeSet};

use lookalike_judge::statistics::correlation::Correlation;

use super::{Rules, SeedMetric, SeedRanking, Share};

/// Who proposed each pair, by the numbers of the seed and of the place in the gallery.
pub type Proposals = BTreeMap<(usize, usize), BTreeSet<String>>;

/// What a model has of being a generator.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// The generator.
    pub model: String,
    /// Labelled pairs that it alone proposed.
    pub pairs: usize,
    /// Its score with all labels.
    pub with: Option<f64>,
    /// Its score without those pairs.
    pub without: Option<f64>,
    /// τ_b of the scores of all models with and without those pairs; `None` where all are equal.
    pub order: Option<f64>,
}

/// Scores every generator among the models with and without the pairs that it alone proposed.
pub fn leave_one_out(
    models: &[(&str, &[SeedRanking])],
    proposals: &Proposals,
    metric: SeedMetric,
    rules: Rules,
) -> Vec<LeftOut> {
    let score = |rankings: &[SeedRanking]| Share::value(&metric.shares(rankings, rules));
    let all: Vec<Option<f64>> = models.iter().map(|(_, rankings)| score(rankings)).collect();
    let is_generator = |name: &str| proposals.values().any(|generators| generators.contains(name));
    let mut found = Vec::new();
    for (index, (name, own)) in models.iter().enumerate() {
        if !is_generator(name) {
            continue;
        }
        let alone = |seed: usize, place: usize| {
            let generators = proposals.get(&(seed, place));
            generators.is_some_and(|all| all.len() == 1 && all.contains(*name))
        };
        let reduced = |rankings: &[SeedRanking]| -> Vec<SeedRanking> {
            let mut reduced = rankings.to_vec();
            for (seed, ranking) in reduced.iter_mut().enumerate() {
                ranking.labelled.retain(|one| !alone(seed, one.candidate));
            }
            reduced
        };
        let after: Vec<Option<f64>> =
            models.iter().map(|(_, rankings)| score(&reduced(rankings))).collect();
        let count = |rankings: &[SeedRanking]| -> usize {
            rankings.iter().map(|ranking| ranking.labelled.len()).sum()
        };
        let (before, later): (Vec<f64>, Vec<f64>) =
            all.iter().zip(&after).filter_map(|(a, b)| Some(((*a)?, (*b)?))).unzip();
        found.push(LeftOut {
            model: (*name).to_owned(),
            pairs: count(own) - count(&reduced(own)),
            with: all[index],
            without: after[index],
            order: Correlation::Kendall.of(&before, &later).ok(),
        });
    }
    found
}
