//! `train lpips`: learned from made-up judgements, killed and gone on, and found by `compare`.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lookalike::procedural::{Distortion, scene};
use lookalike_train::tensorboard;
use serde_json::{Value, json};

use crate::learned::seeded;
use crate::workplace::{BINARY, Workplace, values};

const COUNT: u64 = 24;

/// The network, and triplets laid out as BAPPS is, in which people prefer less noise.
fn prepared() -> Workplace {
    let place = Workplace::new();
    place.write("file", &seeded("squeezenet1_1"));
    place.succeeds(&["weights", "import", "file", "--as", "squeezenet1_1"]);
    for index in 0..COUNT {
        let set = format!("data/train/{}", if index % 2 == 0 { "cnn" } else { "mix" });
        let reference = scene(index, 32, 32);
        let (weak, strong) = (0.1, 0.5);
        let [left, right] = if index % 3 == 0 { [strong, weak] } else { [weak, strong] };
        let noisy = |strength| Distortion::Noise.apply(&reference, strength, index).unwrap();
        place.save(&format!("{set}/ref/{index:06}.png"), &reference);
        place.save(&format!("{set}/p0/{index:06}.png"), &noisy(left));
        place.save(&format!("{set}/p1/{index:06}.png"), &noisy(right));
        let share: f32 = if index % 3 == 0 { 0.8 } else { 0.2 };
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        file.extend(format!("{header:<117}\n").bytes());
        file.extend(share.to_le_bytes());
        place.write(&format!("{set}/judge/{index:06}.npy"), &file);
    }
    place
}

const TRAIN: [&str; 7] =
    ["train", "lpips", "data/train", "--net", "squeeze", "--cache", "features"];

fn train(place: &Workplace, out: &str, more: &[&str]) -> String {
    place.succeeds(&[&TRAIN[..], &["--out", out], more].concat())
}

#[test]
fn a_run_leaves_a_metric_and_everything_about_it() {
    let place = prepared();
    let text = train(&place, "run", &["--steps", "40", "--hold-out", "0.25"]);
    assert!(text.starts_with("lpips:squeeze@run/model.safetensors\n"), "{text}");
    let result: Value = serde_json::from_str(&place.read("run/result.json")).unwrap();
    assert_eq!(result["schema"], "lookalike.train/1");
    assert_eq!((&result["steps"], &result["stopped"]), (&json!(40), &json!("finished")));
    assert_eq!((&result["triplets"], &result["validation"]["n"]), (&json!(18), &json!(6)));
    // More noise is farther on any network.
    assert!((result["validation"]["score"].as_f64().unwrap() - 0.8).abs() < 1e-6, "{result}");
    assert!(result["loss"].as_f64().unwrap() > 0.0);
    let log = place.read("run/log.jsonl");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line["kind"] == "train").count(), 4);
    assert_eq!(lines.iter().filter(|line| line["kind"] == "validation").count(), 40);
    let events = place.path("run/tensorboard/events.out.tfevents.0.lookalike");
    let scalars = tensorboard::read(&std::fs::read(events).unwrap());
    assert_eq!(scalars.len(), 4 * 3 + 40 * 2);
    assert!(place.read("run/MODEL_CARD.md").contains("lpips:squeeze@run/model.safetensors"));

    let reference = "data/train/cnn/ref/000002.png";
    let pair = [reference, "data/train/cnn/p0/000002.png"];
    let id = "lpips:squeeze@run/model.safetensors";
    let (code, report) = place.json(&[&pair[..], &["-m", id]].concat());
    assert_eq!(code, 0, "{report}");
    assert!(values(&report, id)[0] > 0.0);
    let weights = &report["pairs"][0]["scores"][0]["provenance"]["weights"];
    let model = format!("file:{}", result["model_sha256"].as_str().unwrap());
    assert!(weights.as_str().unwrap().ends_with(&model), "{weights}");
    let (code, report) = place.json(&[&[reference, reference][..], &["-m", id]].concat());
    assert_eq!((code, values(&report, id)), (0, vec![0.0]));
    let gate = format!("{id}<=1000");
    place.succeeds(&["compare", pair[0], pair[1], "-m", "mse", "--gate", &gate]);

    // The recipe alone gives the same bytes, in another folder.
    let again = ["train", "lpips", "--recipe", "run/recipe.toml", "--out", "again"];
    place.succeeds(&[&again[..], &["--cache", "features"]].concat());
    let model = |run: &str| std::fs::read(place.path(&format!("{run}/model.safetensors"))).unwrap();
    assert_eq!(model("run"), model("again"));
    assert_eq!(log, place.read("again/log.jsonl"));
    train(&place, "seed", &["--steps", "40", "--hold-out", "0.25", "--seed", "2"]);
    assert_ne!(model("run"), model("seed"));
}

