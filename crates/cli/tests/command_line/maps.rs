//! Heat maps: which files, under which names.

use lookalike::decode;

use crate::workplace::{SIZE, Workplace};

#[test]
fn maps_are_named_after_candidate_and_family() {
    let place = Workplace::with_pair();
    let (code, json) = place.json(&["a.png", "b.png", "-m", "ssim,mse", "--map", "maps"]);
    assert_eq!(code, 0);
    assert_eq!(place.files(), ["a.png", "b.png", "maps/b.mse.png", "maps/b.ssim.png"]);
    let scores = &json["pairs"][0]["scores"];
    assert_eq!(scores[0]["map"].as_str().unwrap().replace('\\', "/"), "maps/b.ssim.png");
    let options = decode::DecodeOptions::default();
    let map = decode::read(&place.path("maps/b.ssim.png"), &options).unwrap();
    assert_eq!((map.width(), map.height()), (SIZE.0 + 80, SIZE.1));
}

#[test]
fn two_metrics_of_a_family_carry_whole_ids() {
    let place = Workplace::with_pair();
    place.succeeds(&["compare", "a.png", "b.png", "-m", "ssim,ssim@skimage", "--map", "maps"]);
    let names = ["a.png", "b.png", "maps/b.ssim@skimage.png", "maps/b.ssim@wang.png"];
    assert_eq!(place.files(), names);
}

#[test]
fn maps_of_folders_keep_the_folders() {
    let place = Workplace::new();
    place.scene("left/x/one.png", SIZE);
    place.noisy("right/x/one.png", SIZE, 0.4);
    place.scene("left/y/one.png", SIZE);
    place.noisy("right/y/one.png", SIZE, 0.4);
    place.succeeds(&["compare", "left", "right", "-m", "mse", "--map", "maps/new"]);
    let maps: Vec<_> = place.files().into_iter().filter(|f| f.starts_with("maps")).collect();
    assert_eq!(maps, ["maps/new/x/one.mse.png", "maps/new/y/one.mse.png"]);
}

#[test]
fn candidates_of_one_name_do_not_overwrite_each_other() {
    let place = Workplace::with_pair();
    place.noisy("x/b.png", SIZE, 0.5);
    place.noisy("y/b.png", SIZE, 0.7);
    place.succeeds(&["compare", "a.png", "b.png", "x/b.png", "y/b.png", "-m", "mse", "--map", "m"]);
    let maps: Vec<_> = place.files().into_iter().filter(|f| f.starts_with("m/")).collect();
    assert_eq!(maps, ["m/b-2.mse.png", "m/b-3.mse.png", "m/b.mse.png"]);
}

#[test]
fn maps_that_no_metric_has_are_refused() {
    let place = Workplace::with_pair();
    let without = lookalike::definitions().find(|d| d.card.map.is_none()).unwrap().card.id;
    let message = place.fails(&["compare", "a.png", "b.png", "-m", without, "--map", "maps"]);
    assert!(message.contains("none of the metrics has a map"), "{message}");
    assert_eq!(place.files(), ["a.png", "b.png"]);
}

#[test]
fn a_map_that_cannot_be_written_does_not_cost_the_score() {
    let place = Workplace::with_pair();
    place.write("maps", b"a file where the folder should be");
    let (code, json) = place.json(&["a.png", "b.png", "-m", "mse", "--map", "maps"]);
    assert_eq!((code, json["pairs"].as_array().unwrap().len()), (2, 1));
    assert!(json["pairs"][0]["scores"][0]["value"].is_number());
    assert!(json["pairs"][0]["scores"][0].get("map").is_none());
    assert_eq!(json["errors"].as_array().unwrap().len(), 1);
}
