//! What `study translation` reports, in the shape of its JSON: `lookalike.study-translation/1`.

use std::io::Write;
use std::path::{Path, PathBuf};

use lookalike::Direction;
use lookalike_translate::study::{Found, Run, Studied, Study};
use serde::Serialize;

use super::measured::{self, Measured};
use crate::args::{Format, GlobalArgs};
use crate::print::{align_right, plain_table, tidy};

/// The version of the JSON layout.
const SCHEMA: &str = "lookalike.study-translation/1";

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) schema: &'static str,
    /// The command that repeats it.
    pub(super) command: String,
    pub(super) version: &'static str,
    pub(super) data: DataRecord,
    pub(super) side: usize,
    /// The transformer: features and blocks.
    pub(super) size: String,
    pub(super) patch: usize,
    pub(super) batch: usize,
    pub(super) steps: u64,
    pub(super) seeds: Vec<u64>,
    /// Held-out pairs that were drawn and measured.
    pub(super) evaluated: usize,
    pub(super) columns: Vec<ColumnRecord>,
    pub(super) rows: Vec<RowRecord>,
    /// The F1 of edges that the targets themselves come to.
    pub(super) edges_of_targets: f64,
    pub(super) left_out: Vec<LeftOutRecord>,
}

#[derive(Debug, Serialize)]
pub(super) struct DataRecord {
    /// In words.
    pub(super) what: String,
    pub(super) learned: usize,
    pub(super) validated: usize,
    pub(super) held_out: usize,
    pub(super) sha256: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ColumnRecord {
    pub(super) id: String,
    /// Where better lies: `higher`, `lower`, or nowhere.
    pub(super) direction: Option<&'static str>,
    /// What it is, where it is no metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) what: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct RowRecord {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Seeds that it was run with; none where nothing about it is random.
    pub(super) seeds: Vec<u64>,
    pub(super) parameters: usize,
    /// Parameters of a discriminator, which does not draw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) discriminator: Option<usize>,
    /// Of the network for one example, forwards.
    pub(super) multiply_accumulates: Option<u64>,
    /// How often the network is asked for a picture.
    pub(super) evaluations: usize,
    /// In the order of the columns.
    pub(super) values: Vec<ValueRecord>,
    pub(super) training_seconds: ValueRecord,
    /// For a picture.
    pub(super) drawing_seconds: ValueRecord,
    /// Threads that learned and drew.
    pub(super) threads: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) models: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
pub(super) struct ValueRecord {
    /// Over the seeds.
    pub(super) mean: f64,
    /// Their standard deviation, with one degree of freedom less than seeds; none of one seed.
    pub(super) deviation: Option<f64>,
    /// Of each.
    pub(super) seeds: Vec<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct LeftOutRecord {
    /// `row` or `column`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) reason: String,
}

impl ValueRecord {
    fn new(seeds: Vec<f64>) -> Self {
        let count = seeds.len() as f64;
        let mean = seeds.iter().sum::<f64>() / count;
        let squares = seeds.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let deviation = (seeds.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        Self { mean, deviation, seeds }
    }

    /// Mean and deviation.
    pub(super) fn text(&self) -> String {
        match self.deviation {
            Some(deviation) => format!("{} ± {}", short(self.mean), deviated(deviation)),
            None => short(self.mean),
        }
    }
}

impl RowRecord {
    fn new(row: &Studied, at: usize, measured: &Measured) -> Option<Self> {
        let facts = &row.runs.first()?.facts;
        let of = |value: fn(&Run) -> f64| ValueRecord::new(row.runs.iter().map(value).collect());
        let seeds = row.runs.iter().map(|run| run.seed).collect();
        let value = |column: &measured::Column| ValueRecord::new(column.rows[at].clone());
        Some(Self {
            name: row.name,
            what: row.what,
            seeds: if row.seedless { Vec::new() } else { seeds },
            parameters: facts.parameters,
            discriminator: facts.discriminator,
            multiply_accumulates: facts.multiply_accumulates,
            evaluations: facts.evaluations,
            values: measured.columns.iter().map(value).collect(),
            training_seconds: of(|run| run.facts.training_seconds),
            drawing_seconds: of(|run| run.facts.drawing_seconds),
            threads: facts.threads,
            models: row.runs.iter().filter_map(|run| run.model.clone()).collect(),
        })
    }

