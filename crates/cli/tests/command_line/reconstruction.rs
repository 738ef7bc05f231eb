//! `train autoencoder`, `vae` and `super-resolution`: learned from windows of a scene, killed and gone on, refused.

use lookalike::procedural::scene;
use lookalike_train::reconstruction::Model;
use serde_json::Value;

use crate::training::{killed_on_the_way, same_bytes};
use crate::workplace::Workplace;

/// Pictures to learn from, and others.
fn prepared() -> Workplace {
    let place = Workplace::new();
    // Windows of one scene: what is learned of some is of use for others.
    let whole = scene(3, 200, 200);
    for index in 0..40 {
        let role = ["validation", "train", "train", "train", "test"][index % 5];
        let window = whole.crop(index * 47 % 130, index * 31 % 134, 70, 66).unwrap();
        place.save(&format!("data/{role}/{index:02}.png"), &window);
    }
    place
}

const SMALL: [&str; 10] =
    ["--side", "32", "--batch", "8", "--code", "16", "--rate", "0.003", "--warm-up", "5"];

fn train(place: &Workplace, task: &str, out: &str, more: &[&str]) -> Value {
    place.succeeds(&[&["train", task, "data", "--out", out], more].concat());
    serde_json::from_str(&place.read(&format!("{out}/result.json"))).unwrap()
}

