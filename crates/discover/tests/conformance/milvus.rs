//! A Milvus server: the whole list, and what can only go wrong with one.
//!
//! `tools/milvus-test` starts a server and says where it is:
//!
//! * `LOOKALIKE_TEST_MILVUS`: the address of a database, `milvus+http://127.0.0.1:19530/default`
//! * `LOOKALIKE_TEST_MILVUS_CONTROL`: a program that does `stop`, `continue`, `kill` and `start` with the server
//! * `LOOKALIKE_TEST_MILVUS_GUARDED`: the address of a database whose server asks for a token, root:Milvus
//! * `LOOKALIKE_TEST_MILVUS_TABLE`: a file for what the stores were measured at
//!
//! Without them the checks say that they were skipped.

use std::collections::HashSet;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lookalike_discover::Error;
use lookalike_discover::recall::recall;
use lookalike_discover::store::{
    Effort, Filter, Fingerprint, Freshness, MilvusAddress, MilvusOptions, MilvusStore, Row,
    SearchOptions, Selection, Token, VectorStore,
};

use crate::{drawn, embedded, fingerprint, row, rows};

const SERVER: &str = "LOOKALIKE_TEST_MILVUS";
const CONTROL: &str = "LOOKALIKE_TEST_MILVUS_CONTROL";
const GUARDED: &str = "LOOKALIKE_TEST_MILVUS_GUARDED";
const TABLE: &str = "LOOKALIKE_TEST_MILVUS_TABLE";

/// One test at a time: some of them stop the server.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn variable(name: &str) -> Option<String> {
    let found = std::env::var(name).ok().filter(|text| !text.is_empty());
    if found.is_none() {
        println!("skipped: {name} is not set; tools/milvus-test starts a server and sets it");
    }
    found
}

/// A catalogue that no other check has.
fn fresh(server: &str) -> MilvusAddress {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let catalogue = format!("t{}_{number}", std::process::id());
    MilvusAddress::parse(&format!("{server}/{catalogue}")).unwrap()
}

fn options() -> MilvusOptions {
    MilvusOptions { approximate_from: usize::MAX, ..MilvusOptions::default() }
}

fn created(address: &MilvusAddress, dimension: usize) -> MilvusStore {
    MilvusStore::create(address, &fingerprint(dimension), &options()).unwrap()
}

/// Runs a check on a store of the server, where there is one.
pub(crate) fn on_server(dimension: usize, check: &dyn Fn(&dyn VectorStore)) {
    let Some(server) = variable(SERVER) else { return };
    let _turn = turn();
    let store = created(&fresh(&server), dimension);
    check(&store);
    store.destroy().unwrap();
}

fn control(what: &str) {
    let program = std::env::var(CONTROL).unwrap();
    let status = Command::new(program).arg(what).status().unwrap();
    assert!(status.success(), "{what}");
}

fn ids(store: &dyn VectorStore) -> Vec<u64> {
    store.scan_records(0, usize::MAX).unwrap().iter().map(|record| record.id).collect()
}

#[test]
fn a_catalogue_is_the_same_when_it_is_opened_again() {
    let Some(server) = variable(SERVER) else { return };
    let _turn = turn();
    let address = fresh(&server);
    let missing = MilvusStore::open(&address, &options()).err().unwrap().to_string();
    assert!(missing.contains("discover index"), "{missing}");
    let before = {
        let store = created(&address, 10);
        store.upsert(&rows(1..200, 10)).unwrap();
        store.delete(&Selection::Ids((150..180).collect())).unwrap();
        store.upsert(&rows(10..20, 10)).unwrap();
        store.delete(&Selection::Ids(vec![199])).unwrap();
        store.scan(0, 1000).unwrap()
    };
    let strong = MilvusOptions { strong: true, ..options() };
    let store = MilvusStore::open(&address, &strong).unwrap();
    assert_eq!(store.scan(0, 1000).unwrap(), before);
    let info = store.describe().unwrap();
    assert_eq!((info.fingerprint, info.count), (fingerprint(10), 168));
    assert_eq!(info.next_id, 200, "199 was used, though it is gone");
    // Another model, another dimension.
    for other in [Fingerprint { weights: "abd".into(), ..fingerprint(10) }, fingerprint(11)] {
        let refused = MilvusStore::create(&address, &other, &options());
        assert!(matches!(refused, Err(Error::WrongModel { .. })));
    }
    assert!(MilvusStore::create(&address, &fingerprint(10), &options()).is_ok());
    store.destroy().unwrap();
}

#[test]
fn a_database_that_is_not_there_is_named() {
    let Some(server) = variable(SERVER) else { return };
    let _turn = turn();
    let other = server.replace("/default", "/nowhere");
    let refused = MilvusStore::open(&fresh(&other), &options()).err().unwrap().to_string();
    assert!(refused.contains("nowhere"), "{refused}");
}

