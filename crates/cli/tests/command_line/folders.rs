//! Folders: who meets whom, and what becomes of those who meet nobody.

use crate::workplace::{SIZE, Workplace, errors, pairs, values};

fn two_folders() -> Workplace {
    let place = Workplace::new();
    for name in ["one.png", "two.png", "deep/er/three.png"] {
        place.scene(&format!("left/{name}"), SIZE);
    }
    place.noisy("right/one.png", SIZE, 0.2);
    place.noisy("right/two.ppm", SIZE, 0.4);
    place.noisy("right/deep/er/three.png", SIZE, 0.6);
    place
}

#[test]
fn folders_are_paired_by_relative_path_whatever_the_extension() {
    let place = two_folders();
    place.write("left/notes.txt", b"not a picture");
    place.scene("left/.hidden/one.png", SIZE);
    place.scene("right/.hidden.png", SIZE);
    let (code, json) = place.json(&["left", "right", "-m", "mse"]);
    let expected = [
        "left/deep/er/three.png right/deep/er/three.png",
        "left/one.png right/one.png",
        "left/two.png right/two.ppm",
    ];
    assert_eq!((code, pairs(&json)), (0, expected.map(str::to_owned).into()));
    let worst: Vec<_> = json["summary"]["mse"]["worst"].as_array().unwrap().iter().collect();
    assert_eq!(worst, ["right/deep/er/three.png", "right/two.ppm", "right/one.png"]);
    let (_, json) = place.json(&["left", "right", "-m", "mse", "--worst", "1"]);
    assert_eq!(json["summary"]["mse"]["worst"].as_array().unwrap().len(), 1);
}

#[test]
fn missing_partners_are_errors_unless_allowed() {
    let place = two_folders();
    place.scene("left/alone.png", SIZE);
    place.scene("right/deep/alone too.png", SIZE);
    let (code, json) = place.json(&["left", "right", "-m", "mse"]);
    assert_eq!((code, values(&json, "mse").len()), (2, 3));
    let found = errors(&json);
    let expected =
        ["left/alone.png: no partner in right", "right/deep/alone too.png: no partner in left"];
    assert_eq!(found, expected);
    let arguments = ["compare", "left", "right", "-m", "mse", "--allow-missing"];
    let outcome = place.run(&arguments);
    assert_eq!(outcome.code, 0);
    assert!(outcome.stderr.contains("left/alone.png: no partner in right"), "{}", outcome.stderr);
    assert_eq!(place.run(&[&arguments[..], &["--quiet"]].concat()).stderr, "");
}

#[test]
fn a_run_without_any_pair_is_an_error_even_when_partners_may_miss() {
    let place = Workplace::new();
    place.scene("left/one.png", SIZE);
    place.scene("right/two.png", SIZE);
    let gate = ["left", "right", "-m", "mse", "--gate", "mse<=0", "--allow-missing"];
    let (code, json) = place.json(&gate);
    assert_eq!((code, json["gates"][0]["checked"].as_u64()), (2, Some(0)));
    assert!(errors(&json)[0].contains("nothing was compared"), "{json}");
}

#[test]
fn ambiguous_partners_are_named_not_guessed() {
    let place = Workplace::new();
    place.scene("left/one.png", SIZE);
    place.scene("right/one.ppm", SIZE);
    place.scene("right/one.pnm", SIZE);
    let (code, json) = place.json(&["left", "right", "-m", "mse"]);
    assert_eq!((code, pairs(&json).len()), (2, 0));
    assert!(errors(&json)[0].contains("share its name without extension"), "{json}");
}

#[test]
fn patterns_choose_names() {
    let place = two_folders();
    let (code, json) = place.json(&["left", "right", "-m", "mse", "--include", "deep/**"]);
    assert_eq!((code, pairs(&json).len()), (0, 1));
    let (code, json) = place.json(&["left", "right", "-m", "mse", "--exclude", "**/three.*"]);
    assert_eq!((code, pairs(&json).len()), (0, 2));
}

#[test]
fn one_folder_may_meet_several() {
    let place = two_folders();
    for name in ["one.png", "two.png", "deep/er/three.png"] {
        place.scene(&format!("third/{name}"), SIZE);
    }
    let (code, json) = place.json(&["left", "right", "third", "-m", "mse"]);
    let found = pairs(&json);
    assert_eq!((code, found.len()), (0, 6));
    assert_eq!(found[2..4], ["left/one.png right/one.png", "left/one.png third/one.png"]);
    // The third folder holds the references themselves.
    let equal = values(&json, "mse").iter().filter(|&&v| v == 0.0).count();
    assert_eq!(equal, 3);
}

#[test]
fn all_pairs_and_neighbours_of_one_folder() {
    let place = Workplace::new();
    for (name, strength) in [("a", 0.0), ("b", 0.2), ("c", 0.4)] {
        place.noisy(&format!("f/{name}.png"), SIZE, strength);
    }
    let (code, json) = place.json(&["--all-pairs", "f", "-m", "mse"]);
    let all = ["f/a.png f/b.png", "f/a.png f/c.png", "f/b.png f/c.png"];
    assert_eq!((code, pairs(&json)), (0, all.map(str::to_owned).into()));
    let (code, json) = place.json(&["--consecutive", "f", "-m", "mse"]);
    assert_eq!((code, pairs(&json)), (0, vec![all[0].to_owned(), all[2].to_owned()]));
}
