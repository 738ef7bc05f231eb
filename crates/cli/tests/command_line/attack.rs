//! `attack` and `judge eval --robust`: what is found, what is written, and the order of the scores.

use lookalike::decode;
use lookalike::robust::attack::planes;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::workplace::{Workplace, errors, fields};

/// References of several sizes with two candidates each, and judgements that call the less noisy one closer.
fn workplace() -> Workplace {
    let place = Workplace::new();
    let mut list = "reference,left,right,votes_right,votes\n".to_owned();
    for number in 0..4 {
        let size = (24 + number, 20);
        place.scene(&format!("p/{number}-x.png"), size);
        place.noisy(&format!("p/{number}-a.png"), size, 0.20);
        place.noisy(&format!("p/{number}-b.png"), size, 0.25);
        let [left, right] = if number % 2 == 0 { ["a", "b"] } else { ["b", "a"] };
        let votes = if number % 2 == 0 { 0 } else { 3 };
        list +=
            &format!("p/{number}-x.png,p/{number}-{left}.png,p/{number}-{right}.png,{votes},3\n");
    }
    // No majority.
    list += "p/0-x.png,p/0-a.png,p/0-b.png,1,2\n";
    place.write("triplets.csv", list.as_bytes());
    place
}

fn attacked(place: &Workplace, arguments: &[&str]) -> (i32, Value) {
    let outcome = place.run(&[&["attack", "--format", "json"], arguments].concat());
    let json = serde_json::from_str(&outcome.stdout);
    (outcome.code, json.unwrap_or_else(|e| panic!("{e}: {}{}", outcome.stdout, outcome.stderr)))
}

const TRIPLET: [&str; 3] = ["p/0-x.png", "p/0-a.png", "p/0-b.png"];

