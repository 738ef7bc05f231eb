//! A store on a Milvus server, which can be many machines.
//!
//! A catalogue is a collection `vsd_NAME_DIGITS`, whose digits and description are what its vectors were made
//! with: a catalogue holds vectors of one model, and opening it with another is an error, as with a folder.
//!
//! Everything means what it means in a folder. Vectors have unit length before they are sent; scores are computed
//! here from the vectors of what the server found, so they have the same digits ([`searching`]); filters are
//! compiled with escaping ([`expression`]); ids are ours, and the next one is written together with the rows that
//! use it, into row 0 ([`collection`]). Upserts go in batches of at most 1000 rows and 4 MiB, four at a time, each
//! repeated until it is acknowledged or the budget is used up; doing so twice changes nothing.
//!
//! Reads see what was written through this store, and what others wrote some seconds ago; with
//! [`MilvusOptions::strong`], or where a search asks for it, all that was acknowledged, which takes the server
//! some tenths of a second.
//!
//! Limits: one process writes at a time; a server has no lock for that, so two that index at once may give one id
//! to two pictures. The exact search of a catalogue with an approximate index fetches all vectors. While the index
//! is made, reads fail. Servers before 2.5 are searched by an older call of the client.

// The client's errors are as large as they are.
#![allow(clippy::result_large_err)]

mod address;
mod collection;
mod columns;
mod connection;
mod expression;
mod neighbours;
mod options;
mod reading;
mod searching;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use milvus::v2::prelude as milvus_sdk;

use self::collection::{Collection, Settings};
use self::connection::Connection;
use self::milvus_sdk::ConsistencyLevel;
use super::{
    BatchOutcome, Filter, Fingerprint, Freshness, Hit, Record, Row, SearchOptions, Selection,
    StoreInfo, VectorStore,
};
use crate::{Error, Result};

pub use address::MilvusAddress;
pub use options::{MilvusOptions, Token};

/// How long what was written may be unseen by reads that do not ask for all: twice what servers allow themselves.
const SETTLED: Duration = Duration::from_secs(10);

/// A store on a server.
pub struct MilvusStore {
    collection: Collection,
    settings: Mutex<Settings>,
    /// Whether an approximate index answers.
    approximate: AtomicBool,
    /// When something was last written through this store, which its reads have to see.
    wrote: Mutex<Option<Instant>>,
    unflushed: AtomicBool,
}

impl MilvusStore {
    /// Opens a catalogue for writing, and makes it where there is none.
    ///
    /// # Errors
    /// [`Error::WrongModel`] where its vectors were made with something else; [`Error::Unreachable`],
    /// [`Error::Unauthorised`], [`Error::Server`]; [`Error::Request`] for a connection that would not be safe.
    pub fn create(
        address: &MilvusAddress,
        fingerprint: &Fingerprint,
        options: &MilvusOptions,
    ) -> Result<Self> {
        let collection = match Collection::find(Connection::open(address, options)?)? {
            Ok(found) if found.fingerprint != *fingerprint => {
                let [expected, found] =
                    [&found.fingerprint, fingerprint].map(|one| one.to_string());
                return Err(Error::WrongModel { expected, found });
            }
            Ok(found) => found,
            Err(connection) => Collection::create(connection, fingerprint)?,
        };
        let store = Self::of(collection)?;
        store.repair_next_id()?;
        Ok(store)
    }

    /// Opens a catalogue that is there.
    ///
    /// # Errors
    /// [`Error::Request`] where there is none; [`Error::Unreachable`], [`Error::Unauthorised`], [`Error::Server`].
    pub fn open(address: &MilvusAddress, options: &MilvusOptions) -> Result<Self> {
        match Collection::find(Connection::open(address, options)?)? {
            Ok(found) => Self::of(found),
            Err(_) => Err(Error::Request(format!(
                "{address}: no store is there; 'lookalike discover index DIR --store {address}' makes one"
            ))),
        }
    }

