//! `study translation`: every row learned for a few steps from drawn shoes, repeated without learning, refused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::workplace::{Workplace, fields};

/// The rows of a machine without weights.
const ROWS: [&str; 8] = [
    "vector",
    "concat",
    "concat+vector",
    "tokens",
    "concat + sight",
    "regression",
    "pix2pix",
    "copied colours",
];
const SMALL: [&str; 12] = [
    "study",
    "translation",
    "--drawn",
    "24",
    "--side",
    "16",
    "--steps",
    "3",
    "--seeds",
    "1",
    "--evaluated",
    "4",
];

fn contents(place: &Workplace) -> BTreeMap<String, Vec<u8>> {
    let files = place.files().into_iter();
    files.map(|name| (name.clone(), std::fs::read(place.path(&name)).unwrap())).collect()
}

#[test]
fn every_row_is_learned_once_and_reported() {
    let place = Workplace::new();
    let study = [&SMALL[..], &["--out", "out"]].concat();
    let start = Instant::now();
    let said = place.succeeds(&study);
    let first = start.elapsed();
    let found: Value = serde_json::from_str(&place.read("out/result.json")).unwrap();
    assert_eq!(found["schema"], "lookalike.study-translation/1");
    let rows = found["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ROWS);
    let columns: Vec<&str> =
        found["columns"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(columns, ["psnr", "ssim@wang", "sight", "edge-f1", "diversity"]);
    assert_eq!((&found["data"]["learned"], &found["evaluated"]), (&24.into(), &4.into()));
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let values = row["values"].as_array().unwrap();
        assert_eq!(values.len(), columns.len(), "{row}");
        assert!(values.iter().all(|value| value["deviation"].is_null()), "one seed: {row}");
        // What draws at once has one picture for a source; after so few steps the others hardly differ either.
        let at_once = ["regression", "pix2pix", "copied colours"].contains(&name);
        assert!(!at_once || values[4]["mean"] == 0.0, "{row}");
        let edges = values[3]["mean"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&edges), "{row}");
        assert_eq!(row["seeds"].as_array().unwrap().len(), usize::from(name != "copied colours"));
    }
    // The U-Net is about as large as the transformer.
    let [concat, unet] = [1, 6].map(|at| rows[at]["parameters"].as_f64().unwrap());
    assert!((unet / concat - 1.0).abs() < 0.05, "{unet} against {concat}");
    // Weights are not there, and pictures this small need none.
    let left_out = found["left_out"].as_array().unwrap();
    assert_eq!(left_out.len(), 2);
    assert!(left_out.iter().all(|one| one["reason"].as_str().unwrap().contains("--side 31")));

    // What is reported is what compare says of the files.
    let arguments = ["out/pictures/target", "out/pictures/concat", "-m", "psnr"];
    let (code, report) = place.json(&arguments);
    assert_eq!(code, 0);
    let mean = report["summary"]["psnr"]["mean"].as_f64().unwrap();
    let reported = rows[1]["values"][0]["mean"].as_f64().unwrap();
    assert!((mean - reported).abs() < 1e-9, "{mean} {reported}");
    // And what judge says of their edges.
    let judged: Value = serde_json::from_str(&place.succeeds(&[
        "judge",
        "generation",
        "out/pictures/concat",
        "out/pictures/target",
        "--source",
        "out/pictures/source",
        "--edge-tolerance",
        "1",
        "--format",
        "json",
    ]))
    .unwrap();
    let f1 = judged["edges"]["f1"].as_f64().unwrap();
    assert!((f1 - rows[1]["values"][3]["mean"].as_f64().unwrap()).abs() < 1e-12, "{judged}");

    let text = place.read("out/report.md");
    let command = study.join(" ");
    assert!(text.contains(&format!("lookalike {command}")), "{text}");
    for name in ROWS {
        assert!(said.contains(name) && text.contains(&format!("| {name} |")), "{name}: {said}");
    }
    assert!(text.contains("CLIP-like") && text.contains("One seed says nothing"), "{text}");
    let page = place.read("out/report.html");
    assert!(page.contains("data:image") && !page.contains("<script"), "{page}");
    assert!(place.path("out/drawn.png").exists());

    // The same command changes nothing, and learns nothing.
    let before = contents(&place);
    let start = Instant::now();
    assert_eq!(place.succeeds(&study), said);
    assert!(start.elapsed() < first.max(Duration::from_secs(2)), "{:?}", start.elapsed());
    let after = contents(&place);
    for (name, bytes) in &before {
        assert!(after.get(name) == Some(bytes), "{name}");
    }
    assert_eq!(before.len(), after.len());
    let json = [&study[..], &["--format", "json"]].concat();
    let again: Value = serde_json::from_str(&place.succeeds(&json)).unwrap();
    assert_eq!(fields(&again), fields(&found));
    assert_eq!(again["rows"], found["rows"]);

    // A folder has one study.
    let other: Vec<&str> = study.iter().map(|&word| if word == "3" { "4" } else { word }).collect();
    let message = place.fails(&other);
    assert!(message.contains("another run"), "{message}");
}

#[test]
fn what_cannot_be_studied_is_refused() {
    let place = Workplace::new();
    for (arguments, part) in [
        (&["--drawn", "24"][..], "--out DIR"),
        (&["--drawn", "24", "--side", "18", "--out", "r"], "multiple of the patch"),
        (&["--drawn", "24", "--side", "8", "--out", "r"], "from 16"),
        (&["--drawn", "24", "--evaluated", "17", "--out", "r"], "found 16"),
        (&["--drawn", "0", "--out", "r"], "--drawn"),
        (&["--drawn", "many", "--out", "r"], "--drawn"),
        (&["--steps", "0", "--out", "r"], "--steps"),
        (&["--seeds", "0", "--out", "r"], "--seeds"),
        (&["--evaluated", "0", "--out", "r"], "--evaluated"),
        (&["data", "--drawn", "24", "--out", "r"], "--drawn"),
        (&["nowhere", "--out", "r"], "nowhere"),
        (&["--drawn", "24", "--out", "r", "--format", "csv"], "text or json"),
        (&["--rate", "0.1", "--out", "r"], "--rate"),
    ] {
        let message = place.fails(&[&["study", "translation"], arguments].concat());
        assert!(message.contains(part), "{message}");
        assert!(!place.path("r").exists(), "{arguments:?}");
    }
}
