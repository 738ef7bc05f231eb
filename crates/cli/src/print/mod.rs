//! The ways a comparison is written. Each printer takes pairs as they come and the conclusion last.

mod csv;
mod html;
mod json;
mod junit;
mod number;
mod several;
mod text;

use std::sync::Arc;

use crate::args::Format;
use crate::output::Output;
use crate::report::{Conclusion, PairAccount, PairRecord};

pub(crate) use html::{Gallery, pictures};
pub(crate) use number::significant;
pub(crate) use text::{Column, align_right, plain_table, tidy};

/// Writes a comparison in one format.
pub(crate) trait Printer {
    /// Whether the result itself says what was done to the pictures (`fit=crop`, `alpha=white`) and
    /// which gates failed; where it has no place for that, it is said on standard error.
    fn tells_everything(&self) -> bool {
        true
    }

    /// What became of one pair. Formats that list scores alone need only [`pair`](Self::pair).
    fn account(&mut self, account: &PairAccount) -> anyhow::Result<()> {
        account.record.as_ref().map_or(Ok(()), |record| self.pair(record))
    }

    /// One scored pair.
    fn pair(&mut self, _pair: &PairRecord) -> anyhow::Result<()> {
        Ok(())
    }

    /// Everything that is known after the last pair; puts the result in place.
    fn finish(self: Box<Self>, conclusion: &Conclusion) -> anyhow::Result<()>;
}

/// What printers know of a run before it starts.
pub(crate) struct Setting {
    /// The metrics.
    pub(crate) columns: Vec<Column>,
    /// The number of pairs to expect.
    pub(crate) pairs: usize,
    /// Where the pictures of a page are gathered.
    pub(crate) gallery: Arc<Gallery>,
}

/// One printer for the destination of `--out`, and one for each file of `--also`.
pub(crate) fn printers(
    main: (Format, Output),
    also: Vec<(Format, Output)>,
    setting: &Setting,
) -> Box<dyn Printer> {
    let first = printer(main.0, main.1, setting);
    if also.is_empty() {
        return first;
    }
    let others = also.into_iter().map(|(format, output)| printer(format, output, setting));
    Box::new(several::SeveralPrinters::new(first, others.collect()))
}

fn printer(format: Format, output: Output, setting: &Setting) -> Box<dyn Printer> {
    let (columns, pairs) = (setting.columns.clone(), setting.pairs);
    match format {
        Format::Text => Box::new(text::TextPrinter::new(output, columns, pairs)),
        Format::Json => Box::new(json::JsonPrinter::new(output)),
        Format::Jsonl => Box::new(json::JsonLinesPrinter::new(output)),
        Format::Csv => Box::new(csv::CsvPrinter::new(output)),
        Format::Junit => Box::new(junit::JunitPrinter::new(output)),
        Format::Html => {
            Box::new(html::HtmlPrinter::new(output, columns, Arc::clone(&setting.gallery)))
        }
    }
}
