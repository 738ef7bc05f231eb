//! The recipe of `docs/visual-regression.md` on two hundred pages, three of which changed.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::pages::{Change, page};
use crate::workplace::{BINARY, Workplace};

const PAGES: u64 = 200;

/// What the second rendering does to a page: to three of them harm, to some of them noise.
fn change(number: u64) -> Change {
    match number {
        17 => Change::ButtonRemoved,
        60 => Change::ButtonShifted,
        123 => Change::ColourChanged,
        _ if number % 10 == 1 => Change::Rounding,
        _ if number % 10 == 4 => Change::Antialiasing,
        _ => Change::Nothing,
    }
}

fn name(number: u64) -> String {
    format!("section-{}/page-{number:03}.png", number / 50)
}

fn number(path: &str) -> u64 {
    let digits = path.rsplit_once("page-").unwrap().1.trim_end_matches(".png");
    digits.parse().unwrap()
}

fn recipe() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/visual-regression")
}

fn rendered() -> Workplace {
    let place = Workplace::new();
    for number in 0..PAGES {
        place.save(&format!("before/{}", name(number)), &page(number, Change::Nothing));
        let [before, after] = ["before", "after"].map(|f| format!("{f}/{}", name(number)));
        if change(number) == Change::Nothing {
            std::fs::create_dir_all(place.path(&after).parent().unwrap()).unwrap();
            std::fs::copy(place.path(&before), place.path(&after)).unwrap();
        } else {
            place.save(&after, &page(number, change(number)));
        }
    }
    place
}

fn check(place: &Workplace, more: &[&str]) -> (i32, Value) {
    let mut command = Command::new(recipe().join("check.sh"));
    command.current_dir(place.root()).env("LOOKALIKE", BINARY).env("OUT", "out");
    let output = command.args(["before", "after"]).args(more).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_str(&place.read("out/result.json"))
        .unwrap_or_else(|error| panic!("{error}: {told}"));
    (output.status.code().unwrap(), json)
}

/// The numbers of the pages that failed a gate whose rule starts so.
fn failed(json: &Value, rule: &str) -> Vec<u64> {
    let gates = json["gates"].as_array().unwrap().iter();
    let mut gates = gates.filter(|gate| gate["rule"].as_str().unwrap().starts_with(rule));
    let gate = gates.next().unwrap_or_else(|| panic!("no gate on {rule}: {}", json["gates"]));
    assert_eq!(gate["checked"], PAGES);
    let none = Vec::new();
    let failures = gate["failures"].as_array().unwrap_or(&none).iter();
    failures.map(|failure| number(failure["candidate"].as_str().unwrap())).collect()
}

/// A pooling of every page, with what was done to the page.
fn pooled(json: &Value, id: &str, pooling: &str) -> Vec<(Change, f64)> {
    let pairs = json["pairs"].as_array().unwrap().iter();
    let value = |pair: &Value| {
        let scores = pair["scores"].as_array().unwrap();
        let score = scores.iter().find(|score| score["id"] == id).unwrap();
        score["poolings"][pooling]["value"].as_f64().unwrap()
    };
    pairs.map(|pair| (change(number(pair["candidate"].as_str().unwrap())), value(pair))).collect()
}

