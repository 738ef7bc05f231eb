//! The tasks of the VSD benchmark: which files make one, photos with boxes, and what a head may have seen.

use lookalike::procedural::scene;
use lookalike::{Channels, Picture, Samples};
use serde_json::{Value, json};

use crate::discovery::{json as answer, labelled, workplace};

/// Arguments of an evaluation of the folder `vsd`, with more.
fn evaluate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let arguments =
        ["evaluate", "vsd", "--store", "colour", "--resamples", "0", "--permutations", "0"];
    [&arguments[..], more].concat()
}

#[test]
fn a_task_is_what_its_files_say() {
    let place = labelled();
    answer(&place, &["export", "votes.csv", "--store", "colour", "--to", "vsd"]);
    let of = |task| answer(&place, &evaluate(&["--task", task, "--compat", "vsd2023"]));
    for task in
        ["in_catalog_retrieval_zero_shot", "in_catalog_open_catalog", "in_catalog_closed_catalog"]
    {
        assert_eq!(of(task)["task"], task);
    }
    assert_eq!(answer(&place, &evaluate(&[]))["task"], Value::Null);
    // The labels that judge are those that were learned from.
    let fails = |more: &[&str]| place.fails(&[&["discover"], &evaluate(more)[..]].concat());
    let learned = ["--learned", "vsd/labels.json"];
    for (task, part) in [
        ("in_catalog_retrieval_zero_shot", "saw no label"),
        ("in_catalog_open_catalog", "labels of other pairs"),
        ("in_catalog_closed_catalog", "labels of other seeds"),
    ] {
        let message = fails(&[&["--task", task], &learned[..]].concat());
        assert!(message.contains(task) && message.contains(part), "{message}");
    }
    for (arguments, part) in [
        (&["--task", "consumer-catalog_wild_zero_shot"][..], "--gallery-phase"),
        (
            &["--task", "in_catalog_open_catalog", "--gallery-phase", "gallery"],
            "no --gallery-phase",
        ),
        (&["--task", "wild"], "consumer-catalog_wild_zero_shot"),
        (&learned, "--task"),
    ] {
        let message = fails(arguments);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}

#[test]
fn photos_of_consumers_are_looked_at_in_their_boxes() {
    let place = workplace();
    // A photo shows the product of another picture in one corner of a scene.
    let mut images: Vec<Value> = (0..12)
        .flat_map(|product| ["a", "b"].map(|side| format!("id_{product:02}/{side}.png")))
        .map(|path| json!({ "id": path, "path": path, "phase": "gallery" }))
        .collect();
    let mut labels = Vec::new();
    for product in 0..4_u64 {
        let (shown, around) = (scene(product, 64, 48), scene(100 + product, 128, 96));
        let (Samples::U8(shown), Samples::U8(around)) = (shown.samples(), around.samples()) else {
            panic!("scenes have 8 bits");
        };
        let mut photo = around.to_vec();
        for (row, line) in shown.chunks(3 * 64).enumerate() {
            let at = 3 * ((row + 30) * 128 + 40);
            photo[at..at + line.len()].copy_from_slice(line);
        }
        let photo = Picture::from_u8(128, 96, Channels::Rgb, photo).unwrap();
        let path = format!("wild_{product:02}/photo.png");
        place.save(&format!("shop/{path}"), &photo);
        // Left, top, height, width: the published list has the height first.
        images
            .push(json!({ "id": path, "path": path, "phase": "query", "bbox": [40, 30, 48, 64] }));
        labels.push(json!({ "key": [path, format!("id_{product:02}/a.png")], "value": 1 }));
        labels.push(json!({ "key": [path, format!("id_{:02}/a.png", product + 6)], "value": 0 }));
    }
    place.write("metadata.json", json!({ "images": images }).to_string().as_bytes());
    place.write("labels.json", Value::Array(labels).to_string().as_bytes());
    let index = |store: &str, more: &[&str]| {
        let arguments = ["index", "shop", "--model", "colour-hist", "--store", store];
        answer(&place, &[&arguments[..], more].concat())
    };
    let boxed = index("boxed", &["--metadata", "metadata.json", "--product-regex", r"^[^/]+"]);
    assert_eq!(boxed["embedded"], 28);
    index("whole", &["--product-regex", r"^[^/]+"]);
    let found = answer(
        &place,
        &[
            "evaluate",
            "--labels",
            "labels.json",
            "--metadata",
            "metadata.json",
            "--store",
            "boxed,whole",
            "--task",
            "consumer-catalog_wild_zero_shot",
            "--gallery-phase",
            "gallery",
            "-k",
            "1",
        ],
    );
    let hits = |model: usize| found["models"][model]["metrics"]["hr@1"]["value"].as_f64().unwrap();
    assert_eq!((found["gallery"].as_u64(), hits(0)), (Some(24), 1.0), "{found}");
    assert!(hits(1) < 1.0, "{found}");
    // A box is what changed, so its picture is embedded again; one outside of it is an error of that picture.
    let other = "path,bbox\nwild_00/photo.png,\"0,0,64,48\"\nwild_01/photo.png,\"100,0,64,48\"\n";
    place.write("boxes.csv", other.as_bytes());
    let arguments = ["discover", "index", "shop", "--model", "colour-hist", "--store", "boxed"];
    let more = ["--metadata", "boxes.csv", "--product-regex", r"^[^/]+", "--format", "json"];
    let outcome = place.run(&[&arguments[..], &more].concat());
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    // Two lost their boxes, one has another, one cannot be cut.
    assert_eq!((outcome.code, &found["embedded"], &found["failed"]), (2, &json!(3), &json!(1)));
    assert!(found["errors"][0].to_string().contains("wild_01/photo.png"), "{found}");
}

#[test]
fn what_a_head_has_seen_of_the_held_out_is_said() {
    let place = labelled();
    let train = |split: &str| {
        let to = format!("head-{split}");
        let arguments = ["train-head", "votes.csv", "--store", "edges", "--to", &to];
        let more = ["--rounds", "1", "--split", split, "--held-out", "0.2"];
        answer(&place, &[&arguments[..], &more].concat())
    };
    let [open, closed, products] = ["open", "closed", "products"].map(train);
    assert_eq!((&open["split"], &open["pairs"]["left_out"]), (&json!("open"), &json!(0)));
    assert!(open["leakage"]["seeds"].as_u64() > Some(0), "{open}");
    assert_eq!((&open["leakage"]["pairs"], &closed["leakage"]["seeds"]), (&json!(0), &json!(0)));
    assert!(closed["leakage"]["products"].as_u64() > Some(0), "{closed}");
    let none = json!({ "pairs": 0, "seeds": 0, "candidates": 0, "products": 0 });
    assert_eq!(products["leakage"], none);
}
