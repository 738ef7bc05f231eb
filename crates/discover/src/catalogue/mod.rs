//! A folder of pictures in a store: what is new or changed is embedded, what is gone is deleted.
//!
//! A picture is the same as long as its bytes are (BLAKE3), wherever it lies: a file that moved, and a copy,
//! get their vector without being decoded. Rows are stored in batches, so a run that is stopped, or killed,
//! goes on where it was.

mod index;
mod products;
mod table;

pub use index::{Event, Failure, IndexOutcome, Indexing};
pub use products::Products;
pub use table::MetadataTable;

/// Everything a store knows of its pictures, by id.
///
/// # Errors
/// Those of the store.
pub fn records(store: &dyn crate::store::VectorStore) -> crate::Result<Vec<crate::store::Record>> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let page = store.scan_records(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(all) };
        after = last.id;
        all.extend(page);
    }
}

/// Rows that are asked of a store at a time.
const PAGE: usize = 1000;
