//! A store in a folder, for one machine.
//!
//! ```text
//! records.sqlite       one row per picture, with the place of its vector; what is true
//! vectors-N.f32        a header, then vectors one after the other; only ever added to
//! neighbours.*         an approximate index, a cache: made again whenever it does not belong to the rows
//! lock                 held by the process that writes
//! ```
//!
//! Vectors are written and flushed before the transaction that names their places, so whatever was committed
//! survives a kill at any moment, and a batch is there whole or not at all. Vectors that are no longer named
//! are left behind; when they are more than half, `flush` writes those that are into a new file and names
//! that in one transaction.
//!
//! Records and vectors are held in memory while the store is open: 2 KB per vector of 512 numbers, and half a
//! KB more in a store that is searched often. Searches compare with all rows, in parallel, which is exact; from [`EmbeddedOptions::approximate_from`] rows on they
//! ask the index where the effort allows it. A filter that lets few rows through is searched exactly. Hits of
//! the index are scored again from the vectors, so scores have the same digits either way.
//!
//! Without the feature `approximate` there is no index, and all searches are exact.
//!
//! Limits: one process writes; others that read see what was committed when they opened the store, or
//! [`Embedded::refreshed`] it.

mod content;
#[cfg(feature = "approximate")]
mod neighbours;
#[cfg(not(feature = "approximate"))]
#[path = "no_neighbours.rs"]
mod neighbours;
mod often;
mod records;
mod vectors;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use self::content::Content;
use self::neighbours::Neighbours;
use self::often::Often;
use self::records::{Listed, Records};
use self::vectors::Vectors;
use super::memory::{checked, queries};
use super::{
    BatchOutcome, Filter, Fingerprint, Hit, Record, Row, SearchOptions, Selection, StoreInfo,
    VectorStore,
};
use crate::error::unwritable;
use crate::{Error, Result};

/// How a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// Rows from which an approximate index is kept.
    pub approximate_from: usize,
}

impl Default for EmbeddedOptions {
    /// From 200 000 rows, where comparing a vector of 512 numbers with all of them takes some hundredths of a
    /// second.
    fn default() -> Self {
        Self { approximate_from: 200_000 }
    }
}

/// A store in a folder.
pub struct Embedded {
    folder: PathBuf,
    options: EmbeddedOptions,
    fingerprint: Fingerprint,
    content: RwLock<Content>,
    /// That of the rows when they were read.
    generation: u64,
    // Held as long as the store is open for writing; the system lets go of it with the process.
    lock: Option<File>,
}

impl Embedded {
    /// Opens a store for writing, and creates it where there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where another process writes to it; [`Error::WrongModel`] where its vectors were
    /// made with something else; [`Error::Corrupt`], [`Error::Database`], [`Error::Write`].
    pub fn create(
        folder: &Path,
        fingerprint: &Fingerprint,
        options: EmbeddedOptions,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(unwritable(folder))?;
        let lock = locked(folder)?;
        let records = Records::create(&folder.join(records::FILE), fingerprint)?;
        let store = Self::load(folder, records, options, Some(lock))?;
        if store.fingerprint != *fingerprint {
            let [expected, found] = [&store.fingerprint, fingerprint].map(|one| one.to_string());
            return Err(Error::WrongModel { expected, found });
        }
        Ok(store)
    }

    /// Opens a store for writing that is there.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`], [`Error::Corrupt`], [`Error::Database`].
    pub fn open(folder: &Path, options: EmbeddedOptions) -> Result<Self> {
        let file = existing(folder)?;
        let lock = locked(folder)?;
        Self::load(folder, Records::open(&file)?, options, Some(lock))
    }

    /// Opens a store to read it, while another process may write to it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Corrupt`], [`Error::Database`].
    pub fn read_only(folder: &Path, options: EmbeddedOptions) -> Result<Self> {
        Self::load(folder, Records::open(&existing(folder)?)?, options, None)
    }

    /// What the folder holds now, where another process changed rows since this store was opened to read it.
    ///
    /// # Errors
    /// As [`read_only`](Self::read_only).
    pub fn refreshed(&self) -> Result<Option<Self>> {
        let now = self.read(|content| content.records.generation())?;
        (now != self.generation).then(|| Self::read_only(&self.folder, self.options)).transpose()
    }

