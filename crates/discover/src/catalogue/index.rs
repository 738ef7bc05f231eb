//! Bringing a store up to date with the pictures of a folder.
//!
//! Pictures are decoded and embedded a batch at a time, while batches before are written: one is written, two
//! wait and one is embedded, so four are in memory at most. Batches are written in the order of the names.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

use lookalike_core::decode::{self, DecodeOptions};
use rayon::prelude::*;

use super::{MetadataTable, Products, records};
use crate::embedder::Embedder;
use crate::error::unreadable;
use crate::query::Rectangle;
use crate::store::{Record, Row, Selection, VectorStore, content_hash};
use crate::{Error, Result};

/// Pictures that are decoded and embedded before they are stored. What a killed run loses is four of these.
const BATCH: usize = 64;
/// Batches that wait to be written.
const WAITING: usize = 2;

/// What is done with a folder.
pub struct Indexing<'a> {
    /// Where rows go.
    pub store: &'a dyn VectorStore,
    /// What makes their vectors.
    pub embedder: &'a dyn Embedder,
    /// How pictures are read.
    pub decode: DecodeOptions,
    /// What they show.
    pub products: &'a Products,
    /// What else is known of them.
    pub table: &'a MetadataTable,
    /// Whether rows stay whose picture is gone.
    pub keep_missing: bool,
}

/// A picture that could not be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub message: String,
}

/// What became of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexOutcome {
    /// Pictures that were not in the store.
    pub added: usize,
    /// Pictures whose bytes, or what is known of them, changed.
    pub changed: usize,
    /// Pictures that are as they were.
    pub unchanged: usize,
    /// Rows whose picture is gone.
    pub removed: usize,
    /// Pictures that were decoded and embedded.
    pub embedded: usize,
    /// Pictures of which nothing says the product.
    pub without_product: usize,
    /// Pictures that could not be stored.
    pub failed: Vec<Failure>,
    /// Pictures that were left out as the run was stopped.
    pub left_out: usize,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Pictures that are done.
    pub done: usize,
    /// All pictures.
    pub all: usize,
}

/// What is to be done with a picture.
enum Task {
    Unchanged,
    /// The vector is known.
    Known {
        row: Row,
        new: bool,
    },
    Embedded {
        row: Row,
        new: bool,
    },
    Failed(Failure, Option<u64>),
}

