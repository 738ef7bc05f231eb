//! Pictures of different size: both sizes are told, whatever is done about them.

use serde_json::json;

use crate::workplace::{SIZE, Workplace, values};

fn place() -> Workplace {
    let place = Workplace::with_pair();
    place.scene("tall.png", (SIZE.0, SIZE.1 + 20));
    place
}

#[test]
fn both_sizes_are_told_when_they_are_refused() {
    let place = place();
    let (code, json) = place.json(&["a.png", "tall.png", "b.png", "-m", "mse"]);
    let error = &json["errors"][0];
    assert_eq!((code, json["pairs"].as_array().unwrap().len()), (2, 1));
    assert_eq!(
        (&error["reference_size"], &error["candidate_size"]),
        (&json!([96, 80]), &json!([96, 100]))
    );
    let told = place.run(&["compare", "a.png", "tall.png", "-m", "mse"]);
    assert!(
        told.stderr.contains("tall.png: sizes differ: 96x80 against 96x100"),
        "{}",
        told.stderr
    );
}

#[test]
fn both_sizes_are_told_when_they_are_fitted() {
    let place = place();
    for fit in ["crop", "pad", "resize"] {
        let (code, json) = place.json(&["a.png", "tall.png", "b.png", "-m", "mse", "--fit", fit]);
        let pair = &json["pairs"][0];
        assert_eq!((code, &pair["fit"]), (0, &json!(fit)));
        assert_eq!(
            (&pair["reference_size"], &pair["candidate_size"]),
            (&json!([96, 80]), &json!([96, 100]))
        );
        assert!(json["pairs"][1].get("reference_size").is_none());
        let text = place.succeeds(&["compare", "a.png", "tall.png", "b.png", "--fit", fit]);
        assert!(text.contains("tall.png  [sizes differ: 96x80 against 96x100, "), "{text}");
        let text = place.succeeds(&["compare", "a.png", "tall.png", "--fit", fit]);
        assert!(text.contains(" sizes differ: 96x80 against 96x100\n"), "{text}");
    }
}

#[test]
fn a_config_may_fail_them_and_compare_the_overlap_all_the_same() {
    let place = place();
    place.write("gates.toml", b"metrics = [\"mse\"]\nfit = \"pad\"\nsizes = \"equal\"\n");
    let (code, json) = place.json(&["a.png", "tall.png", "a.png", "--config", "gates.toml"]);
    assert_eq!((code, values(&json, "mse").len()), (1, 2));
    let gate = &json["gates"][0];
    assert_eq!(
        (&gate["rule"], &gate["checked"], &gate["failed"]),
        (&json!("sizes=equal"), &json!(2), &json!(1))
    );
    assert_eq!(gate["failures"][0]["candidate"], "tall.png");
    assert_eq!(json["pairs"][0]["failed_gates"], json!([{ "rule": "sizes=equal" }]));
    // Without a policy there is no overlap to compare.
    place.write("bare.toml", b"sizes = \"equal\"\n");
    let message = place.fails(&["compare", "a.png", "b.png", "--config", "bare.toml"]);
    assert!(message.contains("it needs --fit crop, pad or resize"), "{message}");
    let given = ["a.png", "tall.png", "-m", "mse", "--config", "bare.toml", "--fit", "crop"];
    assert_eq!(place.json(&given).0, 1);
}
