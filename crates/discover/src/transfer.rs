//! Stores as a whole: copying one into another, and comparing two.
//!
//! Rows keep their ids, so a copy of a copy is the first store again. Reading and writing overlap: while some
//! pages are written the next is read, at most four at a time in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

use crate::store::{Record, Row, VectorStore};
use crate::{Error, Result};

/// Rows of a page.
const PAGE: usize = 1000;
/// Pages that are read ahead of the one that is written; with that and the one being read there are four.
const AHEAD: usize = 2;

/// What became of a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyOutcome {
    /// Rows that were written.
    pub copied: u64,
    /// Rows that were there already.
    pub kept: u64,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

/// Writes all rows of a store into another. With `resume` those that are there with the same record are kept as
/// they are, so that a copy that was stopped goes on. `progress` hears how many rows are done; once `cancelled` is
/// set no other page is read.
///
/// # Errors
/// [`Error::WrongModel`] for stores of two models; the reason of a row that cannot be stored; those of the stores.
pub fn copy(
    from: &dyn VectorStore,
    to: &dyn VectorStore,
    resume: bool,
    cancelled: &AtomicBool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<CopyOutcome> {
    let [expected, found] = [to, from].map(|store| Ok::<_, Error>(store.describe()?.fingerprint));
    let (expected, found) = (expected?, found?);
    if expected != found {
        let [expected, found] = [expected, found].map(|one| one.to_string());
        return Err(Error::WrongModel { expected, found });
    }
    if let Some(folder) = from.pictures()? {
        to.set_pictures(&folder)?;
    }
    let (sender, receiver) = sync_channel::<Vec<Row>>(AHEAD);
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || -> Result<CopyOutcome> {
            let mut outcome = CopyOutcome::default();
            for mut page in receiver {
                if resume {
                    let ids: Vec<u64> = page.iter().map(|row| row.record.id).collect();
                    let mut there = to.records(&ids)?.into_iter();
                    let before = page.len();
                    page.retain(|row| there.next().flatten().as_ref() != Some(&row.record));
                    outcome.kept += (before - page.len()) as u64;
                }
                let written = to.upsert(&page)?;
                if let Some((id, error)) = written.failed.into_iter().next() {
                    let (address, done) = (format!("row {id}"), outcome.copied);
                    return Err(Error::Partial { address, done, reason: error.to_string() });
                }
                outcome.copied += written.applied.len() as u64;
                progress(outcome.copied + outcome.kept);
            }
            to.flush()?;
            Ok(outcome)
        });
        let mut after = 0;
        let read = loop {
            if cancelled.load(Ordering::Relaxed) {
                break Ok(true);
            }
            match from.scan(after, PAGE) {
                Err(error) => break Err(error),
                Ok(page) => {
                    let Some(last) = page.last() else { break Ok(false) };
                    after = last.record.id;
                    // A writer that failed says why itself.
                    if sender.send(page).is_err() {
                        break Ok(false);
                    }
                }
            }
        };
        drop(sender);
        let written = writing.join();
        let stopped = read?;
        let outcome = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(CopyOutcome { stopped, ..outcome })
    })
}

/// How a row of one store differs from that of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// The first store has no such row.
    MissingInFirst,
    /// The second store has no such row.
    MissingInSecond,
    /// Fields of the records differ: these.
    Record(Vec<String>),
    /// The vectors differ.
    Vector,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MissingInFirst => f.write_str("missing in the first"),
            Self::MissingInSecond => f.write_str("missing in the second"),
            Self::Record(fields) => write!(f, "another record: {}", fields.join(", ")),
            Self::Vector => f.write_str("another vector"),
        }
    }
}

/// All rows in which two stores differ, by id. `progress` hears how many rows of the first are done.
///
/// # Errors
/// [`Error::WrongModel`] for stores of two models; those of the stores.
pub fn differences(
    first: &dyn VectorStore,
    second: &dyn VectorStore,
    progress: &dyn Fn(u64),
) -> Result<Vec<(u64, Difference)>> {
    let [one, other] = [first, second].map(|store| Ok::<_, Error>(store.describe()?.fingerprint));
    let (one, other) = (one?, other?);
    if one != other {
        let [expected, found] = [one, other].map(|one| one.to_string());
        return Err(Error::WrongModel { expected, found });
    }
    let mut found = Vec::new();
    let (mut ones, mut others) = (Pages::new(first), Pages::new(second));
    let mut done = 0;
    loop {
        let (one, other) = (ones.peek()?, others.peek()?);
        let ids = [one.as_ref(), other.as_ref()].map(|row| row.map(|row| row.record.id));
        match ids {
            [None, None] => return Ok(found),
            [Some(id), None] => {
                found.push((id, Difference::MissingInSecond));
                ones.next += 1;
            }
            [None, Some(id)] => {
                found.push((id, Difference::MissingInFirst));
                others.next += 1;
            }
            [Some(id), Some(other_id)] if id < other_id => {
                found.push((id, Difference::MissingInSecond));
                ones.next += 1;
            }
            [Some(id), Some(other_id)] if id > other_id => {
                found.push((other_id, Difference::MissingInFirst));
                others.next += 1;
            }
            [Some(id), Some(_)] => {
                if let (Some(one), Some(other)) = (one, other) {
                    let fields = fields(&one.record, &other.record);
                    if !fields.is_empty() {
                        found.push((id, Difference::Record(fields)));
                    }
                    if one.vector != other.vector {
                        found.push((id, Difference::Vector));
                    }
                }
                ones.next += 1;
                others.next += 1;
            }
        }
        done += 1;
        if done % PAGE as u64 == 0 {
            progress(done);
        }
    }
}

