//! What is said of the drawn pictures: metrics to the targets, edges against the sources, and how much drawings of one
//! source differ.

use lookalike::deep::StoredWeights;
use lookalike::{Direction, Luma, Metric, Picture, Want, metric};
use lookalike_judge::generation::canny::Canny;
use lookalike_judge::generation::edge_fidelity::{self, EdgeMap};
use lookalike_translate::study::{DRAWS, Found, REPEATED, Run, learned};
use rayon::prelude::*;

/// How far an edge may be from where it was asked for, in pixels: as `judge generation` has it, 0.75 % of the diagonal,
/// but no less than one pixel. Below a side of 48 that share is less than half a pixel, and the thin line of a drawing
/// does not lie on the very pixels of the edge that it stands for.
fn tolerance(picture: &Picture) -> usize {
    let diagonal = (picture.width() as f64).hypot(picture.height() as f64);
    ((0.0075 * diagonal).round() as usize).max(1)
}

/// A column of the table.
pub(super) struct Column {
    pub(super) id: String,
    /// Where better lies; nowhere for what is good or bad by what else there is.
    pub(super) direction: Option<Direction>,
    /// Of every row and seed, the mean over pairs.
    pub(super) rows: Vec<Vec<f64>>,
}

/// All columns.
pub(super) struct Measured {
    pub(super) columns: Vec<Column>,
    /// How far edges may be from where they were asked for, in pixels.
    pub(super) tolerance: usize,
    /// What the targets themselves come to in edges.
    pub(super) edges_of_targets: f64,
    /// The metric by which drawings of one source differ.
    pub(super) diversity: String,
    /// Metrics that could not be had, and why.
    pub(super) left_out: Vec<(String, String)>,
}

/// Measures all runs.
pub(super) fn measure(found: &Found, side: usize) -> anyhow::Result<Measured> {
    let mut left_out = Vec::new();
    let mut metrics = vec![metric("psnr")?, metric("ssim@wang")?];
    let mut by_network = Vec::new();
    for id in ["lpips:alex", "sight"] {
        match learned(id, side, &StoredWeights)? {
            Ok(metric) => by_network.push(metric),
            Err(reason) => left_out.push((id.to_owned(), reason)),
        }
    }
    let mut columns = Vec::new();
    metrics.extend(by_network);
    for metric in &metrics {
        let id = metric.id().to_string();
        let rows = each_run(found, |run| to_targets(metric.as_ref(), run, &found.targets))?;
        // An infinite value has no mean: a picture that was drawn exactly has an infinite PSNR.
        if rows.iter().flatten().all(|value| value.is_finite()) {
            columns.push(Column { id, direction: Some(metric.direction()), rows });
        } else {
            left_out.push((id, "it is infinite for a picture".to_owned()));
        }
    }
    let rows = each_run(found, |run| edges(&found.sources, &run.pictures))?;
    columns.push(Column {
        id: "edge-f1".to_owned(),
        direction: Some(Direction::HigherIsBetter),
        rows,
    });
    // Of the learned ones, the first that there is.
    let learned = metrics.get(2).map(AsRef::as_ref);
    let mut diversity = String::new();
    if let Some(metric) = learned {
        diversity = metric.id().to_string();
        let rows = each_run(found, |run| differences(metric, run))?;
        columns.push(Column { id: "diversity".to_owned(), direction: None, rows });
    }
    let edges_of_targets = edges(&found.sources, &found.targets)?;
    let tolerance = found.sources.first().map_or(1, tolerance);
    Ok(Measured { columns, tolerance, edges_of_targets, diversity, left_out })
}

fn each_run(
    found: &Found,
    of: impl Fn(&Run) -> anyhow::Result<f64>,
) -> anyhow::Result<Vec<Vec<f64>>> {
    found.rows.iter().map(|row| row.runs.iter().map(&of).collect()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn to_targets(metric: &dyn Metric, run: &Run, targets: &[Picture]) -> anyhow::Result<f64> {
    let of = |(target, drawn): (&Picture, &Picture)| {
        anyhow::Ok(metric.compare(target, drawn, Want::default())?.value)
    };
    let values = targets.par_iter().zip(&run.pictures).map(of);
    Ok(mean(&values.collect::<Result<Vec<f64>, _>>()?))
}

/// The mean F₁ of the edges of pictures against those of their sources, as of `judge generation --source`.
fn edges(sources: &[Picture], drawn: &[Picture]) -> anyhow::Result<f64> {
    let of = |(source, drawn): (&Picture, &Picture)| {
        let edges = |picture: &Picture| {
            let luma = picture.luma(Luma::Y601).into_iter().map(|luma| luma / 255.0);
            Canny::default().edges(picture.width(), &luma.collect::<Vec<f64>>())
        };
        let (asked, made) = (edges(source)?, edges(drawn)?);
        let [asked, made] =
            [EdgeMap::new(source.width(), &asked)?, EdgeMap::new(drawn.width(), &made)?];
        anyhow::Ok(edge_fidelity::of(asked, made, tolerance(source))?.f1)
    };
    let values = sources.par_iter().zip(drawn).map(of);
    Ok(mean(&values.collect::<Result<Vec<f64>, _>>()?))
}

/// The mean over sources of the mean over all pairs of drawings of one.
fn differences(metric: &dyn Metric, run: &Run) -> anyhow::Result<f64> {
    let of = |drawings: &Vec<Picture>| {
        let mut values = Vec::new();
        for (at, one) in drawings.iter().enumerate() {
            let prepared = metric.prepare(one)?;
            for other in &drawings[at + 1..] {
                values.push(prepared.compare(other, Want::default())?.value);
            }
        }
        anyhow::Ok(mean(&values))
    };
    Ok(mean(&run.repeated.par_iter().map(of).collect::<Result<Vec<f64>, _>>()?))
}

/// What the columns that are no metrics mean, in words.
pub(super) fn explained(measured: &Measured, evaluated: usize) -> Vec<(&'static str, String)> {
    let pixels = measured.tolerance;
    let mut found = vec![(
        "edge-f1",
        format!(
            "mean F1 of edge pixels within {pixels} px of one another in the drawing and its source, both by Canny, as of \
             `judge generation --source DIR --edge-tolerance {pixels}`; the targets themselves come to {}",
            super::record::short(measured.edges_of_targets)
        ),
    )];
    if !measured.diversity.is_empty() {
        found.push((
            "diversity",
            format!(
                "mean `{}` between {DRAWS} drawings of a source from noise of different seeds, over {} sources; noise is \
                 diverse as well, so it says nothing alone",
                measured.diversity,
                evaluated.min(REPEATED)
            ),
        ));
    }
    found
}
