//! Files that are not what they seem: reported one by one, while all others are scored.

use crate::workplace::{SIZE, Workplace, errors, pairs};

/// Two folders with one sound pair and several unsound ones.
fn folders() -> Workplace {
    let place = Workplace::new();
    for name in ["sound", "truncated", "empty", "text", "huge", "flipped", "reference"] {
        place.scene(&format!("left/{name}.png"), SIZE);
        place.noisy(&format!("right/{name}.png"), SIZE, 0.2);
    }
    let whole = std::fs::read(place.path("right/truncated.png")).unwrap();
    place.write("right/truncated.png", &whole[..whole.len() / 2]);
    let mut flipped = whole;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    place.write("right/flipped.png", &flipped);
    place.write("right/empty.png", b"");
    place.write("right/text.png", b"These are words, not pixels.");
    place.write("right/huge.png", b"P6 4000000000 4000000000 255\n\0\0\0");
    place.write("left/reference.png", b"\x89PNG\r\n\x1a\n");
    place
}

#[test]
fn unsound_files_are_reported_and_the_others_scored() {
    let place = folders();
    let (code, json) = place.json(&["left", "right", "-m", "mse"]);
    assert_eq!((code, pairs(&json)), (2, vec!["left/sound.png right/sound.png".to_owned()]));
    let mut paths: Vec<String> = errors(&json)
        .iter()
        .map(|error| error.split(": ").next().unwrap().replace('\\', "/"))
        .collect();
    paths.sort();
    let expected = [
        "left/reference.png",
        "right/empty.png",
        "right/flipped.png",
        "right/huge.png",
        "right/text.png",
        "right/truncated.png",
    ];
    assert_eq!(paths, expected);
    assert_eq!(json["summary"]["mse"]["n"], 1);
}

#[test]
fn every_error_is_told_once_to_people() {
    let place = folders();
    let outcome = place.run(&["compare", "left", "right", "-m", "mse", "--quiet"]);
    assert_eq!(outcome.code, 2);
    assert_eq!(outcome.stderr.lines().count(), 6, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("right/sound.png"), "{}", outcome.stdout);
}

#[test]
fn a_broken_reference_is_told_once_for_all_its_candidates() {
    let place = Workplace::with_pair();
    place.write("broken.png", b"");
    place.noisy("c.png", SIZE, 0.5);
    let (code, json) = place.json(&["broken.png", "b.png", "c.png", "-m", "mse"]);
    assert_eq!((code, pairs(&json).len(), errors(&json).len()), (2, 0, 1));
}

#[test]
fn folders_named_like_pictures_are_folders() {
    let place = Workplace::new();
    place.scene("left/folder.png/one.png", SIZE);
    place.scene("right/folder.png/one.png", SIZE);
    let (code, json) = place.json(&["left", "right", "-m", "mse"]);
    assert_eq!((code, pairs(&json).len()), (0, 1));
}

#[cfg(unix)]
#[test]
fn entries_that_cannot_be_followed_do_not_stop_a_folder() {
    use std::os::unix::fs::symlink;
    let place = Workplace::new();
    for name in ["one", "two"] {
        place.scene(&format!("left/{name}.png"), SIZE);
        place.noisy(&format!("right/{name}.png"), SIZE, 0.2);
    }
    std::fs::remove_file(place.path("right/two.png")).unwrap();
    symlink("nowhere.png", place.path("right/two.png")).unwrap();
    symlink("../right", place.path("right/loop")).unwrap();
    for missing in [&[][..], &["--allow-missing"]] {
        let (code, json) = place.json(&[&["left", "right", "-m", "mse"], missing].concat());
        assert_eq!(code, 2, "{json}");
        assert_eq!(pairs(&json), ["left/one.png right/one.png"]);
        let found = errors(&json);
        assert!(found.iter().any(|error| error.starts_with("right/two.png: ")), "{found:?}");
        assert!(found.iter().any(|error| error.starts_with("right/loop: ")), "{found:?}");
    }
}

#[cfg(unix)]
#[test]
fn files_that_may_not_be_read_are_reported() {
    use std::os::unix::fs::PermissionsExt;
    let place = Workplace::with_pair();
    let locked = place.path("locked.png");
    std::fs::copy(place.path("b.png"), &locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&locked).is_ok() {
        return; // Nothing is locked for the superuser.
    }
    let (code, json) = place.json(&["a.png", "b.png", "locked.png", "-m", "mse"]);
    assert_eq!((code, pairs(&json).len()), (2, 1));
    assert!(errors(&json)[0].contains("locked.png: cannot read the file"), "{json}");
}
