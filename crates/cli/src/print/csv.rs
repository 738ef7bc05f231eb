//! CSV: one row per score, for spreadsheets and data frames.

use super::Printer;
use crate::output::Output;
use crate::report::{Conclusion, PairRecord};

pub(crate) struct CsvPrinter {
    writer: csv::Writer<Output>,
    started: bool,
}

impl CsvPrinter {
    pub(crate) fn new(output: Output) -> Self {
        Self { writer: csv::Writer::from_writer(output), started: false }
    }

    fn start(&mut self) -> anyhow::Result<()> {
        if !self.started {
            self.started = true;
            self.writer.write_record([
                "reference",
                "candidate",
                "width",
                "height",
                "id",
                "value",
                "direction",
                "map",
            ])?;
        }
        Ok(())
    }
}

impl Printer for CsvPrinter {
    fn tells_everything(&self) -> bool {
        false
    }

    fn pair(&mut self, pair: &PairRecord) -> anyhow::Result<()> {
        self.start()?;
        for score in &pair.scores {
            self.writer.write_record([
                pair.reference.as_str(),
                &pair.candidate,
                &pair.width.to_string(),
                &pair.height.to_string(),
                &score.id,
                &score.value.0.to_string(),
                score.direction,
                score.map.as_deref().unwrap_or_default(),
            ])?;
        }
        self.writer.flush()?;
        Ok(())
    }

    fn finish(mut self: Box<Self>, _conclusion: &Conclusion) -> anyhow::Result<()> {
        self.start()?;
        let output = self.writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
        output.finish()
    }
}
