//! Tables in the documentation are written by the code they describe.
//!
//! The test fails when a table is stale; `LOOKALIKE_UPDATE_DOCS=1 cargo test -p lookalike --test
//! documents` writes it anew.

// The tables hold the learned metrics.
#![cfg(feature = "deep")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use lookalike::{MetricCard, definitions};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text with everything between two markers replaced.
fn with_section(text: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: begin -->"), format!("<!-- {name}: end -->"));
    let from = text.find(&begin).expect("the begin marker is there") + begin.len();
    let to = text.find(&end).expect("the end marker is there");
    format!("{}\n{}{}", &text[..from], content, &text[to..])
}

fn check(file: &str, expected: &str) {
    let path = root().join(file);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    if found == expected {
        return;
    }
    assert!(
        std::env::var_os("LOOKALIKE_UPDATE_DOCS").is_some(),
        "{file} is stale; write it with LOOKALIKE_UPDATE_DOCS=1 cargo test -p lookalike --test documents"
    );
    std::fs::write(path, expected).unwrap();
}

fn number(value: f64) -> String {
    match value {
        v if v == f64::INFINITY => "∞".to_owned(),
        v if v == f64::NEG_INFINITY => "−∞".to_owned(),
        v => format!("{v}"),
    }
}

fn arrow(card: &MetricCard) -> &'static str {
    if card.direction == lookalike::Direction::HigherIsBetter { "↑" } else { "↓" }
}

#[test]
fn the_table_of_the_readme_lists_every_default_profile() {
    let mut table = String::from("| id | | what it is | reproduces |\n|---|---|---|---|\n");
    let is_family_default = |card: &MetricCard| {
        let family = card.id.split([':', '@']).next().unwrap();
        lookalike::find(&family.parse().unwrap()).unwrap().card == card
    };
    for card in definitions().map(|d| d.card).filter(|card| is_family_default(card)) {
        writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            card.id,
            arrow(card),
            card.title,
            card.reproduces
        )
        .unwrap();
    }
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    check("README.md", &with_section(&readme, "metrics", &table));
}

#[test]
fn the_page_of_metrics_holds_every_card() {
    let mut page = String::from(
        "# Metrics\n\nOne section per id. Written from the cards; `lookalike metrics ID` prints the \
         same. Every metric also takes\n`+grey`, `+shave=N`, `+range=X` and `+tonemap=NAME`.\n",
    );
    for card in definitions().map(|d| d.card) {
        let default = if card.default_profile { " (default)" } else { "" };
        write!(page, "\n## `{}`{default}\n\n{} {}\n\n", card.id, card.title, arrow(card)).unwrap();
        let mut item = |name: &str, text: &str| {
            if !text.is_empty() {
                writeln!(page, "- **{name}**: {text}").unwrap();
            }
        };
        item("definition", &format!("`{}`", card.definition));
        item("source", card.source);
        item("reproduces", card.reproduces);
        let (low, high) = (number(card.range.low), number(card.range.high));
        item("values", &format!("{low} … {high}; {} for equal pictures", number(card.equal)));
        item("symmetric", if card.symmetric { "yes" } else { "no" });
        let smaller = card.when_smaller;
        let smaller = if smaller.is_empty() { String::new() } else { format!("; {smaller}") };
        item("shorter side", &format!("at least {} pixels{smaller}", card.minimum_side));
        let mut offers = vec![card.colour.as_str()];
        offers.extend(card.map.map(|_| "map"));
        offers.extend(card.gradient.then_some("gradient"));
        offers.extend(card.scene_linear.then_some("scene-linear input"));
        item("looks at, offers", &offers.join(", "));
        item("weights", &card.weights.join(", "));
        for (name, meaning) in card.options {
            item("option", &format!("`+{name}`: {meaning}"));
        }
        item("blind to", &card.blind_to.join("; "));
        for note in card.notes {
            item("note", note);
        }
    }
    check("docs/metrics.md", &page);
}
