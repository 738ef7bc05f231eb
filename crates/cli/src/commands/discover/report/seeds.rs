//! The seeds on which a model does worst, with what it finds.

use std::path::Path;

use lookalike_discover::evaluation::{Level, SeedMetric};
use serde::Serialize;

use super::super::evaluate::Evaluated;
use super::super::pictures::{PictureCell, Pictures};

/// The worst seeds of a model.
#[derive(Debug, Serialize)]
pub(super) struct Gallery {
    model: String,
    seeds: Vec<SeedRow>,
}

#[derive(Debug, Serialize)]
struct SeedRow {
    picture: PictureCell,
    hits: String,
    results: Vec<PictureCell>,
}

/// Of every model the seeds with the fewest hits, those with the most labelled results first.
pub(super) fn galleries(
    evaluated: &Evaluated,
    folder: &Path,
    worst: usize,
) -> anyhow::Result<Vec<Gallery>> {
    let Evaluated { report, benchmark, ranked, rules } = evaluated;
    let k = report.k.last().copied().unwrap_or(1);
    let mut pictures = Pictures::of(folder);
    let mut galleries = Vec::new();
    for model in ranked {
        let share = |metric: SeedMetric, seed: usize| {
            metric.of(&model.rankings[seed], *rules).map(|share| share.numerator)
        };
        let mut order: Vec<(f64, f64, usize)> = (0..model.rankings.len())
            .filter_map(|seed| {
                let hits = share(SeedMetric::Hits(k), seed)?;
                let covered = share(SeedMetric::Coverage(k), seed).unwrap_or(0.0);
                Some((hits, -covered, seed))
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let rows = order.into_iter().take(worst).map(|(hits, _, seed)| {
            let ranking = &model.rankings[seed];
            let product = |place: usize| benchmark.images[benchmark.gallery[place]].product;
            let results = ranking.head.iter().take(k).map(|&place| {
                let grade = ranking
                    .labelled
                    .iter()
                    .filter(|one| match rules.level {
                        Level::Image => one.candidate == place,
                        Level::Product => one.product == product(place),
                    })
                    .map(|one| one.grade)
                    .max();
                let label = match grade {
                    None => "unlabelled",
                    Some(grade) if grade >= rules.threshold => "similar",
                    Some(_) => "other",
                };
                pictures.cell(benchmark.gallery_path(place), label)
            });
            let results = results.collect();
            SeedRow {
                picture: pictures.cell(benchmark.seed_path(seed), "seed"),
                hits: format!("{hits:.2}"),
                results,
            }
        });
        galleries.push(Gallery { model: model.id.clone(), seeds: rows.collect() });
    }
    Ok(galleries)
}
