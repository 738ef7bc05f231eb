//! All scores of several models on one benchmark, with intervals and comparisons.

use std::collections::BTreeMap;

use lookalike_judge::statistics::bootstrap::Interval;
use lookalike_judge::statistics::correlation::Correlation;
use lookalike_judge::statistics::holm;
use rayon::prelude::*;

use super::identification::NamedScores;
use super::uncertainty::{self, Sampling, share_interval};
use super::{
    Benchmark, Embeddings, Rules, Seed, SeedMetric, SeedRanking, Share, identification, pooled,
};
use crate::Result;

/// Seeds whose cosines with the gallery are taken together.
const TOGETHER: usize = 32;

/// The k of identification's Recall@k.
pub const RECALL_AT: [usize; 4] = [1, 2, 4, 8];

/// What a model does with the seeds of a benchmark.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// The model.
    pub id: String,
    /// The ranking of every seed.
    pub rankings: Vec<SeedRanking>,
    /// Identification of every seed that has another picture in the gallery: names and values.
    pub identified: Vec<Option<NamedScores>>,
}

impl Ranked {
    /// Ranks the gallery for every seed; `head` is how much of each list is kept.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) for an image without a vector.
    pub fn new(id: &str, benchmark: &Benchmark, model: &Embeddings, head: usize) -> Result<Self> {
        let rank = |seed: usize, scores: &[f32]| -> Result<(SeedRanking, Option<NamedScores>)> {
            let image = benchmark.seeds[seed].image;
            let ranking = SeedRanking::new(benchmark, seed, scores, head)?;
            let product = benchmark.images[image].product;
            let gallery = &benchmark.gallery;
            let relevant: Vec<bool> =
                gallery.iter().map(|&other| benchmark.images[other].product == product).collect();
            let own = gallery.iter().position(|&other| other == image);
            let found = identification::identify(scores, &relevant, own, &RECALL_AT);
            Ok((ranking, found.map(|found| identification::named(&found, &RECALL_AT))))
        };
        let ranked_together = |(group, seeds): (usize, &[Seed])| -> Result<Vec<_>> {
            let images: Vec<usize> = seeds.iter().map(|seed| seed.image).collect();
            let scores = model.cosines_of(&images, &benchmark.gallery)?;
            let numbered = (group * TOGETHER..).zip(&scores);
            numbered.map(|(seed, scores)| rank(seed, scores)).collect()
        };
        let groups = benchmark.seeds.par_chunks(TOGETHER).enumerate().map(ranked_together);
        let both = groups.collect::<Result<Vec<_>>>()?.into_iter().flatten();
        let (rankings, identified) = both.unzip();
        Ok(Self { id: id.to_owned(), rankings, identified })
    }
}

/// A score with what says how far it can be trusted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The score.
    pub value: f64,
    /// Where it lies in 95 of 100 samples of seeds.
    pub interval: Option<Interval>,
    /// The best that the labels allow.
    pub ceiling: Option<f64>,
    /// What it would be if nothing unlabelled were an answer, and if everything were.
    pub bounds: Option<[f64; 2]>,
    /// How many seeds have a say.
    pub seeds: usize,
}

/// All scores of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelReport {
    /// The model.
    pub id: String,
    /// Scores by name, in the order of a report; those that have no value are left out.
    pub metrics: Vec<(String, Estimate)>,
    /// Scores of identification by name.
    pub identification: Vec<(String, Estimate)>,
    /// `hr@k` of the greatest k and its coverage by category of the seed, with the number of seeds.
    pub categories: BTreeMap<String, (usize, [Option<f64>; 2])>,
}

/// A comparison of two models.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelComparison {
    /// The numbers of the two.
    pub models: [usize; 2],
    /// The score.
    pub metric: String,
    /// By how much the first exceeds the second.
    pub difference: f64,
    /// Two-sided, by signs of the seeds' differences.
    pub p: f64,
    /// The same adjusted for all comparisons of this score (Holm).
    pub p_holm: f64,
}

