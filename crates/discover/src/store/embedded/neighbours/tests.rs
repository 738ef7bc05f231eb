use std::collections::HashSet;

use lookalike_judge::statistics::seeded;
use pulp::{Arch, Scalar};

use super::graph::{Search, ranked};
use super::*;
use crate::store::scan::normalised;

const DIMENSION: usize = 50;

fn drawn(stream: u64) -> Vec<f32> {
    let mut draws = seeded::stream(11, stream);
    let mut vector: Vec<f32> =
        (0..DIMENSION).map(|_| seeded::below(&mut draws, 2001) as f32 / 1000.0 - 1.0).collect();
    normalised(&mut vector, "drawn").unwrap();
    vector
}

fn rows(count: u64) -> Vec<(u64, Vec<f32>)> {
    (1..=count).map(|id| (10 * id, drawn(id))).collect()
}

fn graph_of(rows: &[(u64, Vec<f32>)]) -> Graph {
    let index = empty(DIMENSION).unwrap();
    let mut graph = Graph::empty(DIMENSION);
    add(&index, &mut graph, rows.iter().map(|(id, row)| (*id, &row[..]))).unwrap();
    link(&index, &mut graph);
    graph
}

fn bf16(number: f32) -> f64 {
    f64::from(half::bf16::from_f32(number).to_f32())
}

/// The ids in the order of products in double precision with rows in bf16.
fn sorted(query: &[f32], rows: &[(u64, Vec<f32>)]) -> Vec<u64> {
    let product =
        |row: &[f32]| -> f64 { query.iter().zip(row).map(|(&a, &b)| f64::from(a) * bf16(b)).sum() };
    let mut scored: Vec<(f64, u64)> = rows.iter().map(|(id, row)| (product(row), *id)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|one| one.1).collect()
}

#[test]
fn who_looks_at_everything_finds_the_nearest() {
    let rows = rows(700);
    let graph = graph_of(&rows);
    let mut scratch = Scratch::default();
    for stream in 1000..1020 {
        let query = drawn(stream);
        let found = graph.nearest(&query, 25, rows.len(), |_| true, &mut scratch);
        assert_eq!(found, sorted(&query, &rows)[..25]);
        let third = |id: u64| id.is_multiple_of(30);
        let few: Vec<_> = rows.iter().filter(|row| third(row.0)).cloned().collect();
        let found = graph.nearest(&query, 25, rows.len(), third, &mut scratch);
        assert_eq!(found, sorted(&query, &few)[..25]);
    }
    assert!(graph.nearest(&drawn(1), 5, 5, |_| false, &mut scratch).is_empty());
    assert!(Graph::empty(DIMENSION).nearest(&drawn(1), 5, 5, |_| true, &mut scratch).is_empty());
}

#[test]
fn rows_that_are_gone_are_passed_through() {
    let rows = rows(600);
    let mut graph = graph_of(&rows);
    for id in graph.ids.iter_mut().step_by(2) {
        *id = GONE;
    }
    let left: Vec<_> = rows.iter().filter(|row| graph.ids.contains(&row.0)).cloned().collect();
    let query = drawn(2000);
    let found = graph.nearest(&query, 10, rows.len(), |_| true, &mut Scratch::default());
    assert_eq!(found, sorted(&query, &left)[..10]);
}

#[test]
fn all_instruction_sets_find_the_same() {
    let graph = graph_of(&rows(900));
    let allowed = |node: u32| !node.is_multiple_of(7);
    for stream in 3000..3020 {
        let query = drawn(stream);
        let mut scratches = [(); 2].map(|()| Scratch::default());
        let [first, second] = &mut scratches;
        let query = graph::Query::new(&query);
        let search = |scratch| Search { graph: &graph, query: &query, ef: 20, allowed, scratch };
        let found = Arch::new().dispatch(search(first));
        assert_eq!(found, pulp::Simd::vectorize(Scalar::new(), search(second)));
        assert_eq!(found.len(), 20);
    }
}

#[test]
fn scores_keep_their_order_as_whole_numbers() {
    let scores = [-1.0, -0.5, -f32::MIN_POSITIVE, 0.0, f32::MIN_POSITIVE, 0.25, 1.0];
    assert!(scores.map(|score| ranked(score, 7)).is_sorted_by(|a, b| a < b));
    assert!(ranked(0.5, 3) > ranked(0.5, 4) && ranked(0.5, 4) < ranked(0.501, 9));
}