#[test]
fn a_decision_flips_and_the_tensor_is_exact() {
    let place = workplace();
    let more = ["-m", "mse", "--eps", "2", "--steps", "30", "--out", "found"];
    let (code, json) = attacked(&place, &[&TRIPLET[..], &more].concat());
    assert_eq!((code, &json["schema"]), (0, &Value::from("lookalike.attack/1")));
    let expected =
        ["attack", "errors", "items", "metric", "schema", "summary", "target", "weights"];
    assert_eq!(fields(&json), expected);
    let item = &json["items"][0];
    let number = |name: &str| item[name].as_f64().unwrap();
    assert_eq!((&item["choice"], &item["flipped"]), (&"left".into(), &true.into()), "{item}");
    assert!(number("margin_before") > 0.0 && number("margin_after") <= 0.0, "{item}");
    assert!(number("norm") > 0.0 && number("norm") <= 2.0 + 1e-9);
    assert!(item["queries"].as_u64().unwrap() > 0);
    // The tensor is the reference and the change, and as far from it as was said.
    let file = std::fs::read(place.path("found/adv.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let read = |name: &str| -> Vec<f64> {
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!(tensor.shape(), [3, 20, 24]);
        tensor.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let (adversarial, change) = (read("adversarial"), read("perturbation"));
    let reference = planes(&decode::read(&place.path("p/0-x.png"), &Default::default()).unwrap());
    let length = change.iter().map(|d| d * d).sum::<f64>().sqrt();
    assert!((length - number("norm")).abs() < 1e-12);
    for ((x, d), before) in adversarial.iter().zip(&change).zip(&reference) {
        assert!((x - before - d).abs() < 1e-12 && (0.0..=1.0).contains(x));
    }
    // The picture is the same rounded, and its margin that which `compare` finds.
    let found = planes(&decode::read(&place.path("found/adv.png"), &Default::default()).unwrap());
    assert!(found.iter().zip(&adversarial).all(|(a, b)| (a - b).abs() <= 0.5 / 255.0 + 1e-12));
    let (_, compared) = place.json(&["found/adv.png", TRIPLET[1], TRIPLET[2], "-m", "mse"]);
    let values = crate::workplace::values(&compared, "mse");
    assert!((values[1] - values[0] - number("margin_picture")).abs() < 1e-12);
    let trace = place.read("found/adv-trace.csv");
    assert_eq!(trace.lines().count() as u64, item["queries"].as_u64().unwrap() + 1);
    assert!(place.path("found/adv-perturbation.png").exists());
    // Within the certified radius nothing flips, and without --out nothing is written.
    let before = place.files();
    let (_, json) = attacked(&place, &[&TRIPLET[..], &["-m", "mse", "--eps", "0.001"]].concat());
    assert_eq!(
        (&json["items"][0]["flipped"], &json["items"][0]["picture"]),
        (&false.into(), &Value::Null)
    );
    assert_eq!(place.files(), before);
}

#[test]
fn methods_norms_and_threads_do_as_they_are_told() {
    let place = workplace();
    for method in ["fgsm", "pgd", "mim", "apgd", "square", "apgd-square"] {
        for [norm, eps] in [["l2", "1.5"], ["linf", "8/255"]] {
            let more = ["-m", "ssim", "--method", method, "--norm", norm, "--eps", eps];
            let steps = ["--steps", "12", "--queries", "40", "--restarts", "2"];
            let (code, json) = attacked(&place, &[&["triplets.csv"][..], &more, &steps].concat());
            assert_eq!((code, &json["attack"]["method"]), (0, &Value::from(method)));
            let items = json["items"].as_array().unwrap();
            assert_eq!(items.len(), 5);
            let most = if norm == "l2" { 1.5 } else { 8.0 / 255.0 };
            for item in items {
                assert!(item["norm"].as_f64().unwrap() <= most + 1e-9);
                assert!(item["margin_after"].as_f64() <= item["margin_before"].as_f64(), "{item}");
            }
            let again = [&["triplets.csv", "--jobs", "1"][..], &more, &steps].concat();
            assert_eq!(attacked(&place, &again).1, json, "{method} {norm}");
        }
    }
}

#[test]
fn distances_and_retrieval_are_attacked_over_folders() {
    let place = workplace();
    for number in 0..3 {
        place.noisy(&format!("same/{number}.png"), (24, 24), 0.1 + 0.3 * f64::from(number));
    }
    let more = ["-m", "mse", "--target", "distance", "--eps", "0.5", "--steps", "10"];
    let (code, json) = attacked(&place, &[&["same"][..], &more].concat());
    assert_eq!((code, &json["summary"]["n"]), (0, &3.into()));
    let summary = &json["summary"];
    assert_eq!((&summary["attacked"]["n"], &summary["unrelated"]["n"]), (&3.into(), &3.into()));
    // Of a Euclidean distance the whole radius is used.
    let expected = 0.25 / (3.0 * 24.0 * 24.0);
    let mean = summary["attacked"]["mean"].as_f64().unwrap();
    assert!((mean / expected - 1.0).abs() < 0.02, "{mean} {expected}");
    let query = ["p/0-x.png", "-m", "mse", "--gallery", "gallery", "--eps", "6"];
    for (name, number) in [("a", 0), ("b", 0)] {
        std::fs::create_dir_all(place.path("gallery")).unwrap();
        let from = place.path(&format!("p/{number}-{name}.png"));
        std::fs::copy(from, place.path(&format!("gallery/{name}.png"))).unwrap();
    }
    let (code, json) = attacked(&place, &query);
    let item = &json["items"][0];
    assert_eq!((code, &item["flipped"]), (0, &true.into()), "{json}");
    assert_ne!(item["first"], item["first_after"]);
    let csv = place.succeeds(&[&["attack", "--format", "csv"], &query[..]].concat());
    assert!(
        csv.starts_with("query,first,first_after,first_picture,flipped,norm,queries\n"),
        "{csv}"
    );
    let text = place.succeeds(&[&["attack"], &query[..]].concat());
    assert!(text.contains("1 of 1 gave way"), "{text}");
}

#[test]
fn wrong_input_is_refused_with_the_way_out() {
    let place = workplace();
    for (arguments, part) in [
        (&["p/0-x.png", "-m", "mse"][..], "no readable CSV"),
        (&["p/0-x.png", "p/0-a.png", "-m", "mse"], "found 2 paths"),
        (&["p/0-x.png", "p/0-a.png", "p/0-a.png", "-m", "mse"], "no decision to attack"),
        (&["p/0-x.png", "p/0-a.png", "p/0-b.png", "-m", "psnr"], "square"),
        (&["p/0-x.png", "-m", "mse", "--target", "retrieval"], "takes a --gallery"),
        (&["p", "-m", "mse", "--target", "distance", "--eps", "0"], "above 0"),
        (&["p", "-m", "mse", "--method", "autoattack"], "apgd-square"),
    ] {
        let message = place.fails(&[&["attack"], arguments].concat());
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
    let some = ["p/0-x.png", "p/none.png", "-m", "mse", "--target", "distance", "--steps", "2"];
    let (code, json) = attacked(&place, &some);
    assert_eq!((code, json["items"].as_array().unwrap().len()), (2, 1));
    assert!(errors(&json)[0].contains("none.png"), "{json}");
}

#[test]
fn scores_fall_from_natural_to_attacked_to_certified() {
    let place = workplace();
    let arguments = [
        "judge",
        "eval",
        "triplets.csv",
        "-m",
        "mse,ssim,psnr",
        "--robust",
        "l2:0.1,108/255",
        "--robust",
        "linf:0.01",
        "--attack-steps",
        "15",
        "--permutations",
        "0",
    ];
    let report = place.succeeds(&[&arguments[..], &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["n"], 5);
    for metric in report["metrics"].as_array().unwrap() {
        let natural = metric["natural_majority"].as_f64().unwrap();
        assert_eq!((metric["majority_n"].as_u64(), natural), (Some(4), 1.0), "{metric}");
        let robust = &metric["robust"];
        assert_eq!(fields(robust), ["l2:0.1", "l2:108/255", "linf:0.01"]);
        let certified = metric["id"] != "ssim@wang";
        for threat in ["l2:0.1", "l2:108/255", "linf:0.01"] {
            let found = &robust[threat];
            let empirical = found["empirical"].as_f64().unwrap();
            let ends = [0, 1].map(|at| found["empirical_ci"][at].as_f64().unwrap());
            assert!(natural >= empirical && ends[0] <= empirical && empirical <= ends[1]);
            assert_eq!(found["certified"].is_number(), certified, "{metric}");
            if let Some(proved) = found["certified"].as_f64() {
                assert!(empirical >= proved, "{found}");
            }
            let attack = if metric["id"] == "psnr" { "square" } else { "apgd" };
            assert_eq!(found["attack"], attack);
        }
    }
    // Metrics that decide alike are certified alike.
    let [mse, psnr] =
        [0, 2].map(|at| report["metrics"][at]["robust"]["l2:0.1"]["certified"].clone());
    assert_eq!(mse, psnr);
    let text = place.succeeds(&arguments);
    assert!(text.contains("under attack, n = 4") && text.contains("l2:108/255"), "{text}");
    let csv = place.succeeds(&[&arguments[..], &["--format", "csv"]].concat());
    assert!(csv.contains("mse,certified l2:0.1,4,"), "{csv}");
    for wrong in ["l2", "l3:1", "l2:0"] {
        let message =
            place.fails(&["judge", "eval", "triplets.csv", "-m", "mse", "--robust", wrong]);
        assert!(message.contains("expected"), "{message}");
    }
    place.write("ratings.csv", b"reference,candidate,score\np/0-x.png,p/0-a.png,1\np/1-x.png,p/1-a.png,2\np/2-x.png,p/2-a.png,3\n");
    let message = place.fails(&["judge", "eval", "ratings.csv", "-m", "mse", "--robust", "l2:1"]);
    assert!(message.contains("--robust is about triplets"), "{message}");
}
