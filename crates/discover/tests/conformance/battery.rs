//! What does not depend on the engine.

use lookalike_discover::Error;
use lookalike_discover::search::{Request, search};
use lookalike_discover::store::{
    Effort, Field, Filter, Memory, Record, Row, SearchOptions, Selection, VectorStore,
};

use crate::{drawn, embedded, fingerprint, is_remote, on_each, row, rows};

fn all(store: &dyn VectorStore) -> Vec<Row> {
    store.scan(0, usize::MAX).unwrap()
}

#[test]
fn order_and_scores_are_those_of_the_oracle() {
    let oracle = Memory::new(fingerprint(24));
    oracle.upsert(&rows(1..900, 24)).unwrap();
    // Equal vectors, whose order is that of ids.
    let copies: Vec<Row> =
        (900..905).map(|id| Row { vector: row(1, 24).vector, ..row(id, 24) }).collect();
    oracle.upsert(&copies).unwrap();
    on_each(24, |store| {
        store.upsert(&copies).unwrap();
        store.upsert(&rows(1..900, 24)).unwrap();
        let queries: Vec<Vec<f32>> = (0..200).map(|n| drawn(5_000 + n, 24)).collect();
        for k in [0, 1, 10, 5000] {
            let options = SearchOptions::exact(k);
            let together = store.search(&queries, &options).unwrap();
            assert_eq!(together, oracle.search(&queries, &options).unwrap());
            assert!(together.iter().all(|hits| hits.len() == k.min(904)));
            let count = if is_remote(store) { 5 } else { queries.len() };
            let alone =
                queries[..count].iter().map(|q| store.search(std::slice::from_ref(q), &options));
            let alone: Vec<_> = alone.map(|hits| hits.unwrap().remove(0)).collect();
            assert_eq!(alone, together[..count]);
        }
        let copy = store.search(&[row(1, 24).vector], &SearchOptions::exact(6)).unwrap().remove(0);
        let ids: Vec<u64> = copy.iter().map(|hit| hit.id).collect();
        assert_eq!(ids, [1, 900, 901, 902, 903, 904]);
        assert!((copy[5].score - 1.0).abs() < 1e-5);
    });
}

#[test]
fn filters_let_through_what_they_say_and_nothing_else() {
    on_each(16, |store| {
        store.upsert(&rows(1..3001, 16)).unwrap();
        let query = vec![drawn(9, 16)];
        for (text, count) in [
            ("category=even", 1500),
            ("tenth=3", 300),
            ("rest>=10 and rest<=19", 30),
            ("rest=7", 3),
            ("colour in (red, green) and not category=odd", 1000),
            ("id in (5, 6, 99999)", 2),
            ("colour=mauve", 0),
            ("path='folder/17.png'", 1),
            ("width=12", 429),
            ("width>=15.5 and height<21", 428),
            ("tenth!=3 and rest<10", 27),
            ("tenth>=4.5 and tenth<6", 300),
            ("category>even", 1500),
            ("material=\"\"", 3000),
            ("material>a or tenth=\"\"", 0),
            ("not (product in (p1, p2, p3) or material=x)", 2994),
            ("hash>=00000000000000000000000000000000000000000000000000000000000003ed", 1996),
        ] {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(store.count(Some(&filter)).unwrap(), count, "{text}");
            for effort in [Effort::Exact, Effort::Recall95] {
                let options = SearchOptions { effort, ..SearchOptions::exact(40) };
                let hits = store.search(&query, &options.among(Some(filter.clone()))).unwrap();
                assert_eq!(hits[0].len() as u64, count.min(40), "{text}");
                let ids: Vec<u64> = hits[0].iter().map(|hit| hit.id).collect();
                let found = store.records(&ids).unwrap();
                assert!(found.iter().all(|one| filter.accepts(one.as_ref().unwrap())), "{text}");
            }
        }
    });
}

