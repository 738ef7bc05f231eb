//! Readers that go away, and Ctrl-C.
#![cfg(unix)]

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::workplace::{BINARY, SIZE, Workplace};

fn spawn(place: &Workplace, arguments: &[&str]) -> Child {
    let mut command = Command::new(BINARY);
    command.current_dir(place.root()).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn stderr(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_reader_that_goes_away_ends_the_program_silently() {
    let place = Workplace::with_pair();
    let cases: [&[&str]; 7] = [
        &["metrics"],
        &["metrics", "--format", "json"],
        &["metrics", "--format", "csv"],
        &["completions", "zsh"],
        &["man"],
        &["compare", "a.png", "b.png", "a.png", "-m", "mse", "--format", "jsonl"],
        &["compare", "a.png", "b.png", "a.png", "-m", "mse", "--format", "csv"],
    ];
    for arguments in cases {
        let mut child = spawn(&place, arguments);
        drop(child.stdout.take());
        let told = stderr(&mut child);
        let status = child.wait().unwrap();
        assert_eq!((status.code(), told.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

/// Waits until a condition holds.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Interrupts a run of hundreds of pairs once the first map shows that it is under way; returns
/// its status and standard output.
fn interrupted(place: &Workplace, more: &[&str]) -> (Option<i32>, String) {
    for index in 0..24 {
        place.noisy(&format!("f/{index:02}.png"), SIZE, 0.02 * f64::from(index));
    }
    let start = ["compare", "--all-pairs", "f", "-m", "ssim,ssimulacra2", "--map", "maps"];
    let mut child = spawn(place, &[&start[..], more].concat());
    wait_until("the first map", || {
        std::fs::read_dir(place.path("maps")).is_ok_and(|mut files| files.next().is_some())
    });
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let told = stderr(&mut child);
    assert!(told.contains("cancelled: "), "{told}");
    (child.wait().unwrap().code(), text)
}

fn check(json: &Value, pairs: usize) {
    let errors = json["errors"].as_array().unwrap();
    let message = errors.last().unwrap()["message"].as_str().unwrap();
    assert_eq!(message, format!("cancelled: {} of 276 pairs were left out", 276 - pairs));
    assert!((1..276).contains(&pairs), "{pairs}");
    assert_eq!(json["summary"]["ssim@wang"]["n"].as_u64(), Some(pairs as u64));
}

#[test]
fn an_interrupt_leaves_valid_json_with_what_is_done() {
    let place = Workplace::new();
    let (code, text) = interrupted(&place, &["--format", "json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, Some(2));
    check(&json, json["pairs"].as_array().unwrap().len());
}

#[test]
fn an_interrupt_leaves_a_valid_file() {
    let place = Workplace::new();
    let (code, text) =
        interrupted(&place, &["--format", "jsonl", "-o", "out.jsonl", "--jobs", "2"]);
    assert_eq!((code, text.as_str()), (Some(2), ""));
    let file = place.read("out.jsonl");
    let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    check(lines.last().unwrap(), lines.len() - 1);
}
