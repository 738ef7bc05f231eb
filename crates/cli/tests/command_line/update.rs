//! `--update`: what takes the place of a reference, and what never does.

use serde_json::{Value, json};

use crate::workplace::{SIZE, Workplace, errors};

const GATES: &[u8] = b"metrics = [\"mse\"]\n[[rule]]\nfiles = [\"**\"]\ngates = [\"mse<=0.001\"]\n";

/// Folders with an equal page, one that hardly differs and one that fails.
fn place() -> Workplace {
    let place = Workplace::new();
    for name in ["equal", "slight", "deep/strong"] {
        place.scene(&format!("before/{name}.png"), SIZE);
    }
    place.scene("after/equal.png", SIZE);
    place.noisy("after/slight.png", SIZE, 0.02);
    place.noisy("after/deep/strong.png", SIZE, 0.8);
    place.write("gates.toml", GATES);
    place
}

fn update(place: &Workplace, more: &[&str]) -> (i32, Value) {
    place.json(&[&["before", "after", "--update"], more].concat())
}

fn bytes(place: &Workplace, name: &str) -> Vec<u8> {
    std::fs::read(place.path(name)).unwrap()
}

/// The references in one list of the report.
fn listed(json: &Value, list: &str) -> Vec<String> {
    let files = json["update"][list].as_array().unwrap().iter();
    files
        .map(|file| file["reference"].as_str().or(file.as_str()).unwrap().replace('\\', "/"))
        .collect()
}

#[test]
fn only_what_fails_the_config_is_copied() {
    let place = place();
    let [slight, strong] = ["before/slight.png", "after/deep/strong.png"].map(|n| bytes(&place, n));
    let (code, json) = update(&place, &["--config", "gates.toml"]);
    assert_eq!((code, listed(&json, "updated")), (0, vec!["before/deep/strong.png".to_owned()]));
    let reason = json["update"]["updated"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("mse<=0.001: 0."), "{reason}");
    assert_eq!(bytes(&place, "before/deep/strong.png"), strong);
    assert_eq!(bytes(&place, "before/slight.png"), slight);
    let (code, json) = update(&place, &["--config", "gates.toml"]);
    assert_eq!((code, listed(&json, "updated").len()), (0, 0));
    assert_eq!(place.json(&["before", "after", "--config", "gates.toml"]).0, 0);
    assert!(!place.files().iter().any(|file| file.ends_with(".tmp")));
}

#[test]
fn without_gates_any_pixel_that_differs_counts() {
    let place = place();
    let (code, json) = update(&place, &["-m", "mse"]);
    let expected = ["before/deep/strong.png", "before/slight.png"].map(str::to_owned);
    assert_eq!((code, listed(&json, "updated")), (0, expected.into()));
    assert_eq!(json["gates"][0]["rule"], "pixels=equal");
    assert_eq!(bytes(&place, "before/slight.png"), bytes(&place, "after/slight.png"));
    // The same pixels in other bytes are no difference.
    place.save("before/equal.ppm", &lookalike::procedural::scene(5, SIZE.0, SIZE.1));
    std::fs::rename(place.path("before/equal.ppm"), place.path("before/equal.png")).unwrap();
    assert_eq!(listed(&update(&place, &["-m", "mse"]).1, "updated").len(), 0);
    // Nor is what a mask covers.
    place.noisy("after/equal.png", SIZE, 0.5);
    let json = update(&place, &["-m", "mse", "--mask", "0,0,96,79", "--dry-run"]).1;
    assert_eq!(listed(&json, "updated").len(), 1);
}

#[test]
fn a_dry_run_copies_nothing() {
    let place = place();
    place.scene("after/new/page.png", SIZE);
    let before = bytes(&place, "before/deep/strong.png");
    let files = place.files();
    let (code, json) = update(&place, &["--config", "gates.toml", "--dry-run"]);
    assert_eq!((code, &json["update"]["dry_run"]), (0, &json!(true)));
    assert_eq!(listed(&json, "updated"), ["before/deep/strong.png"]);
    assert_eq!(listed(&json, "added"), ["before/new/page.png"]);
    assert_eq!((bytes(&place, "before/deep/strong.png"), place.files()), (before, files));
    let text = ["compare", "before", "after", "--update", "--dry-run", "--config", "gates.toml"];
    let text = place.succeeds(&text).replace('\\', "/");
    assert!(
        text.contains("would update before/deep/strong.png from after/deep/strong.png (mse<="),
        "{text}"
    );
    assert!(text.contains("would add before/new/page.png"), "{text}");
    assert!(place.fails(&["compare", "before", "after", "--dry-run"]).contains("--update"));
}

#[test]
fn other_sizes_new_pages_and_pages_that_are_gone() {
    let place = place();
    place.scene("after/equal.png", (SIZE.0, SIZE.1 + 9));
    place.scene("after/new/page.png", SIZE);
    place.scene("before/gone.png", SIZE);
    let (code, json) = update(&place, &["--config", "gates.toml"]);
    assert_eq!((code, errors(&json)), (0, vec![]), "{json}");
    assert_eq!(listed(&json, "updated"), ["before/deep/strong.png", "before/equal.png"]);
    assert_eq!(json["update"]["updated"][1]["reason"], "sizes differ: 96x80 against 96x89");
    assert_eq!(listed(&json, "added"), ["before/new/page.png"]);
    assert_eq!(listed(&json, "left"), ["before/gone.png"]);
    for name in ["equal.png", "new/page.png"] {
        assert_eq!(
            bytes(&place, &format!("before/{name}")),
            bytes(&place, &format!("after/{name}"))
        );
    }
    let text =
        place.succeeds(&["compare", "before", "after", "--update", "--config", "gates.toml"]);
    assert!(text.ends_with("left before/gone.png (it has no candidate)\n"), "{text}");
}

