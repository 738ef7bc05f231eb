//! Masks: what they hide, what they do not, and which are refused.

use lookalike::{Channels, Picture};

use crate::workplace::{SIZE, Workplace, errors, values};

/// The scene with the rectangle turned to its negative.
fn damaged(rectangle: (usize, usize, usize, usize)) -> Picture {
    let (x, y, width, height) = rectangle;
    let scene = lookalike::procedural::scene(5, SIZE.0, SIZE.1);
    let lookalike::Samples::U8(codes) = scene.samples() else { panic!("8 bits") };
    let mut codes = codes.clone();
    for row in y..y + height {
        for code in &mut codes[(row * SIZE.0 + x) * 3..(row * SIZE.0 + x + width) * 3] {
            *code ^= 0xff;
        }
    }
    Picture::from_u8(SIZE.0, SIZE.1, Channels::Rgb, codes).unwrap()
}

/// A black picture with a white rectangle.
fn mask_picture(size: (usize, usize), rectangle: (usize, usize, usize, usize)) -> Picture {
    let (x, y, width, height) = rectangle;
    let inside = |i: usize| {
        (x..x + width).contains(&(i % size.0)) && (y..y + height).contains(&(i / size.0))
    };
    let codes = (0..size.0 * size.1).map(|i| if inside(i) { 255 } else { 0 }).collect();
    Picture::from_u8(size.0, size.1, Channels::Grey, codes).unwrap()
}

fn place() -> Workplace {
    let place = Workplace::with_pair();
    place.save("clock.png", &damaged((40, 30, 20, 10)));
    place.save("mask.png", &mask_picture(SIZE, (40, 30, 20, 10)));
    place
}

#[test]
fn a_difference_under_a_mask_is_none_to_any_metric() {
    let place = place();
    let metrics = "mse,psnr,ssim,gmsd,flip,ciede2000,ssimulacra2,butteraugli";
    for mask in ["40,30,20,10", "mask.png", "35,-5,30,50"] {
        let (code, json) = place.json(&["a.png", "clock.png", "-m", metrics, "--mask", mask]);
        let (_, equal) = place.json(&["a.png", "a.png", "-m", metrics]);
        assert_eq!(code, 0, "{json}");
        let pair = &json["pairs"][0];
        for (score, equal) in pair["scores"]
            .as_array()
            .unwrap()
            .iter()
            .zip(equal["pairs"][0]["scores"].as_array().unwrap())
        {
            assert_eq!((&score["id"], &score["value"]), (&equal["id"], &equal["value"]), "{mask}");
            let steps = &score["provenance"]["preprocessing"];
            assert_eq!(steps[0], format!("candidate: mask={mask}"));
        }
        let pixels = if mask.contains('-') { 30.0 * 45.0 } else { 200.0 };
        let share = pair["masked"].as_f64().unwrap();
        assert!((share - pixels / (96.0 * 80.0)).abs() < 1e-12, "{mask}: {share}");
    }
    let (_, json) = place.json(&["a.png", "clock.png", "-m", "mse"]);
    assert!(values(&json, "mse")[0] > 0.0 && json["pairs"][0].get("masked").is_none());
}

#[test]
fn what_lies_outside_the_mask_still_counts() {
    let place = place();
    for mask in ["41,30,20,10", "40,31,20,10", "0,0,5,5"] {
        let (_, json) = place.json(&["a.png", "clock.png", "-m", "mse", "--mask", mask]);
        assert!(values(&json, "mse")[0] > 0.0, "{mask}");
    }
    // The mean counts the masked region as equal.
    let (_, json) = place.json(&["a.png", "clock.png", "-m", "mse"]);
    let half = place.json(&["a.png", "clock.png", "-m", "mse", "--mask", "0,0,96,20"]);
    assert_eq!(values(&json, "mse"), values(&half.1, "mse"));
    let both = ["--mask", "40,30,10,10", "--mask", "50,30,10,10"];
    let (_, json) = place.json(&[&["a.png", "clock.png", "-m", "mse"], &both[..]].concat());
    assert_eq!(values(&json, "mse"), [0.0]);
}

