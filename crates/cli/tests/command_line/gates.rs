//! Gates and the exit status.

use serde_json::json;

use crate::workplace::{SIZE, Workplace};

#[test]
fn the_status_says_whether_the_gates_passed() {
    let place = Workplace::with_pair();
    place.noisy("c.png", SIZE, 0.9);
    let run = |rules: &[&str]| {
        let mut arguments = vec!["a.png", "b.png", "c.png", "-m", "mse"];
        for rule in rules {
            arguments.extend(["--gate", rule]);
        }
        let (code, json) = place.json(&arguments);
        (code, json["gates"].clone())
    };
    let (_, found) = place.json(&["a.png", "b.png", "c.png", "-m", "mse"]);
    let worst = found["summary"]["mse"]["max"].as_f64().unwrap();
    let gate = |rule: &str, failed: usize| {
        let mut gate = json!({ "rule": rule, "checked": 2, "failed": failed });
        let values = found["pairs"].as_array().unwrap().iter().skip(2 - failed).map(|pair| {
            let value = &pair["scores"][0]["value"];
            json!({ "reference": "a.png", "candidate": pair["candidate"], "value": value })
        });
        if failed > 0 {
            gate["failures"] = values.collect();
        }
        gate
    };
    assert_eq!(run(&["mse<=1"]), (0, json!([gate("mse<=1", 0)])));
    assert_eq!(run(&["mse <= 0"]), (1, json!([gate("mse<=0", 2)])));
    let at_worst = format!("mse<={worst}");
    assert_eq!(run(&[&at_worst]), (0, json!([gate(&at_worst, 0)])));
    let below_worst = format!("mse<{worst}");
    assert_eq!(run(&[&below_worst]), (1, json!([gate(&below_worst, 1)])));
    let both = [gate("mse<1", 0), gate("mse<0", 2)];
    assert_eq!(run(&["mse<1", "mse<0"]), (1, json!(both)));
}

#[test]
fn gates_that_cannot_be_meant_are_refused() {
    let place = Workplace::with_pair();
    for (rule, part) in [
        ("mse>=0.1", "lower is better"),
        ("ssim<=0.9", "higher is better"),
        ("sssim>=0.9", "did you mean 'ssim'"),
        ("ssim", "METRIC OP NUMBER"),
        ("ssim>=high", "finite number"),
        ("ssim>=nan", "finite number"),
        ("ssim==1", "METRIC OP NUMBER"),
        (">=1", "not a metric id"),
        ("psnr+ppd=1>=3", "no option 'ppd'"),
    ] {
        let message = place.fails(&["compare", "a.png", "b.png", "--gate", rule]);
        assert!(message.contains(part), "{rule}: {message}");
    }
}

#[test]
fn the_metric_of_a_gate_is_computed_unasked() {
    let place = Workplace::with_pair();
    let (code, json) = place.json(&["a.png", "b.png", "-m", "psnr", "--gate", "ssim>=0.01"]);
    let ids = json["pairs"][0]["scores"].as_array().unwrap().iter();
    let ids = ids.map(|score| score["id"].as_str().unwrap());
    assert_eq!((code, ids.collect::<Vec<_>>()), (0, vec!["psnr", "ssim@wang"]));
}

#[test]
fn a_gate_keeps_its_metric_where_the_default_would_change_with_the_size() {
    let place = Workplace::with_pair();
    let (code, json) = place.json(&["a.png", "b.png", "--gate", "ms-ssim>=0.5"]);
    // The pair is too small for the metric that the gate names, and the gate must not be skipped.
    assert_eq!((code, json["gates"][0]["checked"].as_u64()), (2, Some(0)));
    assert!(json["errors"][0]["message"].as_str().unwrap().contains("ms-ssim@small"), "{json}");
    let small = ["a.png", "b.png", "--gate", "ms-ssim@small>=0.01"];
    let (code, json) = place.json(&small);
    assert_eq!((code, json["gates"][0]["checked"].as_u64()), (0, Some(1)));
    assert_eq!(json["pairs"][0]["scores"].as_array().unwrap().len(), 4);
    for rule in ["ms-ssim>=0.5", "ms-ssim@small>=0.01"] {
        let shaved = ["a.png", "b.png", "--shave", "2", "--gate", rule];
        let (code, json) = place.json(&shaved);
        let checked = u64::from(rule.contains("small"));
        let status = if checked == 1 { 0 } else { 2 };
        assert_eq!((code, json["gates"][0]["checked"].as_u64()), (status, Some(checked)), "{rule}");
    }
}

