//! Many rows on a Milvus server: `tools/milvus-test --scale N FILE` sets how many and where the figures go.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use lookalike_discover::store::{
    Effort, Filter, Freshness, MilvusAddress, MilvusOptions, MilvusStore, SearchOptions,
    VectorStore,
};
use lookalike_discover::transfer::{copy, differences};

use crate::{embedded, fingerprint, rows, vector};

const DIMENSION: usize = 128;
/// Rows that are made and handed over at a time.
const CHUNK: u64 = 4000;
/// Searches at a time.
const CLIENTS: usize = 4;

/// The most memory that a process ever had, in MB.
fn peak(process: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Bytes of all files below a folder, in MB.
fn on_disk(folder: &Path) -> f64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => on_disk(&entry.path()),
        Ok(about) => about.len() as f64 / 1e6,
        // A server removes files while it runs.
        Err(_) => 0.0,
    });
    sizes.sum()
}

/// Searches in a second, asked one by one by threads that each have a connection.
fn rate_of_searches(stores: &[MilvusStore], queries: &[Vec<f32>], asked: &SearchOptions) -> f64 {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for store in stores {
            scope.spawn(move || {
                for query in queries {
                    store.search(std::slice::from_ref(query), asked).unwrap();
                }
            });
        }
    });
    (stores.len() * queries.len()) as f64 / started.elapsed().as_secs_f64()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