    fn of(collection: Collection) -> Result<Self> {
        let approximate = AtomicBool::new(collection.prepare()?);
        let settings = Mutex::new(collection.settings()?);
        let (wrote, unflushed) = (Mutex::new(None), AtomicBool::new(false));
        Ok(Self { collection, settings, approximate, wrote, unflushed })
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something was, or will have been, written.
    fn writes(&self) {
        *self.wrote.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.unflushed.store(true, Ordering::Release);
    }

    /// Whether what was written here may be younger than what any read sees.
    fn wrote_lately(&self) -> bool {
        let wrote = self.wrote.lock().unwrap_or_else(PoisonError::into_inner);
        wrote.is_some_and(|last| last.elapsed() < SETTLED)
    }

    fn is_approximate(&self) -> bool {
        self.approximate.load(Ordering::Acquire)
    }

    /// Raises the next id above all that are there: several that wrote at once may have left a lower one.
    fn repair_next_id(&self) -> Result<()> {
        let above = |id: u64| {
            self.counted(&format!("key >= {}", expression::key_of(id)), ConsistencyLevel::Strong)
                .map(|count| count > 0)
        };
        let known = self.settings().next_id;
        // The last id of all has none after it.
        if known >= i64::MAX as u64 || !above(known)? {
            return Ok(());
        }
        let (mut low, mut high) = (known, i64::MAX as u64);
        while low < high {
            let middle = low + (high - low) / 2;
            if above(middle + 1)? { low = middle + 1 } else { high = middle }
        }
        let mut settings = self.settings();
        settings.next_id = low.saturating_add(1).min(i64::MAX as u64);
        self.collection.keep(&settings)
    }

    /// Deletes the catalogue with all its rows.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn destroy(self) -> Result<()> {
        let connection = &self.collection.connection;
        let dropped = connection.run(connection.budget(), || async {
            let request = milvus_sdk::DropCollectionRequest::builder();
            let request = request.collection_name(&self.collection.name).build()?;
            connection.client.drop_collection(request).await
        });
        dropped.map_err(|failed| failed.error())
    }
}

impl VectorStore for MilvusStore {
    fn describe(&self) -> Result<StoreInfo> {
        Ok(StoreInfo {
            fingerprint: self.collection.fingerprint.clone(),
            count: self.count(None)?,
            engine: "milvus",
            next_id: self.settings().next_id,
            approximate: self.is_approximate(),
        })
    }

    fn upsert(&self, rows: &[Row]) -> Result<BatchOutcome> {
        self.write(rows)
    }

    fn delete(&self, what: &Selection) -> Result<u64> {
        self.remove(what)
    }

    fn get(&self, ids: &[u64]) -> Result<Vec<Option<Row>>> {
        self.rows_of(ids)
    }

    fn records(&self, ids: &[u64]) -> Result<Vec<Option<Record>>> {
        self.records_of(ids)
    }

    fn search(&self, queries: &[Vec<f32>], options: &SearchOptions) -> Result<Vec<Vec<Hit>>> {
        self.found(queries, options)
    }

    fn count(&self, filter: Option<&Filter>) -> Result<u64> {
        self.counted(&expression::matching(filter), self.level(Freshness::Bounded))
    }

    fn scan(&self, after: u64, count: usize) -> Result<Vec<Row>> {
        self.rows_after(after, count)
    }

    fn scan_records(&self, after: u64, count: usize) -> Result<Vec<Record>> {
        self.records_after(after, count)
    }

    fn pictures(&self) -> Result<Option<PathBuf>> {
        Ok(self.settings().pictures.as_ref().map(PathBuf::from))
    }

    fn set_pictures(&self, folder: &Path) -> Result<()> {
        let Some(folder) = folder.to_str() else { return Ok(()) };
        let mut settings = self.settings();
        if settings.pictures.as_deref() != Some(folder) {
            let changed = Settings { pictures: Some(folder.to_owned()), ..settings.clone() };
            self.collection.keep(&changed)?;
            *settings = changed;
        }
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        if self.unflushed.load(Ordering::Acquire) {
            self.collection.flush()?;
            self.unflushed.store(false, Ordering::Release);
        }
        self.make_neighbours_where_wanted()
    }
}
