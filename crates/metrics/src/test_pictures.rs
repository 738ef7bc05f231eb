//! Small pictures for unit tests, and the promises of a card that every metric can be held to.

use lookalike_core::{Channels, Error, Metric, Picture, Samples, Want};

/// One of 2^32 numbers in 0…1, scattered by an integer hash of the seed and the position.
fn scatter(seed: u32, index: usize) -> f64 {
    let mut h = seed.wrapping_mul(0x9E37_79B9) ^ (index as u32).wrapping_mul(0x85EB_CA6B);
    h = (h ^ (h >> 16)).wrapping_mul(0x7FEB_352D);
    h = (h ^ (h >> 15)).wrapping_mul(0x846C_A68B);
    f64::from(h ^ (h >> 16)) / f64::from(u32::MAX)
}

/// Waves and an edge with a little noise, different in every channel.
pub(crate) fn textured(width: usize, height: usize, channels: Channels, seed: u32) -> Picture {
    let count = channels.count();
    let sample = |i: usize| {
        let (channel, x, y) = (i % count, i / count % width, i / count / width);
        let (x, y, phase) = (x as f64, y as f64, channel as f64 + f64::from(seed));
        let waves = 50.0 * (0.31 * x + phase).sin() + 40.0 * (0.17 * y - 0.05 * x + phase).cos();
        let edge = if 2.0 * x > y + 5.0 { 30.0 } else { -10.0 };
        (115.0 + waves + edge + 16.0 * (scatter(seed, i) - 0.5)).round() as u8
    };
    let samples = (0..width * height * count).map(sample).collect();
    Picture::from_u8(width, height, channels, samples).unwrap()
}

/// The same picture with noise of the given amplitude.
pub(crate) fn noisy(picture: &Picture, amplitude: f64, seed: u32) -> Picture {
    let samples = (0..picture.samples().len())
        .map(|i| {
            let noise = amplitude * (2.0 * scatter(seed ^ 0x00C0_FFEE, i) - 1.0);
            (picture.samples().get(i) + noise).round().clamp(0.0, 255.0) as u8
        })
        .collect();
    Picture::from_u8(picture.width(), picture.height(), picture.channels(), samples).unwrap()
}

/// A pair of which the candidate is the reference but for a block of 9×7 pixels.
pub(crate) fn changed_block(
    width: usize,
    height: usize,
    (left, top): (usize, usize),
) -> (Picture, Picture) {
    let reference = textured(width, height, Channels::Rgb, 5);
    let Samples::U8(mut codes) = reference.samples().clone() else { panic!("8-bit samples") };
    for y in top..top + 7 {
        for code in &mut codes[3 * (y * width + left)..][..27] {
            *code ^= 0x55;
        }
    }
    (reference, Picture::from_u8(width, height, Channels::Rgb, codes).unwrap())
}

/// Codes that rise by `step` from sample to sample and start again at 251: no two rows alike.
pub(crate) fn pattern(width: usize, height: usize, step: usize) -> Picture {
    let codes = (0..width * height * 3).map(|i| (i * step % 251) as u8).collect();
    Picture::from_u8(width, height, Channels::Rgb, codes).unwrap()
}

/// Samples scattered over all codes by a quadratic rule: hardly any structure.
pub(crate) fn scrambled(width: usize, height: usize, channels: Channels, seed: usize) -> Picture {
    let count = width * height * channels.count();
    let samples = (0..count).map(|i| ((i * i * (seed + 3) + 31 * i + seed) % 251) as u8);
    Picture::from_u8(width, height, channels, samples.collect()).unwrap()
}

/// A picture of one colour.
pub(crate) fn flat(width: usize, height: usize, colour: [u8; 3]) -> Picture {
    let samples = (0..width * height).flat_map(|_| colour).collect();
    Picture::from_u8(width, height, Channels::Rgb, samples).unwrap()
}

/// A metric by its id.
pub(crate) fn metric(id: &str) -> Box<dyn Metric> {
    crate::metric(id).unwrap()
}

/// The value under an id.
pub(crate) fn value(id: &str, reference: &Picture, candidate: &Picture) -> f64 {
    metric(id).compare(reference, candidate, Want::default()).unwrap().value
}

/// Holds a metric to what its card says: its value for equal pictures to the bit, its range, its
/// symmetry, its smallest side, its map and a number for every pair of flat pictures.
pub(crate) fn check_card(id: &str) {
    let metric = metric(id);
    let card = metric.card();
    let least = card.minimum_side;
    let compare = |r: &Picture, c: &Picture| {
        let score = metric.compare(r, c, Want { map: true }).unwrap();
        assert!(
            (card.range.low..=card.range.high).contains(&score.value),
            "{id}: {} lies outside {:?}",
            score.value,
            card.range
        );
        assert!(score.parts.iter().all(|part| !part.value.is_nan()), "{id}: {:?}", score.parts);
        assert_eq!(score.map.is_some(), card.map.is_some(), "{id}: map");
        if let Some(map) = score.map {
            assert_eq!(map.values.len(), map.width * map.height, "{id}: size of the map");
            assert!(map.values.iter().all(|v| v.is_finite()), "{id}: map");
        }
        score.value
    };

    for (width, height) in [(least, least), (least + 8, least + 3), (least + 1, least + 12)] {
        for channels in [Channels::Grey, Channels::Rgb] {
            let reference = textured(width, height, channels, 1);
            assert_eq!(compare(&reference, &reference), card.equal, "{id} at {width}x{height}");
            let candidate = noisy(&reference, 12.0, 2);
            let (forth, back) = (compare(&reference, &candidate), compare(&candidate, &reference));
            assert_ne!(forth, card.equal, "{id} at {width}x{height}");
            if card.symmetric {
                assert!((forth - back).abs() <= 1e-12 * forth.abs(), "{id}: {forth} and {back}");
            } else if width > least {
                assert_ne!(forth, back, "{id} at {width}x{height}");
            }
        }
    }

    let colours = [[0; 3], [255; 3], [90; 3], [200, 30, 60]];
    for r in colours {
        for c in colours {
            let value = compare(&flat(least, least + 1, r), &flat(least, least + 1, c));
            assert!(r != c || value == card.equal, "{id}: {value} for equal pictures of {r:?}");
        }
        let texture = textured(least, least + 1, Channels::Rgb, 3);
        compare(&flat(least, least + 1, r), &texture);
        compare(&texture, &flat(least, least + 1, r));
    }

    if least > 1 {
        let small = textured(least + 4, least - 1, Channels::Rgb, 1);
        let refusal = metric.compare(&small, &small, Want::default()).unwrap_err();
        assert!(matches!(refusal, Error::TooSmall { .. }), "{id}: {refusal}");
    }
}