impl Indexing<'_> {
    /// Brings the store up to date with `names`, paths relative to `folder`. `progress` hears of every batch;
    /// once `cancelled` is set no other is begun, and nothing is removed.
    ///
    /// # Errors
    /// [`Error::WrongModel`] where the store holds vectors of another embedder; those of the store.
    ///
    /// # Panics
    /// Where an embedder does.
    pub fn run(
        &self,
        folder: &Path,
        names: &[PathBuf],
        cancelled: &AtomicBool,
        progress: &(dyn Fn(Event) + Sync),
    ) -> Result<IndexOutcome> {
        let info = self.store.describe()?;
        if info.fingerprint != *self.embedder.fingerprint() {
            let (expected, found) =
                (info.fingerprint.to_string(), self.embedder.fingerprint().to_string());
            return Err(Error::WrongModel { expected, found });
        }
        let known = Known::new(records(self.store)?);
        let mut present: HashSet<String> = HashSet::new();
        let mut left_out = 0;
        let (sender, receiver) = sync_channel::<Vec<Task>>(WAITING);
        let (written, present, left_out) = std::thread::scope(|scope| {
            let writing = scope.spawn(move || -> Result<IndexOutcome> {
                let mut outcome = IndexOutcome::default();
                let mut next_id = info.next_id;
                for tasks in receiver {
                    self.store_batch(tasks, &mut next_id, &mut outcome)?;
                    let done =
                        outcome.added + outcome.changed + outcome.unchanged + outcome.failed.len();
                    progress(Event { done, all: names.len() });
                }
                Ok(outcome)
            });
            for batch in names.chunks(BATCH) {
                if cancelled.load(Ordering::Relaxed) {
                    left_out += batch.len();
                    continue;
                }
                let tasks: Vec<(String, Task)> =
                    batch.par_iter().map(|name| self.task(folder, name, &known)).collect();
                let (names, tasks): (Vec<String>, Vec<Task>) = tasks.into_iter().unzip();
                present.extend(names);
                // A writer that failed says why itself.
                if sender.send(tasks).is_err() {
                    break;
                }
            }
            drop(sender);
            let written = writing.join();
            (written.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), present, left_out)
        });
        let mut outcome = IndexOutcome { left_out, ..written? };
        if outcome.left_out == 0 && !self.keep_missing {
            let missing = known.by_path.values().filter(|record| !present.contains(&record.path));
            let ids: Vec<u64> = missing.map(|record| record.id).collect();
            if !ids.is_empty() {
                outcome.removed += self.store.delete(&Selection::Ids(ids))? as usize;
            }
        }
        self.store.flush()?;
        Ok(outcome)
    }

    /// Writes what was made of a batch, and deletes what cannot be read any more.
    fn store_batch(
        &self,
        tasks: Vec<Task>,
        next_id: &mut u64,
        outcome: &mut IndexOutcome,
    ) -> Result<()> {
        let mut rows = Vec::new();
        let mut gone = Vec::new();
        for task in tasks {
            let (mut row, new) = match task {
                Task::Unchanged => {
                    outcome.unchanged += 1;
                    continue;
                }
                Task::Failed(failure, stale) => {
                    outcome.failed.push(failure);
                    gone.extend(stale);
                    continue;
                }
                Task::Known { row, new } => (row, new),
                Task::Embedded { row, new } => {
                    outcome.embedded += 1;
                    (row, new)
                }
            };
            if row.record.product == row.record.path {
                outcome.without_product += 1;
            }
            if new {
                row.record.id = *next_id;
                *next_id += 1;
            }
            rows.push((row, new));
        }
        self.store_rows(rows, outcome)?;
        // It must not be found by what it was.
        if !gone.is_empty() {
            outcome.removed += self.store.delete(&Selection::Ids(gone))? as usize;
        }
        Ok(())
    }

    fn store_rows(&self, rows: Vec<(Row, bool)>, outcome: &mut IndexOutcome) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let (rows, new): (Vec<Row>, Vec<bool>) = rows.into_iter().unzip();
        let stored = self.store.upsert(&rows)?;
        let applied: HashSet<u64> = stored.applied.into_iter().collect();
        for (row, new) in rows.iter().zip(new) {
            if applied.contains(&row.record.id) {
                outcome.added += usize::from(new);
                outcome.changed += usize::from(!new);
            }
        }
        for (id, error) in stored.failed {
            let row = rows.iter().find(|row| row.record.id == id);
            let path = row.map(|row| row.record.path.clone()).unwrap_or_default().into();
            outcome.failed.push(Failure { path, message: error.to_string() });
        }
        Ok(())
    }

    fn task(&self, folder: &Path, name: &Path, known: &Known) -> (String, Task) {
        let path = folder.join(name);
        let relative = relative(name);
        let failed = |message: String, old: Option<&Record>| {
            Task::Failed(Failure { path: path.clone(), message }, old.map(|record| record.id))
        };
        let Some(relative) = relative else {
            let lost = name.to_string_lossy().into_owned();
            return (
                lost,
                failed("its name is not Unicode, so it cannot be stored".to_owned(), None),
            );
        };
        let old = known.by_path.get(&relative);
        let task = self.row(&path, &relative, old, known).unwrap_or_else(|error| {
            let message = error.to_string();
            let prefix = format!("{}: ", path.display());
            failed(message.strip_prefix(&prefix).unwrap_or(&message).to_owned(), old)
        });
        (relative, task)
    }

    fn row(&self, path: &Path, name: &str, old: Option<&Record>, known: &Known) -> Result<Task> {
        let bytes = std::fs::read(path).map_err(unreadable(path))?;
        let content_hash = content_hash(&bytes);
        let mut record = Record {
            id: old.map_or(0, |record| record.id),
            path: name.to_owned(),
            content_hash,
            ..Record::default()
        };
        self.table.apply(&mut record);
        if let Some(product) = self.products.of(name) {
            record.product = product;
        }
        if record.product.is_empty() {
            record.product = name.to_owned();
        }
        let new = old.is_none();
        // The same part of the same bytes, here or elsewhere, has a vector.
        let same = old.filter(|old| seen(old) == seen(&record));
        let same = same.or_else(|| known.by_seen.get(&seen(&record)));
        if let Some(same) = same {
            (record.width, record.height) = (same.width, same.height);
            if old == Some(&record) {
                return Ok(Task::Unchanged);
            }
            if let Some(Some(row)) = self.store.get(&[same.id])?.pop() {
                return Ok(Task::Known { row: Row { record, vector: row.vector }, new });
            }
        }
        let picture = decode::decode(&bytes, &path.display().to_string(), &self.decode)?;
        drop(bytes);
        record.width = u32::try_from(picture.width()).unwrap_or(u32::MAX);
        record.height = u32::try_from(picture.height()).unwrap_or(u32::MAX);
        let vector = match record.part() {
            Some([x, y, width, height]) => {
                self.embedder.embed(&picture.crop(x, y, width, height)?)?
            }
            None => self.embedder.embed(&picture)?,
        };
        Ok(Task::Embedded { row: Row { record, vector }, new })
    }
}

