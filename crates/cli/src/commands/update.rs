//! `lookalike compare --update`: candidates that fail take the place of their references.

use std::path::Path;

use lookalike::decode::DecodeOptions;
use lookalike::pairing::{Alone, WorkList};
use lookalike::update::{NewReference, check_one_candidate_each, without_reference};
use lookalike::{Limits, NotFitted, PairScores};

use crate::limit_record::FailedGate;
use crate::log::Log;
use crate::report::{ErrorRecord, Sizes, Tally};

/// A reference that was, or would be, written.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct UpdatedFile {
    pub(crate) reference: String,
    pub(crate) candidate: String,
    /// Why: the limits that failed, that the sizes differ, or that there was no reference.
    pub(crate) reason: String,
}

/// What became of the references.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(crate) struct UpdateRecord {
    pub(crate) dry_run: bool,
    /// References that were replaced.
    pub(crate) updated: Vec<UpdatedFile>,
    /// References that are new.
    pub(crate) added: Vec<UpdatedFile>,
    /// References without a candidate, which stay as they are.
    pub(crate) left: Vec<String>,
}

/// Collects what is to be copied while pairs come in, and copies at the end.
pub(crate) struct Updates {
    dry_run: bool,
    planned: Vec<(NewReference, String)>,
    added: Vec<NewReference>,
    left: Vec<String>,
}

impl Updates {
    /// What can be said before anything is compared.
    ///
    /// # Errors
    /// When several candidates would replace one reference.
    pub(crate) fn new(work: &WorkList, dry_run: bool) -> anyhow::Result<Self> {
        check_one_candidate_each(work)?;
        let left = work.unpaired.iter().filter(|alone| alone.kind == Alone::Reference);
        let left = left.map(|alone| alone.path.display().to_string()).collect();
        Ok(Self { dry_run, planned: Vec::new(), added: without_reference(work), left })
    }

    /// Whether a file without a partner is dealt with here.
    pub(crate) fn takes(&self, kind: &Alone) -> bool {
        *kind != Alone::Unclear
    }

    /// Plans a compared pair, if it failed. Returns what stands against that.
    pub(crate) fn pair(&mut self, pair: &PairScores, limits: &Limits) -> Option<ErrorRecord> {
        let mut reasons: Vec<String> =
            pair.sizes_differ.map(|sizes| Sizes::from(sizes).to_string()).into_iter().collect();
        let failed = FailedGate::all(limits, pair);
        reasons.extend(failed.iter().map(|failed| format!("{}: {failed}", failed.rule)));
        if reasons.is_empty() {
            return None;
        }
        self.plan(&pair.reference, &pair.candidate, reasons.join("; "))
    }

    /// Plans a pair that could not be compared because the sizes differ.
    pub(crate) fn not_fitted(&mut self, pair: &NotFitted) -> Option<ErrorRecord> {
        self.plan(&pair.reference, &pair.candidate, Sizes::from(pair.sizes).to_string())
    }

    fn plan(&mut self, reference: &Path, candidate: &Path, reason: String) -> Option<ErrorRecord> {
        match NewReference::replacing(reference, candidate) {
            Ok(new) => {
                self.planned.push((new, reason));
                None
            }
            Err(error) => Some(record(&error, [candidate, reference])),
        }
    }

    /// Copies what was planned; what could not be copied joins the errors.
    pub(crate) fn carry_out(
        self,
        decode: &DecodeOptions,
        log: &Log,
        tally: &mut Tally,
    ) -> UpdateRecord {
        let mut done =
            UpdateRecord { dry_run: self.dry_run, left: self.left, ..UpdateRecord::default() };
        let mut copy = |new: NewReference, reason: String, checked: bool| {
            let outcome = if checked { Ok(()) } else { new.check(decode) }
                .and_then(|()| if self.dry_run { Ok(()) } else { new.carry_out() });
            if let Err(error) = outcome {
                log.note(tally, record(&error, [&new.candidate, &new.reference]));
                return None;
            }
            let [reference, candidate] =
                [new.reference, new.candidate].map(|path| path.display().to_string());
            Some(UpdatedFile { reference, candidate, reason })
        };
        for (new, reason) in self.planned {
            done.updated.extend(copy(new, reason, true));
        }
        for new in self.added {
            done.added.extend(copy(new, "there was no reference".to_owned(), false));
        }
        done
    }
}

/// The record of an error that names one of the files it may be about.
fn record(error: &lookalike::Error, files: [&Path; 2]) -> ErrorRecord {
    let text = error.to_string();
    let about = |file: &&Path| text.starts_with(&format!("{}: ", file.display()));
    match files.into_iter().find(about) {
        Some(file) => {
            let prefix = file.display().to_string().len() + 2;
            ErrorRecord::new(file, &text[prefix..])
        }
        None => ErrorRecord::of_the_run(&text),
    }
}

impl UpdateRecord {
    /// A line for every reference.
    pub(crate) fn lines(&self) -> Vec<String> {
        let [updated, added] =
            if self.dry_run { ["would update", "would add"] } else { ["updated", "added"] };
        let line = |verb: &str, file: &UpdatedFile| {
            format!("{verb} {} from {} ({})", file.reference, file.candidate, file.reason)
        };
        let mut lines: Vec<String> = self.updated.iter().map(|file| line(updated, file)).collect();
        lines.extend(self.added.iter().map(|file| line(added, file)));
        lines.extend(self.left.iter().map(|path| format!("left {path} (it has no candidate)")));
        if lines.is_empty() {
            lines.push("no reference needs an update".to_owned());
        }
        lines
    }
}
