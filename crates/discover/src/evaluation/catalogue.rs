//! Stores in an evaluation: their rows are the images of a benchmark, their vectors what a model makes of them.

use std::collections::HashMap;

use super::files::{Metadata, MetadataImage};
use super::{Benchmark, Embeddings};
use crate::catalogue::records;
use crate::store::VectorStore;
use crate::{Error, Result};

/// Rows whose vectors are asked for at a time.
const PAGE: usize = 1000;

/// The rows of a store as the images of a benchmark.
///
/// # Errors
/// Those of the store.
pub fn metadata_of(store: &dyn VectorStore) -> Result<Metadata> {
    let images = records(store)?.into_iter().map(|record| MetadataImage {
        id: record.id.to_string(),
        path: record.path,
        phase: "gallery".to_owned(),
        product: Some(record.product),
        category: (!record.category.is_empty()).then_some(record.category),
        ..MetadataImage::default()
    });
    Ok(Metadata { images: images.collect() })
}

/// The vectors of the benchmark's images in a store, found by path.
///
/// # Errors
/// [`Error::Request`] where an image has none; those of the store.
pub fn vectors_of(
    name: &str,
    store: &dyn VectorStore,
    benchmark: &Benchmark,
) -> Result<Embeddings> {
    let dimension = store.describe()?.fingerprint.dimension;
    let ids: HashMap<String, u64> =
        records(store)?.into_iter().map(|record| (record.path, record.id)).collect();
    let wanted: Vec<Option<u64>> =
        benchmark.images.iter().map(|image| ids.get(&image.path).copied()).collect();
    let missing = wanted.iter().filter(|id| id.is_none()).count();
    if let Some(first) = wanted.iter().position(Option::is_none) {
        return Err(Error::Request(format!(
            "the store of {name} has no vector of {missing} of {} images of the benchmark, such as {}",
            wanted.len(),
            benchmark.images[first].path
        )));
    }
    let mut vectors = Vec::with_capacity(wanted.len() * dimension);
    for ids in wanted.chunks(PAGE) {
        let ids: Vec<u64> = ids.iter().copied().flatten().collect();
        for row in store.get(&ids)?.into_iter().flatten() {
            vectors.extend(row.vector);
        }
    }
    Embeddings::new(dimension, vectors)
}