/// The fields in which records differ.
fn fields(one: &Record, other: &Record) -> Vec<String> {
    let texts = |record: &Record| {
        let Record { path, product, category, colour, phase, split, content_hash, .. } =
            record.clone();
        [
            ("path", path),
            ("product", product),
            ("category", category),
            ("colour", colour),
            ("phase", phase),
            ("split", split),
            ("content_hash", content_hash),
            ("width", record.width.to_string()),
            ("height", record.height.to_string()),
        ]
    };
    let mut fields: Vec<String> = texts(one)
        .into_iter()
        .zip(texts(other))
        .filter(|(one, other)| one != other)
        .map(|(one, _)| one.0.to_owned())
        .collect();
    let names: std::collections::BTreeSet<&String> =
        one.meta.keys().chain(other.meta.keys()).collect();
    fields.extend(
        names.into_iter().filter(|name| one.meta.get(*name) != other.meta.get(*name)).cloned(),
    );
    fields
}

/// The rows of a store, by id, a page at a time.
struct Pages<'a> {
    store: &'a dyn VectorStore,
    page: Vec<Row>,
    next: usize,
    after: u64,
}

impl<'a> Pages<'a> {
    fn new(store: &'a dyn VectorStore) -> Self {
        Self { store, page: Vec::new(), next: 0, after: 0 }
    }

    /// The row that is next.
    fn peek(&mut self) -> Result<Option<&Row>> {
        if self.next == self.page.len() {
            self.page = self.store.scan(self.after, PAGE)?;
            self.next = 0;
            self.after = self.page.last().map_or(self.after, |row| row.record.id);
        }
        Ok(self.page.get(self.next))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::{Fingerprint, Memory, Selection};

    fn store(rows: std::ops::Range<u64>) -> Memory {
        let fingerprint = Fingerprint {
            model: "test".into(),
            weights: String::new(),
            preprocessing: String::new(),
            dimension: 2,
        };
        let store = Memory::new(fingerprint);
        store.upsert(&rows.map(row).collect::<Vec<_>>()).unwrap();
        store
    }

    fn row(id: u64) -> Row {
        let record = Record { id, path: format!("{id}.png"), ..Record::default() };
        Row { record, vector: vec![1.0, id as f32] }
    }

    fn copied(from: &Memory, to: &Memory, resume: bool) -> CopyOutcome {
        copy(from, to, resume, &AtomicBool::new(false), &|_| ()).unwrap()
    }

    #[test]
    fn a_copy_goes_on_where_it_was() {
        let (from, to) = (store(1..3501), store(1..1));
        from.set_pictures(Path::new("/somewhere")).unwrap();
        assert_eq!(copied(&from, &to, false).copied, 3500);
        assert_eq!(to.pictures().unwrap().as_deref(), Some(Path::new("/somewhere")));
        assert!(differences(&from, &to, &|_| ()).unwrap().is_empty());
        to.delete(&Selection::Ids((1000..1100).collect())).unwrap();
        let outcome = copied(&from, &to, true);
        assert_eq!((outcome.copied, outcome.kept), (100, 3400));
        assert_eq!(copied(&from, &to, false).copied, 3500);
        let stopped = copy(&from, &to, false, &AtomicBool::new(true), &|_| ()).unwrap();
        assert_eq!((stopped.copied, stopped.stopped), (0, true));
    }

    #[test]
    fn differences_are_named() {
        let (one, other) = (store(1..2005), store(2..2010));
        let changed = Row {
            record: Record {
                colour: "red".into(),
                meta: [("price".to_owned(), "3".to_owned())].into(),
                ..row(7).record
            },
            vector: vec![0.0, 1.0],
        };
        other.upsert(&[changed]).unwrap();
        let found = differences(&one, &other, &|_| ()).unwrap();
        let texts: Vec<String> = found.iter().map(|(id, how)| format!("{id} {how}")).collect();
        let mut expected = vec![
            "1 missing in the second".to_owned(),
            "7 another record: colour, price".to_owned(),
            "7 another vector".to_owned(),
        ];
        expected.extend((2005..2010).map(|id| format!("{id} missing in the first")));
        assert_eq!(texts, expected);
    }
}
