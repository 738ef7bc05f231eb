//! `train translate`, `translate` and `dataset`: learned from drawn shoes, killed and gone on, drawn, checked, refused.

use lookalike_translate::data::shoe;
use lookalike_translate::model::Model;
use serde_json::Value;

use crate::training::{killed_on_the_way, same_bytes};
use crate::workplace::Workplace;

/// Steps of a small network on small shoes.
const SMALL: [&str; 12] = [
    "--drawn",
    "24",
    "--side",
    "16",
    "--size",
    "D32-N2",
    "--batch",
    "6",
    "--rate",
    "0.003",
    "--warm-up",
    "5",
];

fn train(place: &Workplace, out: &str, more: &[&str]) -> Value {
    place.succeeds(&[&["train", "translate", "--out", out][..], &SMALL, more].concat());
    serde_json::from_str(&place.read(&format!("{out}/result.json"))).unwrap()
}

/// Pairs as pix2pix has them.
fn pairs(place: &Workplace) {
    for (split, first, count) in [("train", 0, 12), ("val", 100, 4), ("test", 200, 4)] {
        for seed in first..first + count {
            let drawn = shoe(seed, 32).unwrap();
            place.save(&format!("pairs/{split}A/{seed:03}.png"), &drawn.source);
            place.save(&format!("pairs/{split}B/{seed:03}.png"), &drawn.target);
        }
    }
}

