//! What was drawn of held-out pictures, as files, and what metrics say of it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use lookalike::encode::png;
use lookalike::judge::statistics::bootstrap::{self, RESAMPLES};
use lookalike::judge::statistics::holm;
use lookalike::judge::statistics::permutation::{PERMUTATIONS, mean_difference};
use lookalike::{CoreError, Direction, Metric, Picture, Want, definitions, metric};
use lookalike_train::reconstruction::{
    Enlarged, Outcome, Pictures, Recipe, Studied, Task, drawn, enlarged, held_out, picture_of,
    sharpened,
};
use lookalike_train::write_whole;
use rayon::prelude::*;

use super::record::{ComparisonRecord, MetricRecord, ValueRecord};

/// Held-out pictures and what was drawn of each, by column and seed.
pub(super) struct Drawn {
    /// The losses by their full names; bicubic enlargement beside those of super-resolution.
    pub(super) columns: Vec<String>,
    /// By picture.
    pub(super) originals: Vec<(PathBuf, Picture)>,
    /// By column, seed and picture; the files are those of the first seed.
    pub(super) pictures: Vec<Vec<Vec<Picture>>>,
    /// By column and picture.
    pub(super) files: Vec<Vec<PathBuf>>,
}

/// The metrics that were asked for; else those of super-resolution papers, or all that need no weights and read
/// pictures of the size.
pub(super) fn metrics(asked: &[String], recipe: &Recipe) -> anyhow::Result<Vec<Box<dyn Metric>>> {
    let make = |id: &str| metric(id).with_context(|| id.to_owned());
    if !asked.is_empty() {
        return asked.iter().map(|id| make(id)).collect();
    }
    if recipe.task == Task::SuperResolution {
        let shave = recipe.factor;
        let ids = ["psnr:y@studio", "psnr", "ssim:y@wang", "ssim@wang", "ms-ssim@small", "sight"];
        return ids.iter().map(|id| make(&format!("{id}+shave={shave}"))).collect();
    }
    let fits = definitions()
        .map(|definition| definition.card)
        .filter(|card| card.weights.is_empty() && card.minimum_side <= recipe.side);
    fits.map(|card| make(card.id)).collect()
}

/// What is held out.
pub(super) enum Shown {
    /// Pictures of one size, and which of them.
    Whole(Pictures, Vec<usize>),
    /// Pictures to be enlarged.
    Enlarged(Vec<Enlarged>),
}

impl Shown {
    /// Reads it.
    pub(super) fn read(recipe: &Recipe) -> anyhow::Result<Self> {
        if recipe.task == Task::SuperResolution {
            return Ok(Self::Enlarged(enlarged(recipe)?));
        }
        let (pictures, places) = held_out(recipe)?;
        Ok(Self::Whole(pictures, places))
    }

    /// Writes what the first seed's models draw to `pictures/`, and gives what all draw.
    pub(super) fn draw(&self, out: &Path, studied: &[Studied]) -> anyhow::Result<Drawn> {
        let folder = out.join("pictures");
        let (originals, names) = match self {
            Self::Whole(pictures, places) => {
                let names = places.iter().map(|&place| pictures.names[place].clone()).collect();
                (split(pictures, &pictures.batch(places))?, names)
            }
            Self::Enlarged(all) => {
                let names: Vec<String> = all.iter().map(|one| one.name.clone()).collect();
                (all.iter().map(|one| one.original.clone()).collect(), names)
            }
        };
        let files = save(&folder.join("original"), &originals)?;
        let mut found = Drawn {
            columns: studied.iter().map(|one| one.loss.clone()).collect(),
            originals: files.into_iter().zip(originals).collect(),
            pictures: Vec::new(),
            files: Vec::new(),
        };
        for one in studied {
            let of_seed = |(_, model, _): &(u64, PathBuf, Outcome)| match self {
                Self::Whole(pictures, places) => split(pictures, &drawn(model, pictures, places)?),
                Self::Enlarged(all) => Ok(sharpened(model, all)?),
            };
            let of_seeds: Vec<Vec<Picture>> =
                one.runs.iter().map(of_seed).collect::<anyhow::Result<_>>()?;
            let first = of_seeds.first().map_or(&[][..], Vec::as_slice);
            found.files.push(save(&folder.join(&one.slug), first)?);
            found.pictures.push(of_seeds);
        }
        if let Self::Enlarged(all) = self {
            let bicubic: Vec<Picture> = all.iter().map(|one| one.bicubic.clone()).collect();
            found.columns.push("bicubic".to_owned());
            found.files.push(save(&folder.join("bicubic"), &bicubic)?);
            // The same whatever the seed.
            found.pictures.push(vec![bicubic]);
        }
        let lines = names.iter().enumerate().map(|(at, name)| format!("{at:04}.png,{name:?}\n"));
        let list: String = std::iter::once("file,picture\n".to_owned()).chain(lines).collect();
        write_whole(&folder.join("names.csv"), list.as_bytes())?;
        Ok(found)
    }
}

/// Planes of pictures of one size as pictures.
fn split(pictures: &Pictures, planes: &[f32]) -> anyhow::Result<Vec<Picture>> {
    let [channels, height, width] = pictures.shape();
    let of = |planes: &[f32]| Ok(picture_of(channels, [height, width], planes)?);
    planes.chunks_exact(channels * height * width).map(of).collect()
}

fn save(folder: &Path, all: &[Picture]) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let write = |(at, picture): (usize, &Picture)| {
        let path = folder.join(format!("{at:04}.png"));
        write_whole(&path, &png(picture)?)?;
        Ok(path)
    };
    all.iter().enumerate().map(write).collect()
}

/// Scores and tests.
pub(super) struct Found {
    pub(super) metrics: Vec<MetricRecord>,
    pub(super) comparisons: Vec<ComparisonRecord>,
    /// Metrics that were infinite for a picture, and so have no mean.
    pub(super) left_out: Vec<String>,
}

/// Every metric on every picture.
pub(super) fn measure(
    drawn: &Drawn,
    metrics: &[Box<dyn Metric>],
    seed: u64,
) -> anyhow::Result<Found> {
    let mut found = Found { metrics: Vec::new(), comparisons: Vec::new(), left_out: Vec::new() };
    let units: Vec<usize> = (0..drawn.originals.len()).collect();
    for metric in metrics {
        let id = metric.id().to_string();
        // By column, seed and picture.
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
            found.left_out.push(id);
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
        for a in 0..drawn.columns.len() {
            for b in a + 1..drawn.columns.len() {
                let differences: Vec<f64> =
                    means[a].iter().zip(&means[b]).map(|(a, b)| sign * (a - b)).collect();
                let test = mean_difference(&differences, &units, PERMUTATIONS, seed)?;
                found.comparisons.push(ComparisonRecord {
                    metric: id.clone(),
                    a: drawn.columns[a].clone(),
                    b: drawn.columns[b].clone(),
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
