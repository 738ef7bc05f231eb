//! What was drawn of held-out pictures, as files, and what metrics say of it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use lookalike::encode::png;
use lookalike::judge::statistics::bootstrap::{self, RESAMPLES};
use lookalike::judge::statistics::holm;
use lookalike::judge::statistics::permutation::{PERMUTATIONS, mean_difference};
use lookalike::{CoreError, Direction, Metric, Picture, Want, definitions, metric};
use lookalike_train::reconstruction::{Pictures, Studied, drawn, picture_of};
use lookalike_train::write_whole;
use rayon::prelude::*;

use super::record::{ComparisonRecord, MetricRecord, ValueRecord};

/// Held-out pictures and what was drawn of each, by loss and seed.
pub(super) struct Drawn {
    /// By picture.
    pub(super) originals: Vec<(PathBuf, Picture)>,
    /// By loss, seed and picture; the files are those of the first seed.
    pub(super) pictures: Vec<Vec<Vec<Picture>>>,
    /// By loss and picture.
    pub(super) files: Vec<Vec<PathBuf>>,
}

/// The metrics that were asked for, or all that need no weights and read pictures of a side.
pub(super) fn metrics(asked: &[String], side: usize) -> anyhow::Result<Vec<Box<dyn Metric>>> {
    if !asked.is_empty() {
        return asked.iter().map(|id| metric(id).with_context(|| id.clone())).collect();
    }
    let fits = definitions().map(|definition| definition.card).filter(|card| {
        card.weights.is_empty() && card.minimum_side <= side && !card.id.contains("@piq")
    });
    fits.map(|card| metric(card.id).with_context(|| card.id.to_owned())).collect()
}

/// Writes what the first seed's models draw to `pictures/`, and gives what all draw.
pub(super) fn write_pictures(
    out: &Path,
    pictures: &Pictures,
    places: &[usize],
    studied: &[Studied],
) -> anyhow::Result<Drawn> {
    let [channels, height, width] = pictures.shape();
    let size = channels * height * width;
    let split = |planes: &[f32]| -> anyhow::Result<Vec<Picture>> {
        let of = |planes: &[f32]| Ok(picture_of(channels, [height, width], planes)?);
        planes.chunks_exact(size).map(of).collect()
    };
    let save = |folder: &str, all: &[Picture]| -> anyhow::Result<Vec<PathBuf>> {
        let folder = out.join("pictures").join(folder);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot make the folder", folder.display()))?;
        let write = |(at, picture): (usize, &Picture)| {
            let path = folder.join(format!("{at:04}.png"));
            write_whole(&path, &png(picture)?)?;
            Ok(path)
        };
        all.iter().enumerate().map(write).collect()
    };
    let originals = split(&pictures.batch(places))?;
    let files = save("original", &originals)?;
    let mut found = Drawn {
        originals: files.into_iter().zip(originals).collect(),
        pictures: Vec::new(),
        files: Vec::new(),
    };
    for one in studied {
        let mut of_seeds = Vec::new();
        for (_, model, _) in &one.runs {
            of_seeds.push(split(&drawn(model, pictures, places)?)?);
        }
        found.files.push(save(&one.slug, of_seeds.first().map_or(&[], Vec::as_slice))?);
        found.pictures.push(of_seeds);
    }
    let names = places.iter().enumerate();
    let lines = names.map(|(at, &place)| format!("{at:04}.png,{:?}\n", pictures.names[place]));
    let list: String = std::iter::once("file,picture\n".to_owned()).chain(lines).collect();
    write_whole(&out.join("pictures/names.csv"), list.as_bytes())?;
    Ok(found)
}

/// Scores and tests.
pub(super) struct Found {
    pub(super) metrics: Vec<MetricRecord>,
    pub(super) comparisons: Vec<ComparisonRecord>,
}

