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
    let gate = |rule: &str, failed| json!({ "rule": rule, "checked": 2, "failed": failed });
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
    assert!(failed.stdout.ends_with("gate mse<0: failed by 1 of 1\n"), "{}", failed.stdout);
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
