//! `--config gates.toml`: metrics, gates and masks by names of files.

use serde_json::{Value, json};

use crate::workplace::{SIZE, Workplace, errors, values};

/// Folders with three pages each, all of which differ.
fn place(config: &str) -> Workplace {
    let place = Workplace::new();
    for name in ["home.png", "news/one.png", "news/deep/two.png"] {
        place.scene(&format!("before/{name}"), SIZE);
        place.noisy(&format!("after/{name}"), SIZE, 0.3);
    }
    place.write("gates.toml", config.as_bytes());
    place
}

fn run(place: &Workplace, more: &[&str]) -> (i32, Value) {
    place.json(&[&["before", "after", "--config", "gates.toml"], more].concat())
}

/// `rule checked failed` of every gate.
fn gates(json: &Value) -> Vec<String> {
    let gates = json["gates"].as_array().unwrap().iter();
    gates
        .map(|g| format!("{} {} {}", g["rule"].as_str().unwrap(), g["checked"], g["failed"]))
        .collect()
}

#[test]
fn gates_hold_for_the_files_that_match() {
    let place = place(
        "metrics = [\"mse\"]\n\
         [[rule]]\nfiles = [\"news/**/*.png\"]\ngates = [\"mse<=0\", \"mae<1\"]\n\
         [[rule]]\nfiles = [\"home.*\"]\ngates = [\"rmse<=1\"]\n",
    );
    let (code, json) = run(&place, &[]);
    assert_eq!(
        (code, gates(&json)),
        (1, ["mse<=0 2 2", "mae<1 2 0", "rmse<=1 1 0"].map(str::to_owned).into())
    );
    // A gate's metric is computed where the gate holds, the file's metrics everywhere.
    assert_eq!((values(&json, "mse").len(), values(&json, "mae").len()), (3, 2));
    assert_eq!(values(&json, "rmse").len(), 1);
    let failed = json["gates"][0]["failures"].as_array().unwrap();
    assert_eq!(failed[0]["candidate"], "after/news/deep/two.png");
    let home =
        json["pairs"].as_array().unwrap().iter().find(|p| p["candidate"] == "after/home.png");
    assert!(home.unwrap().get("failed_gates").is_none());
}

#[test]
fn later_rules_replace_gates_on_the_same_number() {
    let place = place(
        "[[rule]]\nfiles = [\"**\"]\ngates = [\"mse<=0\", \"mae<=1\"]\n\
         [[rule]]\nfiles = [\"news/**\"]\ngates = [\"mse<=1\"]\n",
    );
    let (code, json) = run(&place, &["-m", "mse"]);
    assert_eq!(
        (code, gates(&json)),
        (1, ["mse<=0 1 1", "mae<=1 3 0", "mse<=1 2 0"].map(str::to_owned).into())
    );
    // Gates of the command line hold for every pair beside those of the file.
    let (_, json) = run(&place, &["-m", "mse", "--gate", "mse<0.5"]);
    assert_eq!(gates(&json)[0], "mse<0.5 3 0");
    assert_eq!(gates(&json).len(), 4);
}

#[test]
fn masks_add_up_and_lie_beside_the_file() {
    let place = place(
        "metrics = [\"mse\"]\n\
         [[rule]]\nfiles = [\"**\"]\nmasks = [\"0,0,96,40\"]\n\
         [[rule]]\nfiles = [\"home.png\"]\nmasks = [\"masks/lower.png\"]\n",
    );
    let codes = (0..SIZE.0 * SIZE.1).map(|i| if i / SIZE.0 >= 41 { 200 } else { 20 }).collect();
    let lower = lookalike::Picture::from_u8(SIZE.0, SIZE.1, lookalike::Channels::Grey, codes);
    place.save("conf/masks/lower.png", &lower.unwrap());
    std::fs::rename(place.path("gates.toml"), place.path("conf/gates.toml")).unwrap();
    let (code, json) = place.json(&["before", "after", "--config", "conf/gates.toml"]);
    assert_eq!(code, 0, "{json}");
    let pairs = json["pairs"].as_array().unwrap();
    assert_eq!(
        (&pairs[0]["candidate"], &pairs[0]["masked"]),
        (&json!("after/home.png"), &json!(0.9875))
    );
    assert_eq!(pairs[1]["masked"], 0.5);
    let mse = values(&json, "mse");
    assert!(mse[0] > 0.0 && mse[0] < mse[1] / 10.0, "{mse:?}");
    // A mask on the command line joins them.
    let more = ["before", "after", "--config", "conf/gates.toml", "--mask", "0,40,96,39"];
    assert_eq!(place.json(&more).1["pairs"][1]["masked"], 0.9875);
}

