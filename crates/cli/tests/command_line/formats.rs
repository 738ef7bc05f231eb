//! The layouts that scripts depend on.

use serde_json::{Value, json};

use crate::workplace::{SIZE, Workplace, fields};

#[test]
fn json_has_the_fields_of_the_schema() {
    let place = Workplace::with_pair();
    let (code, json) =
        place.json(&["a.png", "b.png", "-m", "ssim,psnr", "--gate", "ssim>=0.1", "--map", "maps"]);
    assert_eq!(code, 0);
    assert_eq!(fields(&json), ["errors", "gates", "pairs", "schema", "summary"]);
    assert_eq!(json["schema"], "lookalike.compare/1");
    let pair = &json["pairs"][0];
    assert_eq!(fields(pair), ["candidate", "height", "reference", "scores", "width"]);
    assert_eq!((&pair["width"], &pair["height"]), (&json!(SIZE.0), &json!(SIZE.1)));
    let score = &pair["scores"][0];
    for name in fields(score) {
        let known = ["direction", "id", "map", "parts", "provenance", "value"];
        assert!(known.contains(&name), "{name}");
    }
    assert_eq!((&score["id"], &score["direction"]), (&json!("ssim@wang"), &json!("higher")));
    assert!(score["provenance"]["software"].as_str().unwrap().starts_with("lookalike-metrics "));
    assert!(score["map"].is_string());
    let summary = &json["summary"]["ssim@wang"];
    assert_eq!(fields(summary), ["max", "mean", "median", "min", "n", "worst"]);
    assert_eq!((&summary["n"], &summary["worst"]), (&json!(1), &json!(["b.png"])));
    for name in ["max", "mean", "median", "min"] {
        assert_eq!(summary[name], score["value"], "{name}");
    }
    let gate = json!([{ "rule": "ssim@wang>=0.1", "checked": 1, "failed": 0 }]);
    assert_eq!(json["gates"], gate);
    assert_eq!(json["errors"], json!([]));
}

#[test]
fn infinity_is_null_with_a_mark() {
    let place = Workplace::with_pair();
    let (code, json) = place.json(&["a.png", "a.png", "-m", "psnr,mse"]);
    let scores = &json["pairs"][0]["scores"];
    assert_eq!(code, 0);
    assert_eq!((&scores[0]["value"], &scores[0]["infinite"]), (&Value::Null, &json!(true)));
    assert_eq!((&scores[1]["value"], scores[1].get("infinite")), (&json!(0.0), None));
    let summary = &json["summary"]["psnr"];
    assert_eq!((&summary["mean"], &summary["infinite"]), (&Value::Null, &json!(true)));
    assert_eq!(json["summary"]["mse"].get("infinite"), None);
}

#[test]
fn the_summary_of_psnr_also_pools_the_errors() {
    let place = Workplace::with_pair();
    place.noisy("c.png", SIZE, 0.9);
    let (_, json) = place.json(&["a.png", "b.png", "c.png", "-m", "psnr,mse"]);
    let pooled = json["summary"]["psnr"]["db_of_mean_error"].as_f64().unwrap();
    let mean = json["summary"]["mse"]["mean"].as_f64().unwrap();
    assert!((pooled + 10.0 * mean.log10()).abs() < 1e-9, "{pooled} {mean}");
    assert_ne!(json["summary"]["psnr"]["mean"], json["summary"]["psnr"]["db_of_mean_error"]);
}

#[test]
fn json_lines_hold_a_pair_each_and_the_summary_last() {
    let place = Workplace::with_pair();
    let text = place.succeeds(&[
        "compare", "a.png", "b.png", "a.png", "-m", "psnr", "--gate", "psnr>1", "--format", "jsonl",
    ]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (&lines[0]["candidate"], &lines[1]["candidate"]),
        (&json!("b.png"), &json!("a.png"))
    );
    assert_eq!(fields(&lines[2]), ["errors", "gates", "schema", "summary"]);
    assert_eq!(lines[2]["schema"], "lookalike.compare/1");
    let (_, json) = place.json(&["a.png", "b.png", "a.png", "-m", "psnr"]);
    assert_eq!(lines[..2], json["pairs"].as_array().unwrap()[..]);
    assert_eq!(lines[2]["summary"], json["summary"]);
}

#[test]
fn csv_holds_a_score_a_row() {
    let place = Workplace::with_pair();
    place.scene("with, comma.png", SIZE);
    let text = place.succeeds(&[
        "compare",
        "a.png",
        "b.png",
        "with, comma.png",
        "-m",
        "psnr,ssim",
        "--format",
        "csv",
    ]);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = ["reference", "candidate", "width", "height", "id", "value", "direction", "map"];
    assert_eq!(reader.headers().unwrap(), &header[..]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!((&rows[3][1], &rows[3][4], &rows[3][5]), ("with, comma.png", "ssim@wang", "1"));
    assert_eq!(&rows[2][5], "inf");
    let (_, json) = place.json(&["a.png", "b.png", "-m", "psnr"]);
    let value: f64 = rows[0][5].parse().unwrap();
    assert_eq!(value, json["pairs"][0]["scores"][0]["value"].as_f64().unwrap());
}

#[test]
fn a_file_gets_what_standard_output_would() {
    let place = Workplace::with_pair();
    for format in ["text", "json", "jsonl", "csv"] {
        let start = ["compare", "a.png", "b.png", "--format", format];
        let printed = place.succeeds(&start);
        assert_eq!(place.succeeds(&[&start[..], &["-o", "out"]].concat()), "", "{format}");
        assert_eq!(place.read("out"), printed, "{format}");
    }
    assert_eq!(place.files(), ["a.png", "b.png", "out"]);
}

#[test]
fn a_run_that_fails_leaves_an_older_file_alone_and_nothing_behind() {
    let place = Workplace::with_pair();
    place.write("out.json", b"older");
    for more in [&["-m", "nothing"][..], &["missing.png"], &["--gate", "psnr<=3"], &["--ppd", "3"]]
    {
        let start = ["compare", "a.png", "b.png", "--format", "json", "-o", "out.json"];
        place.fails(&[&start[..], more].concat());
        assert_eq!(place.read("out.json"), "older");
    }
    assert_eq!(place.files(), ["a.png", "b.png", "out.json"]);
}

#[test]
fn a_file_records_what_went_wrong_with_single_pictures() {
    let place = Workplace::with_pair();
    place.write("broken.png", b"");
    let start = ["compare", "a.png", "b.png", "broken.png", "-m", "psnr"];
    let outcome = place.run(&[&start[..], &["--format", "json", "-o", "out.json"]].concat());
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
    assert!(outcome.stderr.contains("broken.png"), "{}", outcome.stderr);
    let json: Value = serde_json::from_str(&place.read("out.json")).unwrap();
    assert_eq!(json["pairs"].as_array().unwrap().len(), 1);
    assert_eq!(json["errors"][0]["path"], "broken.png");
}
