//! `lookalike optimise`: frames, log, refusals.

use crate::workplace::Workplace;

#[test]
fn a_noisy_picture_comes_nearer_and_frames_are_kept() {
    let place = Workplace::new();
    place.scene("ref.png", (48, 40));
    place.noisy("start.png", (48, 40), 0.4);
    let said = place.succeeds(&[
        "optimise",
        "start.png",
        "--towards",
        "ref.png",
        "-m",
        "ssim",
        "--steps",
        "30",
        "--frames",
        "10",
        "--out",
        "run",
        "--also",
        "psnr,mae",
        "--format",
        "json",
    ]);
    let found: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&found["stopped"], &found["steps"]), (&"finished".into(), &30.into()));
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!(number(&found["best"]) > number(&found["start"]) + 0.05, "{found}");
    assert_eq!(found["id"], "ssim@wang");
    assert_eq!(found["others"][0]["id"], "psnr");
    assert!(number(&found["others"][1]["best"]) < number(&found["others"][1]["start"]));
    for file in
        ["run/frames/000000.png", "run/frames/000030.png", "run/best.png", "run/result.json"]
    {
        assert!(place.path(file).is_file(), "{file}");
    }
    assert_eq!(place.read("run/log.jsonl").lines().count(), 31);
    let scored = place.succeeds(&["compare", "ref.png", "run/best.png", "-m", "ssim"]);
    let scored: f64 = scored.trim().parse().unwrap();
    // Only the rounding to 16 bits is between them.
    assert!((scored - number(&found["best"])).abs() < 1e-3, "{scored} {found}");
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let place = Workplace::new();
    place.scene("ref.png", (48, 40));
    place.scene("other.png", (40, 40));
    let run = |metric: &str, start: &str| {
        place.fails(&["optimise", start, "--towards", "ref.png", "-m", metric, "--out", "run"])
    };
    assert!(run("ssimulacra2", "ref.png").contains("a metric with a gradient"));
    assert!(run("ssim", "other.png").contains("48x40"));
    assert!(run("nothing", "ref.png").contains("nothing"));
    let message = place.fails(&["optimise", "ref.png", "--towards", "ref.png", "-m", "ssim"]);
    assert!(message.contains("--out DIR"), "{message}");
}
