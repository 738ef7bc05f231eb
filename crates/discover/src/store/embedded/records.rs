//! The rows of a store in SQLite, with the places of their vectors.
//!
//! A write-ahead log, flushed with every transaction (`synchronous = FULL`). Every transaction that changes
//! rows raises `generation`, by which caches know whether they belong to the rows.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::{Fingerprint, Record};
use crate::{Error, Result};

pub(super) const FILE: &str = "records.sqlite";

/// The version of the tables, as SQLite's `user_version`.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE image (
  id INTEGER PRIMARY KEY,
  place INTEGER NOT NULL,  -- of the vector in its file
  path TEXT NOT NULL,
  product TEXT NOT NULL,
  category TEXT NOT NULL,
  colour TEXT NOT NULL,
  phase TEXT NOT NULL,
  split TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  meta TEXT NOT NULL       -- further metadata as JSON
) STRICT;
CREATE UNIQUE INDEX image_place ON image (place);
";

pub(super) struct Records {
    connection: Mutex<Connection>,
    path: PathBuf,
}

/// The rows of one moment.
pub(super) struct Listed {
    /// Raised by every change of rows.
    pub(super) generation: u64,
    /// The file of the vectors.
    pub(super) file: String,
    /// All rows with the places of their vectors.
    pub(super) rows: Vec<(usize, Record)>,
}

impl Records {
    /// Opens the rows, and creates them where there are none.
    pub(super) fn create(path: &Path, fingerprint: &Fingerprint) -> Result<Self> {
        let connection = Connection::open(path).map_err(failed(path))?;
        let records = Self { connection: Mutex::new(connection), path: path.to_owned() };
        records.batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        let version = records.version()?;
        if version == 0 {
            let text = serde_json::to_string(fingerprint)
                .map_err(|error| records.corrupt(error.to_string()))?;
            records.within(|transaction| {
                transaction.execute_batch(TABLES)?;
                set(transaction, "fingerprint", &text)?;
                set(transaction, "vectors", super::vectors::FIRST)?;
                set(transaction, "generation", "0")?;
                set(transaction, "next_id", "1")?;
                transaction.pragma_update(None, "user_version", VERSION)
            })?;
        }
        records.checked()
    }

    /// Opens rows that are there.
    pub(super) fn open(path: &Path) -> Result<Self> {
        // What a killed process left in the log is taken over, which may need to write.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed(path))?;
        let records = Self { connection: Mutex::new(connection), path: path.to_owned() };
        records.batch("PRAGMA synchronous = FULL;")?;
        records.checked()
    }

