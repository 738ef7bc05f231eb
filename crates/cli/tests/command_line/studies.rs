//! `study features`: networks before training on made-up judgements.

use serde_json::Value;

use crate::workplace::{Workplace, fields};

/// Triplets and pairs of slightly and strongly noisy pictures.
fn with_sets() -> Workplace {
    let place = Workplace::new();
    let mut triplets = "reference,left,right,votes_right,votes\n".to_owned();
    let mut pairs = "reference,candidate,votes_same,votes\n".to_owned();
    for index in 0..4 {
        let size = (40 + index, 44);
        place.scene(&format!("r{index}.png"), size);
        place.noisy(&format!("near{index}.png"), size, 0.05);
        place.noisy(&format!("far{index}.png"), size, 0.9);
        triplets += &format!("r{index}.png,near{index}.png,far{index}.png,{index},8\n");
        pairs += &format!("r{index}.png,near{index}.png,3,3\nr{index}.png,far{index}.png,0,3\n");
    }
    for (name, text) in [("triplets", triplets), ("pairs", pairs)] {
        place.write(&format!("{name}.csv"), text.as_bytes());
    }
    place
}

const STUDY: [&str; 4] = ["study", "features", "triplets.csv", "pairs.csv"];

#[test]
fn random_networks_are_held_against_people() {
    let place = with_sets();
    let options = ["--network", "squeezenet,resnet18", "--seeds", "2", "-m", "mse"];
    let study = [&STUDY[..], &options, &["--resume", "kept", "--format", "json"]].concat();
    let report: Value = serde_json::from_str(&place.succeeds(&study)).unwrap();
    assert_eq!(report["schema"], "lookalike.study-features/1");
    assert_eq!(fields(&report), ["correlation", "features", "missing", "schema", "sets"]);
    let sets = report["sets"].as_array().unwrap();
    let told = |set: &Value| (set["name"].clone(), set["protocol"].clone(), set["n"].clone());
    assert_eq!(told(&sets[0]), ("triplets".into(), "2afc".into(), 4.into()));
    assert_eq!(told(&sets[1]), ("pairs".into(), "jnd".into(), 8.into()));
    let rows = report["features"].as_array().unwrap();
    let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    let random = |name, seed| format!("features:{name}@random+seed={seed}");
    let networks = ["squeezenet", "resnet18"].into_iter();
    let mut expected: Vec<String> =
        networks.flat_map(|name| [random(name, 1), random(name, 2)]).collect();
    expected.push("mse".to_owned());
    assert_eq!(ids, expected);
    for row in rows {
        // Noise this strong is told by anything: 1, 7/8, 6/8 and 5/8 of the people agree.
        assert_eq!((&row["2afc"], &row["jnd"]), (&0.8125.into(), &1.0.into()), "{row}");
        assert_eq!(row["scores"][0]["score"], row["2afc"]);
        assert!(row["scores"][0]["ci"].is_array());
    }
    // All do as well, so there is nothing to correlate.
    let found = &report["correlation"];
    assert_eq!((&found["n"], &found["srocc"]), (&4.into(), &Value::Null));
    // Weights are not there.
    let missing = report["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 2);
    assert!(missing[0]["reason"].as_str().unwrap().contains("weights fetch squeezenet1_1"));

    // Distances are kept, a file a set, and taken up again.
    assert_eq!(std::fs::read_dir(place.path("kept")).unwrap().count(), 2);
    let again: Value = serde_json::from_str(&place.succeeds(&study)).unwrap();
    assert_eq!(again, report);
    let text = place.succeeds(&[&STUDY[..], &options].concat());
    assert!(text.contains("0.8125") && text.contains("over 4 networks") && text.contains("human"));
    assert!(text.contains("not studied: features:resnet18@imagenet"), "{text}");
    let csv = place.succeeds(&[&STUDY[..], &options, &["--format", "csv"]].concat());
    assert_eq!(csv.lines().count(), 1 + 2 * 5);
    let lines = place.succeeds(&[&STUDY[..], &options, &["--format", "jsonl"]].concat());
    assert_eq!(lines.lines().count(), 6);
}

#[test]
fn what_cannot_be_studied_is_said_first() {
    let place = with_sets();
    for (arguments, part) in [
        (&["no.csv"][..], "no.csv"),
        (&["triplets.csv", "--network", "lenet"], "lenet"),
        (&["triplets.csv", "--network", "vgg", "--seeds", "0"], "weights fetch vgg16"),
        (&["triplets.csv", "-m", "ssim@no"], "ssim@no"),
        (
            &["triplets.csv", "--network", "alexnet", "-m", "features:alexnet@random+seed=1"],
            "studied already",
        ),
        (&["triplets.csv", "--format", "html"], "html"),
    ] {
        let message = place.fails(&[&["study", "features"], arguments].concat());
        assert!(message.contains(part), "{message}");
    }
}
