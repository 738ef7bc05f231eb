//! The approximate index: what it finds, and that it never makes an answer wrong.

use std::collections::HashSet;

use lookalike_discover::recall::recall;
use lookalike_discover::store::{
    Effort, Embedded, EmbeddedOptions, Filter, SearchOptions, Selection, VectorStore,
};

use crate::{drawn, fingerprint, row, rows};

const DIMENSION: usize = 32;
const ROWS: u64 = 3000;
const OPTIONS: EmbeddedOptions = EmbeddedOptions { approximate_from: 100 };

fn built(folder: &std::path::Path) -> Embedded {
    let store = Embedded::create(folder, &fingerprint(DIMENSION), OPTIONS).unwrap();
    store.upsert(&rows(1..ROWS + 1, DIMENSION)).unwrap();
    assert!(!store.describe().unwrap().approximate);
    store.flush().unwrap();
    assert!(store.describe().unwrap().approximate);
    store
}

fn found(store: &Embedded, effort: Effort) -> f64 {
    recall(store, 10, effort, 200, 3).unwrap().recall
}

#[test]
fn efforts_reach_their_targets_and_churn_costs_little() {
    let folder = tempfile::tempdir().unwrap();
    let store = built(folder.path());
    let before = found(&store, Effort::Recall95);
    assert!(before >= 0.93, "{before}");
    let harder = found(&store, Effort::Recall98);
    assert!(harder >= 0.97, "{harder}");
    assert_eq!(found(&store, Effort::Exact), 1.0);
    for round in 0..5 {
        let churned: Vec<u64> = (1..ROWS + 1).filter(|id| id % 10 == round).collect();
        store.delete(&Selection::Ids(churned)).unwrap();
        let again = rows(1..ROWS + 1, DIMENSION);
        let again: Vec<_> = again.into_iter().filter(|row| row.record.id % 10 == round).collect();
        store.upsert(&again).unwrap();
    }
    assert!(store.describe().unwrap().approximate);
    let after = found(&store, Effort::Recall95);
    assert!(after >= before - 0.02, "{before} {after}");
    // Now as nodes of the graph.
    store.flush().unwrap();
    assert!(store.describe().unwrap().approximate);
    let flushed = found(&store, Effort::Recall95);
    assert!(flushed >= before - 0.02, "{before} {flushed}");
    // Filters that let few and many through.
    let query = vec![drawn(4, DIMENSION)];
    for (text, count) in
        [("category=even", 1500), ("tenth=3", 300), ("rest=7", 3), ("colour=mauve", 0)]
    {
        let filter = Filter::parse(text).unwrap();
        let options = SearchOptions::approximate(10).among(Some(filter.clone()));
        let hits = store.search(&query, &options).unwrap().remove(0);
        assert_eq!(hits.len(), count.min(10), "{text}");
        let exact = SearchOptions::exact(10).among(Some(filter));
        let truth: HashSet<u64> =
            store.search(&query, &exact).unwrap()[0].iter().map(|hit| hit.id).collect();
        let right = hits.iter().filter(|hit| truth.contains(&hit.id)).count();
        assert!(right + 2 >= truth.len(), "{text}: {right} of {}", truth.len());
    }
}

#[test]
fn an_index_that_does_not_belong_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    drop(built(folder.path()));
    let file = folder.path().join("neighbours.graph");
    let open = || Embedded::open(folder.path(), OPTIONS).unwrap();
    assert!(open().describe().unwrap().approximate);
    let whole = std::fs::read(&file).unwrap();
    let truth = open().search(&[drawn(8, DIMENSION)], &SearchOptions::exact(20)).unwrap();
    // Cut off, overwritten, gone: the same answers, exactly, and the index again after a flush.
    for damage in [Some(&whole[..whole.len() / 2]), Some(b"nothing".as_slice()), None] {
        match damage {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let store = open();
        assert!(!store.describe().unwrap().approximate);
        let hits = store.search(&[drawn(8, DIMENSION)], &SearchOptions::approximate(20)).unwrap();
        assert_eq!(hits, truth);
        store.flush().unwrap();
        assert!(store.describe().unwrap().approximate);
    }
    // Searches do without the library's own file; rows that are added need it, or a new index.
    std::fs::write(folder.path().join("neighbours.usearch"), b"nothing").unwrap();
    let store = open();
    assert!(store.describe().unwrap().approximate);
    store.upsert(&rows(ROWS + 1..ROWS + 2, DIMENSION)).unwrap();
    let added = row(ROWS + 1, DIMENSION).vector;
    for _ in 0..2 {
        let options = SearchOptions::approximate(1);
        assert_eq!(
            store.search(std::slice::from_ref(&added), &options).unwrap()[0][0].id,
            ROWS + 1
        );
        store.flush().unwrap();
        assert!(store.describe().unwrap().approximate);
    }
    drop(store);
    // Of rows as they were before.
    let store = open();
    store.delete(&Selection::Ids(vec![1])).unwrap();
    drop(store);
    assert!(!open().describe().unwrap().approximate);
}
