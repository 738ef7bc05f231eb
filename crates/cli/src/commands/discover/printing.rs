//! How results of `discover` are written: a JSON object, one line per item, rows, or a table.

use std::io::Write;

use anyhow::bail;
use serde_json::Value;

use crate::args::{Format, GlobalArgs};
use crate::output::Output;
use crate::print::{align_right, plain_table, tidy};

/// A table of texts; columns of numbers are aligned to the right.
pub(super) struct Rows {
    pub(super) header: Vec<String>,
    /// Which columns are numbers.
    pub(super) numbers: Vec<usize>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Rows {
    pub(super) fn new(header: &[&str], numbers: &[usize]) -> Self {
        let header = header.iter().map(|name| (*name).to_owned()).collect();
        Self { header, numbers: numbers.to_vec(), rows: Vec::new() }
    }

    pub(super) fn text(&self) -> String {
        let mut table = plain_table();
        table.set_header(&self.header);
        self.rows.iter().for_each(|row| {
            table.add_row(row);
        });
        self.numbers.iter().for_each(|&column| align_right(&mut table, column));
        tidy(&table)
    }
}

/// A result in the forms in which it may be asked for.
pub(super) struct Printed {
    /// The whole, with `schema`.
    pub(super) json: Value,
    /// The field of it whose items are lines of their own in JSONL.
    pub(super) items: &'static str,
    /// For CSV.
    pub(super) rows: Rows,
    /// For people.
    pub(super) text: String,
}

/// Refuses formats that have no place for the result, before anything is computed.
pub(super) fn check(global: &GlobalArgs, command: &str) -> anyhow::Result<()> {
    if matches!(global.format, Format::Junit | Format::Html) {
        bail!(global.format.refusal(&format!("lookalike discover {command}")));
    }
    Ok(())
}

/// Writes a result in the format that was asked for.
pub(super) fn write(
    printed: &Printed,
    global: &GlobalArgs,
    mut output: Output,
) -> anyhow::Result<()> {
    match global.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut output, &printed.json)?;
            writeln!(output)?;
        }
        Format::Jsonl => {
            let mut rest = printed.json.clone();
            let items = rest.as_object_mut().and_then(|object| object.remove(printed.items));
            for item in items.iter().filter_map(Value::as_array).flatten() {
                serde_json::to_writer(&mut output, item)?;
                writeln!(output)?;
            }
            serde_json::to_writer(&mut output, &rest)?;
            writeln!(output)?;
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(&mut output);
            writer.write_record(&printed.rows.header)?;
            for row in &printed.rows.rows {
                writer.write_record(row)?;
            }
            writer.flush()?;
            drop(writer);
        }
        Format::Text | Format::Junit | Format::Html => writeln!(output, "{}", printed.text)?,
    }
    output.finish()
}

/// A number with four digits, or a dash.
pub(super) fn four(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}
