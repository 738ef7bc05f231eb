//! What `study losses` reports, in the shape of its JSON: `lookalike.study-losses/1`.

use std::io::Write;
use std::path::{Path, PathBuf};

use lookalike_train::reconstruction::Studied;
use serde::Serialize;

use crate::args::{Format, GlobalArgs};
use crate::print::{align_right, plain_table, significant, tidy};

/// The version of the JSON layout.
pub(super) const SCHEMA: &str = "lookalike.study-losses/1";

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) schema: &'static str,
    pub(super) task: &'static str,
    pub(super) network: String,
    pub(super) side: usize,
    pub(super) code: usize,
    pub(super) steps: u64,
    pub(super) seeds: Vec<u64>,
    /// Pictures that were learned from, and those that were measured on.
    pub(super) learned: usize,
    pub(super) held_out: usize,
    pub(super) losses: Vec<LossRecord>,
    /// What stands beside each other in the metrics: the losses, and bicubic enlargement where that is asked of.
    pub(super) columns: Vec<String>,
    pub(super) metrics: Vec<MetricRecord>,
    pub(super) comparisons: Vec<ComparisonRecord>,
    /// Metrics that were infinite for a picture, and so have no mean.
    pub(super) left_out: Vec<String>,
    pub(super) classification: Vec<ClassificationRecord>,
    /// The project that `judge collect` asks people with.
    pub(super) preference: PathBuf,
}

impl Report {
    /// The differences of a metric that its tests find: `A > B`, the better first.
    pub(super) fn sure(&self, metric: &str) -> Vec<String> {
        let of_metric = self.comparisons.iter().filter(|one| one.metric == metric);
        of_metric
            .filter(|one| one.p_holm < 0.05)
            .map(|one| {
                let [better, worse] =
                    if one.in_favour_of_a > 0.0 { [&one.a, &one.b] } else { [&one.b, &one.a] };
                format!("{better} > {worse}")
            })
            .collect()
    }
}

#[derive(Debug, Serialize)]
pub(super) struct LossRecord {
    pub(super) loss: String,
    pub(super) rate: f64,
    /// Rates that were tried and the loss that validation found.
    pub(super) trials: Vec<(f64, Option<f64>)>,
    /// C of a stochastic code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<f64>,
    /// The rate of a stochastic code in nats a picture, by seed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) kl: Vec<f64>,
    pub(super) seconds: f64,
    pub(super) models: Vec<PathBuf>,
}

impl LossRecord {
    pub(super) fn of(one: &Studied) -> Self {
        let outcomes = || one.runs.iter().map(|(_, _, outcome)| outcome);
        Self {
            loss: one.loss.clone(),
            rate: one.rate,
            // A trial whose numbers grew without bound has no loss.
            trials: one
                .trials
                .iter()
                .map(|&(rate, loss)| (rate, loss.is_finite().then_some(loss)))
                .collect(),
            weight: one.weight,
            kl: outcomes().filter_map(|found| found.validation.as_ref()?.kl).collect(),
            seconds: outcomes().map(|found| found.seconds).sum(),
            models: one.runs.iter().map(|(_, model, _)| model.clone()).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct MetricRecord {
    pub(super) id: String,
    pub(super) higher_is_better: bool,
    /// The column whose pictures score best.
    pub(super) best: usize,
    /// In the order of the columns.
    pub(super) losses: Vec<ValueRecord>,
}

#[derive(Debug, Serialize)]
pub(super) struct ValueRecord {
    /// Over the pictures, each the mean over the seeds.
    pub(super) mean: f64,
    pub(super) ci: Option<[f64; 2]>,
    /// The mean of each seed.
    pub(super) seeds: Vec<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct ComparisonRecord {
    pub(super) metric: String,
    pub(super) a: String,
    pub(super) b: String,
    /// By how much a's pictures score better; negative where b's do.
    pub(super) in_favour_of_a: f64,
    pub(super) p: f64,
    pub(super) p_holm: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct ClassificationRecord {
    /// The column of the labels.
    pub(super) labels: String,
    pub(super) classes: usize,
    /// The share of the most frequent class.
    pub(super) chance: f64,
    pub(super) codes: Vec<CodeRecord>,
}

#[derive(Debug, Serialize)]
pub(super) struct CodeRecord {
    pub(super) code: String,
    pub(super) accuracy: f64,
    pub(super) ci: Option<[f64; 2]>,
    /// The cost of errors of each seed's machine, by cross-validation.
    pub(super) costs: Vec<f64>,
}

/// Writes the report to standard output.
pub(super) fn write(report: &Report, out: &Path, global: &GlobalArgs) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    if global.format == Format::Json {
        serde_json::to_writer_pretty(&mut stdout, report)?;
        writeln!(stdout)?;
        return Ok(());
    }
    let mut header = vec!["metric".to_owned()];
    header.extend(report.columns.iter().cloned());
    let mut table = plain_table();
    table.set_header(&header);
    for metric in &report.metrics {
        let mut row = vec![metric.id.clone()];
        for (at, value) in metric.losses.iter().enumerate() {
            let mark = if at == metric.best { "*" } else { "" };
            row.push(format!("{}{mark}", significant(value.mean)));
        }
        table.add_row(row);
    }
    (1..header.len()).for_each(|column| align_right(&mut table, column));
    writeln!(stdout, "{}", tidy(&table))?;
    writeln!(
        stdout,
        "* best on {} held-out pictures; a metric that was learned under proves nothing of itself",
        report.held_out
    )?;
    if !report.left_out.is_empty() {
        writeln!(stdout, "left out, infinite for a picture: {}", report.left_out.join(", "))?;
    }
    for found in &report.classification {
        writeln!(
            stdout,
            "\n{} ({} classes, {:.3} by chance)",
            found.labels, found.classes, found.chance
        )?;
        for code in &found.codes {
            writeln!(stdout, "{:<40} {:.4}", code.code, code.accuracy)?;
        }
    }
    writeln!(stdout, "report      {}", out.join("report.html").display())?;
    writeln!(stdout, "ask people  lookalike judge collect {}", report.preference.display())?;
    Ok(())
}