    /// On how many runs its figures rest, in words.
    pub(super) fn rests_on(&self) -> String {
        match self.seeds.len() {
            0 => "nothing random".to_owned(),
            1 => "one seed".to_owned(),
            count => format!("{count} seeds"),
        }
    }
}

impl Report {
    pub(super) fn new(study: &Study, found: &Found, measured: Measured, command: String) -> Self {
        let evaluated = found.targets.len();
        let explained = measured::explained(&measured, evaluated);
        let recipe = &study.recipe;
        let [learned, validated, held_out] = found.pairs;
        let columns = measured.columns.iter().map(|column| ColumnRecord {
            id: column.id.clone(),
            direction: column.direction.map(|direction| match direction {
                Direction::HigherIsBetter => "higher",
                Direction::LowerIsBetter => "lower",
            }),
            what: explained.iter().find(|(id, _)| *id == column.id).map(|(_, what)| what.clone()),
        });
        let rows = found.rows.iter().enumerate();
        let rows_out = found.left_out.iter().map(|row| LeftOutRecord {
            kind: "row",
            name: row.name.to_owned(),
            reason: row.reason.clone(),
        });
        let columns_out = measured.left_out.iter().map(|(name, reason)| LeftOutRecord {
            kind: "column",
            name: name.clone(),
            reason: reason.clone(),
        });
        Self {
            schema: SCHEMA,
            command,
            version: env!("CARGO_PKG_VERSION"),
            data: DataRecord {
                what: match recipe.drawn {
                    Some(_) => "drawn shoes and their outlines".to_owned(),
                    None => "pairs".to_owned(),
                },
                learned,
                validated,
                held_out,
                sha256: found.data_sha256.clone(),
            },
            side: recipe.data.side,
            size: recipe.size.clone(),
            patch: recipe.patch,
            batch: recipe.batch * recipe.accumulate,
            steps: recipe.steps,
            seeds: study.seeds.clone(),
            evaluated,
            columns: columns.collect(),
            rows: rows.filter_map(|(at, row)| RowRecord::new(row, at, &measured)).collect(),
            edges_of_targets: measured.edges_of_targets,
            left_out: rows_out.chain(columns_out).collect(),
        }
    }

    /// Names of the columns with the direction in which they are better.
    pub(super) fn headings(&self) -> Vec<String> {
        let arrow = |column: &ColumnRecord| match column.direction {
            Some("higher") => " ↑",
            Some(_) => " ↓",
            None => "",
        };
        self.columns.iter().map(|column| format!("{}{}", column.id, arrow(column))).collect()
    }
}

/// Four significant digits.
pub(super) fn short(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return value.to_string();
    }
    let exponent = value.abs().log10().floor() as i32;
    match exponent {
        -4..=3 => format!("{value:.0$}", (3 - exponent).max(0) as usize),
        4..=9 => format!("{value:.0}"),
        _ => format!("{value:.3e}"),
    }
}

/// Two significant digits.
fn deviated(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let exponent = value.abs().log10().floor() as i32;
    match exponent {
        -5..=1 => format!("{value:.0$}", (1 - exponent).max(0) as usize),
        2..=9 => format!("{value:.0}"),
        _ => format!("{value:.1e}"),
    }
}

/// Writes the report to standard output.
pub(super) fn write(report: &Report, out: &Path, global: &GlobalArgs) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    if global.format == Format::Json {
        serde_json::to_writer_pretty(&mut stdout, report)?;
        writeln!(stdout)?;
        return Ok(());
    }
    let mut header = vec!["row".to_owned(), "rests on".to_owned()];
    header.extend(report.headings());
    header.push("training s".to_owned());
    let mut table = plain_table();
    table.set_header(&header);
    for row in &report.rows {
        let mut cells = vec![row.name.to_owned(), row.rests_on()];
        cells.extend(row.values.iter().map(ValueRecord::text));
        cells.push(row.training_seconds.text());
        table.add_row(cells);
    }
    (2..header.len()).for_each(|column| align_right(&mut table, column));
    writeln!(stdout, "{}", tidy(&table))?;
    writeln!(
        stdout,
        "means over {} held-out pairs, then over seeds, ± their standard deviation; edges of the targets {}",
        report.evaluated,
        short(report.edges_of_targets)
    )?;
    for one in &report.left_out {
        writeln!(stdout, "left out: {}: {}", one.name, one.reason)?;
    }
    writeln!(stdout, "report    {}", out.join("report.html").display())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let cases = [(0.0, "0"), (18.2345, "18.23"), (0.065_432, "0.06543"), (123_456.0, "123456")];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
        assert_eq!(short(1e-7), "1.000e-7");
        for (value, text) in [(0.0, "0"), (0.0123, "0.012"), (4.56, "4.6"), (234.5, "234")] {
            assert_eq!(deviated(value), text);
        }
    }

    #[test]
    fn one_seed_has_no_deviation() {
        let one = ValueRecord::new(vec![2.0]);
        assert_eq!((one.text().as_str(), one.deviation), ("2.000", None));
        assert_eq!(ValueRecord::new(vec![1.0, 2.0, 3.0]).text(), "2.000 ± 1.0");
    }
}
