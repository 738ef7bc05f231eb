//! The ways a comparison is written. Each printer takes pairs as they come and the conclusion last.

mod csv;
mod json;
mod number;
mod text;

use crate::args::Format;
use crate::output::Output;
use crate::report::{Conclusion, PairRecord};

pub(crate) use number::significant;
pub(crate) use text::{Column, align_right, plain_table, tidy};

/// Writes a comparison in one format.
pub(crate) trait Printer {
    /// Whether the result itself says what was done to the pictures (`fit=crop`, `alpha=white`) and
    /// which gates failed; where it has no place for that, it is said on standard error.
    fn tells_everything(&self) -> bool {
        true
    }

    /// One scored pair.
    fn pair(&mut self, pair: &PairRecord) -> anyhow::Result<()>;

    /// Everything that is known after the last pair; puts the result in place.
    fn finish(self: Box<Self>, conclusion: &Conclusion) -> anyhow::Result<()>;
}

/// The printer for a format. `pairs` is the number of pairs to expect; `columns` are the metrics.
pub(crate) fn printer(
    format: Format,
    output: Output,
    columns: Vec<Column>,
    pairs: usize,
) -> Box<dyn Printer> {
    match format {
        Format::Text => Box::new(text::TextPrinter::new(output, columns, pairs)),
        Format::Json => Box::new(json::JsonPrinter::new(output)),
        Format::Jsonl => Box::new(json::JsonLinesPrinter::new(output)),
        Format::Csv => Box::new(csv::CsvPrinter::new(output)),
    }
}
