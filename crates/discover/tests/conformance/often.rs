//! A store of many rows that is searched often, which keeps them rounded: its answers stay those of the oracle.

use lookalike_discover::store::{
    Effort, Embedded, Filter, Memory, Row, SearchOptions, Selection, VectorStore,
};

use crate::{EXACT, drawn, embedded, fingerprint, row, rows};

const DIMENSION: usize = 16;

fn same(store: &dyn VectorStore, oracle: &Memory, what: &str) {
    let queries: Vec<Vec<f32>> = (0..70).map(|n| drawn(7_000 + n, DIMENSION)).collect();
    let filters = ["category=even", "tenth=3", "colour=mauve"].map(|text| Filter::parse(text).ok());
    for filter in [None].into_iter().chain(filters) {
        for effort in [Effort::Exact, Effort::Recall95] {
            let options =
                SearchOptions { effort, ..SearchOptions::exact(10).among(filter.clone()) };
            let together = store.search(&queries, &options).unwrap();
            assert_eq!(together, oracle.search(&queries, &options).unwrap(), "{what} {filter:?}");
            for (query, expected) in queries.iter().zip(&together).step_by(9) {
                let alone = store.search(std::slice::from_ref(query), &options).unwrap();
                assert_eq!(alone[0], *expected, "{what} {filter:?}");
            }
        }
    }
}

#[test]
fn answers_stay_those_of_the_oracle_while_rows_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let (store, oracle) = (embedded(folder.path(), DIMENSION), Memory::new(fingerprint(DIMENSION)));
    let both = |rows: &[Row]| {
        store.upsert(rows).unwrap();
        oracle.upsert(rows).unwrap();
    };
    both(&rows(1..5001, DIMENSION));
    same(&store, &oracle, "first");
    both(&rows(5001..6001, DIMENSION));
    same(&store, &oracle, "with more");
    let moved =
        (1..300).map(|id| Row { vector: drawn(90_000 + id, DIMENSION), ..row(id, DIMENSION) });
    both(&moved.collect::<Vec<_>>());
    same(&store, &oracle, "with others in their place");
    let gone = Selection::Ids((1000..1500).collect());
    store.delete(&gone).unwrap();
    oracle.delete(&gone).unwrap();
    same(&store, &oracle, "with fewer");
    let most = Selection::Matching(Filter::parse("category=odd or tenth=4").unwrap());
    store.delete(&most).unwrap();
    oracle.delete(&most).unwrap();
    store.flush().unwrap();
    same(&store, &oracle, "in another file");
    drop(store);
    same(&Embedded::read_only(folder.path(), EXACT).unwrap(), &oracle, "opened again");
}
