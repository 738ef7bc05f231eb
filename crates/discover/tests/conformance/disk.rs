//! What the folder of a store keeps, and how it is found out when it does not.

use lookalike_discover::Error;
use lookalike_discover::store::{Embedded, SearchOptions, Selection, VectorStore};

use crate::{EXACT, embedded, fingerprint, rows};

#[test]
fn a_store_is_the_same_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let store = embedded(folder.path(), 10);
        store.upsert(&rows(1..200, 10)).unwrap();
        store.delete(&Selection::Ids((150..180).collect())).unwrap();
        store.upsert(&rows(10..20, 10)).unwrap();
        store.scan(0, 1000).unwrap()
    };
    let store = Embedded::open(folder.path(), EXACT).unwrap();
    assert_eq!(store.scan(0, 1000).unwrap(), before);
    assert_eq!(store.describe().unwrap().fingerprint, fingerprint(10));
    assert_eq!(store.describe().unwrap().next_id, 200);
}

#[test]
fn another_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(embedded(folder.path(), 10));
    let other = lookalike_discover::store::Fingerprint { weights: "abd".into(), ..fingerprint(10) };
    let refused = Embedded::create(folder.path(), &other, EXACT);
    assert!(matches!(refused, Err(Error::WrongModel { .. })));
    let empty = tempfile::tempdir().unwrap();
    let message = Embedded::open(empty.path(), EXACT).err().unwrap().to_string();
    assert!(message.contains("discover index"), "{message}");
    assert!(Embedded::read_only(&empty.path().join("no"), EXACT).is_err());
}

#[test]
fn one_writes_and_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let writer = embedded(folder.path(), 6);
    writer.upsert(&rows(1..50, 6)).unwrap();
    assert!(matches!(Embedded::open(folder.path(), EXACT), Err(Error::Unavailable(_))));
    let reader = Embedded::read_only(folder.path(), EXACT).unwrap();
    assert_eq!(reader.count(None).unwrap(), 49);
    assert!(reader.upsert(&rows(1..2, 6)).is_err());
    writer.upsert(&rows(50..60, 6)).unwrap();
    assert_eq!(reader.count(None).unwrap(), 49, "what was committed when it was opened");
    assert_eq!(Embedded::read_only(folder.path(), EXACT).unwrap().count(None).unwrap(), 59);
    drop(writer);
    assert!(Embedded::open(folder.path(), EXACT).is_ok());
}

#[test]
fn readers_and_a_writer_at_once_see_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let store = embedded(folder.path(), 8);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for batch in 0..20_u64 {
                store.upsert(&rows(1 + 10 * batch..11 + 10 * batch, 8)).unwrap();
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..60 {
                    let hits = store.search(&[vec![1.0; 8]], &SearchOptions::exact(500)).unwrap();
                    assert_eq!(hits[0].len() % 10, 0);
                }
            });
        }
    });
    assert_eq!(store.count(None).unwrap(), 200);
}

#[test]
fn vectors_that_nothing_names_are_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = embedded(folder.path(), 16);
    for _ in 0..5 {
        store.upsert(&rows(1..101, 16)).unwrap();
    }
    let size = |name: &str| std::fs::metadata(folder.path().join(name)).map(|m| m.len());
    let before = store.scan(0, 1000).unwrap();
    assert_eq!(size("vectors-1.f32").unwrap(), 64 + 500 * 64);
    store.flush().unwrap();
    assert!(size("vectors-1.f32").is_err());
    assert_eq!(size("vectors-2.f32").unwrap(), 64 + 100 * 64);
    assert_eq!(store.scan(0, 1000).unwrap(), before);
    store.upsert(&rows(101..111, 16)).unwrap();
    drop(store);
    let store = Embedded::open(folder.path(), EXACT).unwrap();
    assert_eq!(store.scan(0, 100).unwrap(), before);
    assert_eq!(store.count(None).unwrap(), 110);
}

#[test]
fn damage_is_found_out() {
    let damaged = |damage: &dyn Fn(&std::path::Path)| {
        let folder = tempfile::tempdir().unwrap();
        let store = embedded(folder.path(), 8);
        store.upsert(&rows(1..40, 8)).unwrap();
        drop(store);
        damage(&folder.path().join("vectors-1.f32"));
        Embedded::open(folder.path(), EXACT).err().unwrap().to_string()
    };
    let cut = damaged(&|path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() - 4]).unwrap();
    });
    assert!(cut.contains("expected 39 vectors, found 38"), "{cut}");
    let gone = damaged(&|path| std::fs::remove_file(path).unwrap());
    assert!(gone.contains("missing"), "{gone}");
    let other = damaged(&|path| std::fs::write(path, [0; 5000]).unwrap());
    assert!(other.contains("header"), "{other}");
    let folder = tempfile::tempdir().unwrap();
    drop(embedded(folder.path(), 8));
    std::fs::write(folder.path().join("records.sqlite"), b"no database at all, but text").unwrap();
    assert!(Embedded::open(folder.path(), EXACT).is_err());
}
