//! Text for people: a small table for one pair, a row per pair for many, then the summary.

use std::io::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::{Printer, significant};
use crate::commands::update::UpdateRecord;
use crate::output::Output;
use crate::report::{Conclusion, PairRecord, ScoreRecord};

/// A metric as a column: its direction, and the ids that may appear in it, the usual one first.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) ids: Vec<String>,
    pub(crate) direction: &'static str,
}

impl Column {
    fn title(&self) -> String {
        let id = self.ids.first().map_or("", String::as_str);
        format!("{id} {}", arrow(self.direction))
    }

    /// The cell of a pair; names the id when it is not the column's first.
    fn cell(&self, pair: &PairRecord) -> String {
        let score = pair.scores.iter().find(|score| self.ids.contains(&score.id));
        match score {
            None => "-".to_owned(),
            Some(score) if self.ids.first() == Some(&score.id) => significant(score.value.0),
            Some(score) => format!("{} ({})", significant(score.value.0), score.id),
        }
    }
}

fn arrow(direction: &str) -> &'static str {
    if direction == "higher" { "↑" } else { "↓" }
}

pub(crate) struct TextPrinter {
    output: Output,
    columns: Vec<Column>,
    pairs: usize,
    header_written: bool,
}

impl TextPrinter {
    pub(crate) fn new(output: Output, columns: Vec<Column>, pairs: usize) -> Self {
        Self { output, columns, pairs, header_written: false }
    }

    /// Whether the result is one number for a program: one pair, one metric, no terminal.
    fn is_bare(&self) -> bool {
        self.pairs == 1 && self.columns.len() == 1 && !self.output.is_terminal()
    }

    fn single(&mut self, pair: &PairRecord) -> anyhow::Result<()> {
        if let ([score], true) = (pair.scores.as_slice(), self.is_bare()) {
            writeln!(self.output, "{}", score.value.0)?;
            return Ok(());
        }
        let mut table = plain_table();
        for score in &pair.scores {
            table.add_row([score.id.clone(), significant(score.value.0), better(score)]);
        }
        align_right(&mut table, 1);
        if !pair.scores.is_empty() {
            writeln!(self.output, "{}", tidy(&table))?;
        }
        for note in pair.notes() {
            writeln!(self.output, " {note}")?;
        }
        for score in &pair.scores {
            if let Some(map) = &score.map {
                writeln!(self.output, " map of {}: {map}", score.id)?;
            }
        }
        Ok(())
    }

    /// Rows are written as they come, so widths follow the titles, and the name comes last.
    fn row(&mut self, pair: &PairRecord) -> anyhow::Result<()> {
        let titles: Vec<String> = self.columns.iter().map(Column::title).collect();
        if !self.header_written {
            self.header_written = true;
            let header: Vec<String> = titles.iter().map(|title| format!("{title:>10}")).collect();
            writeln!(self.output, "{}  candidate", header.join("  "))?;
        }
        for (column, title) in self.columns.iter().zip(&titles) {
            let width = title.chars().count().max(10);
            write!(self.output, "{:>width$}  ", column.cell(pair))?;
        }
        let notes = pair.notes();
        let notes =
            if notes.is_empty() { String::new() } else { format!("  [{}]", notes.join(", ")) };
        writeln!(self.output, "{}{notes}", pair.candidate)?;
        Ok(())
    }
}

fn better(score: &ScoreRecord) -> String {
    format!("{} {} is better", arrow(score.direction), score.direction)
}

impl Printer for TextPrinter {
    fn tells_everything(&self) -> bool {
        !self.is_bare()
    }

    fn pair(&mut self, pair: &PairRecord) -> anyhow::Result<()> {
        if self.pairs == 1 { self.single(pair) } else { self.row(pair) }
    }

    fn finish(mut self: Box<Self>, conclusion: &Conclusion) -> anyhow::Result<()> {
        if self.pairs != 1 && !conclusion.summary.is_empty() {
            let mut table = plain_table();
            table.set_header(["metric", "n", "mean", "median", "min", "max"]);
            for (id, record) in &conclusion.summary {
                let summary = &record.summary;
                table.add_row([
                    format!("{id} {}", arrow(summary.direction.as_str())),
                    summary.n.to_string(),
                    significant(summary.mean),
                    significant(summary.median),
                    significant(summary.min),
                    significant(summary.max),
                ]);
            }
            for column in 1..6 {
                align_right(&mut table, column);
            }
            writeln!(self.output, "\n{}", tidy(&table))?;
            for (id, record) in &conclusion.summary {
                if !record.worst.is_empty() {
                    writeln!(self.output, "\nworst by {id}:")?;
                }
                for (value, candidate) in &record.worst {
                    writeln!(self.output, "{:>12}  {candidate}", significant(*value))?;
                }
            }
            writeln!(self.output)?;
            for (id, record) in &conclusion.summary {
                if let Some(decibel) = record.summary.decibel_of_mean_error {
                    let shown = significant(decibel);
                    writeln!(self.output, "{id} of the mean squared error: {shown}")?;
                }
            }
        }
        let gates = if self.is_bare() { &[][..] } else { &conclusion.gates };
        for gate in gates {
            let verdict = match (gate.failed, gate.checked) {
                (_, 0) => "not checked".to_owned(),
                (0, _) => "passed".to_owned(),
                (failed, checked) => format!("failed by {failed} of {checked}"),
            };
            writeln!(self.output, "gate {}: {verdict}", gate.gate)?;
            for failure in &gate.failures {
                writeln!(self.output, "  {failure}")?;
            }
        }
        let update = if self.is_bare() { None } else { conclusion.update.as_ref() };
        for line in update.into_iter().flat_map(UpdateRecord::lines) {
            writeln!(self.output, "{line}")?;
        }
        self.output.finish()
    }
}

/// A table without lines.
pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// Aligns a column of numbers to the right.
pub(crate) fn align_right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// The table without the blanks at the ends of its lines.
pub(crate) fn tidy(table: &Table) -> String {
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}
