//! Bars of scores: one chart for all judgements and one for every subset.
//!
//! All have one scale, from 0, or from −1 where a correlation is negative, to 1. Lines mark chance and how
//! often people agree with one another.

use serde::Serialize;

use crate::commands::evaluation::record::{EstimateRecord, Report};

/// Across, in units of the drawing.
const WIDTH: f64 = 400.0;
/// Letters of an id for which there is room.
const LETTERS: usize = 25;
/// Up and down that a bar takes.
const ROW: f64 = 22.0;

#[derive(Serialize)]
pub(super) struct Chart {
    title: String,
    n: usize,
    height: f64,
    bars: Vec<Bar>,
    /// Where 0 is.
    zero: f64,
    /// Named lines: chance, human.
    lines: Vec<(&'static str, f64)>,
    ticks: Vec<(String, f64)>,
}

#[derive(Serialize)]
struct Bar {
    id: String,
    /// The id as far as there is room for it.
    label: String,
    y: f64,
    from: f64,
    length: f64,
    /// Ends of the interval.
    interval: Option<[f64; 2]>,
    /// The score in text; what is not defined has none.
    score: Option<String>,
}

pub(super) fn charts(report: &Report) -> Vec<Chart> {
    let of_subsets = report.metrics.iter().flat_map(|metric| metric.subsets.values());
    let scores = report.metrics.iter().map(|metric| Some(metric.estimate.score));
    let negative =
        scores.chain(of_subsets.map(|subset| subset.score)).flatten().any(|score| score < 0.0);
    let scale = Scale { least: if negative { -1.0 } else { 0.0 } };
    let chance = match report.protocol {
        "2afc" => Some(0.5),
        "odd-one-out" => Some(1.0 / 3.0),
        _ => None,
    };
    let chart =
        |title: &str, n: usize, human: Option<f64>, bars: Vec<(String, Option<EstimateRecord>)>| {
            let lines = [("chance", chance), ("people", human)];
            let lines = lines.into_iter().filter_map(|(name, at)| Some((name, scale.at(at?))));
            let bar = |(row, (id, estimate)): (usize, (String, Option<EstimateRecord>))| {
                scale.bar(row, id, estimate)
            };
            let ticks: &[f64] = if negative { &[-1.0, 0.0, 1.0] } else { &[0.0, 0.5, 1.0] };
            Chart {
                title: title.to_owned(),
                n,
                height: ROW * bars.len() as f64,
                zero: scale.at(0.0),
                lines: lines.collect(),
                ticks: ticks.iter().map(|&tick| (tick.to_string(), scale.at(tick))).collect(),
                bars: bars.into_iter().enumerate().map(bar).collect(),
            }
        };
    let human = report.human.as_ref();
    let all = report.metrics.iter().map(|metric| (metric.id.clone(), Some(metric.estimate)));
    let score = human.map(|human| human.estimate.score);
    let mut charts = vec![chart("All", report.n, score, all.collect())];
    for (name, first) in report.metrics.iter().flat_map(|metric| &metric.subsets) {
        // Every metric has the same subsets.
        if charts.iter().skip(1).any(|chart| chart.title == *name) {
            continue;
        }
        let bars = report.metrics.iter().map(|metric| {
            let subset = metric.subsets.get(name);
            let estimate = subset.and_then(|s| Some(EstimateRecord { score: s.score?, ci: s.ci }));
            (metric.id.clone(), estimate)
        });
        let human = human.and_then(|human| human.subsets.get(name)).map(|subset| subset.score);
        charts.push(chart(name, first.n, human, bars.collect()));
    }
    charts
}

struct Scale {
    least: f64,
}

impl Scale {
    fn at(&self, score: f64) -> f64 {
        WIDTH * ((score.clamp(self.least, 1.0) - self.least) / (1.0 - self.least))
    }

    fn bar(&self, row: usize, id: String, estimate: Option<EstimateRecord>) -> Bar {
        let score = estimate.map_or(0.0, |estimate| estimate.score);
        let (zero, end) = (self.at(0.0), self.at(score));
        let label = match id.char_indices().nth(LETTERS) {
            Some((end, _)) => format!("{}…", &id[..end]),
            None => id.clone(),
        };
        Bar {
            id,
            label,
            y: ROW * row as f64,
            from: zero.min(end),
            length: (end - zero).abs(),
            interval: estimate
                .and_then(|estimate| estimate.ci)
                .map(|ci| ci.map(|end| self.at(end))),
            score: estimate.map(|estimate| format!("{:.3}", estimate.score)),
        }
    }
}
