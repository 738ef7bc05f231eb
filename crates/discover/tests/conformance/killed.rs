//! A process that is killed while it writes loses nothing that it acknowledged, and leaves no half of a batch.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use lookalike_discover::store::{Embedded, VectorStore};

use crate::{EXACT, embedded, row, rows};

const FOLDER: &str = "LOOKALIKE_TEST_STORE";
const BATCH: u64 = 50;
const DIMENSION: usize = 32;

/// Not a test of its own: the process that is killed.
#[test]
fn batches_without_end() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = embedded(Path::new(&folder), DIMENSION);
    for number in store.describe().unwrap().next_id / BATCH.. {
        store.upsert(&rows(1 + number * BATCH..1 + (number + 1) * BATCH, DIMENSION)).unwrap();
        println!("\nstored {number}");
        // Every batch is stored twice, so that clearing away is killed as well.
        store.upsert(&rows(1 + number * BATCH..1 + (number + 1) * BATCH, DIMENSION)).unwrap();
        store.flush().unwrap();
    }
}

#[test]
fn acknowledged_batches_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=5_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::batches_without_end", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut here, mut last) = (0, 0);
        for line in lines.map_while(Result::ok) {
            let Some(number) = line.strip_prefix("stored ") else { continue };
            last = number.parse::<u64>().unwrap();
            here += 1;
            if here == 2 * round {
                child.kill().unwrap();
            }
        }
        assert!(here >= 2 * round);
        child.wait().unwrap();
        let store = Embedded::open(folder.path(), EXACT).unwrap();
        let count = store.count(None).unwrap();
        assert!(count >= (last + 1) * BATCH, "{count} rows after batch {last}");
        assert_eq!(count % BATCH, 0, "batches are whole");
        let found = store.get(&(1..=count).collect::<Vec<_>>()).unwrap();
        for (index, one) in found.into_iter().enumerate() {
            let expected = row(index as u64 + 1, DIMENSION);
            let one = one.unwrap();
            assert_eq!(one.record, expected.record);
            let cosine: f32 = one.vector.iter().zip(&expected.vector).map(|(a, b)| a * b).sum();
            let length: f32 = expected.vector.iter().map(|n| n * n).sum::<f32>().sqrt();
            assert!((cosine - length).abs() < 1e-4 * length);
        }
    }
}
