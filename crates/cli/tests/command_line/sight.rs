//! `train sight`: learned from made-up pictures, killed and gone on, found by `compare`; and what is held
//! out.

use std::collections::HashSet;

use lookalike::procedural::scene;
use lookalike_train::sight::{Role, Sources};
use serde_json::{Value, json};

#[cfg(unix)]
use crate::training::{killed_on_the_way, same_bytes};
use crate::workplace::{Workplace, values};

/// A dozen pictures, and a recipe whose teachers need no weights.
fn prepared() -> Workplace {
    let place = Workplace::new();
    for index in 0..12 {
        let role = ["train", "train", "validation", "test"][index % 4];
        place.save(&format!("data/{role}/{index}.png"), &scene(index as u64, 120, 100));
    }
    let recipe = "task = \"sight\"\nexamples = 12\nvalidation = 2\nbatch = 2\nsteps = 6\n\
                  [[teachers]]\nid = \"mdsi\"\nweight = 1.0\n\
                  [[teachers]]\nid = \"gmsd\"\nweight = 0.5\n";
    place.write("tiny.toml", recipe.as_bytes());
    place
}

const TRAIN: [&str; 7] = ["train", "sight", "data", "--recipe", "tiny.toml", "--cache", "examples"];

fn train(place: &Workplace, out: &str, more: &[&str]) -> String {
    place.succeeds(&[&TRAIN[..], &["--out", out], more].concat())
}

#[test]
fn a_run_leaves_a_metric_and_everything_about_it() {
    let place = prepared();
    let text = train(&place, "run", &[]);
    assert!(text.starts_with("sight@run/model.safetensors\n"), "{text}");
    let result: Value = serde_json::from_str(&place.read("run/result.json")).unwrap();
    assert_eq!(result["schema"], "lookalike.train/1");
    assert_eq!((&result["steps"], &result["stopped"]), (&json!(6), &json!("finished")));
    assert_eq!((&result["examples"], &result["validation"]["n"]), (&json!(12), &json!(8)));
    assert_eq!(result["teachers"], json!(["mdsi", "gmsd"]));
    assert!(place.read("run/log.jsonl").contains("\"kind\":\"validation\""));
    assert!(place.read("run/MODEL_CARD.md").contains("sight@run/model.safetensors"));
    assert!(place.path("run/tensorboard/events.out.tfevents.0.lookalike").exists());
    let size = std::fs::metadata(place.path("run/model.safetensors")).unwrap().len();
    assert!(size <= 4 << 20, "{size}");

    let id = "sight@run/model.safetensors";
    let pair = ["data/test/3.png", "data/test/7.png"];
    let (code, report) = place.json(&[&pair[..], &["-m", id]].concat());
    assert_eq!(code, 0, "{report}");
    assert!(values(&report, id)[0] > 0.0);
    let weights = &report["pairs"][0]["scores"][0]["provenance"]["weights"];
    assert_eq!(weights, &json!(format!("file:{}", result["model_sha256"].as_str().unwrap())));
    let (code, report) = place.json(&[pair[0], pair[0], "-m", id]);
    assert_eq!((code, values(&report, id)), (0, vec![0.0]));

    // The recipe alone gives the same bytes, with nothing computed before.
    place.succeeds(&["train", "sight", "--recipe", "run/recipe.toml", "--out", "again"]);
    let model = |run: &str| std::fs::read(place.path(&format!("{run}/model.safetensors"))).unwrap();
    assert!(model("run") == model("again"));
    assert_eq!(place.read("run/log.jsonl"), place.read("again/log.jsonl"));
    train(&place, "seed", &["--seed", "2"]);
    assert!(model("run") != model("seed"));
    train(&place, "without", &["--without", "noise", "--teacher", "gmsd=0"]);
    assert!(model("run") != model("without"));
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_with_the_same_bytes() {
    let place = prepared();
    let more = ["--steps", "40", "--checkpoint-every", "3"];
    train(&place, "whole", &more);
    killed_on_the_way(&place, &[&TRAIN[..], &more].concat());
    train(&place, "killed", &more);
    same_bytes(&place, ["whole", "killed"]);
    let other = ["--out", "killed", "--steps", "10"];
    let message = place.fails(&[&TRAIN[..], &other].concat());
    assert!(message.contains("of another run: recipe"), "{message}");
}

#[test]
fn what_is_held_out_is_learned_from_by_no_content() {
    let place = prepared();
    // A held-out picture again, under a name that would be learned from.
    std::fs::copy(place.path("data/test/3.png"), place.path("data/train/copy.png")).unwrap();
    let command = ["train", "sight", "data", "--held-out", "held", "--format", "json"];
    let written: Value = serde_json::from_str(&place.succeeds(&command)).unwrap();
    let sources = Sources::find(&[place.path("data")]).unwrap();
    let hashes = |role| sources.of(role).map(|s| s.sha256.as_str()).collect::<HashSet<_>>();
    let [learned, validation] = [Role::Learned, Role::Validation].map(hashes);
    let held = written["pictures_sha256"].as_array().unwrap();
    assert_eq!((held.len(), learned.len(), validation.len()), (4, 6, 3));
    for hash in held.iter().map(|hash| hash.as_str().unwrap()) {
        assert!(!learned.contains(hash) && !validation.contains(hash), "{hash}");
    }
    let triplets = place.path("held/triplets.csv").display().to_string();
    let report = place.succeeds(&["judge", "eval", &triplets, "-m", "mse", "--format", "json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["n"], written["triplets"]);
    // Mean errors grow with severity, nearly always.
    assert!(report["metrics"][0]["score"].as_f64().unwrap() > 0.8, "{report}");
}

#[test]
fn wrong_input_is_refused_with_the_way_out() {
    let place = prepared();
    place.write("empty/a.txt", b"");
    let fails = |more: &[&str]| place.fails(&[&["train", "sight"][..], more].concat());
    for (more, part) in [
        (&["data"][..], "--out DIR"),
        (&["empty", "--out", "r"], "found none"),
        (&["data", "--out", "a+b"], "choose another --out"),
        (&["data", "--out", "r", "--teacher", "ssim=1"], "expected one of lpips:alex@0.1"),
        (&["data", "--out", "r"], "`lookalike weights fetch alexnet"),
    ] {
        let message = fails(more);
        assert!(message.contains(part), "{more:?}: {message}");
    }
}
