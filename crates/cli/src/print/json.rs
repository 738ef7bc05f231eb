//! JSON: one object (`lookalike.compare/1`), or lines.
//!
//! Pairs are written as they come, so a run over a large folder needs no memory for them.

use std::io::Write;

use super::Printer;
use crate::output::Output;
use crate::report::{Conclusion, PairRecord, SCHEMA};

pub(crate) struct JsonPrinter {
    output: Output,
    started: bool,
}

impl JsonPrinter {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, started: false }
    }

    fn start(&mut self) -> anyhow::Result<()> {
        if !self.started {
            write!(self.output, "{{\"schema\":\"{SCHEMA}\",\n \"pairs\":[")?;
        }
        Ok(())
    }
}

impl Printer for JsonPrinter {
    fn pair(&mut self, pair: &PairRecord) -> anyhow::Result<()> {
        self.start()?;
        self.output.write_all(if self.started { b",\n  " } else { b"\n  " })?;
        self.started = true;
        serde_json::to_writer(&mut self.output, pair)?;
        Ok(())
    }

    fn finish(mut self: Box<Self>, conclusion: &Conclusion) -> anyhow::Result<()> {
        self.start()?;
        write!(self.output, "],\n \"summary\":")?;
        serde_json::to_writer(&mut self.output, &conclusion.summary)?;
        write!(self.output, ",\n \"gates\":")?;
        serde_json::to_writer(&mut self.output, &conclusion.gates)?;
        write!(self.output, ",\n \"errors\":")?;
        serde_json::to_writer(&mut self.output, &conclusion.errors)?;
        if let Some(update) = &conclusion.update {
            write!(self.output, ",\n \"update\":")?;
            serde_json::to_writer(&mut self.output, update)?;
        }
        writeln!(self.output, "}}")?;
        self.output.finish()
    }
}

/// One line per pair, then one line with summary, gates and errors.
pub(crate) struct JsonLinesPrinter {
    output: Output,
}

impl JsonLinesPrinter {
    pub(crate) fn new(output: Output) -> Self {
        Self { output }
    }
}

impl Printer for JsonLinesPrinter {
    fn pair(&mut self, pair: &PairRecord) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.output, pair)?;
        self.output.write_all(b"\n")?;
        // A reader at the other end of a pipe sees each pair when it is done.
        self.output.flush()?;
        Ok(())
    }

    fn finish(mut self: Box<Self>, conclusion: &Conclusion) -> anyhow::Result<()> {
        #[derive(serde::Serialize)]
        struct Last<'a> {
            schema: &'static str,
            #[serde(flatten)]
            conclusion: &'a Conclusion,
        }
        serde_json::to_writer(&mut self.output, &Last { schema: SCHEMA, conclusion })?;
        self.output.write_all(b"\n")?;
        self.output.finish()
    }
}