#[test]
fn two_write_and_one_reads() {
    let Some(server) = variable(SERVER) else { return };
    let _turn = turn();
    let address = fresh(&server);
    let (one, other) = (created(&address, 8), created(&address, 8));
    let reader = MilvusStore::open(&address, &MilvusOptions { strong: true, ..options() }).unwrap();
    std::thread::scope(|scope| {
        for (store, offset) in [(&one, 0), (&other, 1000)] {
            scope.spawn(move || {
                for batch in 0..10_u64 {
                    let first = 1 + offset + 10 * batch;
                    store.upsert(&rows(first..first + 10, 8)).unwrap();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..6 {
                let found = ids(&reader);
                assert_eq!(found.len() % 10, 0, "batches are whole: {found:?}");
            }
        });
    });
    assert_eq!(reader.count(None).unwrap(), 200);
    // Whoever wrote last, the next id is above all.
    let again = created(&address, 8);
    assert_eq!(again.describe().unwrap().next_id, 1101);
    again.destroy().unwrap();
}

#[test]
fn what_is_too_large_is_cut() {
    let Some(server) = variable(SERVER) else { return };
    let _turn = turn();
    // 8 KiB a row: more than one batch, and more than one answer.
    let store = created(&fresh(&server), 2048);
    let all = rows(1..2001, 2048);
    let outcome = store.upsert(&all).unwrap();
    assert_eq!((outcome.applied.len(), outcome.failed.len()), (2000, 0));
    assert_eq!(store.count(None).unwrap(), 2000);
    let found = store.scan(0, usize::MAX).unwrap();
    assert_eq!(found.len(), 2000);
    assert!(found.iter().zip(&all).all(|(found, row)| found.record == row.record));
    let long = Row {
        record: lookalike_discover::store::Record {
            meta: [("much".to_owned(), "x".repeat(70_000))].into(),
            ..row(5, 2048).record
        },
        ..row(5, 2048)
    };
    let outcome = store.upsert(&[long]).unwrap();
    assert!(matches!(outcome.failed[0].1, Error::TooLarge { field: "further metadata", .. }));
    store.destroy().unwrap();
}

#[test]
fn acknowledged_rows_survive_a_kill() {
    let (Some(server), Some(_)) = (variable(SERVER), variable(CONTROL)) else { return };
    let _turn = turn();
    let address = fresh(&server);
    let store = created(&address, 16);
    store.upsert(&rows(1..1001, 16)).unwrap();
    store.flush().unwrap();
    store.upsert(&rows(1001..1501, 16)).unwrap();
    store.delete(&Selection::Ids((1..11).collect())).unwrap();
    let before = store.scan(0, usize::MAX).unwrap();
    // Killed while another batch is on its way; the batch is repeated until the server is back.
    let patient = MilvusOptions { patience: Duration::from_secs(180), ..options() };
    let writer = MilvusStore::create(&address, &fingerprint(16), &patient).unwrap();
    std::thread::scope(|scope| {
        let written = scope.spawn(|| {
            (0..40_u64).try_for_each(|batch| {
                let first = 2001 + 50 * batch;
                writer.upsert(&rows(first..first + 50, 16)).map(|outcome| {
                    assert!(outcome.failed.is_empty());
                })
            })
        });
        std::thread::sleep(Duration::from_millis(150));
        control("kill");
        control("start");
        written.join().unwrap().unwrap();
    });
    let waiting = MilvusOptions { patience: Duration::from_secs(120), strong: true, ..options() };
    let again = MilvusStore::open(&address, &waiting).unwrap();
    let found = again.scan(0, usize::MAX).unwrap();
    assert_eq!(found.len(), 1490 + 2000);
    assert_eq!(found[..1490], before);
    assert_eq!(again.describe().unwrap().next_id, 4001);
    let hits = again.search(&[row(1200, 16).vector], &SearchOptions::exact(1)).unwrap();
    assert_eq!(hits[0][0].id, 1200);
    again.destroy().unwrap();
}

#[test]
fn a_frozen_server_is_not_waited_for() {
    let (Some(server), Some(_)) = (variable(SERVER), variable(CONTROL)) else { return };
    let _turn = turn();
    let address = fresh(&server);
    let store = created(&address, 8);
    store.upsert(&rows(1..3001, 8)).unwrap();
    let short = MilvusOptions {
        connect: Duration::from_secs(1),
        call: Duration::from_secs(1),
        patience: Duration::from_secs(2),
        ..options()
    };
    let hasty = MilvusStore::open(&address, &short).unwrap();
    control("stop");
    let deadline = Duration::from_secs(1);
    let asked = SearchOptions { deadline: Some(deadline), ..SearchOptions::approximate(5) };
    let started = Instant::now();
    let late = store.search(&[drawn(1, 8)], &asked);
    let took = started.elapsed();
    let late = late.unwrap_err();
    assert!(matches!(late, Error::Timeout(limit) if limit == deadline), "{late}");
    assert!(took < deadline + deadline / 10, "{took:?}");
    // A budget instead of a deadline.
    let started = Instant::now();
    let refused = hasty.upsert(&rows(1..11, 8)).unwrap_err();
    assert!(matches!(refused, Error::Timeout(_) | Error::Unreachable { .. }), "{refused}");
    assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    let started = Instant::now();
    let refused = MilvusStore::open(&address, &short).err().unwrap();
    assert!(matches!(refused, Error::Unreachable { .. }), "{refused}");
    assert!(started.elapsed() < Duration::from_millis(1500));
    control("continue");
    assert_eq!(store.count(None).unwrap(), 3000);
    assert_eq!(store.search(&[row(7, 8).vector], &SearchOptions::exact(1)).unwrap()[0][0].id, 7);
    store.destroy().unwrap();
}

#[test]
fn a_server_that_goes_half_way_leaves_a_list() {
    let (Some(server), Some(_)) = (variable(SERVER), variable(CONTROL)) else { return };
    let _turn = turn();
    let address = fresh(&server);
    drop(created(&address, 512));
    let hasty = MilvusOptions {
        call: Duration::from_secs(2),
        patience: Duration::from_secs(3),
        ..options()
    };
    let store = MilvusStore::open(&address, &hasty).unwrap();
    // So many that it stops among them, and so few that giving up on the rest takes less than the ten seconds after
    // which a frozen server takes itself for dead.
    let all = rows(1..10_001, 512);
    let outcome = std::thread::scope(|scope| {
        let written = scope.spawn(|| store.upsert(&all));
        std::thread::sleep(Duration::from_millis(400));
        control("stop");
        let outcome = written.join().unwrap();
        control("continue");
        outcome
    });
    match outcome {
        Ok(outcome) => {
            assert_eq!(outcome.applied.len() + outcome.failed.len(), all.len());
            println!("{} rows were written before the server stopped", outcome.applied.len());
            for (_, error) in &outcome.failed {
                assert!(matches!(error, Error::Partial { .. }), "{error}");
            }
            let there = store.get(&outcome.applied[..outcome.applied.len().min(50)]).unwrap();
            assert!(there.iter().all(Option::is_some));
        }
        Err(error) => assert!(matches!(error, Error::Timeout(_)), "{error}"),
    }
    let again = MilvusStore::create(&address, &fingerprint(512), &options()).unwrap();
    assert!(again.upsert(&all).unwrap().failed.is_empty());
    assert_eq!(again.count(None).unwrap(), 10_000);
    again.destroy().unwrap();
}

#[test]
fn who_has_no_token_is_refused() {
    let Some(server) = variable(GUARDED) else { return };
    let _turn = turn();
    let address = fresh(&server);
    for token in [None, Some("root:wrong"), Some("nobody:Milvus")] {
        let token = token.map(|token| Token::new(token).unwrap());
        let started = Instant::now();
        let refused =
            MilvusStore::open(&address, &MilvusOptions { token, ..options() }).err().unwrap();
        assert!(matches!(refused, Error::Unauthorised { .. }), "{refused}");
        assert!(!refused.to_string().contains("wrong"), "{refused}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    let token = Some(Token::new("root:Milvus").unwrap());
    let known = MilvusOptions { token, ..options() };
    let store = MilvusStore::create(&address, &fingerprint(4), &known).unwrap();
    store.upsert(&rows(1..20, 4)).unwrap();
    let hits = store.search(&[row(9, 4).vector], &SearchOptions::exact(1)).unwrap();
    assert_eq!(hits[0][0].id, 9);
    store.destroy().unwrap();
}

/// Recall, time and fill of searches with filters of every selectivity, and what churn costs.
#[test]
fn an_approximate_index_reaches_its_targets() {
    const ROWS: u64 = 10_000;
    const DIMENSION: usize = 128;
    let Some(server) = variable(SERVER) else { return };
    let _turn = turn();
    let address = fresh(&server);
    let options = MilvusOptions { approximate_from: 5000, ..MilvusOptions::default() };
    let store = MilvusStore::create(&address, &fingerprint(DIMENSION), &options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let oracle = embedded(folder.path(), DIMENSION);
    let all = rows(1..ROWS + 1, DIMENSION);
    let mut lines = Vec::new();
    let mut timed = |what: &str, count: usize, run: &mut dyn FnMut()| {
        let started = Instant::now();
        run();
        let seconds = started.elapsed().as_secs_f64();
        lines.push(format!("| {what} | {count} | {seconds:.2} s |"));
    };
    timed("upsert, embedded", all.len(), &mut || drop(oracle.upsert(&all).unwrap()));
    timed("upsert, Milvus", all.len(), &mut || drop(store.upsert(&all).unwrap()));
    timed("flush and approximate index, Milvus", all.len(), &mut || store.flush().unwrap());
    assert!(store.describe().unwrap().approximate);
    let mut recalls = Vec::new();
    for (effort, target) in [(Effort::Recall95, 0.93), (Effort::Recall98, 0.96)] {
        let found = recall(&store, 10, effort, 20, 3).unwrap();
        assert!(found.recall >= target, "{effort:?}: {}", found.recall);
        recalls.push(found);
    }
    assert_eq!(recall(&store, 10, Effort::Exact, 2, 3).unwrap().recall, 1.0);
    let queries: Vec<Vec<f32>> = (0..20).map(|n| row(1 + n * 487, DIMENSION).vector).collect();
    let mut filtered = Vec::new();
    for (text, count) in [
        ("category=even", 5000),
        ("tenth=3", 1000),
        ("rest>=10 and rest<=19", 100),
        ("rest=7", 10),
        ("colour=mauve", 0_usize),
    ] {
        let filter = Filter::parse(text).unwrap();
        let asked =
            SearchOptions { freshness: Freshness::Bounded, ..SearchOptions::approximate(10) };
        let asked = asked.among(Some(filter.clone()));
        let truth =
            oracle.search(&queries, &SearchOptions::exact(10).among(Some(filter.clone()))).unwrap();
        let (mut right, mut wanted, mut times) = (0, 0, Vec::new());
        for (query, truth) in queries.iter().zip(&truth) {
            let started = Instant::now();
            let hits = store.search(std::slice::from_ref(query), &asked).unwrap().remove(0);
            times.push(started.elapsed());
            assert_eq!(hits.len(), count.min(10), "{text}");
            let truth: HashSet<u64> = truth.iter().map(|hit| hit.id).collect();
            right += hits.iter().filter(|hit| truth.contains(&hit.id)).count();
            wanted += truth.len();
            let ids: Vec<u64> = hits.iter().map(|hit| hit.id).collect();
            let records = store.records(&ids).unwrap();
            assert!(records.iter().flatten().all(|record| filter.accepts(record)), "{text}");
        }
        times.sort_unstable();
        let share = if wanted == 0 { 1.0 } else { right as f64 / wanted as f64 };
        assert!(share >= 0.95, "{text}: {share}");
        filtered.push((text, count as f64 / ROWS as f64, share, times[times.len() / 2]));
    }
    let before = recalls[0].recall;
    for round in 0..10_u64 {
        let churned: Vec<u64> = (1..ROWS + 1).filter(|id| id % 10 == round).collect();
        assert_eq!(store.delete(&Selection::Ids(churned)).unwrap(), ROWS / 10);
        let again: Vec<Row> =
            all.iter().filter(|row| row.record.id % 10 == round).cloned().collect();
        store.upsert(&again).unwrap();
    }
    assert_eq!(store.count(None).unwrap(), ROWS);
    let after = recall(&store, 10, Effort::Recall95, 20, 3).unwrap().recall;
    assert!(after >= before - 0.01, "{before} {after}");
    if let Some(path) = variable(TABLE) {
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let mut text =
            String::from("| 10 000 rows of 128 numbers | rows | time |\n| --- | ---: | ---: |\n");
        lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        text.push_str("\n| Milvus, HNSW: search for 10 | recall@10 | worst query | median |\n| --- | ---: | ---: | ---: |\n");
        for (name, one) in ["95 of 100", "98 of 100"].iter().zip(&recalls) {
            text.push_str(&format!(
                "| effort {name}, all acknowledged rows | {:.3} | {:.2} | {} |\n",
                one.recall,
                one.worst,
                ms(one.approximate)
            ));
        }
        text.push_str(&format!(
            "| exact: all vectors fetched | 1.000 | 1.00 | {} |\n| effort 95 of 100 after 10 rounds of 10 % churn | {after:.3} | | |\n",
            ms(recalls[0].exact)
        ));
        text.push_str("\n| filter, effort 95 of 100 | rows let through | recall@10 | median |\n| --- | ---: | ---: | ---: |\n");
        for (name, share, recall, median) in filtered {
            text.push_str(&format!(
                "| `{name}` | {:.1} % | {recall:.3} | {} |\n",
                share * 100.0,
                ms(median)
            ));
        }
        std::fs::write(path, text).unwrap();
    }
    store.destroy().unwrap();
}
