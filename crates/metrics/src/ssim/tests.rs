//! Behaviour of the profiles through the registry.

use lookalike_core::{Channels, Error, Picture, Want};

use super::profiles::DEFINITIONS;
use crate::metric;
use crate::test_pictures::{scrambled, value};

fn flat(width: usize, height: usize, level: u8) -> Picture {
    Picture::from_u8(width, height, Channels::Rgb, vec![level; 3 * width * height]).unwrap()
}

#[test]
fn every_profile_starts_at_its_minimum_side() {
    for definition in DEFINITIONS {
        let (id, side) = (definition.card.id, definition.card.minimum_side);
        for channels in [Channels::Grey, Channels::Rgb] {
            let (a, b) =
                (scrambled(side, side + 4, channels, 1), scrambled(side, side + 4, channels, 2));
            assert_eq!(value(id, &a, &a), 1.0, "{id}");
            let between = value(id, &a, &b);
            assert!((-1.0..1.0).contains(&between), "{id}: {between}");
            assert_eq!(between, value(id, &b, &a), "{id} is symmetric");
        }
        let small = scrambled(side + 4, side - 1, Channels::Rgb, 1);
        let error = metric(id).unwrap().compare(&small, &small, Want::default()).unwrap_err();
        assert!(matches!(error, Error::TooSmall { minimum, .. } if minimum == side), "{id}");
    }
}

#[test]
fn the_size_error_says_what_to_use() {
    let small = scrambled(10, 30, Channels::Grey, 1);
    let error = metric("ssim").unwrap().compare(&small, &small, Want::default()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("ssim@torchmetrics") && message.contains("--window"), "{message}");
    for definition in DEFINITIONS {
        for (width, height) in [(1, 1), (1, 40), (40, 1)] {
            let strip = scrambled(width, height, Channels::Rgb, 1);
            let metric = metric(definition.card.id).unwrap();
            let message = metric.compare(&strip, &strip, Want::default()).unwrap_err().to_string();
            assert!(message.contains(&format!("the picture has {width}x{height}")), "{message}");
        }
    }
}

#[test]
fn turning_both_pictures_changes_nothing() {
    let (width, height) = (23, 17);
    let turned =
        |picture: &Picture, place: &dyn Fn(usize, usize) -> usize, size: (usize, usize)| {
            let pixels = (0..size.0 * size.1).map(|i| place(i % size.0, i / size.0));
            let samples = pixels.flat_map(|p| (0..3).map(move |c| 3 * p + c));
            let samples = samples.map(|i| picture.samples().get(i) as u8).collect();
            Picture::from_u8(size.0, size.1, Channels::Rgb, samples).unwrap()
        };
    let pair = [1, 2].map(|seed| scrambled(width, height, Channels::Rgb, seed));
    for definition in DEFINITIONS {
        let id = definition.card.id;
        let expected = value(id, &pair[0], &pair[1]);
        let mirror = |x, y| y * width + width - 1 - x;
        let transpose = |x, y| x * width + y;
        let mirrored = pair.each_ref().map(|p| turned(p, &mirror, (width, height)));
        let transposed = pair.each_ref().map(|p| turned(p, &transpose, (height, width)));
        assert!((value(id, &mirrored[0], &mirrored[1]) - expected).abs() < 1e-6, "{id}");
        assert!((value(id, &transposed[0], &transposed[1]) - expected).abs() < 1e-6, "{id}");
    }
}

#[test]
fn flat_pictures_differ_by_luminance_alone() {
    for definition in DEFINITIONS {
        let id = definition.card.id;
        let value = |a, b| value(id, &flat(20, 17, a), &flat(20, 17, b));
        for level in [0, 128, 255] {
            assert_eq!(value(level, level), 1.0, "{id}");
        }
        let expected = 1e-4 / (1.0 + 1e-4);
        // Quotients in f32, or taps that give the white picture a variance of about 1e-8.
        let tolerance = 1e-7;
        let found = value(0, 255);
        assert!((found - expected).abs() < tolerance, "{id}: {found}");
    }
}

