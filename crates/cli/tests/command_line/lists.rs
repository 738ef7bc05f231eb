//! Lists on standard input.

use serde_json::Value;

use crate::workplace::{Outcome, SIZE, Workplace, errors, pairs};

fn place() -> Workplace {
    let place = Workplace::with_pair();
    place.noisy("c d.png", SIZE, 0.6);
    place
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr))
}

#[test]
fn candidates_come_one_a_line() {
    for list in ["b.png\nc d.png\n", "b.png\r\nc d.png", "\nb.png\n\nc d.png\n\n"] {
        let arguments = ["compare", "a.png", "-", "-m", "mse", "--format", "json"];
        let outcome = place().run_with(&arguments, list.as_bytes());
        assert_eq!(outcome.code, 0, "{list:?}");
        assert_eq!(pairs(&json(&outcome)), ["a.png b.png", "a.png c d.png"], "{list:?}");
    }
}

#[test]
fn candidates_come_nul_separated() {
    let arguments = ["compare", "a.png", "-", "-0", "-m", "mse", "--format", "json"];
    let outcome = place().run_with(&arguments, b"b.png\0c d.png\0");
    assert_eq!(outcome.code, 0);
    assert_eq!(pairs(&json(&outcome)), ["a.png b.png", "a.png c d.png"]);
}

#[test]
fn pairs_come_with_a_tab_between_them() {
    let place = place();
    let arguments = ["compare", "-", "-m", "mse", "--format", "json"];
    let outcome = place.run_with(&arguments, b"a.png\tb.png\na.png\tc d.png\nb.png\tc d.png\n");
    assert_eq!(outcome.code, 0);
    let expected = ["a.png b.png", "a.png c d.png", "b.png c d.png"];
    assert_eq!(pairs(&json(&outcome)), expected);
    let nul = [&arguments[..], &["-0"]].concat();
    let outcome = place.run_with(&nul, b"a.png\0b.png\0a.png\0c d.png\0b.png\0c d.png");
    assert_eq!(pairs(&json(&outcome)), expected);
}

#[test]
fn lists_that_cannot_be_read_are_refused_by_line() {
    let place = place();
    let cases: [(&[&str], &[u8], &str); 6] = [
        (&["-"], b"a.png\tb.png\nb.png\n", "line 2 of the list: expected REFERENCE<tab>CANDIDATE"),
        (&["-"], b"a.png\tb.png\tc.png\n", "line 1 of the list: expected exactly two paths"),
        (&["-", "-0"], b"a.png\0b.png\0a.png\0", "the last reference has no candidate"),
        (&["-"], b"", "the list on standard input is empty"),
        (&["a.png", "-"], b"\xff\xfe", "line 1 of the list: it is not UTF-8 text"),
        (&["a.png", "-"], b"b.png\0", "read NUL-separated lists with -0"),
    ];
    for (arguments, input, part) in cases {
        let outcome = place.run_with(&[&["compare", "-m", "mse"], arguments].concat(), input);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(outcome.stderr.contains(part), "{arguments:?}: {}", outcome.stderr);
    }
    let outcome = place.run_with(&["compare", "-", "b.png", "-m", "mse"], b"a.png\tb.png");
    assert!(outcome.code == 2 && outcome.stderr.contains("stands alone"), "{}", outcome.stderr);
    let outcome = place.run_with(&["compare", "a.png", "-"], b"\n");
    assert!(outcome.stderr.contains("at least one candidate"), "{}", outcome.stderr);
}

#[test]
fn listed_files_that_are_gone_do_not_stop_the_others() {
    let place = place();
    let arguments = ["compare", "a.png", "-", "-m", "mse", "--format", "json"];
    let outcome = place.run_with(&arguments, b"gone.png\nb.png\n");
    let found = json(&outcome);
    assert_eq!((outcome.code, pairs(&found)), (2, vec!["a.png b.png".to_owned()]));
    assert!(errors(&found)[0].contains("gone.png: "), "{found}");
    let outcome = place.run_with(
        &["compare", "-", "-m", "mse", "--format", "json"],
        b"gone.png\tb.png\na.png\tb.png\na.png\tgone too.png\n",
    );
    let found = json(&outcome);
    assert_eq!((outcome.code, pairs(&found)), (2, vec!["a.png b.png".to_owned()]));
    assert_eq!(errors(&found).len(), 2, "{found}");
}
