//! `judge eval`: made-up judgements with known scores, and those of people where they are at hand.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::workplace::{BINARY, Workplace, fields, shared};

/// Three references, each with a slightly and a strongly noisy picture.
fn with_pictures() -> Workplace {
    let place = Workplace::new();
    for (index, size) in [(48, 40), (40, 48), (44, 44)].into_iter().enumerate() {
        place.scene(&format!("r{index}.png"), size);
        place.noisy(&format!("near{index}.png"), size, 0.1);
        place.noisy(&format!("far{index}.png"), size, 0.8);
    }
    place
}

const HEAD: &str = "reference,left,right,votes_right,votes,subset\n";

fn triplets(place: &Workplace) {
    let rows = "r0.png,near0.png,far0.png,0,5,x\nr1.png,far1.png,near1.png,4,5,x\n\
                r2.png,near2.png,far2.png,5,5,y\n";
    place.write("t.csv", format!("{HEAD}{rows}").as_bytes());
}

fn json(place: &Workplace, arguments: &[&str]) -> (i32, Value) {
    let outcome = place.run(&[&["judge", "eval", "--format", "json"], arguments].concat());
    let json = serde_json::from_str(&outcome.stdout);
    (outcome.code, json.unwrap_or_else(|e| panic!("{e}: {}{}", outcome.stdout, outcome.stderr)))
}

#[test]
fn triplets_give_the_score_that_votes_say() {
    let place = with_pictures();
    triplets(&place);
    let (code, report) = json(&place, &["t.csv", "-m", "mse,psnr,ssim"]);
    assert_eq!(code, 0);
    assert_eq!(report["schema"], "lookalike.judge/1");
    assert_eq!((&report["protocol"], &report["n"]), (&"2afc".into(), &3.into()));
    // Noise is told by every one of them: 1, 0.8 and 0 of the people agree.
    for metric in report["metrics"].as_array().unwrap() {
        assert!((metric["score"].as_f64().unwrap() - 0.6).abs() < 1e-12, "{metric}");
        assert!((metric["subsets"]["x"]["score"].as_f64().unwrap() - 0.9).abs() < 1e-12);
        assert_eq!(metric["subsets"]["y"]["score"], 0.0);
        assert_eq!(metric["subsets"]["x"]["n"], 2);
        assert_eq!(fields(metric), ["ci", "id", "score", "subsets"]);
    }
    let human = report["human"]["score"].as_f64().unwrap();
    assert!((human - (1.0 + 0.68 + 1.0) / 3.0).abs() < 1e-12, "{human}");
    assert_eq!(report["comparisons"].as_array().unwrap().len(), 3);
    for one in report["comparisons"].as_array().unwrap() {
        assert_eq!(fields(one), ["a", "b", "difference", "p", "p_holm"]);
        assert_eq!((&one["difference"], &one["p_holm"]), (&0.0.into(), &1.0.into()));
    }
    assert_eq!(report["errors"], Value::Array(Vec::new()));
    let again = |jobs| place.succeeds(&["judge", "eval", "t.csv", "-m", "ssim", "--jobs", jobs]);
    assert_eq!(again("1"), again("3"));
}

