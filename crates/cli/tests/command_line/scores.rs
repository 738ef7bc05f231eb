//! The numbers: which metrics, under which ids, with which options, on which pictures.

use lookalike::procedural::scene;
use lookalike::{Channels, Picture, Want, decode};

use crate::workplace::{SIZE, Workplace, errors, pairs, values};

/// What the library says about two files.
fn expected(place: &Workplace, id: &str, reference: &str, candidate: &str) -> f64 {
    let read = |name| decode::read(&place.path(name), &decode::DecodeOptions::default()).unwrap();
    let metric = lookalike::metric(id).unwrap();
    metric.compare(&read(reference), &read(candidate), Want::default()).unwrap().value
}

#[test]
fn one_score_on_a_pipe_is_a_bare_number() {
    let place = Workplace::with_pair();
    for id in ["psnr", "ssim", "mse"] {
        let text = place.succeeds(&["compare", "a.png", "b.png", "-m", id]);
        let number = text.strip_suffix('\n').unwrap();
        assert_eq!(number.parse::<f64>().unwrap(), expected(&place, id, "a.png", "b.png"), "{id}");
    }
    assert_eq!(place.succeeds(&["compare", "a.png", "a.png", "-m", "psnr"]), "inf\n");
}

#[test]
fn several_scores_are_a_table_with_full_ids() {
    let place = Workplace::with_pair();
    let text = place.succeeds(&["compare", "a.png", "b.png", "-m", "ssim,mse"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains("ssim@wang") && lines[0].contains("higher is better"), "{text}");
    assert!(lines[1].contains("mse") && lines[1].contains("lower is better"), "{text}");
}

#[test]
fn the_default_metrics_follow_the_size() {
    let place = Workplace::with_pair();
    place.scene("large-a.png", (170, 161));
    place.noisy("large-b.png", (170, 161), 0.3);
    for (a, b, ms_ssim) in
        [("a.png", "b.png", "ms-ssim@small"), ("large-a.png", "large-b.png", "ms-ssim@wang")]
    {
        let (code, json) = place.json(&[a, b]);
        let scores = json["pairs"][0]["scores"].as_array().unwrap();
        let ids: Vec<&str> = scores.iter().map(|s| s["id"].as_str().unwrap()).collect();
        assert_eq!((code, ids), (0, vec!["ssim@wang", ms_ssim, "psnr", "ssimulacra2"]));
    }
}

#[test]
fn options_become_part_of_the_id_of_the_metrics_that_take_them() {
    let place = Workplace::with_pair();
    let cases: [(&[&str], &[&str]); 7] = [
        (&["-m", "psnr:y@studio", "--shave", "4"], &["psnr:y@studio+shave=4"]),
        (&["-m", "psnr,ssim", "--grey"], &["psnr+grey", "ssim@wang+grey"]),
        (&["-m", "psnr,ssim", "--window", "7"], &["psnr", "ssim@wang+window=7"]),
        (&["-m", "psnr,mse", "--range", "255"], &["psnr+range=255", "mse+range=255"]),
        (&["-m", "psnr", "--tonemap", "aces"], &["psnr+tonemap=aces"]),
        (&["-m", "psnr+shave=2,mse", "--shave", "4"], &["psnr+shave=2", "mse+shave=4"]),
        (&["-m", "psnr", "-m", "mse+grey+shave=1"], &["psnr", "mse+grey+shave=1"]),
    ];
    for (arguments, ids) in cases {
        let (code, json) = place.json(&[&["a.png", "b.png"], arguments].concat());
        assert_eq!(code, 0, "{arguments:?}");
        for id in ids {
            assert_eq!(values(&json, id), [expected(&place, id, "a.png", "b.png")], "{id}");
        }
        assert_eq!(json["pairs"][0]["scores"].as_array().unwrap().len(), ids.len());
    }
}

#[test]
fn a_metric_that_is_named_twice_is_computed_once() {
    let place = Workplace::with_pair();
    let (_, json) = place.json(&["a.png", "b.png", "-m", "ssim,ssim@wang,psnr,psnr"]);
    assert_eq!(json["pairs"][0]["scores"].as_array().unwrap().len(), 2);
}

#[test]
fn pictures_of_different_size_need_a_policy() {
    let place = Workplace::with_pair();
    place.scene("wide.png", (SIZE.0 + 24, SIZE.1 - 10));
    let (code, json) = place.json(&["a.png", "wide.png", "-m", "psnr"]);
    let [error] = &errors(&json)[..] else { panic!("{json}") };
    for part in ["wide.png: ", "96x80", "120x70", "--fit resize, crop or pad"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!((code, json["pairs"].as_array().unwrap().len()), (2, 0));
    for (policy, size) in [("resize", (96, 80)), ("crop", (96, 70)), ("pad", (120, 80))] {
        let (code, json) = place.json(&["a.png", "wide.png", "-m", "psnr", "--fit", policy]);
        let pair = &json["pairs"][0];
        assert_eq!((code, &pair["width"], &pair["height"]), (0, &size.0.into(), &size.1.into()));
        let steps = pair["scores"][0]["provenance"]["preprocessing"].to_string();
        assert!(steps.contains(&format!("candidate: fit={policy}")), "{steps}");
    }
}

/// An RGBA picture with a transparent left half, as PAM.
fn transparent(place: &Workplace, name: &str) {
    let (width, height) = SIZE;
    let header = format!(
        "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    );
    let pixel = |i: usize| [90, 120, 150, if i % width < width / 2 { 0 } else { 255 }];
    let pixels = (0..width * height).flat_map(pixel);
    let file: Vec<u8> = header.into_bytes().into_iter().chain(pixels).collect();
    place.write(name, &file);
}

#[test]
fn transparent_pictures_need_a_policy() {
    let place = Workplace::with_pair();
    transparent(&place, "t.pam");
    let (code, json) = place.json(&["a.png", "t.pam", "-m", "psnr"]);
    assert!(code == 2 && errors(&json)[0].contains("--alpha white, black or ignore"), "{json}");
    let found = ["white", "black", "ignore"].map(|policy| {
        let (code, json) = place.json(&["a.png", "t.pam", "-m", "psnr", "--alpha", policy]);
        let steps = json["pairs"][0]["scores"][0]["provenance"]["preprocessing"].to_string();
        assert!(code == 0 && steps.contains(&format!("candidate: alpha={policy}")), "{json}");
        values(&json, "psnr")[0]
    });
    assert!(found[0] != found[1] && found[1] != found[2] && found[0] != found[2], "{found:?}");
}

#[test]
fn large_pictures_are_refused_before_they_are_decoded() {
    let place = Workplace::with_pair();
    let (code, json) = place.json(&["a.png", "b.png", "-m", "psnr", "--max-pixels", "7K"]);
    assert!(code == 2 && errors(&json)[0].contains("raise it with --max-pixels"), "{json}");
    assert_eq!(place.json(&["a.png", "b.png", "-m", "psnr", "--max-pixels", "8K"]).0, 0);
}

#[test]
fn tiny_pictures_are_scored_by_the_metrics_that_allow_it() {
    let place = Workplace::new();
    for (width, height) in [(1, 1), (1, 40), (40, 1)] {
        let level = |l: u8| {
            Picture::from_u8(width, height, Channels::Grey, vec![l; width * height]).unwrap()
        };
        place.save("black.png", &level(0));
        place.save("white.png", &level(255));
        let (code, json) = place.json(&["black.png", "white.png", "-m", "mse,ssim"]);
        assert_eq!((code, values(&json, "mse")), (2, vec![1.0]));
        let [error] = &errors(&json)[..] else { panic!("{json}") };
        assert!(error.contains("ssim@wang needs at least 11 pixels"), "{error}");
        assert!(error.contains(&format!("{width}x{height}")), "{error}");
    }
}

#[test]
fn one_reference_meets_many_candidates() {
    let place = Workplace::with_pair();
    place.save("c.png", &scene(8, SIZE.0, SIZE.1));
    place.noisy("more/d.png", SIZE, 0.1);
    place.noisy("more/deep/e.png", SIZE, 0.2);
    let (code, json) = place.json(&["a.png", "b.png", "c.png", "more", "-m", "mse"]);
    let expected = ["a.png b.png", "a.png c.png", "a.png more/d.png", "a.png more/deep/e.png"];
    assert_eq!((code, pairs(&json)), (0, expected.map(str::to_owned).into()));
    let text = place.succeeds(&["compare", "a.png", "b.png", "more/d.png", "-m", "mse"]);
    assert!(text.starts_with("     mse ↓  candidate\n"), "{text}");
    assert!(text.contains("worst by mse:") && text.contains("b.png"), "{text}");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let place = Workplace::with_pair();
    for (index, strength) in [0.05, 0.1, 0.4, 0.6, 0.9].into_iter().enumerate() {
        place.noisy(&format!("many/{index}.png"), SIZE, strength);
    }
    place.write("many/broken.png", b"not a picture");
    let run = |jobs: &str| {
        let arguments = ["compare", "a.png", "b.png", "many", "--format", "json", "--jobs", jobs];
        place.run(&arguments).stdout
    };
    let one = run("1");
    assert!(one.len() > 1000);
    for jobs in ["2", "4", "0"] {
        assert_eq!(run(jobs), one, "--jobs {jobs}");
    }
}

#[test]
fn profiles_stand_side_by_side() {
    let place = Workplace::with_pair();
    let text = place.succeeds(&["compare", "a.png", "b.png", "--explain-diff", "-m", "ssim"]);
    for part in ["ssim@wang", "ssim@skimage", "ssim@torchmetrics", "difference"] {
        assert!(text.contains(part), "{text}");
    }
    let run = |format| {
        let start = ["compare", "a.png", "b.png", "--explain-diff", "-m", "psnr", "--format"];
        place.succeeds(&[&start[..], &[format]].concat())
    };
    let json: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!(json["schema"], "lookalike.explain/1");
    assert_eq!(json["explain"][0]["id"], "psnr");
    assert_eq!(json["explain"][0]["difference"], 0.0);
    let value = json["explain"][0]["value"].as_f64().unwrap();
    assert_eq!(value, expected(&place, "psnr", "a.png", "b.png"));
    let rows = json["explain"].as_array().unwrap().len();
    let lines = run("jsonl");
    assert_eq!(lines.lines().count(), rows);
    for line in lines.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert_eq!(csv::Reader::from_reader(run("csv").as_bytes()).records().count(), rows);
    let message = place.fails(&["compare", "a.png", "b.png", "a.png", "--explain-diff"]);
    assert!(message.contains("one reference and one candidate, found 2 pairs"), "{message}");
}
