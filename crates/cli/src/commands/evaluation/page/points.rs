//! A metric against people, one point per judgement, and the curve through them.

use lookalike::judge::evaluation::Scatter;
use serde::Serialize;

use super::Evidence;
use crate::commands::evaluation::record::Report;
use crate::print::significant;

/// Sizes of the drawing.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 220.0;
/// Points that are drawn: of more, evenly chosen ones.
const DRAWN: usize = 1500;
/// How far up or down points with equal shares are moved apart, in units of the drawing.
const APART: f64 = 5.0;
/// What the golden ratio leaves, whose multiples fill an interval evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

#[derive(Serialize)]
pub(super) struct Chart {
    id: String,
    points: Vec<[f64; 2]>,
    /// Of an SVG polyline.
    curve: String,
    across: &'static str,
    up: &'static str,
    /// The ends of both axes in text.
    ends: [[String; 2]; 2],
    /// Judgements that are not drawn.
    left_out: usize,
    of: usize,
}

pub(super) fn charts(report: &Report, evidence: &Evidence<'_>) -> anyhow::Result<Vec<Chart>> {
    let (across, up) = match report.protocol {
        "2afc" => {
            ("how much closer the right one is to the metric", "share who chose the right one")
        }
        "odd-one-out" => ("how sure the metric is", "share who named the same odd one"),
        "jnd" => ("distance", "share who said “same”"),
        _ => ("distance", "rating"),
    };
    let shares = report.protocol != "rating";
    let both = report.metrics.iter().zip(evidence.distances);
    both.map(|(metric, distances)| {
        let scatter = evidence.answers.scatter(distances)?;
        Ok(chart(&metric.id, &scatter, shares, [across, up]))
    })
    .collect()
}

fn chart(id: &str, scatter: &Scatter, shares: bool, [across, up]: [&'static str; 2]) -> Chart {
    let x = Axis::of(scatter.points.iter().map(|point| point[0]));
    let y = if shares {
        Axis { from: 0.0, to: 1.0 }
    } else {
        Axis::of(scatter.points.iter().map(|p| p[1]))
    };
    let place = |[left, low]: [f64; 2]| [WIDTH * x.at(left), HEIGHT * (1.0 - y.at(low))];
    let count = scatter.points.len();
    let drawn = count.min(DRAWN);
    let chosen = (0..drawn).map(|index| (index, scatter.points[index * count / drawn]));
    let points = chosen.map(|(index, point)| {
        let [left, top] = place(point);
        let moved =
            if shares { APART * 2.0 * ((index as f64 * GOLDEN).fract() - 0.5) } else { 0.0 };
        [left, (top + moved).clamp(0.0, HEIGHT)].map(|number| (number * 10.0).round() / 10.0)
    });
    let curve = scatter.curve.iter().map(|&point| place(point));
    let curve: Vec<String> = curve.map(|[left, top]| format!("{left:.1},{top:.1}")).collect();
    Chart {
        id: id.to_owned(),
        points: points.collect(),
        curve: curve.join(" "),
        across,
        up,
        ends: [x.ends(), y.ends()],
        left_out: scatter.left_out + count - drawn,
        of: count + scatter.left_out,
    }
}

struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let from = values.clone().fold(f64::INFINITY, f64::min);
        let to = values.fold(f64::NEG_INFINITY, f64::max);
        Self { from, to }
    }

    /// From 0 to 1; the middle where all are equal.
    fn at(&self, value: f64) -> f64 {
        if self.to > self.from { (value - self.from) / (self.to - self.from) } else { 0.5 }
    }

    fn ends(&self) -> [String; 2] {
        [self.from, self.to]
            .map(|end| if end.is_finite() { significant(end) } else { String::new() })
    }
}