    fn checked(self) -> Result<Self> {
        match self.version()? {
            VERSION => Ok(self),
            found => Err(self.corrupt(format!("it is of version {found}, expected {VERSION}"))),
        }
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn corrupt(&self, reason: String) -> Error {
        Error::Corrupt { path: self.path.clone(), reason }
    }

    fn batch(&self, text: &str) -> Result<()> {
        self.connection().execute_batch(text).map_err(failed(&self.path))
    }

    fn version(&self) -> Result<i64> {
        let connection = self.connection();
        connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(failed(&self.path))
    }

    fn within<T>(&self, change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.connection();
        let run = || {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let changed = change(&transaction)?;
            transaction.commit()?;
            Ok(changed)
        };
        run().map_err(failed(&self.path))
    }

    fn setting(&self, name: &str) -> Result<String> {
        let connection = self.connection();
        let found = get(&connection, name).map_err(failed(&self.path))?;
        found.ok_or_else(|| self.corrupt(format!("it has no setting '{name}'")))
    }

    fn number(&self, name: &str) -> Result<u64> {
        let text = self.setting(name)?;
        text.parse().map_err(|_| self.corrupt(format!("setting '{name}' is '{text}', no number")))
    }

    pub(super) fn fingerprint(&self) -> Result<Fingerprint> {
        let text = self.setting("fingerprint")?;
        serde_json::from_str(&text).map_err(|error| self.corrupt(error.to_string()))
    }

    /// Raised by every change of rows.
    pub(super) fn generation(&self) -> Result<u64> {
        self.number("generation")
    }

    /// The folder that paths are relative to, where it was said.
    pub(super) fn pictures(&self) -> Result<Option<String>> {
        let connection = self.connection();
        get(&connection, "pictures").map_err(failed(&self.path))
    }

    pub(super) fn set_pictures(&self, folder: &str) -> Result<()> {
        self.within(|transaction| set(transaction, "pictures", folder))
    }

    /// An id above all that were used.
    pub(super) fn next_id(&self) -> Result<u64> {
        self.number("next_id")
    }

    /// All rows, as they are at one moment.
    pub(super) fn all(&self) -> Result<Listed> {
        let mut connection = self.connection();
        let mut run = || -> rusqlite::Result<_> {
            let transaction = connection.transaction()?;
            let generation = get(&transaction, "generation")?;
            let file = get(&transaction, "vectors")?;
            let mut statement = transaction.prepare(
                "SELECT id, place, path, product, category, colour, phase, split, content_hash,
                        width, height, meta FROM image ORDER BY id",
            )?;
            let rows = statement.query_map([], |row| {
                let meta: String = row.get(11)?;
                let record = Record {
                    id: row.get::<_, i64>(0)? as u64,
                    path: row.get(2)?,
                    product: row.get(3)?,
                    category: row.get(4)?,
                    colour: row.get(5)?,
                    phase: row.get(6)?,
                    split: row.get(7)?,
                    content_hash: row.get(8)?,
                    width: row.get(9)?,
                    height: row.get(10)?,
                    meta: Default::default(),
                };
                Ok((row.get::<_, i64>(1)? as usize, record, meta))
            })?;
            let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            drop(statement);
            Ok((generation, file, rows))
        };
        let (generation, file, rows) = run().map_err(failed(&self.path))?;
        let missing = || self.corrupt("it has no settings".to_owned());
        let generation = generation.and_then(|text| text.parse().ok()).ok_or_else(missing)?;
        let rows = rows.into_iter().map(|(place, record, meta)| {
            let wrong = |error: serde_json::Error| self.corrupt(error.to_string());
            let meta = match meta.as_str() {
                "" => Default::default(),
                text => serde_json::from_str(text).map_err(wrong)?,
            };
            Ok((place, Record { meta, ..record }))
        });
        Ok(Listed {
            generation,
            file: file.ok_or_else(missing)?,
            rows: rows.collect::<Result<_>>()?,
        })
    }

    /// Stores rows whose vectors are written.
    pub(super) fn put(&self, rows: &[(usize, &Record)]) -> Result<()> {
        let metas: Vec<String> = rows
            .iter()
            .map(|(_, record)| match record.meta.is_empty() {
                true => Ok(String::new()),
                false => serde_json::to_string(&record.meta),
            })
            .collect::<Result<_, _>>()
            .map_err(|error| self.corrupt(error.to_string()))?;
        self.within(|transaction| {
            let mut statement = transaction.prepare(
                "INSERT OR REPLACE INTO image (id, place, path, product, category, colour, phase,
                   split, content_hash, width, height, meta)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?;
            let mut greatest = 0;
            for ((place, record), meta) in rows.iter().zip(&metas) {
                greatest = greatest.max(record.id);
                statement.execute(params![
                    record.id as i64,
                    *place as i64,
                    record.path,
                    record.product,
                    record.category,
                    record.colour,
                    record.phase,
                    record.split,
                    record.content_hash,
                    record.width,
                    record.height,
                    meta
                ])?;
            }
            transaction.execute(
                "UPDATE setting SET value = max(CAST(value AS INTEGER), ?1) WHERE name = 'next_id'",
                [greatest.saturating_add(1).min(i64::MAX as u64) as i64],
            )?;
            raise(transaction)
        })
    }

    pub(super) fn remove(&self, ids: &[u64]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.within(|transaction| {
            let mut statement = transaction.prepare("DELETE FROM image WHERE id = ?1")?;
            for id in ids {
                statement.execute([*id as i64])?;
            }
            raise(transaction)
        })
    }

    /// Names another file of vectors, and where each row's is.
    pub(super) fn move_to(&self, file: &str, places: &[(u64, usize)]) -> Result<()> {
        self.within(|transaction| {
            // Out of the way first: places are unique.
            transaction.execute("UPDATE image SET place = -1 - place", [])?;
            let mut statement = transaction.prepare("UPDATE image SET place = ?2 WHERE id = ?1")?;
            for (id, place) in places {
                statement.execute(params![*id as i64, *place as i64])?;
            }
            set(transaction, "vectors", file)
        })
    }
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> Error + '_ {
    |reason| Error::Database { path: path.to_owned(), reason }
}

fn get(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let text = "SELECT value FROM setting WHERE name = ?1";
    connection.query_row(text, [name], |row| row.get(0)).optional()
}

fn set(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    let text = "INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)";
    connection.execute(text, [name, value]).map(|_| ())
}

fn raise(connection: &Connection) -> rusqlite::Result<()> {
    let text = "UPDATE setting SET value = CAST(value AS INTEGER) + 1 WHERE name = 'generation'";
    connection.execute(text, []).map(|_| ())
}
