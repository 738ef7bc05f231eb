//! `--device`: refused where there is none; on a graphics card (feature `wgpu`) what the processor gives.

use crate::workplace::Workplace;

const METRIC: &str = "features:squeezenet@random";

#[test]
fn devices_that_are_not_there_are_refused_with_what_to_do() {
    let place = Workplace::with_pair();
    let compare = |device: &str| {
        place.fails(&["compare", "a.png", "b.png", "-m", METRIC, "--device", device])
    };
    for wrong in ["gpu", "cpu:1", "wgpu:first", ""] {
        assert!(compare(wrong).contains("the device '"), "{wrong}: {}", compare(wrong));
    }
    if cfg!(not(feature = "wgpu")) {
        assert!(compare("wgpu").contains("--features wgpu"), "{}", compare("wgpu"));
    }
    if cfg!(not(feature = "cuda")) {
        assert!(compare("cuda:0").contains("--features cuda"), "{}", compare("cuda:0"));
    }
    for what in ["lpips", "sight", "lipsim"] {
        let message = place.fails(&["train", what, ".", "--out", "run", "--device", "wgpu"]);
        assert!(message.contains("on the processor alone; leave --device out"), "{message}");
    }
    assert!(!place.path("run").exists());
}

#[cfg(feature = "wgpu")]
#[test]
fn a_graphics_card_gives_what_the_processor_gives() {
    use lookalike::procedural::scene;

    let place = Workplace::with_pair();
    let score = |device: &str| -> f64 {
        let arguments = ["a.png", "b.png", "-m", METRIC, "--device", device];
        let (code, json) = place.json(&arguments);
        assert_eq!(code, 0, "{json}");
        json["pairs"][0]["scores"][0]["value"].as_f64().unwrap()
    };
    let (expected, found) = (score("cpu"), score("wgpu"));
    assert!((found - expected).abs() <= 1e-5 * expected, "{found} {expected}");
    let certified =
        place.fails(&["compare", "a.png", "b.png", "-m", "lipsim:mini", "--device", "wgpu"]);
    assert!(certified.contains("leave --device out"), "{certified}");

    // Learning a little, on either.
    let whole = scene(3, 200, 200);
    for index in 0..30 {
        let role = ["validation", "train", "train"][index % 3];
        let window = whole.crop(index * 47 % 130, index * 31 % 134, 70, 66).unwrap();
        place.save(&format!("data/{role}/{index:02}.png"), &window);
    }
    let learned = |device: &str| -> f64 {
        let small = ["--side", "32", "--batch", "8", "--code", "16", "--steps", "12"];
        let start = ["train", "autoencoder", "data", "--out", device, "--device", device];
        place.succeeds(&[&start[..], &small].concat());
        let found: serde_json::Value =
            serde_json::from_str(&place.read(&format!("{device}/result.json"))).unwrap();
        found["validation"]["loss"].as_f64().unwrap()
    };
    let (expected, found) = (learned("cpu"), learned("wgpu"));
    assert!((found / expected - 1.0).abs() < 1e-3, "{found} {expected}");

    place.succeeds(&[
        "dataset", "shoes", "--count", "40", "--others", "4", "--side", "32", "--out", "shoes",
    ]);
    let drawn = |device: &str, precision: &str| -> f64 {
        let out = format!("translated-{device}-{precision}");
        let small = ["--size", "D32-N1", "--batch", "4", "--steps", "6", "--max-seconds", "200"];
        let start = ["train", "translate", "shoes", "--out", &out, "--device", device];
        place.succeeds(&[&start[..], &small, &["--precision", precision]].concat());
        let found: serde_json::Value =
            serde_json::from_str(&place.read(&format!("{out}/result.json"))).unwrap();
        found["loss"].as_f64().unwrap()
    };
    let (expected, found) = (drawn("cpu", "f32"), drawn("wgpu", "f32"));
    assert!((found / expected - 1.0).abs() < 1e-3, "{found} {expected}");
    // Products in sixteen bits; what was learned is drawn from on either device.
    let mixed = drawn("wgpu", "f16");
    assert!(mixed != found && (mixed / expected - 1.0).abs() < 0.02, "{mixed} {expected}");
    place.save("source.png", &whole.crop(0, 0, 32, 32).unwrap());
    let model = "translated-wgpu-f16/model.safetensors";
    for device in ["cpu", "wgpu"] {
        let out = format!("drawn-{device}.png");
        let start = ["translate", "source.png", "--model", model, "--out", &out];
        place.succeeds(&[&start[..], &["--device", device, "--steps", "4"]].concat());
    }
    let apart = ["drawn-cpu.png", "drawn-wgpu.png", "-m", "mae"];
    let (_, json) = place.json(&apart);
    let apart = json["pairs"][0]["scores"][0]["value"].as_f64().unwrap();
    assert!(apart < 1.0 / 255.0, "{apart}");
}