/// Scores a model.
pub fn model_report(
    benchmark: &Benchmark,
    ranked: &Ranked,
    rules: Rules,
    ks: &[usize],
    sampling: Sampling,
) -> ModelReport {
    let rankings = &ranked.rankings;
    let value = |metric: SeedMetric| Share::value(&metric.shares(rankings, rules));
    let estimate = |shares: &[Option<Share>]| {
        let value = Share::value(shares)?;
        let seeds = shares.iter().flatten().count();
        let interval = share_interval(shares, sampling);
        Some(Estimate { value, interval, seeds, ..Estimate::default() })
    };
    let mut metrics: Vec<(String, Estimate)> = Vec::new();
    for metric in SeedMetric::listed(ks) {
        let Some(mut found) = estimate(&metric.shares(rankings, rules)) else { continue };
        if let SeedMetric::Hits(k) = metric {
            found.ceiling = value(SeedMetric::HitsCeiling(k));
            let upper = value(SeedMetric::HitsUpper(k));
            found.bounds = upper.map(|upper| [found.value, upper]);
        }
        metrics.push((metric.name(), found));
    }
    let pairs = pooled::pairs(rankings, rules);
    metrics.extend(pooled::estimates(&pairs, rankings.len(), sampling));
    let greatest = ks.iter().copied().max().unwrap_or(1);
    let mut of_category: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, seed) in benchmark.seeds.iter().enumerate() {
        if let Some(category) = &benchmark.images[seed.image].category {
            of_category.entry(category.clone()).or_default().push(number);
        }
    }
    let categories = of_category.into_iter().map(|(category, seeds)| {
        let of = |metric: SeedMetric| {
            let shares: Vec<_> =
                seeds.iter().map(|&seed| metric.of(&rankings[seed], rules)).collect();
            Share::value(&shares)
        };
        let both = [of(SeedMetric::Hits(greatest)), of(SeedMetric::Coverage(greatest))];
        (category, (seeds.len(), both))
    });
    ModelReport {
        id: ranked.id.clone(),
        metrics,
        categories: categories.collect(),
        identification: identification_estimates(ranked, sampling),
    }
}

fn identification_estimates(ranked: &Ranked, sampling: Sampling) -> Vec<(String, Estimate)> {
    let Some(first) = ranked.identified.iter().flatten().next() else { return Vec::new() };
    let estimates = first.iter().enumerate().filter_map(|(index, (name, _))| {
        let share = |scores: &Option<NamedScores>| {
            scores.as_ref().map(|all| Share { numerator: all[index].1, denominator: 1.0 })
        };
        let shares: Vec<Option<Share>> = ranked.identified.iter().map(share).collect();
        let (value, seeds) = (Share::value(&shares)?, shares.iter().flatten().count());
        let interval = share_interval(&shares, sampling);
        Some((name.clone(), Estimate { value, interval, seeds, ..Estimate::default() }))
    });
    estimates.collect()
}

/// Compares all pairs of models by every score that is a mean over seeds.
///
/// # Errors
/// [`Error::Statistics`](crate::Error::Statistics) for scores that are not numbers.
pub fn comparisons(
    models: &[Ranked],
    rules: Rules,
    ks: &[usize],
    sampling: Sampling,
) -> Result<Vec<ModelComparison>> {
    let mut all = Vec::new();
    if sampling.permutations == 0 {
        return Ok(all);
    }
    for metric in SeedMetric::listed(ks).into_iter().filter(|metric| metric.is_mean()) {
        let shares: Vec<Vec<Option<Share>>> =
            models.iter().map(|model| metric.shares(&model.rankings, rules)).collect();
        let mut found = Vec::new();
        for first in 0..models.len() {
            for second in first + 1..models.len() {
                let pair = [shares[first].as_slice(), shares[second].as_slice()];
                if pair[0].iter().zip(pair[1]).any(|(a, b)| a.is_some() && b.is_some()) {
                    found.push(([first, second], uncertainty::difference(pair, sampling)?));
                }
            }
        }
        let p_values: Vec<f64> = found.iter().map(|(_, one)| one.p).collect();
        let adjusted = holm::adjust(&p_values)?;
        all.extend(found.into_iter().zip(adjusted).map(|((models, one), p_holm)| {
            ModelComparison {
                models,
                metric: metric.name(),
                difference: one.difference,
                p: one.p,
                p_holm,
            }
        }));
    }
    Ok(all)
}

/// Spearman's correlation, over models, of identification (P@1) with discovery (`hr@k` of the least k). `None`
/// below three models, or where all are equal.
pub fn identification_against_discovery(models: &[ModelReport], k: usize) -> Option<f64> {
    let of = |scores: &[(String, Estimate)], name: &str| {
        scores.iter().find(|(known, _)| known == name).map(|(_, estimate)| estimate.value)
    };
    let (left, right): (Vec<f64>, Vec<f64>) = models
        .iter()
        .filter_map(|model| {
            Some((of(&model.identification, "p@1")?, of(&model.metrics, &format!("hr@{k}"))?))
        })
        .unzip();
    (left.len() > 2).then(|| Correlation::Spearman.of(&left, &right).ok()).flatten()
}
