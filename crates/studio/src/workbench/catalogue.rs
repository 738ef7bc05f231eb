//! A store that can be searched, as it is now: what another process writes into it is seen while pages are open.
//!
//! A store holds its rows in memory, so one that was changed is read anew, by the request that finds it so; others
//! are answered from the rows before. Whether it was changed is looked at once in a second at most, and the longer
//! reading takes, the less often: at most a tenth of the time goes into it. While it is read, both are in memory.
//!
//! Limits: a store whose folder was deleted and made anew is seen when the workbench starts again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use lookalike_discover::embedder::{self, Embedder};
use lookalike_discover::store::{Embedded, VectorStore};
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// How long a store is taken to be as it was.
const REST: Duration = Duration::from_secs(1);

/// A store that can be searched.
pub struct Catalogue {
    pub(super) name: String,
    store: RwLock<Arc<Embedded>>,
    looked: Mutex<Looked>,
    pub(super) pictures: PathBuf,
    /// What makes vectors of pictures from outside, or why there is nothing.
    pub(super) embedder: Result<Box<dyn Embedder>, String>,
}

/// When it was looked at last, and for how long that is enough.
struct Looked {
    at: Instant,
    rest: Duration,
}

impl Catalogue {
    /// A store under a name, opened for reading, with its own folder and that of its pictures. Where its embedder
    /// cannot be had, for want of weights, pictures of the store can be looked for all the same.
    ///
    /// # Errors
    /// [`Error::Absent`] where the folder of the pictures is not there.
    pub fn new(name: String, store: Embedded, folder: &Path, pictures: &Path) -> Result<Self> {
        let pictures = pictures.canonicalize().map_err(|error| {
            let place = pictures.display();
            Error::Absent(format!(
                "{place}: the pictures of {} are not there ({error}); --pictures DIR says where they are",
                folder.display()
            ))
        })?;
        let embedder = embedder::of_store(&store, folder).map_err(|error| error.to_string());
        let looked = Mutex::new(Looked { at: Instant::now(), rest: REST });
        Ok(Self { name, store: RwLock::new(Arc::new(store)), looked, pictures, embedder })
    }

    /// The store as it is now.
    ///
    /// # Errors
    /// Those of reading it anew.
    pub(super) fn store(&self) -> Result<Arc<Embedded>> {
        let held = || Arc::clone(&self.store.read().unwrap_or_else(PoisonError::into_inner));
        // Whoever finds somebody else reading is not kept waiting.
        let Ok(mut looked) = self.looked.try_lock() else { return Ok(held()) };
        if looked.at.elapsed() < looked.rest {
            return Ok(held());
        }
        let started = Instant::now();
        if let Some(new) = held().refreshed()? {
            *self.store.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        }
        *looked = Looked { at: Instant::now(), rest: REST.max(started.elapsed() * 9) };
        Ok(held())
    }

    /// What pages are told of it.
    pub(super) fn record(&self) -> Result<Value> {
        let info = self.store()?.describe()?;
        Ok(json!({
            "name": self.name, "model": info.fingerprint.model, "pictures": info.count,
            "dimension": info.fingerprint.dimension, "approximate": info.approximate,
            "refuses_pictures": self.embedder.as_ref().err(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use lookalike_discover::embedder::{ColourHistogram, Embedder};
    use lookalike_discover::store::{EmbeddedOptions, Record, Row};

    use super::*;

    #[test]
    fn rows_that_another_process_adds_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let embedder = ColourHistogram::new();
        let (fingerprint, options) = (embedder.fingerprint(), EmbeddedOptions::default());
        let writer = Embedded::create(folder.path(), fingerprint, options).unwrap();
        let put = |id| {
            let record = Record { id, path: format!("{id}.png"), ..Record::default() };
            let mut vector = vec![0.0; fingerprint.dimension];
            vector[0] = 1.0;
            writer.upsert(&[Row { record, vector }]).unwrap();
        };
        put(1);
        let reader = Embedded::read_only(folder.path(), options).unwrap();
        assert!(reader.refreshed().unwrap().is_none());
        let catalogue = Catalogue::new("a".into(), reader, folder.path(), folder.path()).unwrap();
        put(2);
        let count = || catalogue.store().unwrap().count(None).unwrap();
        // It rests first, so that many questions do not each ask the disk.
        assert_eq!(count(), 1);
        catalogue.looked.lock().unwrap().at -= REST;
        let reading = catalogue.looked.lock().unwrap();
        assert_eq!(count(), 1);
        drop(reading);
        assert_eq!(count(), 2);
        assert_eq!(catalogue.record().unwrap()["pictures"], 2);
    }
}
