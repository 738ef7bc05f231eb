//! Whether generated pictures have edges where the pictures that they were made from have them.

use std::path::Path;
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};
use lookalike::decode::{self, DecodeOptions};
use lookalike::pairing::{self, NameFilter};
use lookalike::{Luma, Picture};
use lookalike_judge::generation::canny::Canny;
use lookalike_judge::generation::edge_fidelity::{self, EdgeFidelity, EdgeMap};
use rayon::prelude::*;
use serde::Serialize;

use super::GenerationArgs;
use crate::args::GlobalArgs;
use crate::log::{Log, on_interrupt};
use crate::report::{ErrorRecord, Tally};

#[derive(Debug, Args)]
pub(crate) struct EdgeArgs {
    /// Folder of the pictures that they were made from, under the same names: adds edge fidelity
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<std::path::PathBuf>,

    /// What the edges of a source are
    #[arg(long, value_enum, default_value_t = SourceEdges::Canny, requires = "source")]
    source_edges: SourceEdges,

    /// How far an edge may be from where it was asked for, in pixels [default: 0.75 % of the diagonal]
    #[arg(long, value_name = "N", requires = "source")]
    edge_tolerance: Option<usize>,
}

/// Where the edges of a source are. Those of generated pictures are always found by Canny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SourceEdges {
    /// Found as those of generated pictures are, for photographs
    Canny,
    /// Its dark pixels: a drawing on white
    Dark,
    /// Its bright pixels: a drawing on black
    Bright,
}

/// Means over all pairs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EdgeRecord {
    pub(crate) n: usize,
    pub(crate) f1: f64,
    pub(crate) precision: f64,
    pub(crate) recall: f64,
    pub(crate) convention: String,
    /// Of the pairs with the least F1.
    worst: Vec<(String, f64)>,
}

/// How many of the worst pairs are named.
const WORST: usize = 5;

/// Compares all pairs; what failed is noted in the tally. `None` without sources, or where no pair could be
/// compared.
pub(crate) fn run(
    args: &GenerationArgs,
    global: &GlobalArgs,
    tally: &mut Tally,
) -> anyhow::Result<Option<EdgeRecord>> {
    let Some(source) = &args.edges.source else { return Ok(None) };
    let filter = NameFilter::new(&[], &[])?;
    let work = pairing::pair(source, std::slice::from_ref(&args.out_dir), &filter)?;
    let log = Log::new(work.pairs(), global);
    for entry in work.unpaired.iter().chain(&work.unreachable) {
        log.note(tally, ErrorRecord::new(&entry.path, &entry.message));
    }
    let decode = DecodeOptions { alpha: args.alpha.into(), ..DecodeOptions::default() };
    let cancelled = on_interrupt();
    let pairs: Vec<_> = work.each_pair().collect();
    let found = pairs.par_iter().map(|(source, candidate)| {
        if cancelled.load(Ordering::Relaxed) {
            return Err((candidate.path.as_path(), "cancelled".to_owned()));
        }
        let found = compare(source, &candidate.path, &args.edges, &decode);
        log.bar.inc(1);
        found.map(|found| (candidate.name.display().to_string(), found))
    });
    let found: Vec<_> = found.collect();
    log.bar.finish_and_clear();
    let mut all = Vec::new();
    for one in found {
        match one {
            Ok(one) => all.push(one),
            Err((path, message)) => log.note(tally, ErrorRecord::new(path, &message)),
        }
    }
    Ok((!all.is_empty()).then(|| record(all, &args.edges)))
}

type Failed<'a> = (&'a Path, String);

fn compare<'a>(
    source: &'a Path,
    out: &'a Path,
    args: &EdgeArgs,
    decode: &DecodeOptions,
) -> Result<EdgeFidelity, Failed<'a>> {
    let read = |path: &'a Path| decode::read(path, decode).map_err(|e| (path, e.to_string()));
    let (asked, made) = (read(source)?, read(out)?);
    let size = |picture: &Picture| (picture.width(), picture.height());
    if size(&asked) != size(&made) {
        let ((a, b), (c, d)) = (size(&asked), size(&made));
        return Err((out, format!("is {c}x{d} where its source is {a}x{b}; expected one size")));
    }
    let failed = |error: lookalike_judge::Error| (out, error.to_string());
    let luma = |picture: &Picture| -> Vec<f64> {
        picture.luma(Luma::Y601).into_iter().map(|luma| luma / 255.0).collect()
    };
    let width = made.width();
    let canny = |picture| Canny::default().edges(width, &luma(picture)).map_err(failed);
    let asked = match args.source_edges {
        SourceEdges::Canny => canny(&asked)?,
        SourceEdges::Dark => luma(&asked).iter().map(|&luma| luma < 0.5).collect(),
        SourceEdges::Bright => luma(&asked).iter().map(|&luma| luma >= 0.5).collect(),
    };
    let diagonal = (width as f64).hypot(made.height() as f64);
    let tolerance = args.edge_tolerance.unwrap_or((0.0075 * diagonal).round() as usize);
    let made = canny(&made)?;
    let maps = EdgeMap::new(width, &asked)
        .and_then(|asked| edge_fidelity::of(asked, EdgeMap::new(width, &made)?, tolerance));
    maps.map_err(failed)
}

fn record(mut all: Vec<(String, EdgeFidelity)>, args: &EdgeArgs) -> EdgeRecord {
    let n = all.len();
    let mean =
        |of: fn(&EdgeFidelity) -> f64| all.iter().map(|(_, one)| of(one)).sum::<f64>() / n as f64;
    let (f1, precision, recall) =
        (mean(|one| one.f1), mean(|one| one.precision), mean(|one| one.recall));
    let source = match args.source_edges {
        SourceEdges::Canny => "as those of generated pictures",
        SourceEdges::Dark => "its dark pixels",
        SourceEdges::Bright => "its bright pixels",
    };
    let tolerance = match args.edge_tolerance {
        Some(pixels) => format!("{pixels} pixels"),
        None => "0.75 % of the diagonal".to_owned(),
    };
    let Canny { sigma, low, high } = Canny::default();
    let convention = format!(
        "mean F1 of edge pixels within {tolerance} of one another; Canny, sigma {sigma}, thresholds {low} \
         and {high}; edges of the source: {source}"
    );
    all.sort_by(|(_, a), (_, b)| a.f1.total_cmp(&b.f1));
    let worst = all.into_iter().take(WORST).map(|(name, one)| (name, one.f1)).collect();
    EdgeRecord { n, f1, precision, recall, convention, worst }
}