#[test]
fn own_writes_are_read_at_once() {
    on_each(8, |store| {
        assert_eq!(store.upsert(&rows(1..11, 8)).unwrap().applied.len(), 10);
        assert_eq!(store.delete(&Selection::Ids(vec![3, 4, 4, 77])).unwrap(), 2);
        let odd = Filter::parse("category=odd").unwrap();
        assert_eq!(store.delete(&Selection::Matching(odd)).unwrap(), 4);
        let left: Vec<u64> = all(store).iter().map(|row| row.record.id).collect();
        assert_eq!(left, [2, 6, 8, 10]);
        // Again, and over what is there.
        let changed = Row { vector: drawn(1, 8), ..row(6, 8) };
        store.upsert(&[row(3, 8), changed.clone(), changed.clone()]).unwrap();
        assert_eq!(store.count(None).unwrap(), 5);
        let hit =
            store.search(std::slice::from_ref(&changed.vector), &SearchOptions::exact(1)).unwrap();
        assert_eq!(hit[0][0].id, 6);
        let got = store.get(&[6, 5, 3]).unwrap();
        assert_eq!(got.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(got[0].as_ref().unwrap().record, changed.record);
        assert_eq!(store.describe().unwrap().next_id, 11, "ids are never used again");
        let page: Vec<u64> = store.scan(3, 2).unwrap().iter().map(|row| row.record.id).collect();
        assert_eq!(page, [6, 8]);
        store.flush().unwrap();
        assert_eq!(store.count(None).unwrap(), 5);
    });
}

#[test]
fn bad_rows_are_named_and_good_ones_stored() {
    on_each(4, |store| {
        let mut batch = rows(1..1001, 4);
        batch[10].vector = vec![1.0; 3];
        batch[20].vector[1] = f32::NAN;
        batch[30].vector = vec![0.0; 4];
        batch[40].vector[0] = f32::INFINITY;
        batch[50].record.product = "x".repeat(257);
        let outcome = store.upsert(&batch).unwrap();
        assert_eq!(outcome.applied.len(), 995);
        let failed: Vec<u64> = outcome.failed.iter().map(|one| one.0).collect();
        assert_eq!(failed, [11, 21, 31, 41, 51]);
        assert!(matches!(outcome.failed[0].1, Error::WrongDimension { expected: 4, found: 3 }));
        assert!(matches!(outcome.failed[1].1, Error::NotFinite { .. }));
        assert!(matches!(outcome.failed[4].1, Error::TooLarge { found: 257, .. }));
        assert_eq!(store.count(None).unwrap(), 995);
        // Put right, they are stored.
        assert!(store.upsert(&rows(1..1001, 4)).unwrap().failed.is_empty());
        assert_eq!(store.count(None).unwrap(), 1000);
        let exact = SearchOptions::exact(1);
        assert!(matches!(store.search(&[vec![1.0; 5]], &exact), Err(Error::WrongDimension { .. })));
        assert!(matches!(store.search(&[vec![0.0; 4]], &exact), Err(Error::NotFinite { .. })));
    });
}

#[test]
fn ends_of_ids_and_texts_are_kept() {
    on_each(2, |store| {
        let last = i64::MAX as u64;
        let odd = "it's \"quoted\" \\ ünï\u{1F600}; DROP TABLE image; --";
        let record = |id: u64, colour: &str| Record {
            id,
            colour: colour.to_owned(),
            path: "p".repeat(1024),
            ..Record::default()
        };
        let row = |record: Record| Row { record, vector: vec![1.0, 2.0] };
        let rows = [
            row(record(last, odd)),
            row(record(1, "")),
            row(record(0, "")),
            row(record(last + 1, "")),
        ];
        let outcome = store.upsert(&rows).unwrap();
        assert_eq!((outcome.applied.len(), outcome.failed.len()), (2, 2));
        let filter = Filter::Eq(Field::Colour, odd.to_owned());
        assert_eq!(store.count(Some(&filter)).unwrap(), 1);
        assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
        assert_eq!(store.scan(1, 9).unwrap()[0].record.id, last);
        assert!(store.scan(u64::MAX, 9).unwrap().is_empty());
    });
}

#[test]
fn an_empty_store_finds_nothing() {
    on_each(4, |store| {
        let hits = store.search(&[vec![1.0; 4], vec![2.0; 4]], &SearchOptions::exact(3)).unwrap();
        assert_eq!(hits, [vec![], vec![]]);
        assert!(store.search(&[], &SearchOptions::exact(3)).unwrap().is_empty());
        assert_eq!(store.upsert(&[]).unwrap().applied.len(), 0);
        assert_eq!(store.delete(&Selection::Ids(vec![1])).unwrap(), 0);
        store.flush().unwrap();
        assert_eq!(store.describe().unwrap().count, 0);
    });
}

#[test]
fn products_are_grouped_as_by_the_oracle() {
    let oracle = Memory::new(fingerprint(12));
    oracle.upsert(&rows(1..500, 12)).unwrap();
    on_each(12, |store| {
        store.upsert(&rows(1..500, 12)).unwrap();
        for number in 0..if is_remote(store) { 4 } else { 20 } {
            let request = Request {
                k: 15,
                one_per_product: true,
                without_product: Some("p7".into()),
                effort: Effort::Exact,
                ..Request::default()
            };
            let query = drawn(900 + number, 12);
            let found = search(store, &query, &request).unwrap();
            assert_eq!(found, search(&oracle, &query, &request).unwrap());
            assert_eq!(found.len(), 15);
        }
    });
}

#[test]
fn copies_of_a_store_are_identical() {
    let folder = tempfile::tempdir().unwrap();
    let first = embedded(folder.path(), 20);
    first.upsert(&rows(1..300, 20)).unwrap();
    on_each(20, |between| {
        between.upsert(&all(&first)).unwrap();
        let other = tempfile::tempdir().unwrap();
        let second = embedded(other.path(), 20);
        second.upsert(&all(between)).unwrap();
        assert_eq!(all(&first), all(&second));
        let records: Vec<Record> = all(&first).into_iter().map(|row| row.record).collect();
        assert_eq!(between.scan_records(0, usize::MAX).unwrap(), records);
    });
}

#[test]
fn metadata_of_any_name_and_text_is_kept_and_asked_about() {
    on_each(2, |store| {
        let odd = ["price", "a_b", "", "ünï \"c\"", "x[0]", "~/\\", "and", "Ab"];
        let texts = ["9.5", "-3", "1e3", "tab\tline\nend", "it's \"so\" \\", "", "10", "\u{1}ü"];
        let record = |id: u64, shift: usize| Record {
            id,
            meta: odd
                .iter()
                .enumerate()
                .map(|(place, name)| {
                    ((*name).to_owned(), texts[(place + shift) % texts.len()].to_owned())
                })
                .collect(),
            ..Record::default()
        };
        let all: Vec<Row> = (1..=8)
            .map(|id| Row { record: record(id, id as usize), vector: vec![1.0, id as f32] })
            .collect();
        store.upsert(&all).unwrap();
        let kept = store.records(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        for (row, kept) in all.iter().zip(&kept) {
            assert_eq!(kept.as_ref(), Some(&row.record));
        }
        for name in odd {
            let field = || Field::Meta(name.to_owned());
            for text in texts {
                let end = |text: &str| Some((text.to_owned(), true));
                for filter in [
                    Filter::Eq(field(), text.to_owned()),
                    Filter::Not(Box::new(Filter::Eq(field(), text.to_owned()))),
                    Filter::Range(field(), end(text), None),
                    Filter::Range(field(), None, end(text)),
                ] {
                    let expected = all.iter().filter(|row| filter.accepts(&row.record)).count();
                    assert_eq!(store.count(Some(&filter)).unwrap(), expected as u64, "{filter}");
                    if is_remote(store) && name != "price" {
                        break;
                    }
                }
            }
        }
    });
}

#[test]
fn the_folder_of_the_pictures_is_kept() {
    on_each(2, |store| {
        assert_eq!(store.pictures().unwrap(), None);
        store.set_pictures(std::path::Path::new("/pictures of \"ours\"")).unwrap();
        store.upsert(&rows(1..3, 2)).unwrap();
        let kept = store.pictures().unwrap();
        assert_eq!(kept.as_deref(), Some(std::path::Path::new("/pictures of \"ours\"")));
        assert_eq!(store.describe().unwrap().next_id, 3);
    });
}

#[test]
fn a_deadline_that_passed_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = embedded(folder.path(), 4);
    store.upsert(&rows(1..50, 4)).unwrap();
    let deadline = Some(std::time::Duration::ZERO);
    let options = SearchOptions { deadline, ..SearchOptions::exact(3) };
    let queries = vec![vec![1.0; 4]; 50];
    assert!(matches!(store.search(&queries, &options), Err(Error::Timeout(_))));
}