/// Starts a run, kills it as soon as it has left two checkpoints in `killed/checkpoints`, and looks that it
/// had not ended.
#[cfg(unix)]
pub(crate) fn killed_on_the_way(place: &Workplace, arguments: &[&str]) {
    let checkpoints = || {
        std::fs::read_dir(place.path("killed/checkpoints"))
            .map_or(0, |files| files.flatten().count())
    };
    let mut command = Command::new(BINARY);
    command.current_dir(place.root()).args(arguments).args(["--out", "killed"]);
    command.env("LOOKALIKE_HOME", place.path("home")).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while checkpoints() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.path("killed/model.safetensors").exists(), "it was killed on the way");
}

/// Whether two runs left the same model and the same log.
#[cfg(unix)]
pub(crate) fn same_bytes(place: &Workplace, runs: [&str; 2]) {
    for file in ["model.safetensors", "log.jsonl"] {
        let [a, b] = runs.map(|run| std::fs::read(place.path(&format!("{run}/{file}"))).unwrap());
        assert!(a == b, "{file} differs");
    }
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_with_the_same_bytes() {
    let place = prepared();
    let more = ["--steps", "3000", "--checkpoint-every", "7"];
    train(&place, "whole", &more);
    killed_on_the_way(&place, &[&TRAIN[..], &more].concat());
    train(&place, "killed", &more);
    same_bytes(&place, ["whole", "killed"]);
    let left = place.files();
    let left = left.iter().filter(|file| file.starts_with("killed/checkpoints/step-"));
    assert_eq!(left.count(), 2);
    let other = ["--out", "killed", "--steps", "10"];
    let message = place.fails(&[&TRAIN[..], &other].concat());
    assert!(message.contains("of another run: recipe"), "{message}");
    train(&place, "killed", &["--steps", "10", "--resume", "never"]);
}

/// Pictures stay as small as they are, so that a network learns in seconds.
const SMALL: [&str; 4] = ["--resize", "0", "--hold-out", "0.25"];

#[test]
fn a_network_is_tuned_or_made_from_scratch() {
    let place = prepared();
    let bytes = |run: &str| std::fs::read(place.path(&format!("{run}/model.safetensors"))).unwrap();
    for mode in ["tune", "scratch"] {
        let more = [&SMALL[..], &["--mode", mode]].concat();
        let text = train(&place, mode, &[&more[..], &["--steps", "4"]].concat());
        assert!(text.starts_with(&format!("lpips:squeeze@{mode}/model.safetensors\n")), "{text}");
        // Ended on the way, and gone on with from another checkpoint.
        let parts = format!("{mode}-parts");
        train(&place, &parts, &[&more[..], &["--steps", "4", "--max-seconds", "0"]].concat());
        train(&place, &parts, &[&more[..], &["--steps", "4", "--checkpoint-every", "1"]].concat());
        let third = format!("{parts}/checkpoints/step-00000003.safetensors");
        assert!(place.path(&third).exists(), "{:?}", place.files());
        train(&place, &parts, &[&more[..], &["--steps", "4", "--resume", &third]].concat());
        assert!(bytes(mode) == bytes(&parts), "{mode}");
    }
    assert!(bytes("tune") != bytes("scratch"));
    // Both files have a network of their own.
    std::fs::remove_dir_all(place.path("home")).unwrap();
    let [reference, other] = ["ref", "p0"].map(|role| format!("data/train/cnn/{role}/000002.png"));
    for mode in ["tune", "scratch"] {
        let id = format!("lpips:squeeze@{mode}/model.safetensors");
        let (code, report) = place.json(&[&reference, &other, "-m", &id]);
        assert_eq!(code, 0, "{report}");
        assert!(values(&report, &id)[0] > 0.0);
        let (code, report) = place.json(&[&reference, &reference, "-m", &id]);
        assert_eq!((code, values(&report, &id)), (0, vec![0.0]));
    }
}

#[test]
fn time_that_is_over_leaves_a_checkpoint() {
    let place = prepared();
    let text = train(&place, "run", &["--max-seconds", "0"]);
    assert!(text.contains("steps       0 of "), "{text}");
    train(&place, "run", &["--epochs", "10"]);
    let result: Value = serde_json::from_str(&place.read("run/result.json")).unwrap();
    assert_eq!((&result["steps"], &result["of_steps"]), (&json!(10), &json!(10)));
}

#[test]
fn wrong_input_is_refused_with_the_way_out() {
    let place = prepared();
    let fails = |more: &[&str]| place.fails(&[&["train", "lpips"][..], more].concat());
    for (more, part) in [
        (&["data/train"][..], "--out DIR"),
        (&["nowhere", "--out", "r"], "found nothing"),
        (&["data/train", "--out", "a+b"], "choose another --out"),
        (&["data/train", "--out", "r", "--mode", "tune"], "`lookalike weights fetch alexnet`"),
        (&["data/train", "--out", "r"], "`lookalike weights fetch alexnet`"),
        (&["data/train", "--out", "r", "--hold-out", "1"], "below 1"),
    ] {
        let message = fails(more);
        assert!(message.contains(part), "{more:?}: {message}");
    }
    let mut csv = "reference,left,right,votes_right,votes\n".to_owned();
    place.scene("a.png", (40, 40));
    place.scene("b.png", (40, 41));
    writeln!(csv, "a.png,a.png,b.png,1,2").unwrap();
    place.write("t.csv", csv.as_bytes());
    let message = fails(&["t.csv", "--out", "r", "--net", "squeeze"]);
    assert!(message.contains("expected 40x40 as its reference, found 40x41"), "{message}");
}

#[test]
fn files_that_are_no_weights_of_the_network_are_refused() {
    let place = prepared();
    place.scene("a.png", (40, 40));
    let fails = |id: &str| place.fails(&["compare", "a.png", "a.png", "-m", id]);
    assert!(fails("lpips:squeeze@gone/model.safetensors").contains("gone/model.safetensors"));
    place.write("head.safetensors", &seeded("lpips-head-alex-0.1"));
    let message = fails("lpips:squeeze@./head.safetensors");
    assert!(message.contains("lin5"), "{message}");
    place.write("trunk.safetensors", &seeded("squeezenet1_1"));
    assert!(fails("lpips:squeeze@trunk.safetensors").contains("lin0"));
    assert!(fails("lpips:squeeze@a+b/head.safetensors").contains("move the file"));
    // Seeded weights of channels are no distance; a whole file needs nothing of the store.
    place.write("whole.safetensors", &seeded("lpips-squeeze-0.1"));
    std::fs::remove_dir_all(place.path("home")).unwrap();
    let value =
        place.succeeds(&["compare", "a.png", "a.png", "-m", "lpips:squeeze@whole.safetensors"]);
    assert_eq!(value.trim(), "0");
}
