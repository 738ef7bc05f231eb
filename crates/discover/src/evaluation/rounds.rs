//! Whether another round of labelling is worth it.
//!
//! Labels are collected in rounds: candidates of some models are labelled, a model learns from the labels, and
//! what the new model finds is labelled next. What it finds is known well enough once nearly all of its first
//! results have labels: coverage@k ≥ target, 0.95 unless said otherwise. Until then its scores rest on a share of
//! its results, and hr@k may be as much greater as is left (its upper bound).
//!
//! Source: Barkan et al., ICCV 2023, for what is labelled; the rule is that of pooled collections, which are
//! complete for a system when it adds nothing to the pool (Zobel, "How Reliable Are the Results of Large-Scale
//! Information Retrieval Experiments?", SIGIR 1998).
//!
//! Limits: seeds without any label are no seeds, so that the rule says nothing of them.

use super::{Benchmark, Rules, SeedMetric, SeedRanking, Share, audit};

/// The coverage that is enough unless said otherwise.
pub const ENOUGH: f64 = 0.95;

/// How far labels cover the first results of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// The share that has labels, over seeds.
    pub coverage: f64,
    /// Results among the first k that have none, over seeds.
    pub unlabelled: usize,
    /// Whether that is less than is aimed at.
    pub another: bool,
}

/// What the first `k` results of a model ask for; `None` where there is no seed.
pub fn round(
    benchmark: &Benchmark,
    rankings: &[SeedRanking],
    rules: Rules,
    k: usize,
    target: f64,
) -> Option<Round> {
    let coverage = Share::value(&SeedMetric::Coverage(k).shares(rankings, rules))?;
    let open = |ranking| audit::unlabelled(benchmark, ranking, rules.level, k).len();
    let unlabelled = rankings.iter().map(open).sum();
    Some(Round { coverage, unlabelled, another: coverage < target })
}

#[cfg(test)]
mod tests {
    use super::super::files::{Files, Metadata, MetadataImage, Tag};
    use super::super::{Embeddings, Level, report::Ranked};
    use super::*;

    #[test]
    fn rounds_end_when_the_first_results_are_labelled() {
        let path = |number: usize| format!("id_{number}/x.jpg");
        let images = (0..12).map(|number| MetadataImage {
            path: path(number),
            phase: "gallery".to_owned(),
            ..MetadataImage::default()
        });
        let metadata = Metadata { images: images.collect() };
        // On a quarter of a circle, the seed at its beginning, so that results stand in the order of numbers.
        let angle = |number: usize| number as f32 * 0.1;
        let rows = (0..12).flat_map(|number| [angle(number).cos(), angle(number).sin()]);
        let embeddings = Embeddings::new(2, rows.collect()).unwrap();
        let rules = Rules { level: Level::Image, threshold: 1 };
        let with = |labels: usize| {
            let tag = |number| Tag { key: [path(0), path(number)], value: 1 };
            let tags = (1..=labels).map(tag).collect();
            let files = Files { metadata: metadata.clone(), tags, ..Files::default() };
            let benchmark = Benchmark::new(&files, &[]).unwrap();
            let ranked = Ranked::new("m", &benchmark, &embeddings, 10).unwrap();
            round(&benchmark, &ranked.rankings, rules, 4, 0.75).unwrap()
        };
        let half = with(2);
        assert_eq!((half.coverage, half.unlabelled, half.another), (0.5, 2, true));
        let enough = with(3);
        assert_eq!((enough.coverage, enough.unlabelled, enough.another), (0.75, 1, false));
        assert_eq!(with(9), Round { coverage: 1.0, unlabelled: 0, another: false });
    }
}