#[test]
fn options_apply_to_gates_as_well() {
    let place = Workplace::with_pair();
    let (code, json) =
        place.json(&["a.png", "b.png", "-m", "psnr", "--gate", "psnr>=1", "--shave", "4"]);
    assert_eq!((code, &json["gates"][0]["rule"]), (0, &json!("psnr+shave=4>=1")));
    assert_eq!(json["gates"][0]["checked"], 1);
    assert_eq!(json["pairs"][0]["scores"].as_array().unwrap().len(), 1);
}

#[test]
fn an_error_outweighs_a_failed_gate() {
    let place = Workplace::with_pair();
    place.write("broken.png", b"nothing");
    let (code, json) = place.json(&["a.png", "b.png", "broken.png", "--gate", "mse<=0"]);
    assert_eq!((code, json["gates"][0]["failed"].as_u64()), (2, Some(1)));
}

#[test]
fn people_are_told_too() {
    let place = Workplace::with_pair();
    let gate = |rule| place.run(&["compare", "a.png", "b.png", "-m", "mse,mae", "--gate", rule]);
    let passed = gate("mse<1");
    assert_eq!(passed.code, 0);
    assert!(passed.stdout.ends_with("gate mse<1: passed\n"), "{}", passed.stdout);
    let failed = gate("mse<0");
    assert_eq!(failed.code, 1);
    let told = failed.stdout.split_once("gate mse<0: failed by 1 of 1\n  b.png: 0.").map(|t| t.1);
    assert!(told.is_some_and(|value| value.lines().count() == 1), "{}", failed.stdout);
}

#[test]
fn a_bare_number_stays_bare() {
    let place = Workplace::with_pair();
    let gate = |rule| place.run(&["compare", "a.png", "b.png", "-m", "mse", "--gate", rule]);
    for (rule, code) in [("mse<1", 0), ("mse<0", 1)] {
        let run = gate(rule);
        assert_eq!(run.code, code);
        assert!(run.stdout.trim_end().parse::<f64>().is_ok(), "{}", run.stdout);
        assert_eq!(run.stderr.contains("gate mse<0: failed by 1 of 1"), code == 1);
    }
}

