//! What every store does, one list for all of them: held against a store that is too simple to be wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[cfg(feature = "approximate")]
mod approximate;
mod battery;
mod disk;
mod killed;
#[cfg(feature = "milvus")]
mod milvus;
#[cfg(feature = "milvus")]
mod milvus_scale;
mod often;

use std::path::Path;

use lookalike_discover::store::{
    Embedded, EmbeddedOptions, Fingerprint, Memory, Record, Row, VectorStore,
};
use lookalike_judge::statistics::seeded;

/// Without an approximate index.
pub(crate) const EXACT: EmbeddedOptions = EmbeddedOptions { approximate_from: usize::MAX };

pub(crate) fn fingerprint(dimension: usize) -> Fingerprint {
    Fingerprint {
        model: "test".into(),
        weights: "abc".into(),
        preprocessing: "none".into(),
        dimension,
    }
}

/// Numbers from −1 to 1.
pub(crate) fn drawn(stream: u64, count: usize) -> Vec<f32> {
    let mut draws = seeded::stream(77, stream);
    (0..count).map(|_| seeded::below(&mut draws, 20_001) as f32 / 10_000.0 - 1.0).collect()
}

/// Vectors in clusters of 25, as embeddings of pictures lie.
pub(crate) fn vector(number: u64, dimension: usize) -> Vec<f32> {
    let centre = drawn(1_000_000 + number / 25, dimension);
    let own = drawn(number, dimension);
    centre.iter().zip(own).map(|(centre, own)| centre + 0.6 * own).collect()
}

pub(crate) fn row(id: u64, dimension: usize) -> Row {
    let record = Record {
        id,
        path: format!("folder/{id}.png"),
        product: format!("p{}", id / 2),
        category: if id.is_multiple_of(2) { "even" } else { "odd" }.into(),
        colour: ["red", "green", "blue"][id as usize % 3].into(),
        content_hash: format!("{id:064x}"),
        width: 10 + id as u32 % 7,
        height: 20,
        meta: [
            ("tenth".to_owned(), (id % 10).to_string()),
            ("rest".to_owned(), (id % 1000).to_string()),
        ]
        .into(),
        ..Record::default()
    };
    Row { record, vector: vector(id, dimension) }
}

pub(crate) fn rows(ids: std::ops::Range<u64>, dimension: usize) -> Vec<Row> {
    ids.map(|id| row(id, dimension)).collect()
}

pub(crate) fn embedded(folder: &Path, dimension: usize) -> Embedded {
    Embedded::create(folder, &fingerprint(dimension), EXACT).unwrap()
}

/// Runs a check on every store.
pub(crate) fn on_each(dimension: usize, check: impl Fn(&dyn VectorStore)) {
    check(&Memory::new(fingerprint(dimension)));
    let folder = tempfile::tempdir().unwrap();
    check(&embedded(folder.path(), dimension));
    #[cfg(feature = "milvus")]
    milvus::on_server(dimension, &check);
}

/// Whether every call takes its time.
pub(crate) fn is_remote(store: &dyn VectorStore) -> bool {
    store.describe().unwrap().engine == "milvus"
}
