//! `certify`: decisions, values and retrieval with a tiny network of LipSim.

use lookalike::deep::lipsim::{Architecture, LipSim, initial_file};
use lookalike::robust::{Certifier, Pixels};
use lookalike::{Want, decode};
use serde_json::Value;

use crate::workplace::{Workplace, errors, fields, values};

const TINY: Architecture = Architecture {
    channels: 6,
    depth: 2,
    inner: 4,
    dense: 2,
    dense_inner: 10,
    image: 32,
    outputs: 12,
};

const METRIC: &str = "lipsim@tiny.safetensors";

/// A workplace with a network, a reference and two candidates.
fn workplace() -> Workplace {
    let place = Workplace::new();
    place.write("tiny.safetensors", &initial_file(TINY, 1).unwrap());
    place.scene("a.png", (48, 40));
    place.noisy("b.png", (48, 40), 0.2);
    place.noisy("c.png", (48, 40), 0.9);
    place
}

fn certified(place: &Workplace, arguments: &[&str]) -> (i32, Value) {
    let outcome = place.run(&[&["certify", "--format", "json", "-m", METRIC], arguments].concat());
    let json = serde_json::from_str(&outcome.stdout);
    (outcome.code, json.unwrap_or_else(|e| panic!("{e}: {}{}", outcome.stdout, outcome.stderr)))
}

const TRIPLET: [&str; 3] = ["a.png", "b.png", "c.png"];

#[test]
fn a_decision_has_its_radius_in_both_spaces() {
    let place = workplace();
    let (code, json) = certified(&place, &TRIPLET);
    assert_eq!((code, &json["schema"]), (0, &Value::from("lookalike.certify/1")));
    assert_eq!(fields(&json), ["errors", "items", "metric", "schema", "weights"]);
    let item = &json["items"][0];
    let expected =
        ["choice", "distances", "left", "lipschitz", "radius", "reference", "right", "rounding"];
    assert_eq!(fields(item), expected);
    assert_eq!(fields(&item["radius"]), ["compat", "compat_holds", "network", "pixels"]);
    assert_eq!((&item["reference"], &item["left"]), (&"a.png".into(), &"b.png".into()));
    assert_eq!(item["lipschitz"]["bound"], 1.0);
    assert_eq!(item["lipschitz"]["how"], "gershgorin");
    assert!(["proved", "estimated"].contains(&item["rounding"]["how"].as_str().unwrap()));
    // What the library says on the same file.
    let file = lookalike_weights::read_file(&place.path("tiny.safetensors")).unwrap();
    let certifier = Certifier::new(LipSim::from_checkpoint(METRIC, file).unwrap());
    let [x, a, b] = TRIPLET.map(|name| {
        certifier.embed(&decode::read(&place.path(name), &Default::default()).unwrap()).unwrap()
    });
    let decision = certifier.decide(&x, &a, &b);
    assert!(decision.radius.network > 0.0);
    let Pixels::Radius(pixels) = decision.radius.pixels else { panic!() };
    // Reading JSON may be off in the last digit.
    let same =
        |found: &Value, expected: f64| (found.as_f64().unwrap() / expected - 1.0).abs() < 1e-14;
    assert!(same(&item["radius"]["network"], decision.radius.network));
    assert!(same(&item["radius"]["pixels"], pixels));
    assert!(pixels > decision.radius.network, "a reduction lengthens radii");
    assert_eq!(item["choice"] == "left", decision.left == Some(true));
    let distances = [&item["distances"]["left"], &item["distances"]["right"]];
    let nearer = distances[0].as_f64() < distances[1].as_f64();
    assert_eq!(nearer, item["choice"] == "left");
    // Exchanged candidates exchange the answer, and threads change nothing.
    let (_, other) = certified(&place, &["a.png", "c.png", "b.png", "--jobs", "1"]);
    let other = &other["items"][0];
    assert_ne!(other["choice"], item["choice"]);
    assert_eq!(other["radius"], item["radius"]);
}