#[cfg(unix)]
#[test]
fn three_of_two_hundred_pages_fail_and_no_other() {
    let place = rendered();
    let (code, json) = check(&place, &[]);
    assert_eq!((code, json["errors"].as_array().unwrap().len()), (1, 0), "{}", json["errors"]);
    assert_eq!(failed(&json, "ssim@wang.worst16"), [17, 60]);
    assert_eq!(failed(&json, "ciede2000.worst8"), [17, 60, 123]);
    assert!(failed(&json, "sizes=equal").is_empty());
    let pairs = json["pairs"].as_array().unwrap().iter();
    let failing = pairs.filter(|pair| pair.get("failed_gates").is_some());
    let failing = failing.map(|pair| number(pair["candidate"].as_str().unwrap()));
    assert_eq!(failing.collect::<Vec<_>>(), [17, 60, 123]);

    // The report says where: the removed button stood at (20, 183), 32 pixels wide and 12 high.
    let gate = &json["gates"].as_array().unwrap()[0]["failures"][0];
    let place_of = |key: &str| gate[key].as_u64().unwrap();
    assert!((5..52).contains(&place_of("x")) && (168..195).contains(&place_of("y")), "{gate}");
    assert_eq!((place_of("width"), place_of("height")), (16, 16));

    // The mean would have let the removed button and the colour pass.
    let mean = |wanted: u64| {
        let pairs = json["pairs"].as_array().unwrap().iter();
        let mut pairs = pairs.filter(|pair| number(pair["candidate"].as_str().unwrap()) == wanted);
        let scores = pairs.next().unwrap()["scores"].as_array().unwrap();
        let score = scores.iter().find(|score| score["id"] == "ssim@wang").unwrap();
        score["value"].as_f64().unwrap()
    };
    assert!(mean(17) >= 0.99 && mean(123) >= 0.99, "{} {}", mean(17), mean(123));
    let only = ["--include", "section-0/page-017.png"];
    let start = ["compare", "before", "after", "-m", "ssim", "--gate", "ssim>=0.99"];
    assert_eq!(place.run(&[&start[..], &only].concat()).code, 0);

    // The limits are far from the harmless pages and from the harmed ones.
    let harmless = [Change::Nothing, Change::Rounding, Change::Antialiasing];
    for (id, pooling, limit, harms, same) in [
        ("ssim@wang", "worst16", 0.85, &[Change::ButtonRemoved, Change::ButtonShifted][..], 1.0),
        (
            "ciede2000",
            "worst8",
            1.0,
            &[Change::ButtonRemoved, Change::ButtonShifted, Change::ColourChanged],
            0.0,
        ),
    ] {
        let limit = f64::abs(limit - same);
        for (change, value) in pooled(&json, id, pooling) {
            let distance = f64::abs(value - same);
            if harmless.contains(&change) {
                assert!(distance <= limit / 2.0, "{id}.{pooling}: {change:?} {value}");
            } else if harms.contains(&change) {
                assert!(distance >= limit * 2.0, "{id}.{pooling}: {change:?} {value}");
            }
        }
    }

    // Accepted, they are the new baselines, and nothing else is touched: not the pages with noise.
    let some = ["--include", "**/page-{017,060,123,011,014,121,124,012}.png"];
    let (code, json) = check(&place, &[&["--update"], &some[..]].concat());
    let updated = json["update"]["updated"].as_array().unwrap().iter();
    let updated: Vec<u64> =
        updated.map(|file| number(file["candidate"].as_str().unwrap())).collect();
    assert_eq!((code, updated), (0, vec![17, 60, 123]));
    for wanted in 0..PAGES {
        let [before, after] = ["before", "after"].map(|folder| {
            std::fs::read(place.path(&format!("{folder}/{}", name(wanted)))).unwrap()
        });
        let equal = before == after;
        assert_eq!(equal, !matches!(change(wanted), Change::Rounding | Change::Antialiasing));
    }
    let (code, json) = check(&place, &some);
    assert_eq!((code, json["pairs"].as_array().unwrap().len()), (0, 8));
}

#[cfg(unix)]
#[test]
fn the_script_passes_errors_on() {
    let place = Workplace::new();
    place.save("before/page-1.png", &page(1, Change::Nothing));
    place.write("after/page-1.png", b"not a picture");
    let (code, json) = check(&place, &[]);
    assert_eq!((code, json["errors"].as_array().unwrap().len()), (2, 1));
    let usage = Command::new(recipe().join("check.sh")).arg("before").output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&usage.stderr).contains("usage: "));
}