    /// The generation of the rows when they were read: every change of rows raises it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    fn load(
        folder: &Path,
        records: Records,
        options: EmbeddedOptions,
        lock: Option<File>,
    ) -> Result<Self> {
        let fingerprint = records.fingerprint()?;
        let (Listed { generation, rows: listed, .. }, vectors) =
            consistent(folder, &records, &fingerprint, lock.is_some())?;
        let mut rows = vec![None; vectors.count()];
        let mut places = HashMap::with_capacity(listed.len());
        for (place, record) in listed {
            places.insert(record.id, place);
            if let Some(row) = rows.get_mut(place) {
                *row = Some(record);
            }
        }
        let neighbours = if places.len() >= options.approximate_from {
            Neighbours::load(folder, &fingerprint, generation)
        } else {
            None
        };
        let often = Often::default();
        let content = Content { records, vectors, rows, places, neighbours, often };
        let (folder, content) = (folder.to_owned(), RwLock::new(content));
        Ok(Self { folder, options, fingerprint, content, generation, lock })
    }

    fn read<T>(&self, look: impl FnOnce(&Content) -> T) -> T {
        look(&self.content.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Content) -> Result<T>) -> Result<T> {
        if self.lock.is_none() {
            return Err(Error::Request(format!(
                "{}: the store was opened for reading only",
                self.folder.display()
            )));
        }
        change(&mut self.content.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn ids_after(&self, after: u64, count: usize) -> Vec<u64> {
        self.read(|content| {
            let mut ids: Vec<u64> =
                content.places.keys().copied().filter(|&id| id > after).collect();
            ids.sort_unstable();
            ids.truncate(count);
            ids
        })
    }

    /// Makes the approximate index of all rows, and says what ef each effort takes. Where an index is there
    /// already it is replaced.
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Corrupt`] with what the index says.
    pub fn build_neighbours(&self) -> Result<()> {
        self.write(|content| {
            let generation = content.records.generation()?;
            let listed: Vec<(u64, &[f32])> = content
                .places
                .iter()
                .map(|(&id, &place)| (id, content.vectors.row(place)))
                .collect();
            let (fingerprint, folder) = (&self.fingerprint, &self.folder);
            content.neighbours = Some(Neighbours::build(fingerprint, &listed, folder, generation)?);
            Ok(())
        })
    }
}

/// Rows and vectors of one moment: a process that writes may move the vectors to another file in between.
fn consistent(
    folder: &Path,
    records: &Records,
    fingerprint: &Fingerprint,
    write: bool,
) -> Result<(Listed, Vectors)> {
    let mut tries = 0;
    loop {
        let listed = records.all()?;
        let path = folder.join(&listed.file);
        let least = listed.rows.iter().map(|(place, _)| place + 1).max().unwrap_or(0);
        match Vectors::open(&path, fingerprint.dimension, least, write) {
            Ok(vectors) => return Ok((listed, vectors)),
            Err(_) if tries < 3 && !path.exists() => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

fn existing(folder: &Path) -> Result<PathBuf> {
    let file = folder.join(records::FILE);
    if file.is_file() {
        return Ok(file);
    }
    Err(Error::Request(format!(
        "{}: no store is there; 'lookalike discover index DIR --store {}' makes one",
        folder.display(),
        folder.display()
    )))
}

fn locked(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.map_err(unwritable(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Unavailable(folder.to_owned())),
        Err(std::fs::TryLockError::Error(reason)) => Err(Error::Write { path, reason }),
    }
}

impl VectorStore for Embedded {
    fn describe(&self) -> Result<StoreInfo> {
        self.read(|content| {
            Ok(StoreInfo {
                fingerprint: self.fingerprint.clone(),
                count: content.places.len() as u64,
                engine: "embedded",
                next_id: content.records.next_id()?,
                approximate: content.neighbours.is_some(),
            })
        })
    }

    fn upsert(&self, rows: &[Row]) -> Result<BatchOutcome> {
        let mut outcome = BatchOutcome::default();
        let mut good: Vec<Row> = Vec::with_capacity(rows.len());
        let mut known: HashMap<u64, usize> = HashMap::new();
        for row in rows {
            let id = row.record.id;
            match checked(row, self.fingerprint.dimension) {
                // Of one id the last counts.
                Ok(row) => match known.get(&id) {
                    Some(&index) => good[index] = row,
                    None => {
                        known.insert(id, good.len());
                        good.push(row);
                    }
                },
                Err(error) => outcome.failed.push((id, error)),
            }
        }
        if good.is_empty() {
            return Ok(outcome);
        }
        self.write(|content| {
            let place = content.vectors.append(good.iter().map(|row| row.vector.as_slice()))?;
            let listed: Vec<(usize, &Record)> =
                good.iter().enumerate().map(|(index, row)| (place + index, &row.record)).collect();
            if let Err(error) = content.records.put(&listed) {
                // Nothing names them, so the next may have their places.
                content.vectors.forget_from(place);
                return Err(error);
            }
            content.rows.resize(place, None);
            for (index, row) in good.into_iter().enumerate() {
                let id = row.record.id;
                let replaced = content.places.insert(id, place + index);
                if let Some(old) = replaced {
                    content.rows[old] = None;
                }
                if let Some(index) = &mut content.neighbours {
                    index.put(id);
                }
                content.rows.push(Some(row.record));
                outcome.applied.push(id);
            }
            content.often.keep_up(&content.vectors);
            Ok(())
        })?;
        Ok(outcome)
    }

    fn delete(&self, what: &Selection) -> Result<u64> {
        self.write(|content| {
            let ids: Vec<u64> = match what {
                Selection::Ids(ids) => {
                    let known: HashSet<u64> =
                        ids.iter().copied().filter(|id| content.places.contains_key(id)).collect();
                    known.into_iter().collect()
                }
                Selection::Matching(filter) => {
                    content.matching(filter).into_iter().map(|one| one.0).collect()
                }
            };
            content.records.remove(&ids)?;
            for id in &ids {
                if let Some(place) = content.places.remove(id) {
                    content.rows[place] = None;
                }
                if let Some(index) = &mut content.neighbours {
                    index.remove(*id);
                }
            }
            Ok(ids.len() as u64)
        })
    }

    fn get(&self, ids: &[u64]) -> Result<Vec<Option<Row>>> {
        Ok(self.read(|content| {
            let row = |id: &u64| {
                let place = *content.places.get(id)?;
                let record = content.rows.get(place)?.clone()?;
                Some(Row { record, vector: content.vectors.row(place).to_vec() })
            };
            ids.iter().map(row).collect()
        }))
    }

    fn records(&self, ids: &[u64]) -> Result<Vec<Option<Record>>> {
        Ok(self.read(|content| {
            let record = |id: &u64| content.rows.get(*content.places.get(id)?)?.clone();
            ids.iter().map(record).collect()
        }))
    }

    fn search(&self, given: &[Vec<f32>], options: &SearchOptions) -> Result<Vec<Vec<Hit>>> {
        let prepared = queries(given, self.fingerprint.dimension)?;
        let started = Instant::now();
        let in_time = || match options.deadline {
            Some(limit) if started.elapsed() > limit => Err(Error::Timeout(limit)),
            _ => Ok(()),
        };
        self.read(|content| content.search(&prepared, options, in_time))
    }

    fn count(&self, filter: Option<&Filter>) -> Result<u64> {
        Ok(self.read(|content| match filter {
            None => content.places.len() as u64,
            Some(filter) => content.matching(filter).len() as u64,
        }))
    }

    fn scan(&self, after: u64, count: usize) -> Result<Vec<Row>> {
        Ok(self.get(&self.ids_after(after, count))?.into_iter().flatten().collect())
    }

    fn scan_records(&self, after: u64, count: usize) -> Result<Vec<Record>> {
        self.records(&self.ids_after(after, count))
            .map(|found| found.into_iter().flatten().collect())
    }

    fn pictures(&self) -> Result<Option<PathBuf>> {
        Ok(self.read(|content| content.records.pictures())?.map(PathBuf::from))
    }

    fn set_pictures(&self, folder: &Path) -> Result<()> {
        let Some(folder) = folder.to_str() else { return Ok(()) };
        self.write(|content| content.records.set_pictures(folder))
    }

    fn flush(&self) -> Result<()> {
        let (wanted, there) = self.write(|content| {
            let (used, all) = (content.places.len(), content.vectors.count());
            if all >= 64 && used * 2 < all {
                content.compact(&self.folder)?;
            }
            let generation = content.records.generation()?;
            let Content { neighbours, places, vectors, .. } = content;
            let row = |id: u64| places.get(&id).map_or(&[][..], |&place| vectors.row(place));
            if let Some(index) = neighbours {
                let kept = index.keep_up(&self.folder, generation, row);
                // One that was left half way, as on a full disk, would find rows twice: exact searches until it is
                // made anew.
                if !matches!(kept, Ok(true)) {
                    *neighbours = None;
                }
                kept?;
            }
            let wanted = cfg!(feature = "approximate")
                && content.places.len() >= self.options.approximate_from;
            Ok((wanted && !content.places.is_empty(), content.neighbours.is_some()))
        })?;
        if wanted && !there {
            self.build_neighbours()?;
        }
        Ok(())
    }
}