#[test]
fn poolings_leave_masked_positions_out() {
    let place = place();
    place.save("c.png", &damaged((0, 0, 48, 80)));
    // Half of the picture differs; of the other half, which alone is counted, nothing does.
    let gates = ["--gate", "mae.p1<=0", "--gate", "mae.worst8<=0"];
    let start = ["a.png", "c.png", "-m", "mae"];
    assert_eq!(place.json(&[&start[..], &gates].concat()).0, 1);
    let masked = [&start[..], &gates, &["--mask", "0,0,48,80"]].concat();
    assert_eq!(place.json(&masked).0, 0);
    // A tenth of what is left differs, so the 5th percentile is bad and the 15th is good.
    let masked = [&start[..], &["--mask", "0,0,43,80", "--gate"]].concat();
    assert_eq!(place.json(&[&masked[..], &["mae.p5<=0"]].concat()).0, 1);
    assert_eq!(place.json(&[&masked[..], &["mae.p15<=0"]].concat()).0, 0);
    // Without the mask a percentile counts all: 48 of 96 columns.
    assert_eq!(place.json(&[&start[..], &["--gate", "mae.p49<=0"]].concat()).0, 1);
    assert_eq!(place.json(&[&start[..], &["--gate", "mae.p51<=0"]].concat()).0, 0);
}

#[test]
fn masks_that_cannot_be_meant_are_refused() {
    let place = place();
    place.save("small.png", &mask_picture((10, 10), (0, 0, 5, 5)));
    place.save("black.png", &mask_picture(SIZE, (0, 0, 0, 0)));
    place.write("broken.png", b"not a picture");
    for (mask, part) in [
        ("1,2,3", "expected x,y,width,height"),
        ("0,0,0,4", "width and height at least 1"),
        ("0,0,-4,4", "expected x,y,width,height"),
        ("0.5,0,4,4", "whole pixels"),
        ("nowhere.png", "nowhere.png: cannot read the file"),
        ("broken.png", "broken.png"),
        ("black.png", "it masks nothing"),
    ] {
        let message = place.fails(&["compare", "a.png", "b.png", "--mask", mask]);
        assert!(message.contains(part), "{mask}: {message}");
    }
    // Whether a mask fits depends on the pair, so the others are scored.
    for (mask, part) in [
        ("small.png", "a mask has the size of the reference, 96x80 pixels, but this one has 10x10"),
        ("96,0,5,5", "outside the picture of 96x80 pixels"),
        ("-9,-9,9,9", "outside the picture"),
        ("0,0,96,80", "every pixel is masked"),
    ] {
        let (code, json) = place.json(&["a.png", "b.png", "-m", "mse", "--mask", mask]);
        let [error] = &errors(&json)[..] else { panic!("{json}") };
        assert!(code == 2 && error.contains(part), "{mask}: {error}");
        assert_eq!(json["pairs"].as_array().unwrap().len(), 0);
    }
    assert!(
        place
            .fails(&["compare", "a.png", "b.png", "--explain-diff", "--mask", "0,0,1,1"])
            .contains("--mask")
    );
}

#[test]
fn masks_move_with_the_reference() {
    let place = place();
    // The candidate lacks a border of eight pixels, so that its centre lies on the reference's.
    let clock = damaged((40, 30, 20, 10));
    place.save("cropped.png", &clock.crop(8, 8, 80, 64).unwrap());
    let crop = ["a.png", "cropped.png", "-m", "mse", "--fit", "crop"];
    assert!(values(&place.json(&crop).1, "mse")[0] > 0.0);
    for mask in ["40,30,20,10", "mask.png"] {
        let (code, json) = place.json(&[&crop[..], &["--mask", mask]].concat());
        assert_eq!((code, values(&json, "mse")), (0, vec![0.0]), "{mask}");
    }
}