#[test]
fn runs_leave_a_model_and_everything_about_it() {
    let place = prepared();
    let losses = |log: &str| -> Vec<f64> {
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines = lines.filter(|line| line["kind"] == "validation");
        lines.map(|line| line["loss"].as_f64().unwrap()).collect()
    };
    for (task, out, loss, full, more) in [
        ("autoencoder", "plain", "ms-ssim", "ms-ssim@small", &SMALL[..]),
        ("autoencoder", "mix", "0.84*ms-ssim,0.16*l1", "0.84*ms-ssim@small,0.16*l1", &SMALL),
        ("vae", "vae", "mse", "mse", &SMALL),
        (
            "super-resolution",
            "sharper",
            "l1",
            "l1",
            &["--side", "33", "--batch", "8", "--factor", "2", "--warm-up", "5"],
        ),
    ] {
        let more = [more, &["--loss", loss, "--steps", "40"]].concat();
        let found = train(&place, task, out, &more);
        assert_eq!((&found["task"], &found["loss_name"]), (&task.into(), &full.into()));
        assert_eq!((&found["steps"], &found["stopped"]), (&40.into(), &"finished".into()));
        let log = losses(&place.read(&format!("{out}/log.jsonl")));
        assert!(log.last().unwrap() < &(0.95 * log[0]), "{out}: {log:?}");
        assert_eq!(found["validation"]["kl"].is_null(), task != "vae");
        let (model, parameters) =
            Model::read(&place.path(&format!("{out}/model.safetensors"))).unwrap();
        assert_eq!(found["parameters"], parameters.len());
        assert_eq!(model.count(), parameters.len());
        for file in ["MODEL_CARD.md", "recipe.toml", "tensorboard", "samples/epoch-0001.png"] {
            assert!(place.path(&format!("{out}/{file}")).exists(), "{out}/{file}");
        }
        // The recipe alone gives the same bytes, with one thread as well.
        let recipe = format!("{out}/recipe.toml");
        place.succeeds(&[
            "train", task, "--recipe", &recipe, "--out", "again", "--jobs", "1", "--resume",
            "never",
        ]);
        same_bytes(&place, [out, "again"]);
    }
    let other = train(
        &place,
        "autoencoder",
        "seed",
        &[&SMALL[..], &["--seed", "2", "--steps", "40"]].concat(),
    );
    let first: Value = serde_json::from_str(&place.read("plain/result.json")).unwrap();
    assert_ne!(other["model_sha256"], first["model_sha256"]);
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_with_the_same_bytes() {
    let place = prepared();
    for (task, more) in [
        ("autoencoder", &["--loss", "ms-ssim", "--patience", "4", "--plateau", "2"][..]),
        ("vae", &["--loss", "mse"]),
    ] {
        let more = [&SMALL[..], more, &["--epochs", "150", "--checkpoint-every", "7"]].concat();
        let whole = format!("whole-{task}");
        let found = train(&place, task, &whole, &more);
        if place.path("killed").exists() {
            std::fs::remove_dir_all(place.path("killed")).unwrap();
        }
        killed_on_the_way(&place, &[&["train", task, "data"][..], &more].concat());
        assert_eq!(train(&place, task, "killed", &more)["early"], found["early"]);
        same_bytes(&place, [&whole, "killed"]);
        let other = ["train", task, "data", "--out", "killed", "--steps", "9"];
        let message = place.fails(&[&other[..], &SMALL].concat());
        assert!(message.contains("of another run: recipe"), "{message}");
    }
}

#[test]
fn wrong_input_is_refused_with_the_way_out() {
    let place = prepared();
    place.write("odd/x.bin", &[0; 100]);
    place.write("damaged/x.png", &[0; 100]);
    for (arguments, part) in [
        (&["autoencoder", "data"][..], "--out DIR"),
        (&["autoencoder", "--out", "r"], "folders with pictures"),
        (&["autoencoder", "none", "--out", "r"], "none"),
        (&["autoencoder", "odd", "--out", "r"], "3073"),
        (&["autoencoder", "damaged", "--out", "r"], "x.png"),
        (&["autoencoder", "data", "--out", "r"], "a batch of 64"),
        (&["autoencoder", "data", "--out", "r", "--loss", "ssimulacra2"], "a gradient"),
        (&["autoencoder", "data", "--out", "r", "--loss", "vgg"], "expected mse"),
        (&["autoencoder", "data", "--out", "r", "--network", "srcnn-915"], "not for autoencoder"),
        (&["autoencoder", "data", "--out", "r", "--side", "30"], "a multiple of 8"),
        (
            &["autoencoder", "data", "--out", "r", "--side", "8", "--batch", "8", "--loss", "ssim"],
            "11",
        ),
        (&["vae", "data", "--out", "r", "--network", "bench"], "no code"),
        (&["super-resolution", "data", "--out", "r", "--factor", "1"], "2 to 8"),
        (&["super-resolution", "data", "--out", "r", "--side", "99"], "99x99"),
    ] {
        let message = place.fails(&[&["train"], arguments].concat());
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}

#[test]
fn numbers_that_cease_to_be_finite_end_a_run_with_a_checkpoint() {
    let place = prepared();
    let more = ["--loss", "mse", "--rate", "1e30", "--steps", "40", "--average", "0"];
    let arguments = ["train", "autoencoder", "data", "--out", "r", "--side", "32", "--batch", "8"];
    let message = place.fails(&[&arguments[..], &more].concat());
    assert!(message.contains("not finite") && message.contains("lower the rate"), "{message}");
    let left = place.files();
    assert!(left.iter().any(|file| file.starts_with("r/checkpoints/step-")), "{left:?}");
}

#[test]
fn losses_are_compared_and_people_can_be_asked() {
    let place = prepared();
    place.write(
        "labels.csv",
        (0..40)
            .map(|index| {
                let role = ["validation", "train", "train", "train", "test"][index % 5];
                format!("{role}/{index:02}.png,{}\n", ["even", "odd"][index % 2])
            })
            .fold("path,parity\n".to_owned(), |all, line| all + &line)
            .as_bytes(),
    );
    let study = [
        &["study", "losses", "data", "--loss", "mse", "--loss", "ms-ssim", "--steps", "24"][..],
        &["--rates", "0.001,0.003", "--trial-steps", "6", "--seeds", "2", "--labels", "labels.csv"],
        &["--side", "32", "--batch", "8", "--code", "8", "-m", "mse,ms-ssim@small", "--out", "out"],
    ]
    .concat();
    let said = place.succeeds(&study);
    assert!(
        said.contains("ms-ssim@small") && said.contains("judge collect out/preference"),
        "{said}"
    );
    let found: Value = serde_json::from_str(&place.read("out/result.json")).unwrap();
    assert_eq!(found["schema"], "lookalike.study-losses/1");
    assert_eq!((&found["learned"], &found["held_out"]), (&24.into(), &8.into()));
    for (loss, name) in ["mse", "ms-ssim@small"].into_iter().enumerate() {
        let of_loss = &found["losses"][loss];
        assert_eq!(of_loss["loss"], name);
        let trials = of_loss["trials"].as_array().unwrap();
        let best =
            trials.iter().min_by(|a, b| a[1].as_f64().unwrap().total_cmp(&b[1].as_f64().unwrap()));
        assert_eq!(of_loss["rate"], best.unwrap()[0]);
        let values = &found["metrics"][0]["losses"][loss];
        let [a, b] = [0, 1].map(|seed| values["seeds"][seed].as_f64().unwrap());
        assert!((values["mean"].as_f64().unwrap() - 0.5 * (a + b)).abs() < 1e-12);
        assert!(a != b);
    }
    // What is reported is what compare says of the files.
    let slug = "ms-ssim-small";
    let seed = &found["metrics"][1]["losses"][1]["seeds"][0];
    let arguments =
        ["pictures/original", &format!("pictures/{slug}")].map(|folder| format!("out/{folder}"));
    let (code, report) = place.json(&[&arguments[0], &arguments[1], "-m", "ms-ssim@small"]);
    assert_eq!(code, 0);
    let mean = report["summary"]["ms-ssim@small"]["mean"].as_f64().unwrap();
    assert!((mean - seed.as_f64().unwrap()).abs() < 1e-9, "{report}");
    let codes = found["classification"][0]["codes"].as_array().unwrap();
    assert_eq!((codes.len(), &found["classification"][0]["classes"]), (4, &2.into()));
    let page = place.read("out/report.html");
    assert!(page.contains("nobody has been asked") && !page.contains("<script"), "{page}");
    // Three rows in a hundred questions are checks; eight pictures of one pair of losses are asked about.
    let items = place.read("out/preference/items.csv");
    assert_eq!(items.lines().filter(|line| line.ends_with(',')).count(), 8);
    assert_eq!(items.lines().filter(|line| line.ends_with(",left")).count(), 1);
    let project = lookalike_studio::Project::read(&place.path("out/preference")).unwrap();
    assert_eq!((project.votes, project.raters.len()), (5, 20));
    let message = place.fails(&["study", "preference", "out/preference"]);
    assert!(message.contains("judge collect"), "{message}");
    // Three people prefer what the first network draws, but for one picture, and one of them misses a check.
    let mut store = lookalike_studio::Store::open(&project).unwrap();
    for rater in &project.raters[..3] {
        for (at, item) in project.items.iter().enumerate() {
            let missed = item.is_check() && *rater == project.raters[0];
            let nonce = format!("{rater}-{at}");
            let vote = lookalike_studio::NewVote {
                nonce: &nonce,
                rater,
                item: &item.key,
                answer: if at == 2 || missed { "right" } else { "left" },
                expected: item.is_check().then_some("left"),
                first: "left",
                milliseconds: None,
                display: None,
            };
            store.add(&vote).unwrap();
        }
    }
    drop(store);
    let said = place.succeeds(&["study", "preference", "out/preference", "--format", "json"]);
    let found: Value = serde_json::from_str(&said).unwrap();
    let pair = &found["pairs"][0];
    assert_eq!((&pair["first"], &pair["second"]), (&"mse".into(), &"ms-ssim@small".into()));
    assert_eq!((&pair["answers"], &pair["share"]), (&24.into(), &0.875.into()));
    assert_eq!(pair["pictures"], serde_json::json!([7, 1, 0]));
    // One of eight or fewer on either side: 18 of 256.
    assert!((pair["p_pictures"].as_f64().unwrap() - 18.0 / 256.0).abs() < 1e-12);
    assert_eq!(found["missed_checks"].as_array().unwrap().len(), 1);
    // The second of the answers about the third picture is another than the first.
    let steadiness = found["steadiness"].as_array().unwrap();
    assert_eq!((steadiness.len(), &steadiness[0]["asked_twice"]), (3, &8.into()));
    assert!(steadiness.iter().all(|one| one["same"] == 7), "{steadiness:?}");
    let text = place.succeeds(&["study", "preference", "out/preference"]);
    assert!(text.contains("7 of 8 questions again as before"), "{text}");
    assert!(text.contains("mse over ms-ssim@small: 87.5 % of 24 answers"), "{text}");
    // Again, and nothing is learned anew.
    let before = place.read("out/result.json");
    place.succeeds(&study);
    let again: Value = serde_json::from_str(&place.read("out/result.json")).unwrap();
    let before: Value = serde_json::from_str(&before).unwrap();
    assert_eq!(again["metrics"], before["metrics"]);
    for (arguments, part) in [
        (&["--loss", "mse"][..], "two losses"),
        (&["--loss", "mse", "--loss", "mse"], "once"),
        (&["--labels", "none.csv"], "none.csv"),
        (&["--side", "30"], "a multiple of 8"),
    ] {
        let base = ["study", "losses", "data", "--out", "x", "--batch", "8"];
        let message = place.fails(&[&base[..], arguments].concat());
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}

#[test]
fn codes_of_one_rate_are_compared() {
    let place = prepared();
    place.succeeds(&[
        "study",
        "losses",
        "data",
        "--task",
        "vae",
        "--loss",
        "mse",
        "--loss",
        "l1",
        "--rates",
        "0.003",
        "--steps",
        "24",
        "--trial-steps",
        "24",
        "--side",
        "32",
        "--batch",
        "8",
        "--code",
        "8",
        "-m",
        "mse",
        "--out",
        "out",
    ]);
    let found: Value = serde_json::from_str(&place.read("out/result.json")).unwrap();
    let kl = |loss: usize| found["losses"][loss]["kl"][0].as_f64().unwrap();
    assert!((kl(1) / kl(0) - 1.0).abs() <= 0.05, "{found}");
    assert!(found["losses"][1]["weight"].as_f64().unwrap() > 0.0);
}

#[test]
fn enlarged_pictures_are_held_against_bicubic_ones() {
    let place = prepared();
    place.succeeds(&[
        "study",
        "losses",
        "data",
        "--task",
        "super-resolution",
        "--loss",
        "mse",
        "--loss",
        "l1",
        "--rates",
        "0.001",
        "--steps",
        "40",
        "--side",
        "33",
        "--batch",
        "16",
        "--factor",
        "2",
        "--residual",
        "--out",
        "out",
    ]);
    let found: Value = serde_json::from_str(&place.read("out/result.json")).unwrap();
    let columns: Vec<&str> =
        found["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(columns, ["mse", "l1", "bicubic"]);
    let ids: Vec<&str> =
        found["metrics"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(ids[0], "psnr:y@studio+shave=2");
    // As compare says of the files.
    let folders = ["out/pictures/original", "out/pictures/bicubic", "-m", ids[0]];
    let (_, report) = place.json(&folders);
    let mean = report["summary"][ids[0]]["mean"].as_f64().unwrap();
    let own = found["metrics"][0]["losses"][2]["mean"].as_f64().unwrap();
    assert!((mean - own).abs() < 1e-9, "{mean} {own}");
    assert!(place.read("out/report.html").contains("bicubic"));
    let message = place.fails(&[
        "study",
        "losses",
        "data",
        "--task",
        "super-resolution",
        "--labels",
        "folder",
        "--out",
        "x",
    ]);
    assert!(message.contains("no code"), "{message}");
}
