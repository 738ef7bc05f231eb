//! Questions that nobody has answered yet: the pictures of judgements, without votes.
//!
//! | protocol | columns |
//! |---|---|
//! | 2AFC | `reference,left,right` |
//! | JND, rating | `reference,candidate` |
//!
//! All may have `subset`, and `expected`: the answer that whoever looks must give, which makes the row an
//! attention check. CSV or JSONL, paths relative to the file.

use std::path::{Path, PathBuf};

use super::rows::rows;
use super::{DatasetError, Protocol};

/// Pictures to ask people about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The picture that the others are held against.
    pub reference: PathBuf,
    /// The others: the left and the right one of 2AFC, else one.
    pub candidates: Vec<PathBuf>,
    /// The part of the set it belongs to.
    pub subset: Option<String>,
    /// The answer that an attention check expects, as written; `None` for an ordinary question.
    pub expected: Option<String>,
    /// The line of the file, from 1.
    pub line: u64,
}

/// The questions of a file, one by one.
///
/// # Errors
/// When the file or its header cannot be read; errors of single lines come in their place.
pub fn questions(
    path: &Path,
    protocol: Protocol,
) -> Result<Box<dyn Iterator<Item = Result<Question, DatasetError>> + Send>, DatasetError> {
    let (known, candidates): (&'static [&'static str], &'static [&'static str]) = match protocol {
        Protocol::TwoAlternative => {
            (&["reference", "left", "right", "subset", "expected"], &["left", "right"])
        }
        Protocol::JustNoticeable | Protocol::Rating => {
            (&["reference", "candidate", "subset", "expected"], &["candidate"])
        }
        Protocol::OddOneOut => {
            let reason = "questions of an odd one out are not read; expected 2AFC, JND or rating";
            return Err(DatasetError::malformed(path, None, reason.to_owned()));
        }
    };
    Ok(Box::new(rows(path, Some(known))?.map(move |row| {
        let row = row?;
        let text = |name| row.get(name).map(str::to_owned);
        Ok(Question {
            reference: row.path("reference")?,
            candidates: candidates.iter().map(|name| row.path(name)).collect::<Result<_, _>>()?,
            subset: text("subset"),
            expected: text("expected"),
            line: row.line,
        })
    })))
}