/// Every metric on every picture.
pub(super) fn measure(
    drawn: &Drawn,
    metrics: &[Box<dyn Metric>],
    studied: &[Studied],
    seed: u64,
) -> anyhow::Result<Found> {
    let mut found = Found { metrics: Vec::new(), comparisons: Vec::new() };
    let units: Vec<usize> = (0..drawn.originals.len()).collect();
    for metric in metrics {
        let id = metric.id().to_string();
        // By loss, seed and picture.
        let mut values: Vec<Vec<Vec<f64>>> =
            drawn.pictures.iter().map(|seeds| vec![Vec::new(); seeds.len()]).collect();
        let of_pictures: Vec<Vec<Vec<f64>>> = drawn
            .originals
            .par_iter()
            .enumerate()
            .map(|(at, (_, original))| {
                let prepared = metric.prepare(original)?;
                let of_loss = |seeds: &Vec<Vec<Picture>>| {
                    let of_seed = |pictures: &Vec<Picture>| {
                        Ok(prepared.compare(&pictures[at], Want::default())?.value)
                    };
                    seeds.iter().map(of_seed).collect::<Result<Vec<f64>, CoreError>>()
                };
                drawn.pictures.iter().map(of_loss).collect()
            })
            .collect::<Result<_, CoreError>>()
            .with_context(|| id.clone())?;
        for of_losses in of_pictures {
            for (to, of_seeds) in values.iter_mut().zip(of_losses) {
                to.iter_mut().zip(of_seeds).for_each(|(to, value)| to.push(value));
            }
        }
        // An infinite value has no mean: a picture that was drawn exactly has an infinite PSNR.
        if values.iter().flatten().flatten().any(|value| !value.is_finite()) {
            continue;
        }
        let means: Vec<Vec<f64>> = values
            .iter()
            .map(|seeds| {
                let mean = |at: usize| {
                    seeds.iter().map(|values| values[at]).sum::<f64>() / seeds.len() as f64
                };
                units.iter().map(|&at| mean(at)).collect()
            })
            .collect();
        let higher = metric.direction() == Direction::HigherIsBetter;
        let mut records = Vec::new();
        for (values, means) in values.iter().zip(&means) {
            let mean = |items: &[usize]| {
                Some(items.iter().map(|&at| means[at]).sum::<f64>() / items.len() as f64)
            };
            let ci = bootstrap::interval(&units, RESAMPLES, seed, mean);
            records.push(ValueRecord {
                mean: mean(&units).unwrap_or(f64::NAN),
                ci: ci.map(|ci| [ci.low, ci.high]),
                seeds: values
                    .iter()
                    .map(|values| values.iter().sum::<f64>() / values.len() as f64)
                    .collect(),
            });
        }
        let sign = if higher { 1.0 } else { -1.0 };
        for a in 0..studied.len() {
            for b in a + 1..studied.len() {
                let differences: Vec<f64> =
                    means[a].iter().zip(&means[b]).map(|(a, b)| sign * (a - b)).collect();
                let test = mean_difference(&differences, &units, PERMUTATIONS, seed)?;
                found.comparisons.push(ComparisonRecord {
                    metric: id.clone(),
                    a: studied[a].loss.clone(),
                    b: studied[b].loss.clone(),
                    in_favour_of_a: test.difference,
                    p: test.p,
                    p_holm: 1.0,
                });
            }
        }
        let best = |a: &usize, b: &usize| {
            let [a, b] = [*a, *b].map(|at| sign * records[at].mean);
            a.total_cmp(&b)
        };
        let best = (0..records.len()).max_by(best).unwrap_or(0);
        found.metrics.push(MetricRecord { id, higher_is_better: higher, best, losses: records });
    }
    let ps: Vec<f64> = found.comparisons.iter().map(|one| one.p).collect();
    let adjusted = holm::adjust(&ps)?;
    found.comparisons.iter_mut().zip(adjusted).for_each(|(one, p)| one.p_holm = p);
    Ok(found)
}
