//! The pictures on which the metrics are tried.

use lookalike::procedural::{self, Distortion};
use lookalike::{Channels, Luma, Metric, Picture, Samples};

/// A size that the metric accepts: odd width, not square, as small as is sensible.
pub(crate) fn size(metric: &dyn Metric) -> (usize, usize) {
    let height = metric.card().minimum_side.max(96);
    (height + 25 - height % 2, height)
}

/// A colourful scene with edges, gradients and texture.
pub(crate) fn scene((width, height): (usize, usize)) -> Picture {
    procedural::scene(7, width, height)
}

/// A scene that has nothing to do with [`scene`].
pub(crate) fn other_scene((width, height): (usize, usize)) -> Picture {
    procedural::scene(1234, width, height)
}

pub(crate) fn noisy(picture: &Picture, strength: f64) -> Picture {
    Distortion::Noise.apply(picture, strength, 3).unwrap()
}

pub(crate) fn blurred(picture: &Picture, strength: f64) -> Picture {
    Distortion::Blur.apply(picture, strength, 3).unwrap()
}

/// A picture from a formula for 8-bit red, green and blue.
pub(crate) fn drawn(
    (width, height): (usize, usize),
    pixel: impl Fn(usize, usize) -> [u8; 3],
) -> Picture {
    let samples = (0..width * height).flat_map(|i| pixel(i % width, i / width)).collect();
    Picture::from_u8(width, height, Channels::Rgb, samples).unwrap()
}

pub(crate) fn flat(size: (usize, usize), colour: [u8; 3]) -> Picture {
    drawn(size, |_, _| colour)
}

/// Every pixel its own pseudo-random colour.
pub(crate) fn static_noise(size: (usize, usize), seed: u32) -> Picture {
    drawn(size, |x, y| {
        let mut state = seed ^ (x as u32).wrapping_mul(0x9E37_79B9) ^ (y as u32 + 1) << 16;
        [0; 3].map(|_: u8| {
            state = (state ^ state >> 15).wrapping_mul(0x2C1B_3C6D);
            state = (state ^ state >> 12).wrapping_mul(0x297A_2D39);
            (state >> 24) as u8
        })
    })
}

pub(crate) fn checkerboard(size: (usize, usize), phase: usize) -> Picture {
    drawn(size, |x, y| [if (x + y + phase).is_multiple_of(2) { 0 } else { 255 }; 3])
}

/// The picture with every 8-bit sample replaced.
pub(crate) fn mapped(picture: &Picture, change: impl Fn(u8) -> u8) -> Picture {
    let samples = codes(picture).into_iter().map(change).collect();
    Picture::from_u8(picture.width(), picture.height(), picture.channels(), samples).unwrap()
}

pub(crate) fn inverted(picture: &Picture) -> Picture {
    mapped(picture, |code| 255 - code)
}

/// Luma as an 8-bit grey picture.
pub(crate) fn grey(picture: &Picture) -> Picture {
    let luma = picture.luma(Luma::Y601).into_iter().map(|y| y.round() as u8).collect();
    Picture::from_u8(picture.width(), picture.height(), Channels::Grey, luma).unwrap()
}

/// The 8-bit samples of an 8-bit picture.
pub(crate) fn codes(picture: &Picture) -> Vec<u8> {
    match picture.samples() {
        Samples::U8(codes) => codes.clone(),
        other => panic!("expected 8-bit samples, found {}", other.type_name()),
    }
}

/// The same picture with other samples of any type.
pub(crate) fn resampled(picture: &Picture, samples: Samples) -> Picture {
    picture.with_samples(picture.channels(), samples, picture.encoding()).unwrap()
}

/// Pairs between which nearly everything differs, with their names.
pub(crate) fn nasty_pairs(size: (usize, usize)) -> Vec<(&'static str, Picture, Picture)> {
    let (black, white) = (flat(size, [0; 3]), flat(size, [255; 3]));
    let (scene, grey_level) = (scene(size), flat(size, [128; 3]));
    vec![
        ("scene and its negative", scene.clone(), inverted(&scene)),
        ("scene and another scene", scene.clone(), other_scene(size)),
        ("scene and static noise", scene.clone(), static_noise(size, 1)),
        ("two static noises", static_noise(size, 1), static_noise(size, 2)),
        ("black and white", black.clone(), white.clone()),
        ("white and black", white, black.clone()),
        ("black and almost black", black.clone(), flat(size, [1; 3])),
        ("scene and black", scene.clone(), black.clone()),
        ("black and scene", black, scene.clone()),
        ("grey level and scene", grey_level.clone(), scene),
        ("red and green", flat(size, [255, 0, 0]), flat(size, [0, 255, 0])),
        ("blue and yellow", flat(size, [0, 0, 255]), flat(size, [255, 255, 0])),
        ("opposite checkerboards", checkerboard(size, 0), checkerboard(size, 1)),
        ("checkerboard and its mean", checkerboard(size, 0), grey_level),
    ]
}