#[test]
fn graphs_survive_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.graph");
    for count in [0, 1, 900] {
        let graph = graph_of(&rows(count));
        file::write(&graph, &path).unwrap();
        let (read, hash) = file::read(&path, DIMENSION).unwrap();
        assert_eq!(read, graph);
        assert_eq!(hash, blake3::hash(&std::fs::read(&path).unwrap()));
    }
    assert!(file::read(&path, DIMENSION + 32).is_err(), "rows of another length");
}

/// What is cut off or changed is refused, or is a graph that can be searched.
#[test]
fn broken_files_break_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.graph");
    let rows = rows(900);
    file::write(&graph_of(&rows), &path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let query = drawn(4000);
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let (graph, _) = file::read(&path, DIMENSION).ok()?;
        Some(graph.nearest(&query, 10, 40, |_| true, &mut Scratch::default()))
    };
    for length in (0..whole.len()).step_by(whole.len() / 50) {
        assert_eq!(read(&whole[..length]), None, "{length}");
    }
    let mut draws = seeded::stream(12, 0);
    let mut refused = 0;
    for _ in 0..400 {
        let mut bytes = whole.clone();
        let place = seeded::below(&mut draws, bytes.len());
        bytes[place] ^= 1 << seeded::below(&mut draws, 8);
        refused += usize::from(read(&bytes).is_none());
    }
    assert!(refused > 0);
}

#[test]
fn what_changes_is_kept_up() {
    let folder = tempfile::tempdir().unwrap();
    let [model, weights, preprocessing] = ["drawn", "none", "none"].map(str::to_owned);
    let fingerprint = Fingerprint { model, weights, preprocessing, dimension: DIMENSION };
    let mut all = rows(500);
    let given: Vec<(u64, &[f32])> = all.iter().map(|(id, row)| (*id, &row[..])).collect();
    let mut index = Neighbours::build(&fingerprint, &given, folder.path(), 1).unwrap();
    let looked = |index: &Neighbours, all: &[(u64, Vec<f32>)]| {
        for stream in 5000..5010 {
            let query = drawn(stream);
            let found =
                index.search(std::slice::from_ref(&query), 400, Effort::Recall95, None, || Ok(()));
            let found: HashSet<u64> = found.unwrap().remove(0).into_iter().collect();
            let best = &sorted(&query, all)[..100];
            assert!(best.iter().filter(|&id| !found.contains(id)).count() <= 2);
            assert!(found.iter().all(|id| all.iter().any(|row| row.0 == *id)));
        }
    };
    looked(&index, &all);
    // One of ten has another vector, one of ten goes, and some are new.
    for (id, row) in &mut all {
        if *id % 100 == 10 {
            *row = drawn(*id + 7000);
            index.put(*id);
        }
    }
    all.retain(|row| row.0 % 100 != 20);
    (1..=500).filter(|id| 10 * id % 100 == 20).for_each(|id| index.remove(10 * id));
    for id in 9001..9050 {
        all.push((id, drawn(id)));
        index.put(id);
    }
    looked(&index, &all);
    let row = |id: u64| &all.iter().find(|row| row.0 == id).unwrap().1[..];
    assert!(index.keep_up(folder.path(), 2, row).unwrap());
    looked(&index, &all);
    assert!(index.fresh.is_empty());
    assert!(Neighbours::load(folder.path(), &fingerprint, 1).is_none());
    let again = Neighbours::load(folder.path(), &fingerprint, 2).unwrap();
    assert_eq!(again.graph, index.graph);
    looked(&again, &all);
    // Where much is gone, the graph is not worth keeping.
    all.iter().take(300).for_each(|row| index.remove(row.0));
    assert!(!index.keep_up(folder.path(), 3, row).unwrap());
    // What was added needs the library's file.
    let mut index = again;
    index.put(9999);
    std::fs::write(folder.path().join(INDEX), b"other").unwrap();
    assert!(!index.keep_up(folder.path(), 3, |_| &[]).unwrap());
}
