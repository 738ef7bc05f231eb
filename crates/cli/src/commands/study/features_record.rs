//! What `study features` reports, in the shape of its JSON: `lookalike.study-features/1`.

use std::io::Write;

use serde::Serialize;
use serde_json::json;

use crate::args::Format;
use crate::commands::evaluation::{EstimateRecord, HumanRecord};
use crate::output::Output;
use crate::print::{align_right, plain_table, tidy};
use crate::report::ErrorRecord;

/// The version of the JSON layout.
pub(super) const SCHEMA: &str = "lookalike.study-features/1";

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) schema: &'static str,
    pub(super) sets: Vec<SetRecord>,
    pub(super) features: Vec<RowRecord>,
    /// Networks whose weights are not there.
    pub(super) missing: Vec<MissingRecord>,
    /// Between 2AFC and JND over the networks; null without sets of both.
    pub(super) correlation: Option<CorrelationRecord>,
}

#[derive(Debug, Serialize)]
pub(super) struct SetRecord {
    pub(super) name: String,
    pub(super) protocol: &'static str,
    pub(super) layout: &'static str,
    pub(super) n: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resize: Option<usize>,
    pub(super) human: Option<HumanRecord>,
    pub(super) errors: Vec<ErrorRecord>,
}

/// A network or another metric, with a score for every set.
#[derive(Debug, Serialize)]
pub(super) struct RowRecord {
    pub(super) id: String,
    pub(super) scores: Vec<EstimateRecord>,
    /// The mean over sets of triplets.
    #[serde(rename = "2afc")]
    pub(super) two_alternative: Option<f64>,
    /// The mean over sets of same and different.
    #[serde(rename = "jnd")]
    pub(super) just_noticeable: Option<f64>,
}

impl RowRecord {
    pub(super) fn new(id: &str) -> Self {
        let id = id.to_owned();
        Self { id, scores: Vec::new(), two_alternative: None, just_noticeable: None }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct MissingRecord {
    pub(super) id: String,
    pub(super) reason: String,
}

/// Null where all scores on one side are equal, or there is one network only.
#[derive(Debug, Serialize)]
pub(super) struct CorrelationRecord {
    pub(super) n: usize,
    pub(super) srocc: Option<f64>,
    pub(super) krcc: Option<f64>,
    pub(super) plcc: Option<f64>,
}

pub(super) fn write(report: &Report, format: Format, mut output: Output) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut output, report)?;
            writeln!(output)?;
        }
        Format::Jsonl => lines(report, &mut output)?,
        Format::Csv => table(report, &mut output)?,
        Format::Text | Format::Html | Format::Junit => text(report, &mut output)?,
    }
    output.finish()
}

/// One line per network, then the rest.
fn lines(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    for row in &report.features {
        serde_json::to_writer(&mut *output, row)?;
        writeln!(output)?;
    }
    let Report { schema, sets, missing, correlation, .. } = report;
    let rest =
        json!({"schema": schema, "sets": sets, "missing": missing, "correlation": correlation});
    serde_json::to_writer(&mut *output, &rest)?;
    writeln!(output)?;
    Ok(())
}

/// One row per network and set.
fn table(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(["id", "set", "protocol", "n", "score", "ci_low", "ci_high"])?;
    for row in &report.features {
        for (set, estimate) in report.sets.iter().zip(&row.scores) {
            let end = |end: usize| estimate.ci.map_or_else(String::new, |ci| ci[end].to_string());
            let score = estimate.score.to_string();
            let n = set.n.to_string();
            writer.write_record([
                &row.id,
                &set.name,
                set.protocol,
                &n,
                &score,
                &end(0),
                &end(1),
            ])?;
        }
    }
    writer.flush()?;
    Ok(())
}

fn text(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    let mut table = plain_table();
    let mut header = vec![String::new()];
    header.extend(
        report.sets.iter().map(|set| format!("{}, {}, n = {}", set.name, set.protocol, set.n)),
    );
    header.extend(["2afc".to_owned(), "jnd".to_owned()]);
    let columns = header.len();
    table.set_header(header);
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    if report.sets.iter().any(|set| set.human.is_some()) {
        let mut row = vec!["human".to_owned()];
        let human = |set: &SetRecord| set.human.as_ref().map(|human| human.estimate.score);
        row.extend(report.sets.iter().map(|set| number(human(set))));
        row.extend(["-".to_owned(), "-".to_owned()]);
        table.add_row(row);
    }
    let mut rows: Vec<&RowRecord> = report.features.iter().collect();
    let rank = |row: &RowRecord| row.two_alternative.or(row.just_noticeable).unwrap_or(0.0);
    rows.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    for row in rows {
        let mut cells = vec![row.id.clone()];
        cells.extend(row.scores.iter().map(|estimate| match estimate.ci {
            Some([low, high]) => format!("{:.4} ({low:.3} to {high:.3})", estimate.score),
            None => format!("{:.4}", estimate.score),
        }));
        cells.extend([number(row.two_alternative), number(row.just_noticeable)]);
        table.add_row(cells);
    }
    for column in 1..columns {
        align_right(&mut table, column);
    }
    writeln!(output, "{}", tidy(&table))?;
    if let Some(found) = &report.correlation {
        let CorrelationRecord { n, srocc, krcc, plcc } = found;
        let [srocc, krcc, plcc] = [srocc, krcc, plcc].map(|value| number(*value));
        writeln!(
            output,
            "\n2afc and jnd over {n} networks: SROCC {srocc}, KRCC {krcc}, PLCC {plcc}"
        )?;
    }
    for MissingRecord { id, reason } in &report.missing {
        writeln!(output, "not studied: {id}: {reason}")?;
    }
    Ok(())
}