#[test]
fn another_extension_is_an_error_of_that_pair() {
    let place = place();
    std::fs::remove_file(place.path("after/slight.png")).unwrap();
    place.noisy("after/slight.ppm", SIZE, 0.9);
    let before = bytes(&place, "before/slight.png");
    let (code, json) = update(&place, &["--config", "gates.toml"]);
    assert_eq!((code, listed(&json, "updated").len()), (2, 1));
    let [error] = &errors(&json)[..] else { panic!("{json}") };
    assert!(error.contains("slight.ppm: it cannot replace before/slight.png"), "{error}");
    assert_eq!(bytes(&place, "before/slight.png"), before);
    assert!(!place.path("before/slight.ppm").exists());
}

#[test]
fn what_is_no_picture_never_becomes_a_reference() {
    let place = place();
    place.write("after/slight.png", b"not a picture");
    place.write("after/new.png", b"neither is this");
    let before = bytes(&place, "before/slight.png");
    let (code, json) = update(&place, &["--config", "gates.toml"]);
    assert_eq!((code, errors(&json).len()), (2, 2), "{json}");
    assert_eq!(listed(&json, "updated"), ["before/deep/strong.png"]);
    assert_eq!(bytes(&place, "before/slight.png"), before);
    assert!(!place.path("before/new.png").exists());
}

#[test]
fn single_files_are_updated_too() {
    let place = Workplace::with_pair();
    let (code, json) = place.json(&["a.png", "b.png", "-m", "mse", "--update"]);
    assert_eq!((code, listed(&json, "updated")), (0, vec!["a.png".to_owned()]));
    assert_eq!(bytes(&place, "a.png"), bytes(&place, "b.png"));
    let text = place.succeeds(&["compare", "a.png", "b.png", "-m", "mse,mae", "--update"]);
    assert!(text.ends_with("no reference needs an update\n"), "{text}");
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let place = Workplace::with_pair();
    place.scene("f/one.png", SIZE);
    place.noisy("f/two.png", SIZE, 0.3);
    let before = bytes(&place, "a.png");
    let cases: [(&[&str], &str); 6] = [
        (&["a.png", "b.png", "--update", "--gate", "mse<=0"], "cannot be used with"),
        (&["a.png", "b.png", "--update", "--explain-diff"], "cannot be used with"),
        (&["--all-pairs", "f", "--update"], "cannot be used with"),
        (&["--consecutive", "f", "--update"], "cannot be used with"),
        (&["a.png", "b.png", "f/two.png", "--update"], "several candidates"),
        (&["a.png", "f", "--update"], "several candidates"),
    ];
    for (arguments, part) in cases {
        let message = place.fails(&[&["compare"], arguments].concat());
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
    assert_eq!(bytes(&place, "a.png"), before);
}

#[test]
fn a_reference_folder_that_cannot_be_written_is_reported() {
    let place = place();
    // A file stands where the folder of a new reference would be.
    place.write("before/new", b"in the way");
    place.scene("after/new/page.png", SIZE);
    let (code, json) = update(&place, &["--config", "gates.toml"]);
    let [error] = &errors(&json)[..] else { panic!("{json}") };
    assert!(code == 2 && error.contains("page.png: cannot write: "), "{error}");
    assert_eq!((listed(&json, "updated").len(), listed(&json, "added").len()), (1, 0));
}

#[cfg(unix)]
#[test]
fn a_read_only_reference_folder_is_reported() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let folder = place.path("before/deep");
    let allow = |mode| {
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let before = bytes(&place, "before/deep/strong.png");
    allow(0o555);
    if std::fs::write(folder.join("probe"), b"").is_ok() {
        // Nothing is read-only for the superuser, who is then to succeed.
        std::fs::remove_file(folder.join("probe")).unwrap();
        assert_eq!(update(&place, &["--config", "gates.toml"]).0, 0);
        return allow(0o755);
    }
    let (code, json) = update(&place, &["--config", "gates.toml"]);
    allow(0o755);
    let [error] = &errors(&json)[..] else { panic!("{json}") };
    assert!(code == 2 && error.contains("strong.png: cannot write: permission denied"), "{error}");
    assert_eq!(bytes(&place, "before/deep/strong.png"), before);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_leaves_whole_references() {
    const PAGES: usize = 200;
    let place = Workplace::new();
    place.scene("old.png", SIZE);
    place.noisy("new.png", SIZE, 0.3);
    for folder in ["before", "after"] {
        std::fs::create_dir(place.path(folder)).unwrap();
        let from = place.path(if folder == "before" { "old.png" } else { "new.png" });
        for page in 0..PAGES {
            std::fs::copy(&from, place.path(&format!("{folder}/{page:03}.png"))).unwrap();
        }
    }
    let (old, new) = (bytes(&place, "old.png"), bytes(&place, "new.png"));
    let references = || (0..PAGES).map(|page| bytes(&place, &format!("before/{page:03}.png")));
    let arguments = ["compare", "before", "after", "--update", "-m", "mse", "-o", "out.txt"];
    let mut command = std::process::Command::new(crate::workplace::BINARY);
    let mut child = command.current_dir(place.root()).args(arguments).spawn().unwrap();
    while bytes(&place, "before/000.png") == old && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(references().all(|found| found == old || found == new));
    // What is left of the killed run does not hinder the next.
    place.succeeds(&arguments);
    assert!(references().all(|found| found == new));
}