#[test]
fn runs_leave_a_model_and_everything_about_it() {
    let place = Workplace::new();
    pairs(&place);
    for (out, more) in [
        ("concat", &["--steps", "60"][..]),
        ("tokens", &["--condition", "tokens", "--steps", "6"]),
        ("vector", &["--condition", "vector", "--embedder", "sight", "--steps", "6"]),
        ("steps", &["--process", "linear", "--prediction", "epsilon", "--steps", "6"]),
        ("plain", &["--process", "none", "--loss", "l1", "--steps", "6"]),
        ("perceptual", &["--loss", "0.1*gmsd,0.5*l1", "--weighting", "gate=0.8", "--steps", "6"]),
        ("weighted", &["--loss", "mse", "--weighting", "alpha-bar", "--steps", "6"]),
    ] {
        let found = train(&place, out, more);
        assert_eq!((&found["task"], &found["stopped"]), (&"translate".into(), &"finished".into()));
        assert!(found["validation"]["loss"].as_f64().unwrap() > 0.0, "{out}");
        let model = Model::read(&place.path(&format!("{out}/model.safetensors"))).unwrap();
        assert_eq!(found["parameters"], model.parameters.len());
        for file in ["MODEL_CARD.md", "recipe.toml", "tensorboard", "log.jsonl"] {
            assert!(place.path(&format!("{out}/{file}")).exists(), "{out}/{file}");
        }
        let last = format!("{out}/samples/step-{:06}.png", found["steps"].as_u64().unwrap());
        assert!(place.path(&last).exists(), "{last}");
    }
    let lines: Vec<Value> = place
        .read("concat/log.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["kind"] == "train")
        .collect();
    let loss = |line: &Value| line["loss"].as_f64().unwrap();
    assert!(loss(lines.last().unwrap()) < 0.7 * loss(&lines[0]), "{lines:?}");
    // The recipe alone gives the same bytes, with one thread as well.
    place.succeeds(&[
        "train",
        "translate",
        "--recipe",
        "vector/recipe.toml",
        "--out",
        "again",
        "--jobs",
        "1",
    ]);
    same_bytes(&place, ["vector", "again"]);
    // Pairs of a folder, and a network that goes on from another.
    let more = ["--steps", "3", "--side", "16", "--size", "D32-N2", "--batch", "6"];
    let other =
        ["train", "translate", "pairs", "--out", "folder", "--start", "concat/model.safetensors"];
    let message = place.fails(&[&other[..], &more[..4], &["--size", "D64-N2"]].concat());
    assert!(message.contains("go on learning"), "{message}");
    let folder =
        ["train", "translate", "pairs", "--out", "folder", "--start", "concat/model.safetensors"];
    place.succeeds(&[&folder[..], &more, &["--mirror", "--load", "20"]].concat());
    let found: Value = serde_json::from_str(&place.read("folder/result.json")).unwrap();
    assert_eq!(found["pairs"], 12);
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_with_the_same_bytes() {
    let place = Workplace::new();
    let more = ["--steps", "300", "--checkpoint-every", "7", "--accumulate", "2"];
    train(&place, "whole", &more);
    killed_on_the_way(&place, &[&["train", "translate"][..], &SMALL, &more].concat());
    train(&place, "killed", &more);
    same_bytes(&place, ["whole", "killed"]);
    let other = ["train", "translate", "--out", "killed", "--steps", "9"];
    let message = place.fails(&[&other[..], &SMALL].concat());
    assert!(message.contains("of another run: recipe"), "{message}");
}

#[test]
fn pictures_are_translated() {
    let place = Workplace::new();
    pairs(&place);
    place.succeeds(&["translate", "pairs/testA/200.png"]);
    assert!(place.path("pairs/testA/200.out.png").exists());
    // The same seed, picture and model: the same bytes, alone and among others, with any number of threads.
    place.succeeds(&["translate", "pairs/testA", "--out", "drawn", "--jobs", "1"]);
    let one = std::fs::read(place.path("pairs/testA/200.out.png")).unwrap();
    assert_eq!(one, std::fs::read(place.path("drawn/200.png")).unwrap());
    assert!(!place.path("drawn/200.out.png").exists());
    let printed = place.succeeds(&[
        "translate",
        "pairs/testA/201.png",
        "--out",
        "x.png",
        "--seed",
        "7",
        "--sampler",
        "euler",
        "--steps",
        "3",
        "--guidance-image",
        "1.5",
        "--guidance-interval",
        "0.1,0.9",
        "--format",
        "json",
    ]);
    let found: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (&found["schema"], &found["sampler"]),
        (&"lookalike.translate/1".into(), &"euler".into())
    );
    assert_eq!((&found["steps"], &found["evaluations"]), (&3.into(), &6.into()));
    assert_ne!(
        std::fs::read(place.path("x.png")).unwrap(),
        std::fs::read(place.path("drawn/201.png")).unwrap()
    );
    place.write("damaged.png", &[1; 50]);
    let output = place.run(&["translate", "damaged.png", "pairs/testA/202.png", "--out", "two"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("damaged.png"), "{}", output.stderr);
    assert!(place.path("two/202.png").exists());
    place.write("model.safetensors", &[0; 100]);
    for (more, part) in [
        (&["--model", "none.safetensors"][..], "none.safetensors"),
        (&["--model", "model.safetensors"], "train translate"),
        (&["--sampler", "ddpm"], "euler"),
        (&["--sampler", "best"], "heun"),
        (&["--steps", "0"], "at least 1"),
        (&["--guidance-clip", "2"], "does not read"),
        (&["--vae", "x"], "leave --vae out"),
        (&["--guidance-interval", "0.9,0.1"], "interval"),
    ] {
        let message = place.fails(&[&["translate", "pairs/testA/200.png"][..], more].concat());
        assert!(message.contains(part), "{more:?}: {message}");
    }
}

#[test]
fn pairs_are_looked_at_checked_and_made() {
    let place = Workplace::new();
    let shoes = ["dataset", "shoes", "--count", "120", "--others", "6", "--side", "32"];
    place.succeeds(&[&shoes[..], &["--out", "shoes"]].concat());
    assert!(place.path("shoes/trainA/000119.png").exists());
    assert!(place.path("shoes/testB/000005.png").exists());
    place.succeeds(&[
        "dataset",
        "preview",
        "shoes",
        "--out",
        "sheet.png",
        "--mirror",
        "--side",
        "32",
    ]);
    assert!(place.path("sheet.png").exists());
    let doctor = ["dataset", "doctor", "shoes", "--side", "32", "--format", "json"];
    let found: Value = serde_json::from_str(&place.succeeds(&doctor)).unwrap();
    assert_eq!(found["schema"], "lookalike.dataset-doctor/1");
    assert_eq!(found["pairs"], 132);
    assert_ne!(found["severity"], "error");
    place.succeeds(&["dataset", "edges", "shoes/testB", "--out", "lines"]);
    assert!(place.path("lines/000003.png").exists());
    // Sources that belong to other targets are found out.
    for at in 0..120 {
        let from = place.path(&format!("shoes/trainA/{at:06}.png"));
        let to = place.path(&format!("shuffled/trainA/{:06}.png", (at + 37) % 120));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
    std::fs::create_dir_all(place.path("shuffled/trainB")).unwrap();
    for at in 0..120 {
        let name = format!("trainB/{at:06}.png");
        std::fs::copy(
            place.path(&format!("shoes/{name}")),
            place.path(&format!("shuffled/{name}")),
        )
        .unwrap();
    }
    let output = place.run(&["dataset", "doctor", "shuffled", "--side", "32"]);
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(output.stdout.contains("alignment"), "{}", output.stdout);
    for (arguments, part) in [
        (&["dataset", "doctor"][..], "--drawn N"),
        (&["dataset", "doctor", "none"], "none"),
        (&["dataset", "preview", "shoes"], "--out FILE.png"),
        (&["dataset", "edges", "shoes/testB", "--out", "x", "--method", "hed"], "canny"),
        (&["dataset", "preview", "shoes", "--direction", "CtoD", "--out", "x.png"], "AtoB"),
    ] {
        let message = place.fails(arguments);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}

#[test]
fn wrong_input_is_refused_with_the_way_out() {
    let place = Workplace::new();
    pairs(&place);
    for (arguments, part) in [
        (&["pairs"][..], "--out DIR"),
        (&["--out", "r"], "--drawn N"),
        (&["none", "--out", "r"], "none"),
        (&["pairs", "--out", "r", "--recipe", "large"], "tiny, paper or S-64"),
        (&["pairs", "--out", "r", "--size", "M"], "D96-N4"),
        (&["pairs", "--out", "r", "--condition", "vector"], "clip@FILE"),
        (&["pairs", "--out", "r", "--condition", "vector", "--embedder", "clip@none"], "none"),
        (&["pairs", "--out", "r", "--side", "30"], "whole patches"),
        (&["pairs", "--out", "r", "--loss", "ssimulacra2"], "a gradient"),
        (&["pairs", "--out", "r", "--process", "cubic"], "cubic"),
        (&["pairs", "--out", "r", "--vae", "none"], "none"),
        (&["pairs", "--out", "r", "--start", "none.pt"], "none.pt"),
        (&["pairs", "--out", "r", "--drawn", "3"], "cannot be used with"),
    ] {
        let message = place.fails(&[&["train", "translate"][..], arguments].concat());
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}