#[test]
fn poolings_are_computed_reported_and_located() {
    let place = Workplace::with_pair();
    // A patch of 16x16 pixels at (50, 20) is turned to its negative.
    let scene = lookalike::procedural::scene(5, SIZE.0, SIZE.1);
    let lookalike::Samples::U8(codes) = scene.samples() else { panic!("8 bits") };
    let mut codes = codes.clone();
    for y in 20..36 {
        for code in &mut codes[(y * SIZE.0 + 50) * 3..(y * SIZE.0 + 66) * 3] {
            *code ^= 0xff;
        }
    }
    let patched = lookalike::Picture::from_u8(SIZE.0, SIZE.1, lookalike::Channels::Rgb, codes);
    place.save("patch.png", &patched.unwrap());
    let rules = ["mae.worst16<=0.01", "ssim.worst8>=0.99", "mae.p1<=0.01", "mae.p50<=0.01"];
    let mut arguments = vec!["a.png", "patch.png", "a.png", "-m", "mae"];
    rules.iter().for_each(|rule| arguments.extend(["--gate", rule]));
    let (code, json) = place.json(&arguments);
    assert_eq!(code, 1);
    let poolings = &json["pairs"][0]["scores"][0]["poolings"];
    let worst = &poolings["worst16"];
    assert_eq!(
        (&worst["x"], &worst["y"], &worst["width"], &worst["height"], &worst["direction"]),
        (&json!(50), &json!(20), &json!(16), &json!(16), &json!("lower"))
    );
    // The mean over the patch: all of the difference over a share of the pixels.
    let mean = json["pairs"][0]["scores"][0]["value"].as_f64().unwrap();
    let expected = mean * (SIZE.0 * SIZE.1) as f64 / 256.0;
    assert!((worst["value"].as_f64().unwrap() - expected).abs() < 1e-6, "{worst} {expected}");
    assert!(poolings["p1"]["value"].as_f64().unwrap() > 0.01 && poolings["p1"].get("x").is_none());
    assert_eq!(poolings["p50"]["value"], 0.0);
    for (gate, failed) in json["gates"].as_array().unwrap().iter().zip([1, 1, 1, 0]) {
        assert_eq!((&gate["checked"], &gate["failed"]), (&json!(2), &json!(failed)), "{gate}");
    }
    let failure = &json["gates"][0]["failures"][0];
    assert_eq!((&failure["candidate"], &failure["x"]), (&json!("patch.png"), &json!(50)));
    assert_eq!(json["pairs"][0]["failed_gates"][0]["rule"], "mae.worst16<=0.01");
    // No map was asked for, so none is left behind, and the values do not depend on it.
    assert_eq!(place.files(), ["a.png", "b.png", "patch.png"]);
    let (_, with_maps) = place.json(&[&arguments[..], &["--map", "maps"]].concat());
    assert_eq!(&with_maps["pairs"][0]["scores"][0]["poolings"], poolings);
    assert!(place.path("maps/patch.mae.png").is_file());

    let text = place.run(&[&["compare"], &arguments[..]].concat()).stdout;
    let line = text.lines().find(|line| line.starts_with("  patch.png: ")).unwrap();
    assert!(line.ends_with(" at x=50 y=20 (16x16)"), "{text}");
    // Where standard output has no place for it, it is said on standard error.
    let csv = place.run(&[&["compare", "--format", "csv"], &arguments[..]].concat());
    assert!(csv.stderr.contains("gate mae.worst16<=0.01: patch.png: "), "{}", csv.stderr);
}

#[test]
fn poolings_that_cannot_be_meant_are_refused() {
    let place = Workplace::with_pair();
    for (rule, part) in [
        ("vifp.worst32>=0.9", "has no map to pool; among those that have one are ssim@wang"),
        ("ssim.worst32<=0.9", "of the map of ssim@wang higher is better"),
        ("psnr.worst32>=30", "of the map of psnr lower is better"),
        ("ssim.worst0>=0.9", "N from 1 to 4096 pixels"),
        ("ssim.worst5000>=0.9", "N from 1 to 4096 pixels"),
        ("ssim.worst>=0.9", "N from 1 to 4096 pixels"),
        ("ssim.p100>=0.9", "above 0 and below 100"),
        ("ssim.best32>=0.9", "no metric is called"),
    ] {
        let message = place.fails(&["compare", "a.png", "b.png", "--gate", rule]);
        assert!(message.contains(part), "{rule}: {message}");
    }
}

#[test]
fn a_pooling_follows_the_metric_of_small_pictures() {
    let place = Workplace::with_pair();
    let arguments = ["a.png", "b.png", "--gate", "ssim.worst4096>=0", "--shave", "8"];
    let (code, json) = place.json(&arguments);
    assert_eq!((code, &json["gates"][0]["rule"]), (0, &json!("ssim@wang+shave=8.worst4096>=0")));
    let pooling = &json["pairs"][0]["scores"][0]["poolings"]["worst4096"];
    // Eight pixels shaved and five of the window on every side.
    assert_eq!(
        (&pooling["x"], &pooling["width"], &pooling["height"]),
        (&json!(13), &json!(70), &json!(54))
    );
    let value = json["pairs"][0]["scores"][0]["value"].as_f64().unwrap();
    assert!((pooling["value"].as_f64().unwrap() - value).abs() < 1e-6);
}