#[test]
fn settings_of_the_command_line_win() {
    let place = place("metrics = [\"mse\"]\nfit = \"crop\"\nallow_missing = true\n");
    place.scene("before/wide.png", (SIZE.0 + 10, SIZE.1));
    place.scene("after/wide.png", SIZE);
    place.scene("after/new.png", SIZE);
    let (code, json) = run(&place, &[]);
    assert_eq!((code, values(&json, "mse").len(), errors(&json)), (0, 4, vec![]));
    let (code, json) = run(&place, &["-m", "mae", "--fit", "error"]);
    assert_eq!((code, values(&json, "mae").len(), values(&json, "mse").len()), (2, 3, 0));
    place.write("gates.toml", b"alpha = \"white\"\n");
    let (width, height) = SIZE;
    let header = format!(
        "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    );
    place.write("t.pam", &[header.as_bytes(), &vec![9; width * height * 4]].concat());
    let pair = ["t.pam", "t.pam", "-m", "mse", "--config", "gates.toml"];
    assert_eq!(place.json(&pair).0, 0);
    assert_eq!(place.json(&[&pair[..], &["--alpha", "error"]].concat()).0, 2);
}

#[test]
fn patterns_that_match_nothing_are_warned_about() {
    let place = place(
        "metrics = [\"mse\"]\n[[rule]]\nfiles = [\"nwes/**\", \"news/**\"]\ngates = [\"mse<1\"]\n",
    );
    let arguments = ["compare", "before", "after", "--config", "gates.toml"];
    let outcome = place.run(&arguments);
    assert_eq!(outcome.code, 0);
    assert!(outcome.stderr.contains("the pattern 'nwes/**' matches none"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("'news/**'"), "{}", outcome.stderr);
    assert_eq!(place.run(&[&arguments[..], &["--quiet"]].concat()).stderr, "");
    // Files named one by one match by the path as given, or by the name alone.
    place.write(
        "gates.toml",
        b"[[rule]]\nfiles = [\"after/news/*\", \"one.png\"]\ngates = [\"mse<1\"]\n",
    );
    let outcome = place.run(&[
        "compare",
        "before/news/one.png",
        "after/news/one.png",
        "--config",
        "gates.toml",
    ]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
}

#[test]
fn files_that_make_no_sense_are_refused_with_the_line() {
    let place = place("");
    for (config, part) in [
        (&b"metrics = [\"mse\"]\nmetric = 1"[..], "gates.toml: line 2: unknown field `metric`"),
        (b"[[rule]]\nfiles = [\"**\"]\ngate = []", "gates.toml: line 3: unknown field `gate`"),
        (b"[[rule]]\nfiles = [\"[\"]", "gates.toml: line 2: '[' is not a valid pattern"),
        (b"[[rule]]\nfiles = [\"**\"]\ngates = [\"ssim<=1\"]", "line 3: gate 'ssim@wang<=1'"),
        (b"[[rule]]\nfiles = [\"**\"]\nmasks = [\"no.png\"]", "line 3: mask 'no.png'"),
        (b"metrics = \"mse\"", "line 1: invalid type"),
        (b"metrics = [\"\xff\"]", "gates.toml: the file is not UTF-8 text"),
        (b"what is this", "gates.toml: line 1: "),
    ] {
        place.write("gates.toml", config);
        let message = place.fails(&["compare", "before", "after", "--config", "gates.toml"]);
        assert!(message.contains(part), "{part}: {message}");
    }
    let message = place.fails(&["compare", "before", "after", "--config", "nowhere.toml"]);
    assert!(message.contains("nowhere.toml: cannot read the file"), "{message}");
    let message = place.fails(&["compare", "before", "after", "--config", "before"]);
    assert!(message.contains("before: cannot read the file"), "{message}");
}

#[test]
fn a_gate_of_some_files_does_not_upset_the_others() {
    // The icon is too small for the metric of the pages' gate, which does not hold for it.
    let place =
        place("metrics = [\"mse\"]\n[[rule]]\nfiles = [\"news/**\"]\ngates = [\"ssim>=0.01\"]\n");
    place.scene("before/icon.png", (8, 8));
    place.scene("after/icon.png", (8, 8));
    let (code, json) = run(&place, &[]);
    assert_eq!((code, gates(&json)), (0, vec!["ssim@wang>=0.01 2 0".to_owned()]), "{json}");
    let text = place.succeeds(&["compare", "before", "after", "--config", "gates.toml"]);
    assert!(
        text.contains("         -  after/icon.png") || text.contains(" -  after/icon.png"),
        "{text}"
    );
}