#[test]
fn an_inverted_picture_scores_below_zero() {
    let a = scrambled(24, 24, Channels::Rgb, 1);
    let lookalike_core::Samples::U8(samples) = a.samples() else { unreachable!() };
    let inverted = samples.iter().map(|v| 255 - v).collect();
    let b = Picture::from_u8(24, 24, Channels::Rgb, inverted).unwrap();
    assert!(value("ssim", &a, &b) < -0.5);
}

#[test]
fn the_window_option_changes_the_minimum_side() {
    let (a, b) = (scrambled(7, 9, Channels::Rgb, 1), scrambled(7, 9, Channels::Rgb, 2));
    assert!(value("ssim+window=7", &a, &b) < 1.0);
    assert_eq!(metric("ssim+window=7").unwrap().id().to_string(), "ssim@wang+window=7");
    let ssim = metric("ssim+window=9").unwrap();
    assert!(matches!(
        ssim.compare(&a, &b, Want::default()),
        Err(Error::TooSmall { minimum: 9, .. })
    ));
    assert!(matches!(metric("ssim+window=8"), Err(Error::InvalidOption { .. })));
    let (a, b) = (scrambled(16, 16, Channels::Rgb, 1), scrambled(16, 16, Channels::Rgb, 2));
    assert_eq!(value("ssim+window=11", &a, &b), value("ssim", &a, &b));
    assert_eq!(value("ssim@skimage+window=7", &a, &b), value("ssim@skimage", &a, &b));
}

#[test]
fn range_does_not_matter_once_it_is_declared() {
    let (a, b) = (scrambled(19, 16, Channels::Rgb, 1), scrambled(19, 16, Channels::Rgb, 2));
    let wide = |picture: &Picture| {
        let samples = (0..picture.samples().len()).map(|i| picture.samples().get(i) as u16 * 257);
        Picture::from_u16(19, 16, Channels::Rgb, samples.collect()).unwrap()
    };
    let (expected, found) = (value("ssim", &a, &b), value("ssim", &wide(&a), &wide(&b)));
    assert!((expected - found).abs() < 1e-6, "{expected} {found}");
}

#[test]
fn shrinking_starts_at_384_pixels() {
    let pair =
        |side| (scrambled(side, side, Channels::Grey, 1), scrambled(side, side, Channels::Grey, 2));
    let (a, b) = pair(40);
    assert_eq!(value("ssim:yi@wang2011", &a, &b), value("ssim:yi@wang", &a, &b));
    assert_eq!(value("ssim@piq", &a, &b), value("ssim@wang", &a, &b));
    let (a, b) = pair(384);
    assert_ne!(value("ssim:yi@wang2011", &a, &b), value("ssim:yi@wang", &a, &b));
    assert_ne!(value("ssim@piq", &a, &b), value("ssim@wang", &a, &b));
}

#[test]
fn the_map_is_the_value_by_position() {
    let (a, b) = (scrambled(21, 18, Channels::Rgb, 1), scrambled(21, 18, Channels::Rgb, 2));
    for (id, inset) in [("ssim", 5), ("ssim@skimage", 3), ("ssim@torchmetrics", 0)] {
        let score = metric(id).unwrap().compare(&a, &b, Want { map: true }).unwrap();
        let map = score.map.unwrap();
        assert_eq!((map.width, map.height), (21 - 2 * inset, 18 - 2 * inset), "{id}");
        assert_eq!((map.left, map.top, map.step), (inset, inset, 1), "{id}");
        let mean = map.values.iter().map(|&v| f64::from(v)).sum::<f64>() / map.values.len() as f64;
        assert!((mean - score.value).abs() < 1e-6, "{id}");
        let channels: f64 = score.parts.iter().map(|part| part.value).sum();
        assert!((channels / 3.0 - score.value).abs() < 1e-12, "{id}");
    }
}
