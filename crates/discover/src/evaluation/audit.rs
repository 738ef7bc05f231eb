//! The hit ratio of a new model without labelling all that it finds.
//!
//! Of the u results among the first k of a seed that nobody labelled, m drawn at random are labelled. With p
//! answers among the labelled results and p_m among those drawn,
//! HR = (p + u·p_m/m) / k is unbiased; its variance is (u/k)²·(1 − m/u)·p̂(1 − p̂)/(m − 1), p̂ = p_m/m.
//! Over seeds: the mean, and the root of the sum of variances over their number.
//!
//! Source: simple random sampling without replacement (Cochran, "Sampling Techniques", 1977, chapter 3).
//!
//! Choices: where one of several is drawn the variance has no estimate; ¼·(u/k)²·(1 − 1/u), the most it can
//! be, is taken. A seed of whose unlabelled results none was drawn is left out.

use std::collections::{BTreeMap, BTreeSet};

use lookalike_judge::statistics::seeded;

use super::{Benchmark, Level, Rules, SeedRanking};

/// A result to be labelled: the numbers of the seed and of the place in the gallery.
pub type Drawn = (usize, usize);

/// An estimate of the hit ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AuditedHits {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// Over how many seeds.
    pub seeds: usize,
    /// Seeds that were left out.
    pub left_out: usize,
}

/// The unlabelled results among the first k, as places in the gallery.
pub fn unlabelled(
    benchmark: &Benchmark,
    ranking: &SeedRanking,
    level: Level,
    k: usize,
) -> Vec<usize> {
    let product = |place: usize| benchmark.images[benchmark.gallery[place]].product;
    let known: BTreeSet<usize> = match level {
        Level::Image => ranking.labelled.iter().map(|one| one.candidate).collect(),
        Level::Product => ranking.labelled.iter().map(|one| one.product).collect(),
    };
    let key = |place: usize| if level == Level::Image { place } else { product(place) };
    ranking.head.iter().copied().take(k).filter(|&place| !known.contains(&key(place))).collect()
}

/// Draws at most `size` unlabelled results of every seed.
pub fn draw(
    benchmark: &Benchmark,
    rankings: &[SeedRanking],
    level: Level,
    k: usize,
    size: usize,
    seed: u64,
) -> Vec<Drawn> {
    let mut drawn = Vec::new();
    for (number, ranking) in rankings.iter().enumerate() {
        let places = unlabelled(benchmark, ranking, level, k);
        let mut draws = seeded::stream(seed, number as u64);
        let taken = seeded::sample(&mut draws, places.len(), size);
        drawn.extend(taken.into_iter().map(|index| (number, places[index])));
    }
    drawn
}

/// The hit ratio of a model over seeds with an answer, from its rankings without what the audit found, and the
/// grades that it found. `None` where no seed is left.
pub fn estimate(
    benchmark: &Benchmark,
    rankings: &[SeedRanking],
    rules: Rules,
    k: usize,
    found: &BTreeMap<Drawn, u8>,
) -> Option<AuditedHits> {
    let (mut sum, mut variance, mut seeds, mut left_out) = (0.0, 0.0, 0_usize, 0);
    for (number, ranking) in rankings.iter().enumerate() {
        let list = ranking.on_list(rules.level);
        let hits = list.iter().filter(|one| one.0 < k && one.1 >= rules.threshold).count() as f64;
        let open = unlabelled(benchmark, ranking, rules.level, k);
        let grades: Vec<u8> =
            open.iter().filter_map(|&place| found.get(&(number, place)).copied()).collect();
        let similar = grades.iter().filter(|&&grade| grade >= rules.threshold).count() as f64;
        if ranking.positives(rules) == 0 && similar == 0.0 {
            continue;
        }
        let (all, drawn, places) = (open.len() as f64, grades.len() as f64, k as f64);
        if all > 0.0 && drawn == 0.0 {
            left_out += 1;
            continue;
        }
        seeds += 1;
        if all == 0.0 {
            sum += hits / places;
            continue;
        }
        let share = similar / drawn;
        sum += (hits + all * share) / places;
        let spread = if drawn > 1.0 { share * (1.0 - share) / (drawn - 1.0) } else { 0.25 };
        variance += (all / places).powi(2) * (1.0 - drawn / all) * spread;
    }
    (seeds > 0).then(|| AuditedHits {
        value: sum / seeds as f64,
        error: variance.sqrt() / seeds as f64,
        seeds,
        left_out,
    })
}

/// The same where the labels of what was drawn are among those of the rankings. `None` where none of them is
/// labelled.
pub fn estimate_apart(
    benchmark: &Benchmark,
    rankings: &[SeedRanking],
    rules: Rules,
    k: usize,
    drawn: &BTreeSet<Drawn>,
) -> Option<AuditedHits> {
    let mut apart = rankings.to_vec();
    let mut found = BTreeMap::new();
    for (number, ranking) in apart.iter_mut().enumerate() {
        ranking.labelled.retain(|one| {
            let is_drawn = drawn.contains(&(number, one.candidate));
            if is_drawn {
                found.insert((number, one.candidate), one.grade);
            }
            !is_drawn
        });
    }
    if found.is_empty() {
        return None;
    }
    estimate(benchmark, &apart, rules, k, &found)
}
