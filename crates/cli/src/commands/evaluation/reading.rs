//! How the pictures of a set are read before metrics compare them.

use clap::{Args, ValueEnum};
use lookalike::decode::DecodeOptions;
use lookalike::judge::dataset::Layout;
use lookalike::{Choice, Comparison, Limits, Metric};
use serde_json::json;

use super::distances_file;
use super::judged_set::JudgedSet;
use crate::args::{Alpha, Fit, GlobalArgs, pixels};

#[derive(Debug, Args)]
pub(crate) struct ReadingArgs {
    /// Bring the shorter side of every picture to N pixels before anything else, bilinearly as Pillow
    /// does; `none` keeps them [default: 64 for BAPPS, as its authors do, else none]
    #[arg(long, value_name = "N", value_parser = resize)]
    resize: Option<Resize>,

    /// What to do when sizes differ
    #[arg(long, value_enum, default_value = "error")]
    fit: Fit,

    /// What lies behind transparent pixels
    #[arg(long, value_enum, default_value = "error")]
    alpha: Alpha,

    /// Largest picture that is decoded, in pixels; K, M and G are understood
    #[arg(long, value_name = "N", default_value = "512M", value_parser = pixels)]
    max_pixels: u64,
}

/// What `--resize` asks for.
#[derive(Clone, Copy, Debug)]
enum Resize {
    None,
    ShorterSide(usize),
}

fn resize(text: &str) -> Result<Resize, String> {
    if text == "none" {
        return Ok(Resize::None);
    }
    let side = text.parse::<usize>().ok().filter(|&side| side > 0).map(Resize::ShorterSide);
    side.ok_or_else(|| format!("expected a number of pixels from 1 or none, found '{text}'"))
}

impl ReadingArgs {
    /// The shorter side of every picture of a layout, unless it is kept.
    pub(crate) fn shorter_side(&self, layout: Layout) -> Option<usize> {
        match self.resize {
            Some(Resize::ShorterSide(side)) => Some(side),
            Some(Resize::None) => None,
            None => layout.protocol_side(),
        }
    }

    /// A run of metrics over sets; the shorter side is that of a [layout](Self::shorter_side).
    pub(crate) fn comparison(&self, metrics: Vec<Choice>, global: &GlobalArgs) -> Comparison {
        Comparison {
            metrics,
            decode: DecodeOptions {
                alpha: self.alpha.into(),
                max_pixels: self.max_pixels,
                shorter_side: None,
            },
            fit: self.fit.into(),
            maps: false,
            limits: Limits::default(),
            jobs: global.jobs,
        }
    }

    /// All that distances depend on besides the pictures: those of a run that differs in it are others.
    pub(super) fn setting(&self, comparison: &Comparison, set: &JudgedSet) -> serde_json::Value {
        let metrics = comparison.metrics.iter().map(|choice| choice.metric());
        let metric = |metric: &dyn Metric| json!([metric.id().to_string(), metric.weights()]);
        let (fit, alpha) = (self.fit.to_possible_value(), self.alpha.to_possible_value());
        json!({
            "schema": distances_file::SCHEMA,
            "version": env!("CARGO_PKG_VERSION"),
            "layout": set.layout.as_str(),
            "pairs": set.pairs,
            "set": set.name,
            "metrics": metrics.map(metric).collect::<Vec<_>>(),
            "resize": comparison.decode.shorter_side,
            "fit": fit.map(|value| value.get_name().to_owned()),
            "alpha": alpha.map(|value| value.get_name().to_owned()),
        })
    }
}
