//! `metrics`, `completions`, `man` and `demo`.

use serde_json::Value;

use crate::workplace::Workplace;

#[test]
fn metrics_are_listed_in_every_format() {
    let place = Workplace::new();
    let cards: Vec<_> = lookalike::definitions().map(|definition| definition.card).collect();
    let text = place.succeeds(&["metrics"]);
    assert_eq!(text.lines().count(), cards.len() + 1);
    let json: Value =
        serde_json::from_str(&place.succeeds(&["metrics", "--format", "json"])).unwrap();
    assert_eq!(json["schema"], "lookalike.metrics/1");
    let records = json["metrics"].as_array().unwrap();
    assert_eq!(records.len(), cards.len());
    let lines = place.succeeds(&["metrics", "--format", "jsonl"]);
    let table = place.succeeds(&["metrics", "--format", "csv"]);
    let rows: Vec<_> =
        csv::Reader::from_reader(table.as_bytes()).into_records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), cards.len());
    for (index, (card, line)) in cards.iter().zip(lines.lines()).enumerate() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record, records[index]);
        assert_eq!(record["id"], card.id);
        assert_eq!(record["direction"], card.direction.as_str());
        assert_eq!(record["symmetric"], card.symmetric);
        assert_eq!(record["equal"].as_f64(), Some(card.equal).filter(|v| v.is_finite()));
        assert_eq!(&rows[index][0], card.id);
        assert!(text.contains(card.title), "{}", card.id);
    }
}

#[test]
fn a_card_says_what_should_be_known() {
    let place = Workplace::new();
    let card = place.succeeds(&["metrics", "ssim@wang"]);
    assert!(card.starts_with("ssim@wang (default profile)\n"), "{card}");
    for name in
        ["definition", "source", "reproduces", "direction", "range", "least side", "blind to"]
    {
        assert!(card.contains(&format!("\n  {name} ")), "{name}: {card}");
    }
    let family = place.succeeds(&["metrics", "psnr", "--format", "jsonl"]);
    assert!(family.lines().count() > 2 && family.lines().all(|line| line.contains("\"psnr")));
    for (id, part) in [("sssim", "did you mean 'ssim'"), ("ssim@no", "the family has"), ("A", "id")]
    {
        let message = place.fails(&["metrics", id]);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn shells_get_completions() {
    let place = Workplace::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.succeeds(&["completions", shell]);
        assert!(script.contains("lookalike") && script.contains("explain-diff"), "{shell}");
    }
    place.fails(&["completions", "dos"]);
    place.succeeds(&["completions", "bash", "-o", "lookalike.bash"]);
    assert_eq!(place.files(), ["lookalike.bash"]);
}

#[test]
fn manual_pages_are_written() {
    let place = Workplace::new();
    assert!(place.succeeds(&["man"]).contains(".TH lookalike 1"));
    place.succeeds(&["man", "-o", "pages"]);
    let files = place.files();
    for name in ["pages/lookalike.1", "pages/lookalike-compare.1", "pages/lookalike-metrics.1"] {
        assert!(files.iter().any(|file| file == name), "{files:?}");
    }
    place.write("file", b"");
    let message = place.fails(&["man", "-o", "file"]);
    assert!(message.contains("file: cannot write the manual pages"), "{message}");
}

#[test]
fn the_demonstration_draws_and_compares() {
    let place = Workplace::new();
    let outcome = place.run(&["demo", "--format", "json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("lookalike compare"), "{}", outcome.stderr);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let pairs = json["pairs"].as_array().unwrap();
    let distortions = lookalike::procedural::Distortion::ALL.len();
    assert_eq!(pairs.len(), 3 * distortions);
    let files = place.files();
    for distortion in lookalike::procedural::Distortion::ALL {
        for grade in 1..=3 {
            let name = format!("lookalike-demo/{}-{grade}.png", distortion.name());
            assert!(files.contains(&name), "{name}");
        }
    }
    for pair in pairs {
        let map = pair["scores"][0]["map"].as_str().unwrap();
        assert!(files.contains(&map.replace('\\', "/")), "{map}");
    }
    place.write("taken", b"");
    let message = place.fails(&["demo", "taken"]);
    assert!(message.contains("taken: cannot make the folder"), "{message}");
}
