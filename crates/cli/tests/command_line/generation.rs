//! `judge generation`: pairs and sets of generated pictures.

use serde_json::{Value, json};

use crate::workplace::{SIZE, Workplace, fields};

/// Three targets and three noisy copies of them.
fn with_folders() -> Workplace {
    let place = Workplace::new();
    for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
        place.scene(&format!("target/{name}.png"), SIZE);
        place.noisy(&format!("out/{name}.png"), SIZE, 0.2 + 0.1 * index as f64);
    }
    place
}

/// A file as `numpy.save` writes it.
fn npy(kind: &str, fortran: &str, shape: &str, data: Vec<u8>) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [&b"\x93NUMPY\x01\x00"[..], &length, header.as_bytes(), &data].concat()
}

fn singles(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn safetensors(shape: &[usize], values: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let entry = json!({"dtype": "F64", "shape": shape, "data_offsets": [0, data.len()]});
    let header = json!({ "features": entry }).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

fn run(place: &Workplace, more: &[&str]) -> (i32, Value, String) {
    let command = ["judge", "generation", "out", "target", "--format", "json"];
    let outcome = place.run(&[&command, more].concat());
    (outcome.code, serde_json::from_str(&outcome.stdout).unwrap(), outcome.stderr)
}

fn score<'a>(json: &'a Value, name: &str) -> &'a Value {
    let scores = json["scores"].as_array().unwrap();
    scores.iter().find(|score| score["score"] == name).unwrap()
}

#[test]
fn without_features_pairs_are_scored_and_the_rest_says_what_it_needs() {
    let place = with_folders();
    let (code, json, _) = run(&place, &[]);
    assert_eq!((code, &json["schema"]), (0, &Value::from("lookalike.generation/1")));
    assert_eq!(json["paired"]["n"], 3);
    let summary = &json["paired"]["summary"];
    assert_eq!(fields(summary), ["psnr", "ssim@wang"]);
    assert_eq!(summary["ssim@wang"]["n"], 3);
    assert!(summary["psnr"]["mean"].as_f64().unwrap() > 10.0);
    let missing = &json["paired"]["missing"][0];
    assert_eq!((&missing["id"], &missing["value"]), (&"lpips:alex@0.1".into(), &Value::Null));
    assert!(missing["reason"].as_str().unwrap().contains("weights fetch alexnet"), "{missing}");
    for (name, network) in
        [("frechet", "Inception"), ("kernel", "Inception"), ("cmmd", "CLIP"), ("recall", "VGG16")]
    {
        let score = score(&json, name);
        assert_eq!(score["value"], Value::Null);
        let reason = score["reason"].as_str().unwrap();
        assert!(reason.contains(network) && reason.contains("--features-out"), "{reason}");
    }
    assert_eq!(json["errors"], json!([]));
    // What is asked for by name must be there.
    let command = ["judge", "generation", "out", "target", "-m", "lpips"];
    assert!(place.fails(&command).contains("weights fetch"));
}

