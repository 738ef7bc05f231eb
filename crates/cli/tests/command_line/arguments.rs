//! What cannot be meant is refused before anything is computed, with advice and an empty output.

use crate::workplace::{SIZE, Workplace};

#[test]
fn requests_that_make_no_sense_are_refused() {
    let place = Workplace::with_pair();
    place.scene("folder/x.png", SIZE);
    std::fs::create_dir(place.path("empty")).unwrap();
    let pair = ["compare", "a.png", "b.png"];
    let cases: [(&[&str], &str); 20] = [
        (&["-m", "sssim"], "did you mean 'ssim'"),
        (&["-m", "ssim@nobody"], "the family has ssim@wang"),
        (&["-m", "SSIM"], "is not a metric id"),
        (&["-m", "psnr+ppd=3"], "it has no option 'ppd'"),
        (&["-m", "psnr", "--ppd", "30"], "--ppd was given, but none of the metrics takes it"),
        (&["-m", "psnr", "--window", "7"], "--window was given"),
        (&["-m", "ssim", "--window", "8"], "window"),
        (&["-m", "psnr", "--range", "0"], "range takes a positive number"),
        (&["--tonemap", "film"], "clip, reinhard, aces"),
        (&["--fit", "squeeze"], "resize, crop, pad"),
        (&["--alpha", "pink"], "white, black, ignore"),
        (&["--max-pixels", "many"], "500000, 64M or 1G"),
        (&["--format", "yaml"], "text, json, jsonl, csv"),
        (&["--jobs", "-1"], "'-1'"),
        (&["--shave", "-1"], "'-1'"),
        (&["missing.png"], "missing.png: cannot read the file"),
        (&["--all-pairs", "folder"], "cannot be used with"),
        (&["--explain-diff", "--gate", "psnr>1"], "cannot be used with"),
        (&["--include", "[", "-m", "psnr"], "'[' is not a valid pattern"),
        (&["--unheard-of"], "--unheard-of"),
    ];
    for (more, part) in cases {
        let message = place.fails(&[&pair, more].concat());
        assert!(message.contains(part), "{more:?}: {message}");
    }
    let cases: [(&[&str], &str); 11] = [
        (&["compare"], "REFERENCE"),
        (&["compare", "a.png"], "at least one candidate after the reference a.png"),
        (&["compare", "missing.png", "b.png"], "missing.png: cannot read the file"),
        (&["compare", "folder", "a.png"], "give two folders or two files"),
        (&["compare", "a.png", "empty"], "no pictures were found in empty"),
        (&["compare", "empty", "empty"], "no pictures were found in empty"),
        (&["compare", "--all-pairs", "folder"], "at least two pictures, found 1 in folder"),
        (&["compare", "--consecutive", "a.png"], "expected a folder"),
        (&["compare", "--all-pairs", "nowhere"], "nowhere: cannot read the file"),
        (
            &["compare", "a.png", "b.png", "-o", "nowhere/out.json"],
            "nowhere/out.json: cannot write here",
        ),
        (&["conjure"], "unrecognized subcommand"),
    ];
    for (arguments, part) in cases {
        let message = place.fails(arguments);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let place = Workplace::new();
    let help = place.succeeds(&["--help"]);
    for part in ["compare", "metrics", "demo", "Exit status"] {
        assert!(help.contains(part), "{help}");
    }
    assert!(place.succeeds(&["compare", "--help"]).contains("--gate"));
    let version = concat!("lookalike ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(place.succeeds(&["--version"]), version);
}

#[test]
fn names_with_blanks_and_other_scripts_are_names() {
    let place = Workplace::new();
    let names = ["two words.png", "größe ↓.png", "-dash.png", "a,b.png", "100%.png"];
    for name in names {
        place.scene(name, SIZE);
        let path = format!("./{name}");
        let json = place.json(&["two words.png", &path, "-m", "mse"]);
        assert_eq!(json.0, 0, "{name}");
        assert_eq!(json.1["pairs"][0]["candidate"], path);
    }
}

#[test]
fn flags_of_every_command_are_understood() {
    let place = Workplace::with_pair();
    let run = place.run(&[
        "--offline",
        "--device",
        "cpu",
        "--seed",
        "7",
        "-v",
        "compare",
        "a.png",
        "b.png",
        "-m",
        "psnr",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("b.png against a.png: "), "{}", run.stderr);
    assert!(run.stdout.trim_end().parse::<f64>().is_ok(), "{}", run.stdout);
    assert!(place.fails(&["metrics", "--device", "quantum"]).contains("the device 'quantum': "));
}