#[test]
fn triplets_come_from_files_with_votes_or_without() {
    let place = workplace();
    place.write("asked.csv", b"reference,left,right\na.png,b.png,c.png\na.png,c.png,b.png\n");
    let (code, json) = certified(&place, &["asked.csv"]);
    assert_eq!((code, json["items"].as_array().unwrap().len()), (0, 2));
    let judged =
        "reference,left,right,votes_right,votes\na.png,b.png,c.png,1,5\na.png,no.png,b.png,1,2\n";
    place.write("judged.csv", judged.as_bytes());
    let (code, json) = certified(&place, &["judged.csv"]);
    assert_eq!((code, json["items"].as_array().unwrap().len()), (2, 1));
    let all = errors(&json);
    assert!(all.len() == 1 && all[0].contains("no.png"), "{all:?}");
    place.noisy("small.png", (40, 40), 0.2);
    let message = place.fails(&["certify", "-m", METRIC, "a.png", "b.png", "small.png"]);
    assert!(message.contains("sizes differ"), "{message}");
    place.write("ratings.csv", b"reference,candidate,score\na.png,b.png,1\n");
    let message = place.fails(&["certify", "-m", METRIC, "ratings.csv"]);
    assert!(message.contains("expected triplets, found ratings"), "{message}");
}

#[test]
fn values_stay_in_an_interval_that_grows() {
    let place = workplace();
    let interval = |eps: &str, more: &[&str]| {
        let (code, json) = certified(&place, &[&["a.png", "b.png", "--eps", eps], more].concat());
        assert_eq!(code, 0);
        let item = json["items"][0].clone();
        let ends = [0, 1].map(|at| item["interval"][at].as_f64().unwrap());
        let distance = item["distance"].as_f64().unwrap();
        assert!(ends[0] <= distance && distance <= ends[1], "{item}");
        ends
    };
    let [none, some, both] = [
        interval("0", &[]),
        interval("36/255", &[]),
        interval("36/255", &["--eps-reference", "36/255"]),
    ];
    assert!(none[1] - none[0] < 1e-9);
    assert!(some[0] < none[0] && none[1] < some[1]);
    assert!(both[0] <= some[0] && some[1] < both[1]);
    // A changed candidate is where it was said to be.
    let compare = |name: &str| {
        let (_, json) = place.json(&["a.png", name, "-m", METRIC]);
        values(&json, METRIC)[0]
    };
    assert!((some[0]..=some[1]).contains(&compare("b.png")));
    for wrong in
        [&["a.png", "--eps", "1"][..], &["a.png", "b.png"], &["a.png", "b.png", "--eps", "x"]]
    {
        place.fails(&[&["certify", "-m", METRIC], wrong].concat());
    }
}

#[test]
fn a_gallery_is_searched() {
    let place = workplace();
    for (name, strength) in [("one", 0.1), ("two", 0.5), ("three", 1.0)] {
        place.noisy(&format!("gallery/{name}.png"), (48, 40), strength);
    }
    place.scene("gallery/small.png", (20, 20));
    place.write("gallery/broken.png", b"not a picture");
    let (code, json) = certified(&place, &["--gallery", "gallery", "a.png", "b.png", "-k", "2"]);
    assert_eq!(code, 2, "one picture of the gallery is broken");
    assert!(errors(&json)[0].contains("broken.png"));
    let items = json["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for item in items {
        let results = item["results"].as_array().unwrap();
        assert_eq!((results.len(), &results[0]["rank"]), (2, &1.into()));
        assert!(results[0]["distance"].as_f64() <= results[1]["distance"].as_f64());
        let radius = |value: &Value| value["network"].as_f64().unwrap();
        assert!(results.iter().all(|one| radius(&one["radius"]) >= radius(&item["radius"])));
        assert!(item["radius_first"]["pixels"].is_number());
    }
    std::fs::remove_file(place.path("gallery/broken.png")).unwrap();
    let arguments =
        ["certify", "-m", METRIC, "--gallery", "gallery", "-k", "9", "-", "--format", "csv"];
    let table = place.run_with(&arguments, b"a.png\n");
    assert_eq!((table.code, table.stdout.lines().count()), (0, 5), "{}", table.stderr);
    assert!(table.stdout.contains(",inf"), "all of the gallery is always among nine");
    let message = place.fails(&["certify", "-m", METRIC, "--gallery", "empty", "a.png"]);
    assert!(message.contains("empty"), "{message}");
}