#[test]
fn features_give_the_scores_of_sets() {
    let place = with_folders();
    // Equal spread, means three apart; nearest to 3, 4 and 5 is 2 each time.
    place.write("out.npy", &npy("<f4", "False", "(3, 1)", singles(&[3.0, 4.0, 5.0])));
    place.write("target.safetensors", &safetensors(&[3, 1], &[0.0, 1.0, 2.0]));
    let files = ["--features-out", "out.npy", "--features-target", "target.safetensors"];
    let more = ["-m", "psnr", "--features-training", "target.safetensors"];
    let (code, json, stderr) = run(&place, &[&files[..], &more].concat());
    assert_eq!(code, 0, "{stderr}");
    let distance = score(&json, "frechet");
    assert!((distance["value"].as_f64().unwrap() - 9.0).abs() < 1e-12, "{distance}");
    assert_eq!(distance["called"], Value::Null);
    assert_eq!(distance["n"], json!({"out": 3, "target": 3}));
    assert_eq!(score(&json, "kernel")["subset_size"], 3);
    // Three of either side are too few for three neighbours other than itself.
    let precision = score(&json, "precision");
    assert_eq!(precision["value"], Value::Null);
    assert!(precision["reason"].as_str().unwrap().contains("at least 4"), "{precision}");
    assert!((score(&json, "diversity")["value"].as_f64().unwrap() - 4.0 / 3.0).abs() < 1e-12);
    assert_eq!(json["nearest"][1], json!({"row": 1, "training_row": 2, "distance": 2.0}));
    let warnings = json["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|one| one.as_str().unwrap().contains("10000")), "{warnings:?}");
    assert!(stderr.contains("--embedder"), "{stderr}");
    let named = [&files[..], &["-m", "psnr", "--embedder", "inception"]].concat();
    let (_, json, stderr) = run(&place, &named);
    assert_eq!(score(&json, "frechet")["called"], "FID");
    assert_eq!(score(&json, "kernel")["called"], "KID");
    assert_eq!(score(&json, "cmmd")["called"], Value::Null);
    assert!(!stderr.contains("--embedder"), "{stderr}");
    let other = [&files[..], &["-m", "psnr", "--embedder", "dinov2-vit-l-14"]].concat();
    let (_, other, _) = run(&place, &other);
    assert_eq!(score(&other, "frechet")["called"], "FD-DINOv2");
    assert_eq!(score(&other, "kernel")["called"], Value::Null);
    let alike = score(&json, "similarity");
    assert_eq!((&alike["value"], &alike["called"]), (&Value::Null, &Value::Null));
    assert!(alike["reason"].as_str().unwrap().contains("--features-paired"), "{alike}");
    // The same for any number of threads.
    let (_, one, _) = run(&place, &[&named[..], &["--jobs", "1"]].concat());
    assert_eq!(json, one);
}

#[test]
fn features_of_pairs_give_their_similarity() {
    let place = with_folders();
    place.write("out.npy", &npy("<f4", "False", "(2, 2)", singles(&[2.0, 0.0, 4.0, 3.0])));
    place.write(
        "target.npy",
        &npy(">f8", "False", "(2, 2)", {
            [0.0_f64, 1.0, 3.0, 4.0].iter().flat_map(|number| number.to_be_bytes()).collect()
        }),
    );
    let files = ["--features-out", "out.npy", "--features-target", "target.npy"];
    let more = ["--features-paired", "-m", "psnr", "--embedder"];
    for (embedder, called) in [("clip-vit-b-32", json!("CLIP similarity")), ("own", Value::Null)] {
        let (code, json, stderr) = run(&place, &[&files[..], &more, &[embedder]].concat());
        assert_eq!(code, 0, "{stderr}");
        let alike = score(&json, "similarity");
        assert!((alike["value"].as_f64().unwrap() - 0.48).abs() < 1e-12, "{alike}");
        assert_eq!(alike["called"], called);
    }
}

#[test]
fn every_format_has_every_score() {
    let place = with_folders();
    let command =
        |format| ["judge", "generation", "out", "target", "-m", "psnr", "--format", format];
    let text = place.succeeds(&command("text"));
    let lines = place.succeeds(&command("jsonl"));
    let table = place.succeeds(&command("csv"));
    assert_eq!(lines.lines().count(), 10);
    assert_eq!(csv::Reader::from_reader(table.as_bytes()).into_records().count(), 10);
    for name in ["psnr", "frechet", "kernel", "cmmd", "coverage"] {
        for result in [&text, &lines, &table] {
            assert!(result.contains(name), "{name}: {result}");
        }
    }
    assert!(place.fails(&command("junit")).contains("judge generation"));
}

#[test]
fn what_cannot_be_scored_is_said() {
    let place = with_folders();
    place.scene("target/alone.png", SIZE);
    let (code, json, stderr) = run(&place, &["-m", "psnr"]);
    assert_eq!((code, json["errors"].as_array().unwrap().len()), (2, 1));
    assert!(stderr.contains("alone.png"), "{stderr}");
    place.write("two.npy", &npy("<f4", "False", "(2, 2)", singles(&[0.0, 1.0, 2.0, 3.0])));
    for (name, bytes, part) in [
        ("one.npy", npy("<f4", "False", "(4, 1)", singles(&[0.0; 4])), "one network"),
        ("flat.npy", npy("<f4", "False", "(4,)", singles(&[0.0; 4])), "two dimensions"),
        ("whole.npy", npy("<i4", "False", "(2, 2)", vec![0; 16]), "float32"),
        ("turned.npy", npy("<f4", "True", "(2, 2)", vec![0; 16]), "Fortran"),
        ("lost.npy", npy("<f4", "False", "(2, 2)", singles(&[f32::NAN; 4])), "NaN"),
        ("short.npy", npy("<f4", "False", "(2, 2)", vec![0; 12]), "cannot read features"),
        ("empty.npy", npy("<f4", "False", "(0, 2)", vec![]), "no features"),
        ("huge.npy", npy("<f4", "False", "(4294967296, 4294967296)", vec![]), "4294967296"),
        ("no.npy", b"nothing".to_vec(), "cannot read features"),
        ("no.safetensors", b"nothing".to_vec(), "cannot read features"),
        ("no.csv", b"1,2".to_vec(), ".npy or .safetensors"),
    ] {
        place.write(name, &bytes);
        let message = place.fails(&[
            "judge",
            "generation",
            "out",
            "target",
            "--features-out",
            "two.npy",
            "--features-target",
            name,
        ]);
        assert!(message.contains(part) && message.contains(name), "{message}");
    }
    for more in [&["--features-out", "two.npy"][..], &["--kid-subsets", "0"]] {
        place.fails(&[&["judge", "generation", "out", "target"], more].concat());
    }
    assert!(place.fails(&["judge", "generation", "out", "nowhere"]).contains("nowhere"));
}

#[test]
fn edges_are_held_against_the_source() {
    let place = with_folders();
    let edges = |more: &[&str]| {
        let (code, json, _) = run(&place, &[&["-m", "psnr", "--source", "source"], more].concat());
        (code, json["edges"].clone(), json["errors"].clone())
    };
    for name in ["a", "b", "c"] {
        std::fs::create_dir_all(place.path("source")).unwrap();
        std::fs::copy(
            place.path(&format!("out/{name}.png")),
            place.path(&format!("source/{name}.png")),
        )
        .unwrap();
    }
    let (code, same, errors) = edges(&[]);
    assert_eq!((code, errors), (0, json!([])));
    assert_eq!(fields(&same), ["convention", "f1", "n", "precision", "recall", "worst"]);
    assert_eq!((&same["n"], &same["f1"]), (&3.into(), &1.0.into()));
    // Of other pictures edges are elsewhere, by how far one looks for them.
    for name in ["a", "b", "c"] {
        std::fs::copy(
            place.path(&format!("target/{name}.png")),
            place.path(&format!("source/{name}.png")),
        )
        .unwrap();
    }
    let f1 = |more: &[&str]| edges(more).1["f1"].as_f64().unwrap();
    let (exact, near) = (f1(&["--edge-tolerance", "0"]), f1(&["--edge-tolerance", "3"]));
    assert!(0.0 < exact && exact < near && near < 1.0, "{exact} {near}");
    let (_, dark, _) = edges(&["--source-edges", "dark"]);
    assert!(dark["convention"].as_str().unwrap().contains("dark pixels"), "{dark}");
    let text = place.succeeds(&[
        "judge",
        "generation",
        "out",
        "target",
        "-m",
        "psnr",
        "--source",
        "source",
    ]);
    assert!(text.contains("edge-fidelity"), "{text}");
    // A source of another size, and one that is missing.
    place.scene("source/a.png", (SIZE.0 + 1, SIZE.1));
    std::fs::remove_file(place.path("source/b.png")).unwrap();
    let (code, one, errors) = edges(&[]);
    assert_eq!((code, &one["n"]), (2, &1.into()));
    let errors = errors.to_string();
    assert!(errors.contains("expected one size") && errors.contains("b.png"), "{errors}");
}
