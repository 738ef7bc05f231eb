//! Rows in memory, searched one after the other: what other stores are compared with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use super::scan::{dot, first, normalised};
use super::{
    BatchOutcome, Filter, Fingerprint, Hit, Record, Row, SearchOptions, Selection, StoreInfo,
    VectorStore,
};
use crate::{Error, Result};

/// A store that is gone with the process.
#[derive(Debug)]
pub struct Memory {
    fingerprint: Fingerprint,
    content: RwLock<Content>,
}

#[derive(Debug, Default)]
struct Content {
    rows: BTreeMap<u64, Row>,
    next_id: u64,
    pictures: Option<PathBuf>,
}

impl Memory {
    /// An empty store.
    pub fn new(fingerprint: Fingerprint) -> Self {
        let content = Content { rows: BTreeMap::new(), next_id: 1, pictures: None };
        Self { fingerprint, content: RwLock::new(content) }
    }

    fn read<T>(&self, look: impl FnOnce(&Content) -> T) -> T {
        look(&self.content.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Content) -> T) -> T {
        change(&mut self.content.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A row as it is stored: checked, and with a vector of unit length.
pub(super) fn checked(row: &Row, dimension: usize) -> Result<Row> {
    row.record.check()?;
    if row.vector.len() != dimension {
        return Err(Error::WrongDimension { expected: dimension, found: row.vector.len() });
    }
    let mut row = row.clone();
    normalised(&mut row.vector, &format!("row {}", row.record.id))?;
    Ok(row)
}

/// Queries as they are searched for.
pub(super) fn queries(queries: &[Vec<f32>], dimension: usize) -> Result<Vec<Vec<f32>>> {
    let prepared = queries.iter().enumerate().map(|(number, query)| {
        if query.len() != dimension {
            return Err(Error::WrongDimension { expected: dimension, found: query.len() });
        }
        let mut query = query.clone();
        normalised(&mut query, &format!("query {number}"))?;
        Ok(query)
    });
    prepared.collect()
}

impl VectorStore for Memory {
    fn describe(&self) -> Result<StoreInfo> {
        Ok(self.read(|content| StoreInfo {
            fingerprint: self.fingerprint.clone(),
            count: content.rows.len() as u64,
            engine: "memory",
            next_id: content.next_id,
            approximate: false,
        }))
    }

    fn upsert(&self, rows: &[Row]) -> Result<BatchOutcome> {
        let mut outcome = BatchOutcome::default();
        self.write(|content| {
            for row in rows {
                let id = row.record.id;
                match checked(row, self.fingerprint.dimension) {
                    Ok(row) => {
                        content.next_id = content.next_id.max(id + 1);
                        content.rows.insert(id, row);
                        outcome.applied.push(id);
                    }
                    Err(error) => outcome.failed.push((id, error)),
                }
            }
        });
        Ok(outcome)
    }

    fn delete(&self, what: &Selection) -> Result<u64> {
        Ok(self.write(|content| {
            let before = content.rows.len();
            match what {
                Selection::Ids(ids) => ids.iter().for_each(|id| {
                    content.rows.remove(id);
                }),
                Selection::Matching(filter) => {
                    content.rows.retain(|_, row| !filter.accepts(&row.record));
                }
            }
            (before - content.rows.len()) as u64
        }))
    }

    fn get(&self, ids: &[u64]) -> Result<Vec<Option<Row>>> {
        Ok(self.read(|content| ids.iter().map(|id| content.rows.get(id).cloned()).collect()))
    }

    fn records(&self, ids: &[u64]) -> Result<Vec<Option<Record>>> {
        let found = self.get(ids)?;
        Ok(found.into_iter().map(|row| row.map(|row| row.record)).collect())
    }

    fn search(&self, given: &[Vec<f32>], options: &SearchOptions) -> Result<Vec<Vec<Hit>>> {
        let prepared = queries(given, self.fingerprint.dimension)?;
        Ok(self.read(|content| {
            let found = prepared.iter().map(|query| {
                let rows = content.rows.iter().filter(|(_, row)| {
                    options.filter.as_ref().is_none_or(|filter| filter.accepts(&row.record))
                });
                let hits =
                    rows.map(|(&id, row)| Hit { id, score: dot(query, &row.vector) }).collect();
                first(hits, options.k)
            });
            found.collect()
        }))
    }

    fn count(&self, filter: Option<&Filter>) -> Result<u64> {
        Ok(self.read(|content| {
            let rows = content.rows.values();
            rows.filter(|row| filter.is_none_or(|filter| filter.accepts(&row.record))).count()
                as u64
        }))
    }

    fn scan(&self, after: u64, count: usize) -> Result<Vec<Row>> {
        let rows = |content: &Content| {
            content
                .rows
                .range(after.saturating_add(1)..)
                .take(count)
                .map(|one| one.1.clone())
                .collect()
        };
        Ok(self.read(rows))
    }

    fn pictures(&self) -> Result<Option<PathBuf>> {
        Ok(self.read(|content| content.pictures.clone()))
    }

    fn set_pictures(&self, folder: &Path) -> Result<()> {
        self.write(|content| content.pictures = folder.to_str().map(PathBuf::from));
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}