#[test]
fn other_formats_say_the_same() {
    let place = with_pictures();
    triplets(&place);
    let eval =
        |format| place.succeeds(&["judge", "eval", "t.csv", "-m", "mse", "--format", format]);
    let text = eval("text");
    assert!(text.contains("human") && text.contains("0.6000") && text.contains("0.9000"), "{text}");
    let csv = eval("csv");
    assert!(csv.starts_with("id,subset,n,score,ci_low,ci_high\nhuman,,3,"), "{csv}");
    assert!(csv.contains("\nmse,x,2,0.9,"), "{csv}");
    let lines: Vec<Value> =
        eval("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["id"], &lines[1]["n"]), (&"mse".into(), &3.into()));
    assert!(csv.contains("\nhuman,x,2,0.84"), "{csv}");
    for also in ["--format=junit", "--also=junit=x.xml"] {
        place.fails(&["judge", "eval", "t.csv", "-m", "mse", also]);
        assert!(!place.path("x.xml").exists());
    }
}

#[test]
fn a_page_has_scores_charts_and_pictures() {
    let place = with_pictures();
    triplets(&place);
    let eval = ["judge", "eval", "t.csv", "-m", "mse,ssim"];
    place.succeeds(&[&eval[..], &["--also", "html=r.html", "--also", "csv=r.csv"]].concat());
    let page = place.read("r.html");
    assert!(place.read("r.csv").contains("\nssim@wang,"));
    // All and two subsets, with a bar for each metric.
    assert_eq!(page.matches("aria-label=\"Scores, ").count(), 3);
    assert_eq!(page.matches("<rect class=\"bar\" x=").count(), 6);
    assert_eq!(page.matches("<circle").count(), 6);
    // All people chose otherwise of one, some of another: three pictures each, for both metrics.
    assert_eq!(page.matches("<article").count(), 4);
    assert_eq!(page.matches("<img src=\"data:image").count(), 12);
    assert!(page.contains("judgement 3, y") && page.contains("disagreement 1.00"));
    assert!(!page.contains("<script"));
    let fewer =
        place.succeeds(&[&eval[..4], &["mse", "--format", "html", "--worst", "1"]].concat());
    assert_eq!(fewer.matches("<article").count(), 1);
}

#[test]
fn the_odd_one_of_three() {
    let place = with_pictures();
    let csv = b"first,second,third,votes_first,votes_second,votes_third\n\
        r0.png,far0.png,near0.png,0,3,1\nnear1.png,r1.png,far1.png,1,0,1\n";
    place.write("o.csv", csv);
    let (code, report) = json(&place, &["o.csv", "-m", "mse,ssim"]);
    let protocol: Value = "odd-one-out".into();
    assert_eq!((code, &report["protocol"], &report["layout"]), (0, &protocol, &protocol));
    for metric in report["metrics"].as_array().unwrap() {
        assert_eq!(metric["score"], (0.75 + 0.5) / 2.0, "{metric}");
    }
    assert_eq!(report["human"]["score"], (0.625 + 0.5) / 2.0);
    let page = place.succeeds(&["judge", "eval", "o.csv", "-m", "mse", "--format", "html"]);
    assert!(page.contains("odd to 75 %") && page.matches("<img").count() == 6, "{page}");
}

#[test]
fn distances_from_elsewhere_are_scored_as_well() {
    let place = with_pictures();
    triplets(&place);
    place.write("own.csv", b"note,right,left\n,2,1\n,1,2\n,inf,1\n");
    let (code, report) = json(&place, &["t.csv", "-m", "mse", "--distances", "own=own.csv"]);
    assert_eq!((code, &report["metrics"][1]["id"]), (0, &"own".into()));
    // Noise is ordered the same by both.
    assert_eq!(report["comparisons"][0]["difference"], 0.0);
    assert!((report["metrics"][1]["score"].as_f64().unwrap() - 0.6).abs() < 1e-12);
    // Without metrics no picture is read; the two subsets count the same.
    std::fs::remove_file(place.path("r0.png")).unwrap();
    let alone = ["t.csv", "--distances", "own=own.csv"];
    let (code, report) = json(&place, &[&alone[..], &["--mean", "subsets"]].concat());
    assert_eq!(code, 0, "{report}");
    assert!((report["metrics"][0]["score"].as_f64().unwrap() - 0.45).abs() < 1e-12);
    let (code, report) =
        json(&place, &[&alone[..], &["--gate", "own>=0.7", "--permutations", "0"]].concat());
    assert_eq!((code, &report["gates"][0]["rule"]), (1, &"own>=0.7".into()));
    for (text, part) in [
        ("left,right\n1,2\n", "a row for each of 3 judgements, found 1"),
        ("left,distance\n1,2\n", "expected the columns left,right, found left,distance"),
        ("left,right\n1,2\n1,NaN\n1,2\n", "line 3: expected a distance, found 'NaN'"),
    ] {
        place.write("own.csv", text.as_bytes());
        let message = place.fails(&[&["judge", "eval"][..], &alone].concat());
        assert!(message.contains(part), "{message}");
    }
    place.fails(&["judge", "eval", "t.csv"]);
    place.fails(&["judge", "eval", "t.csv", "-m", "mse", "--distances", "mse=own.csv"]);
}

#[test]
fn pairs_that_recur_are_measured_once() {
    let place = with_pictures();
    let rows = "r0.png,near0.png,far0.png,0,5,\nr0.png,far0.png,near0.png,5,5,\n";
    // More than a block of them.
    place.write("t.csv", format!("{HEAD}{}", rows.repeat(700)).as_bytes());
    let resumed = ["t.csv", "-m", "mse", "--resume", "d.jsonl", "--permutations", "0"];
    let (code, report) = json(&place, &resumed);
    assert_eq!(
        (code, &report["n"], &report["metrics"][0]["score"]),
        (0, &1400.into(), &1.0.into())
    );
    assert_eq!(place.read("d.jsonl").lines().count(), 3);
    assert_eq!(json(&place, &resumed).1, report);
    assert_eq!(place.read("d.jsonl").lines().count(), 3, "measured again");
}

/// More pairs than are done before a run is ended.
const MANY: usize = 120;

fn many(place: &Workplace) {
    let size = (256, 200);
    let mut csv = HEAD.to_owned();
    for index in 0..MANY / 2 {
        place.scene(&format!("m/r{index}.png"), size);
        place.noisy(&format!("m/a{index}.png"), size, 0.2);
        place.noisy(&format!("m/b{index}.png"), size, 0.5);
        writeln!(csv, "m/r{index}.png,m/a{index}.png,m/b{index}.png,{},5,", index % 6).unwrap();
    }
    place.write("m.csv", csv.as_bytes());
}

#[test]
fn a_run_that_was_killed_goes_on() {
    let place = Workplace::new();
    many(&place);
    let eval =
        ["judge", "eval", "m.csv", "-m", "ssim,cw-ssim,vsi", "--format", "json", "--jobs", "1"];
    let whole = place.run(&eval).stdout;
    let resumed = [&eval[..], &["--resume", "d.jsonl"]].concat();
    let mut command = Command::new(BINARY);
    command.current_dir(place.root()).args(&resumed).stdout(Stdio::null());
    let mut run = command.spawn().unwrap();
    let file = place.path("d.jsonl");
    let lines = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    while lines() < 10 {
        std::thread::sleep(Duration::from_millis(1));
        assert!(run.try_wait().unwrap().is_none(), "it ended by itself");
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let before = place.read("d.jsonl");
    assert!(before.lines().count() < MANY, "it was done already");
    assert_eq!(place.run(&resumed).stdout, whole);
    let after = place.read("d.jsonl");
    // What was whole is still there, and nothing was measured twice.
    assert!(after.starts_with(&before[..=before.rfind('\n').unwrap()]));
    assert_eq!(lines(), MANY + 1);
    assert_eq!(place.run(&resumed).stdout, whole);
    assert_eq!(place.read("d.jsonl"), after, "all was there");
    // A picture that has changed is measured again.
    place.noisy("m/a0.png", (256, 200), 0.9);
    assert_ne!(place.run(&resumed).stdout, whole);
    assert_eq!(lines(), MANY + 2);
    let message = place.fails(&["judge", "eval", "m.csv", "-m", "ssim", "--resume", "d.jsonl"]);
    assert!(message.contains("its metrics is") && message.contains("another file"), "{message}");
    let message = place.fails(&["judge", "eval", "m.csv", "-m", "ssim", "--resume", "m.csv"]);
    assert!(message.contains("something else"), "{message}");
}

#[test]
fn ratings_and_pairs_that_look_the_same() {
    let place = with_pictures();
    let mut csv = "reference,candidate,dmos\n".to_owned();
    for index in 0..3 {
        writeln!(csv, "r{index}.png,near{index}.png,{index}\nr{index}.png,far{index}.png,5{index}")
            .unwrap();
    }
    place.write("ratings.csv", csv.as_bytes());
    let (code, report) = json(&place, &["ratings.csv", "-m", "mse"]);
    assert_eq!((code, &report["protocol"], &report["human"]), (0, &"rating".into(), &Value::Null));
    let metric = &report["metrics"][0];
    assert_eq!(fields(metric), ["ci", "id", "krcc", "plcc", "rmse", "score", "subsets"]);
    assert!(metric["score"].as_f64().unwrap() > 0.5 && metric["plcc"].as_f64().unwrap() > 0.9);
    let lines = "{\"reference\":\"r0.png\",\"candidate\":\"near0.png\",\"votes_same\":3,\"votes\":3}\n\
                 {\"reference\":\"r1.png\",\"candidate\":\"far1.png\",\"votes_same\":0,\"votes\":3}\n";
    place.write("same.jsonl", lines.as_bytes());
    let (code, report) = json(&place, &["same.jsonl", "-m", "ssim"]);
    assert_eq!((code, &report["protocol"], &report["layout"]), (0, &"jnd".into(), &"same".into()));
    assert_eq!(
        (&report["metrics"][0]["score"], &report["metrics"][0]["auc"]),
        (&1.0.into(), &1.0.into())
    );
}

#[test]
fn pictures_are_brought_to_a_side() {
    let place = with_pictures();
    triplets(&place);
    let (_, kept) = json(&place, &["t.csv", "-m", "mse"]);
    let (code, report) = json(&place, &["t.csv", "-m", "mse", "--resize", "20"]);
    assert_eq!((code, &kept["resize"], &report["resize"]), (0, &Value::Null, &20.into()));
    // SSIM refuses what is smaller than its window.
    let small = place.run(&["judge", "eval", "t.csv", "-m", "ssim", "--resize", "8"]);
    assert_eq!(small.code, 2, "{}", small.stdout);
    for side in ["0", "x"] {
        let message = place.fails(&["judge", "eval", "t.csv", "-m", "mse", "--resize", side]);
        assert!(message.contains("from 1 or none"), "{message}");
    }
}

/// A set of BAPPS with one judgement: 0.2 of the people prefer `p1`.
fn bapps(place: &Workplace) {
    let size = (96, 80);
    for (kind, noise) in [("ref", 0.0), ("p0", 0.1), ("p1", 0.8)] {
        let name = format!("val/cnn/{kind}/000000.png");
        if noise > 0.0 {
            place.noisy(&name, size, noise)
        } else {
            place.scene(&name, size)
        };
    }
    let mut header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".to_owned();
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    let bytes = [&b"\x93NUMPY\x01\x00"[..], &length, header.as_bytes(), &0.2_f64.to_le_bytes()];
    place.write("val/cnn/judge/000000.npy", &bytes.concat());
}

#[test]
fn bapps_is_judged_at_64_pixels() {
    let place = Workplace::new();
    bapps(&place);
    let (code, report) = json(&place, &["val", "-m", "mse"]);
    assert_eq!((code, &report["layout"], &report["resize"]), (0, &"bapps-2afc".into(), &64.into()));
    assert_eq!(report["metrics"][0]["score"], 0.8);
    let (_, report) = json(&place, &["val", "-m", "mse", "--resize", "none"]);
    assert_eq!(report["resize"], Value::Null);
}

#[test]
fn gates_are_on_agreement() {
    let place = with_pictures();
    triplets(&place);
    let eval = |gate| place.run(&["judge", "eval", "t.csv", "-m", "mse", "--gate", gate]);
    assert_eq!(eval("mse>=0.59").code, 0);
    let failed = eval("mse>0.61");
    assert_eq!(failed.code, 1);
    assert!(failed.stdout.contains("gate mse>0.61: failed"), "{}", failed.stdout);
    for (gate, part) in [
        ("mse<=0.5", "a higher score is better"),
        ("ssim>=0.5", "not among the metrics"),
        ("mse.p1>=0.5", "no map"),
    ] {
        let message = place.fails(&["judge", "eval", "t.csv", "-m", "mse", "--gate", gate]);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn pictures_that_fail_cost_their_item_alone() {
    let place = with_pictures();
    let rows = "r0.png,near0.png,far0.png,0,5,\nr1.png,gone.png,near1.png,4,5,\n\
                r2.png,near2.png,far0.png,5,5,\n";
    place.write("t.csv", format!("{HEAD}{rows}").as_bytes());
    let (code, report) = json(&place, &["t.csv", "-m", "mse"]);
    assert_eq!((code, &report["n"]), (2, &1.into()));
    assert_eq!(report["metrics"][0]["score"], 1.0);
    assert_eq!(report["metrics"][0]["ci"], Value::Null);
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[0]["path"].as_str().map(Path::new), Some(Path::new("gone.png")));
    place.write("bad.csv", format!("{HEAD}r0.png,near0.png,far0.png,6,5,\n").as_bytes());
    let message = place.fails(&["judge", "eval", "bad.csv", "-m", "mse"]);
    assert!(message.contains("bad.csv, line 2: 'votes_right' is 6"), "{message}");
    place.write("other.csv", b"a,b\n1,2\n");
    let message = place.fails(&["judge", "eval", "other.csv", "-m", "mse"]);
    assert!(message.contains("--layout") && message.contains("bapps-2afc"), "{message}");
}

fn row(csv: &mut String, folder: &Path, names: [&str; 3], votes: [i64; 2]) {
    let [reference, left, right] = names.map(|name| folder.join(name).display().to_string());
    writeln!(csv, "{reference},{left},{right},{},{},", votes[1], votes[0] + votes[1]).unwrap();
}

/// Cases that were picked because two other metrics disagree on them, so scores are those of no set.
#[test]
fn triplets_of_bapps() {
    let Some(folder) = shared("bapps_subset") else { return };
    let list = std::fs::read(folder.join("triplets.json")).unwrap();
    let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
    let mut csv = HEAD.to_owned();
    for one in &list {
        let names = ["ref", "a", "b"].map(|name| one[name].as_str().unwrap());
        let right = i64::from(one["human"] == "b");
        row(&mut csv, &folder, names, [1 - right, right]);
    }
    let place = Workplace::new();
    place.write("t.csv", csv.as_bytes());
    let (code, report) = json(&place, &["t.csv", "-m", "mse,psnr,ssim"]);
    assert_eq!((code, &report["n"], &report["human"]["score"]), (0, &86.into(), &1.0.into()));
    let score = |index: usize| report["metrics"][index]["score"].as_f64().unwrap();
    // PSNR is an order of MSE turned around.
    assert_eq!(score(0), score(1));
    assert!((0.2..0.9).contains(&score(2)), "{}", score(2));
    let ci = report["metrics"][2]["ci"].as_array().unwrap();
    assert!(ci[0].as_f64().unwrap() < score(2) && ci[1].as_f64().unwrap() > score(2));
}

#[test]
fn triplets_of_materials_and_shoes() {
    if let Some(folder) = shared("material_similarity/data") {
        let answers = std::fs::read(folder.join("answers_processed_test.json")).unwrap();
        let answers: Value = serde_json::from_slice(&answers).unwrap();
        let folder = folder.join("havran1_ennis_298x298_LDR");
        let entries = std::fs::read_dir(&folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let mut csv = HEAD.to_owned();
        let both = answers["answers"].as_array().unwrap().iter();
        for (triplet, votes) in both.zip(answers["agreement"].as_array().unwrap()).take(40) {
            let name = |i: usize| names[triplet[i].as_u64().unwrap() as usize].as_str();
            let votes = [0, 1].map(|i: usize| votes[i].as_i64().unwrap());
            row(&mut csv, &folder, [0, 1, 2].map(name), votes);
        }
        let place = Workplace::new();
        place.write("t.csv", csv.as_bytes());
        let (code, report) = json(&place, &["t.csv", "-m", "mse"]);
        assert_eq!((code, &report["n"]), (0, &40.into()));
        let score = report["metrics"][0]["score"].as_f64().unwrap();
        let majority = report["human"]["majority"].as_f64().unwrap();
        assert!(score > 0.4 && score <= majority, "{score} of {majority}");
    }
    if let Some(folder) = shared("zappos_triplets/examples/zappos/_raw/images") {
        // Head, close, far: the first of the published list.
        let mut csv = HEAD.to_owned();
        for [head, close, far] in
            [[28, 62, 7], [50, 68, 80], [11, 43, 36], [5, 48, 51], [24, 73, 84]]
        {
            let names = [head, far, close].map(|number| format!("{number}.jpg"));
            row(&mut csv, &folder, [&names[0], &names[1], &names[2]], [0, 1]);
        }
        let place = Workplace::new();
        place.write("t.csv", csv.as_bytes());
        let (code, report) = json(&place, &["t.csv", "-m", "mse", "--fit", "resize"]);
        assert_eq!((code, &report["n"]), (0, &5.into()), "{report}");
    }
}

#[test]
fn a_download_of_bapps_is_looked_through() {
    let place = Workplace::new();
    for kind in ["p0", "p1", "same"] {
        place.write(&format!("jnd/val/cnn/{kind}/x"), b"");
    }
    let outcome = place.run(&["judge", "bapps", "--check", "."]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert_eq!(outcome.stdout.lines().count(), 12, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("4720") && outcome.stdout.contains("missing"));
    let json = place.run(&["judge", "bapps", "--check", ".", "--format", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["sets"].as_array().unwrap().len(), 11);
    let cnn = &json["sets"][10];
    assert_eq!((&cnn["name"], &cnn["judgements"]), (&"jnd/val/cnn".into(), &1.into()));
    assert!(cnn["problems"][0].as_str().unwrap().contains("000000 is missing"), "{cnn}");
    place.fails(&["judge", "bapps", "--check", "nowhere"]);
    place.fails(&["judge", "bapps"]);
}
