//! `train lipsim`: distilled and tuned on the synthetic observer, killed and gone on, certified.

use lookalike::procedural::scene;
use serde_json::{Value, json};

#[cfg(unix)]
use crate::training::{killed_on_the_way, same_bytes};
use crate::workplace::{Workplace, values};

/// A few pictures, and a recipe of a tiny network.
fn prepared() -> Workplace {
    let place = Workplace::new();
    for index in 0..6 {
        place.save(&format!("data/{index}.png"), &scene(index as u64, 90, 80));
    }
    let recipe = "task = \"lipsim\"\nstages = \"depth 4, convolution 4, window 4, dense 8\"\n\
                  pictures = 12\nobserver = 30\nvalidation = 20\nbatch = 6\n\
                  distillation_steps = 4\ntriplet_steps = 6\nteacher_side = 32\n";
    place.write("tiny.toml", recipe.as_bytes());
    place
}

const TRAIN: [&str; 5] = ["train", "lipsim", "data", "--recipe", "tiny.toml"];

fn train(place: &Workplace, out: &str, more: &[&str]) -> String {
    place.succeeds(&[&TRAIN[..], &["--out", out], more].concat())
}

#[test]
fn a_run_leaves_a_metric_that_is_certified() {
    let place = prepared();
    let text = train(&place, "run", &[]);
    assert!(text.starts_with("lipsim@run/model.safetensors\n"), "{text}");
    let result: Value = serde_json::from_str(&place.read("run/result.json")).unwrap();
    assert_eq!(result["schema"], "lookalike.train/1");
    assert_eq!((&result["steps"], &result["stopped"]), (&json!(10), &json!("finished")));
    assert_eq!((&result["pictures"], &result["triplets"]), (&json!(12), &json!(30)));
    assert!(result["teacher"].as_str().unwrap().starts_with("sight sight:"));
    assert_eq!(result["validation"]["n"], 20);
    let log = place.read("run/log.jsonl");
    assert!(log.contains("\"kind\":\"validation\""), "{log}");
    let card = place.read("run/MODEL_CARD.md");
    assert!(card.contains("synthetic observer") && !card.contains("human"), "{card}");
    assert!(place.path("run/tensorboard/events.out.tfevents.0.lookalike").exists());

    let id = "lipsim@run/model.safetensors";
    place.succeeds(&["train", "lipsim", "--held-out", "held", "--held-out-count", "5"]);
    let pair = ["held/0000-reference.png", "held/0000-left.png"];
    let (code, report) = place.json(&[&pair[..], &["-m", id]].concat());
    assert_eq!(code, 0, "{report}");
    assert!(values(&report, id)[0] > 0.0);
    let certified = place.succeeds(&["certify", "held/triplets.csv", "-m", id, "--format", "json"]);
    let certified: Value = serde_json::from_str(&certified).unwrap();
    let items = certified["items"].as_array().unwrap();
    assert_eq!(items.len(), 5);
    assert!(items.iter().all(|item| item["radius"]["pixels"].as_f64().unwrap() > 0.0));

    // The recipe alone gives the same bytes, in another folder and on one thread.
    let again = ["train", "lipsim", "--recipe", "run/recipe.toml", "--out", "again"];
    place.succeeds(&[&again[..], &["--jobs", "1"]].concat());
    let model = |run: &str| std::fs::read(place.path(&format!("{run}/model.safetensors"))).unwrap();
    assert!(model("run") == model("again"));
    assert_eq!(log, place.read("again/log.jsonl"));
    train(&place, "seed", &["--seed", "2"]);
    assert!(model("run") != model("seed"));
    let text = train(&place, "bisector", &["--hinge", "bisector", "--distillation", "rmse"]);
    assert!(text.starts_with("lipsim@bisector/model.safetensors+head=euclidean\n"), "{text}");
}

#[test]
fn triplets_of_files_are_learned_from() {
    let place = prepared();
    place.succeeds(&["train", "lipsim", "--held-out", "held", "--held-out-count", "8"]);
    let more = ["--triplets", "held/triplets.csv", "--observer", "0", "--distillation-steps", "0"];
    train(&place, "run", &[&more[..], &["--hinge", "margin", "--margin", "0.2"]].concat());
    let result: Value = serde_json::from_str(&place.read("run/result.json")).unwrap();
    assert_eq!((&result["triplets"], &result["teacher"]), (&json!(8), &Value::Null));
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_with_the_same_bytes() {
    let place = prepared();
    let more = ["--distillation-steps", "40", "--steps", "400", "--checkpoint-every", "7"];
    train(&place, "whole", &more);
    killed_on_the_way(&place, &[&TRAIN[..], &more].concat());
    train(&place, "killed", &more);
    same_bytes(&place, ["whole", "killed"]);
    // Killed in the first stage as well.
    train(&place, "first", &[&more[..], &["--max-seconds", "0.000001"]].concat());
    train(&place, "first", &more);
    same_bytes(&place, ["whole", "first"]);
    let other = ["--out", "killed", "--steps", "10"];
    let message = place.fails(&[&TRAIN[..], &other].concat());
    assert!(message.contains("of another run: recipe"), "{message}");
}

#[test]
fn wrong_input_is_refused_with_the_way_out() {
    let place = prepared();
    let fails = |more: &[&str]| place.fails(&[&TRAIN[..], more].concat());
    for (more, part) in [
        (&[][..], "--out DIR"),
        (&["--out", "r", "--teacher", "ssim"], "ssim"),
        (&["--out", "r", "--observer", "2"], "expected a batch of triplets"),
        (&["--out", "r", "--margin", "0"], "expected numbers above 0"),
    ] {
        let message = fails(more);
        assert!(message.contains(part), "{more:?}: {message}");
    }
}