#[test]
fn every_format_says_the_same() {
    let place = workplace();
    let (_, json) = certified(&place, &TRIPLET);
    let run = |format: &str| {
        place.succeeds(&[&["certify", "-m", METRIC, "--format", format], &TRIPLET[..]].concat())
    };
    let lines = run("jsonl");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["radius"], json["items"][0]["radius"]);
    assert_eq!(lines[1]["schema"], "lookalike.certify/1");
    let table = run("csv");
    let network = json["items"][0]["radius"]["network"].as_f64().unwrap();
    let cells: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    assert!((cells[7].parse::<f64>().unwrap() / network - 1.0).abs() < 1e-14, "{table}");
    let text = run("text");
    assert!(text.contains("/255") && text.contains("Lipschitz constant at most 1"), "{text}");
    for format in ["junit", "html"] {
        let arguments = [&["certify", "-m", METRIC, "--format", format], &TRIPLET[..]].concat();
        assert!(place.fails(&arguments).contains("use --format text"), "{format}");
    }
}

#[test]
fn what_has_no_certificate_is_told_why() {
    let place = workplace();
    let message = place.fails(&[&["certify", "-m", "ssim"], &TRIPLET[..]].concat());
    assert!(message.contains("lipsim:small@FILE"), "{message}");
    let message = place.fails(&[&["certify", "-m", "lipsim@no.pth"], &TRIPLET[..]].concat());
    assert!(message.contains("no.pth"), "{message}");
    let shaved = format!("{METRIC}+shave=2");
    let message = place.fails(&[&["certify", "-m", &shaved], &TRIPLET[..]].concat());
    assert!(message.contains("has no option 'shave'"), "{message}");
    let message =
        place.fails(&[&["certify", "-m", "lipsim:small@tiny.safetensors"], &TRIPLET[..]].concat());
    assert!(message.contains("expected the size small"), "{message}");
    // Rounded to 8 bits there is no radius in the picture's own samples.
    let rounded = format!("{METRIC}+resize=pil-u8");
    let text =
        place.succeeds(&[&["certify", "--format", "json", "-m", &rounded], &TRIPLET[..]].concat());
    let json: Value = serde_json::from_str(&text).unwrap();
    let radius = &json["items"][0]["radius"];
    assert!(radius["pixels"].is_null() && radius["network"].is_number(), "{radius}");
    assert!(radius["reason"].as_str().unwrap().contains("8 bits"), "{radius}");
}

#[test]
fn it_is_a_metric_like_any_other() {
    let place = workplace();
    let (code, json) = place.json(&["a.png", "b.png", "-m", METRIC]);
    assert_eq!(code, 0, "{json}");
    let score = &json["pairs"][0]["scores"][0];
    assert!(score["provenance"]["weights"].as_str().unwrap().starts_with("file:"), "{score}");
    let metric = lookalike::metric(&format!("lipsim@{}", place.path("tiny.safetensors").display()));
    let [a, b] = ["a.png", "b.png"]
        .map(|name| decode::read(&place.path(name), &Default::default()).unwrap());
    let expected = metric.unwrap().compare(&a, &b, Want::default()).unwrap().value;
    assert_eq!(values(&json, METRIC), [expected]);
    let (_, json) = place.json(&["a.png", "a.png", "-m", &format!("{METRIC}+head=euclidean")]);
    assert_eq!(values(&json, &format!("{METRIC}+head=euclidean")), [0.0]);
    assert!(place.succeeds(&["metrics", METRIC]).contains("ICLR 2024"));
}