/// What the store held before.
struct Known {
    by_path: BTreeMap<String, Record>,
    by_seen: HashMap<(String, Option<Rectangle>), Record>,
}

/// What a vector is of: bytes, and a part of the picture.
fn seen(record: &Record) -> (String, Option<Rectangle>) {
    (record.content_hash.clone(), record.part())
}

impl Known {
    fn new(records: Vec<Record>) -> Self {
        let by_seen = records.iter().map(|one| (seen(one), one.clone())).collect();
        let by_path = records.into_iter().map(|one| (one.path.clone(), one)).collect();
        Self { by_path, by_seen }
    }
}

/// A relative path with `/` between folders; `None` where it is not Unicode.
fn relative(name: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = name.iter().map(|part| part.to_str()).collect();
    parts.map(|parts| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use lookalike_core::Picture;
    use lookalike_core::encode::write_png;
    use lookalike_core::procedural::scene;

    use super::*;
    use crate::embedder::{ColourHistogram, OrientedGradients};
    use crate::store::{Fingerprint, Memory};

    /// Counts what it is asked.
    struct Counting(ColourHistogram, AtomicUsize);

    impl Embedder for Counting {
        fn fingerprint(&self) -> &Fingerprint {
            self.0.fingerprint()
        }

        fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.embed(picture)
        }
    }

    fn index(
        store: &Memory,
        embedder: &dyn Embedder,
        folder: &Path,
        names: &[&str],
        products: &Products,
    ) -> IndexOutcome {
        let table = MetadataTable::default();
        let decode = DecodeOptions::default();
        let run =
            Indexing { store, embedder, decode, products, table: &table, keep_missing: false };
        let names: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        run.run(folder, &names, &AtomicBool::new(false), &|_| ()).unwrap()
    }

    #[test]
    fn only_what_is_new_is_embedded() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("p1")).unwrap();
        for (seed, name) in ["p1/a.png", "p1/b.png", "c.png"].iter().enumerate() {
            write_png(&scene(seed as u64, 40, 30), &path(name)).unwrap();
        }
        std::fs::write(path("broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
        let embedder = Counting(ColourHistogram::new(), AtomicUsize::new(0));
        let store = Memory::new(embedder.fingerprint().clone());
        let products = Products::expression(r"p\d").unwrap();
        let all = ["p1/a.png", "p1/b.png", "c.png", "broken.png"];
        let first = index(&store, &embedder, folder.path(), &all, &products);
        assert_eq!((first.added, first.embedded, first.failed.len()), (3, 3, 1));
        assert_eq!((first.without_product, embedder.1.load(Ordering::Relaxed)), (1, 3));
        assert!(first.failed[0].message.contains("PNG"), "{:?}", first.failed);
        let kept = records(&store).unwrap();
        assert_eq!(kept[0].product, "p1");
        assert_eq!((kept[0].width, kept[0].height), (40, 30));
        // Again, then one moved, one changed, one gone.
        let again = index(&store, &embedder, folder.path(), &all[..3], &products);
        assert_eq!((again.unchanged, again.added, again.changed, again.removed), (3, 0, 0, 0));
        std::fs::rename(path("p1/a.png"), path("moved.png")).unwrap();
        write_png(&scene(9, 40, 30), &path("p1/b.png")).unwrap();
        let names = ["moved.png", "p1/b.png"];
        let changed = index(&store, &embedder, folder.path(), &names, &products);
        assert_eq!((changed.added, changed.changed, changed.removed), (1, 1, 2));
        assert_eq!((changed.embedded, embedder.1.load(Ordering::Relaxed)), (1, 4));
        // What can be read no more is found no more.
        std::fs::write(path("moved.png"), b"no picture").unwrap();
        let broken = index(&store, &embedder, folder.path(), &names, &products);
        assert_eq!((broken.failed.len(), broken.removed, broken.unchanged), (1, 1, 1));
        let ids: Vec<u64> = records(&store).unwrap().iter().map(|record| record.id).collect();
        assert_eq!(ids, [2]);
        assert_eq!(store.describe().unwrap().next_id, 5);
    }

    #[test]
    fn a_box_says_which_part_is_embedded() {
        let folder = tempfile::tempdir().unwrap();
        let whole = scene(3, 80, 60);
        write_png(&whole, &folder.path().join("a.png")).unwrap();
        let embedder = Counting(ColourHistogram::new(), AtomicUsize::new(0));
        let store = Memory::new(embedder.fingerprint().clone());
        let index = |boxes: &str| {
            let path = folder.path().join("boxes.csv");
            std::fs::write(&path, format!("path,bbox\na.png,{boxes}\n")).unwrap();
            let run = Indexing {
                store: &store,
                embedder: &embedder,
                decode: DecodeOptions::default(),
                products: &Products::Apart,
                table: &MetadataTable::read(&path).unwrap(),
                keep_missing: false,
            };
            let names = [PathBuf::from("a.png")];
            run.run(folder.path(), &names, &AtomicBool::new(false), &|_| ()).unwrap()
        };
        let vector = || store.get(&[1]).unwrap().remove(0).unwrap().vector;
        let of = |picture: &Picture| ColourHistogram::new().embed(picture).unwrap();
        let near = |a: &[f32], b: &[f32]| {
            let length = b.iter().map(|value| value * value).sum::<f32>().sqrt();
            a.iter().zip(b).all(|(a, b)| (a - b / length).abs() < 1e-6)
        };
        assert_eq!(index("\"10,5,30,20\"").embedded, 1);
        assert!(near(&vector(), &of(&whole.crop(10, 5, 30, 20).unwrap())));
        assert_eq!(index("\"10,5,30,20\"").unchanged, 1);
        // Another box is another vector, though the bytes are the same; so is none.
        assert_eq!(index("\"0,0,30,20\"").embedded, 1);
        assert!(near(&vector(), &of(&whole.crop(0, 0, 30, 20).unwrap())));
        assert_eq!(index("").embedded, 1);
        assert!(near(&vector(), &of(&whole)));
        let outside = index("\"70,5,30,20\"");
        assert_eq!((outside.failed.len(), outside.removed), (1, 1));
    }

    #[test]
    fn another_embedder_is_refused_and_a_stopped_run_removes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        write_png(&scene(1, 20, 20), &folder.path().join("a.png")).unwrap();
        let embedder = ColourHistogram::new();
        let store = Memory::new(embedder.fingerprint().clone());
        index(&store, &embedder, folder.path(), &["a.png"], &Products::Apart);
        let (table, products) = (MetadataTable::default(), Products::Apart);
        let other = OrientedGradients::new();
        let mut run = Indexing {
            store: &store,
            embedder: &other,
            decode: DecodeOptions::default(),
            products: &products,
            table: &table,
            keep_missing: false,
        };
        let stopped = AtomicBool::new(true);
        let names = [PathBuf::from("b.png")];
        assert!(matches!(
            run.run(folder.path(), &names, &stopped, &|_| ()),
            Err(Error::WrongModel { .. })
        ));
        run.embedder = &embedder;
        let outcome = run.run(folder.path(), &names, &stopped, &|_| ()).unwrap();
        assert_eq!((outcome.left_out, outcome.removed), (1, 0));
        assert_eq!(store.count(None).unwrap(), 1);
    }
}