#[test]
fn many_rows() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(server), Some(count)) =
        (variable("LOOKALIKE_TEST_MILVUS"), variable("LOOKALIKE_TEST_MILVUS_SCALE"))
    else {
        println!(
            "skipped: LOOKALIKE_TEST_MILVUS_SCALE is not set; tools/milvus-test --scale N sets it"
        );
        return;
    };
    let count: u64 = count.parse().unwrap();
    let process = variable("LOOKALIKE_TEST_MILVUS_SERVER").unwrap_or_default();
    let address = MilvusAddress::parse(&format!("{server}/scale")).unwrap();
    let options = MilvusOptions { approximate_from: count as usize, ..MilvusOptions::default() };
    let store = MilvusStore::create(&address, &fingerprint(DIMENSION), &options).unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut line = |what: &str, value: String| {
        println!("{what}: {value}");
        lines.push(format!("| {what} | {value} |"));
    };
    if let Some(peak) = peak(&process) {
        line("server, memory before writing", format!("{peak:.0} MB"));
    }
    let mut writing = Duration::ZERO;
    for first in (1..=count).step_by(CHUNK as usize) {
        let made = rows(first..(first + CHUNK).min(count + 1), DIMENSION);
        let started = Instant::now();
        let outcome = store.upsert(&made).unwrap();
        writing += started.elapsed();
        assert!(outcome.failed.is_empty());
    }
    let rate = |time: Duration| {
        format!("{:.0} s, {:.0} rows/s", time.as_secs_f64(), count as f64 / time.as_secs_f64())
    };
    line("upsert", rate(writing));
    assert_eq!(store.count(None).unwrap(), count);
    if let Some(peak) = peak(&process) {
        line("server, peak memory after writing", format!("{peak:.0} MB"));
    }
    let queries: Vec<Vec<f32>> = (0..20).map(|n| vector(1 + n * (count / 20), DIMENSION)).collect();
    let started = Instant::now();
    store.flush().unwrap();
    line("flush, index and load", format!("{:.0} s", started.elapsed().as_secs_f64()));
    assert!(store.describe().unwrap().approximate);
    let started = Instant::now();
    let truth = store.search(&queries, &SearchOptions::exact(10)).unwrap();
    line("exact search of 20 queries: all vectors are fetched once", rate(started.elapsed()));
    for (name, effort) in [("95", Effort::Recall95), ("98", Effort::Recall98)] {
        let asked = SearchOptions { effort, ..SearchOptions::approximate(10) };
        let (mut times, mut right) = (Vec::new(), 0);
        for (query, truth) in queries.iter().zip(&truth) {
            let started = Instant::now();
            let hits = store.search(std::slice::from_ref(query), &asked).unwrap().remove(0);
            times.push(started.elapsed());
            let truth: HashSet<u64> = truth.iter().map(|hit| hit.id).collect();
            right += hits.iter().filter(|hit| truth.contains(&hit.id)).count();
        }
        let recall = right as f64 / (10 * queries.len()) as f64;
        assert!(recall >= 0.9, "{name}: {recall}");
        line(
            &format!("search for 10, effort {name} of 100"),
            format!("median {:.1} ms, recall {recall:.3}", median(times)),
        );
    }
    let asked = SearchOptions { effort: Effort::Recall95, ..SearchOptions::approximate(10) };
    let asked = SearchOptions { freshness: Freshness::Bounded, ..asked };
    let others = || MilvusStore::open(&address, &options).unwrap();
    let others: Vec<MilvusStore> = (0..CLIENTS).map(|_| others()).collect();
    let many: Vec<Vec<f32>> = (0..100).map(|n| vector(1 + n * (count / 100), DIMENSION)).collect();
    // What was never asked is loaded first.
    rate_of_searches(&others[..1], &many, &asked);
    for clients in [1, CLIENTS] {
        let rate = rate_of_searches(&others[..clients], &many, &asked);
        line(
            &format!("searches for 10, effort 95 of 100, {clients} at a time"),
            format!("{rate:.0}/s"),
        );
    }
    drop(others);
    for (text, share) in [
        ("category=even", 0.5),
        ("tenth=3", 0.1),
        ("rest>=10 and rest<=19", 0.01),
        ("rest=7", 0.001),
    ] {
        let filter = Filter::parse(text).unwrap();
        let expected = store.count(Some(&filter)).unwrap();
        assert!((expected as f64 / count as f64 - share).abs() < share * 0.2, "{text}: {expected}");
        let asked =
            SearchOptions { freshness: Freshness::Bounded, ..SearchOptions::approximate(10) };
        let asked = asked.among(Some(filter));
        let mut times = Vec::new();
        for query in &queries {
            let started = Instant::now();
            let hits = store.search(std::slice::from_ref(query), &asked).unwrap().remove(0);
            times.push(started.elapsed());
            assert_eq!(hits.len(), 10, "{text}");
        }
        line(
            &format!("search for 10 with a filter that lets {} % through", share * 100.0),
            format!("median {:.1} ms", median(times)),
        );
    }
    if let Some(state) = variable("LOOKALIKE_TEST_MILVUS_STATE") {
        let place = Path::new(&state).join("data");
        line("server, files on disk", format!("{:.0} MB", on_disk(&place)));
    }
    let folder = tempfile::tempdir().unwrap();
    let other = embedded(folder.path(), DIMENSION);
    let started = Instant::now();
    let copied = copy(&store, &other, false, &AtomicBool::new(false), &|_| ()).unwrap();
    assert_eq!(copied.copied, count);
    line("copy into a folder", rate(started.elapsed()));
    let started = Instant::now();
    assert!(differences(&store, &other, &|_| ()).unwrap().is_empty());
    line("verify against the folder", rate(started.elapsed()));
    if let (Some(client), Some(server)) = (peak("self"), peak(&process)) {
        line("peak memory of client, with the copy in memory", format!("{client:.0} MB"));
        line("peak memory of server", format!("{server:.0} MB"));
    }
    if let Some(path) = variable("LOOKALIKE_TEST_MILVUS_TABLE").filter(|path| !path.is_empty()) {
        let text = format!(
            "| {count} rows of {DIMENSION} numbers | |\n| --- | ---: |\n{}\n",
            lines.join("\n")
        );
        std::fs::write(path, text).unwrap();
    }
    store.destroy().unwrap();
}
