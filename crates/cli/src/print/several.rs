//! Several formats from one run.
//!
//! Each gets every pair. When the reader of one goes away, or the disk of one is full, the others
//! are still completed.

use super::Printer;
use crate::output::is_broken_pipe;
use crate::report::{Conclusion, PairAccount};

pub(crate) struct SeveralPrinters {
    printers: Vec<Box<dyn Printer>>,
    tells_everything: bool,
    /// The first error of a printer that was given up.
    error: Option<anyhow::Error>,
}

impl SeveralPrinters {
    /// `first` is the one whose reader is told everything else on standard error.
    pub(crate) fn new(first: Box<dyn Printer>, mut others: Vec<Box<dyn Printer>>) -> Self {
        let tells_everything = first.tells_everything();
        others.insert(0, first);
        Self { printers: others, tells_everything, error: None }
    }

    /// Keeps the error that says most: any rather than that of a reader who went away.
    fn note(error: &mut Option<anyhow::Error>, new: anyhow::Error) {
        if error.as_ref().is_none_or(is_broken_pipe) {
            *error = Some(new);
        }
    }
}

impl Printer for SeveralPrinters {
    fn tells_everything(&self) -> bool {
        self.tells_everything
    }

    fn account(&mut self, account: &PairAccount) -> anyhow::Result<()> {
        let mut kept = Vec::with_capacity(self.printers.len());
        for mut printer in self.printers.drain(..) {
            match printer.account(account) {
                Ok(()) => kept.push(printer),
                Err(error) => Self::note(&mut self.error, error),
            }
        }
        self.printers = kept;
        match &mut self.error {
            error if self.printers.is_empty() => error.take().map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>, conclusion: &Conclusion) -> anyhow::Result<()> {
        let mut error = self.error;
        for printer in self.printers {
            if let Err(new) = printer.finish(conclusion) {
                Self::note(&mut error, new);
            }
        }
        // A reader that goes away is no failure of the files.
        match error {
            Some(error) if !is_broken_pipe(&error) => Err(error),
            _ => Ok(()),
        }
    }
}
