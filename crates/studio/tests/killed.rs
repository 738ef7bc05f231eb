//! A process that is killed while it stores votes loses none that it acknowledged.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use lookalike_studio::{NewVote, Project, Store};

const FOLDER: &str = "LOOKALIKE_TEST_VOTES";

fn project(folder: &Path) -> Project {
    std::fs::write(folder.join("items.csv"), "reference,left,right\nr,a,b\n").unwrap();
    let toml = b"task = '2afc'\nitems = 'items.csv'\nraters = ['x']\n";
    Project::parse(toml, folder).unwrap()
}

/// Not a test of its own: the process that is killed.
#[test]
fn votes_without_end() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut store = Store::open(&project(Path::new(&folder))).unwrap();
    for number in store.votes().unwrap().len().. {
        let (nonce, item) = (format!("nonce {number}"), format!("item {number}"));
        let vote = NewVote {
            nonce: &nonce,
            rater: "x",
            item: &item,
            answer: "left",
            expected: None,
            first: "left",
            milliseconds: None,
            display: None,
        };
        store.add(&vote).unwrap();
        println!("\nstored {item}");
    }
}

#[test]
fn acknowledged_votes_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 1..=6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "votes_without_end", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut here = 0;
        for line in lines.map_while(Result::ok) {
            let Some(item) = line.strip_prefix("stored ") else { continue };
            acknowledged.insert(item.to_owned());
            here += 1;
            // What was said before the kill is still in the pipe and counts.
            if here == 7 * round {
                child.kill().unwrap();
            }
        }
        assert!(here >= 7 * round, "{here} votes in round {round}");
        child.wait().unwrap();
        let store = Store::open(&project(folder.path())).unwrap();
        let stored: BTreeSet<String> =
            store.votes().unwrap().into_iter().map(|vote| vote.item).collect();
        assert!(acknowledged.is_subset(&stored), "lost {:?}", acknowledged.difference(&stored));
        assert!(stored.len() <= acknowledged.len() + round, "at most one in flight per kill");
    }
}
