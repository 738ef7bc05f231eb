//! Pictures that nobody draws: flat, tiny, a single line, extremely long.

use lookalike::{Channels, CoreError as Error, Metric, Picture, Want};

use crate::every_metric;
use crate::exceptions::excused;
use crate::pictures::{flat, grey, scene, static_noise};

/// Pairs of one size without which no formula divides by zero.
fn pairs(size: (usize, usize)) -> Vec<(&'static str, Picture, Picture)> {
    let (black, white) = (flat(size, [0; 3]), flat(size, [255; 3]));
    let (level, noise) = (flat(size, [90; 3]), static_noise(size, 5));
    let mut pairs = vec![
        ("black twice", black.clone(), black.clone()),
        ("white twice", white.clone(), white.clone()),
        ("black and white", black.clone(), white.clone()),
        ("level and noise", level.clone(), noise.clone()),
        ("noise and level", noise.clone(), level.clone()),
        ("noise and black", noise.clone(), black),
        ("noise twice", noise.clone(), noise.clone()),
        ("scene and noise", scene(size), noise),
        ("level and white", level, white),
    ];
    let in_grey: Vec<_> = pairs.iter().map(|(name, a, b)| (*name, grey(a), grey(b))).collect();
    pairs.extend(in_grey);
    pairs
}

/// What is wrong with the answer to a pair, if anything.
fn complaint(metric: &dyn Metric, a: &Picture, b: &Picture) -> Option<String> {
    let card = metric.card();
    let too_small = a.shorter_side() < card.minimum_side;
    let score = match metric.compare(a, b, Want { map: true }) {
        Err(error @ Error::TooSmall { .. }) if too_small => {
            let message = error.to_string();
            let told = message.contains(&card.minimum_side.to_string())
                && message.contains(card.id)
                && message.contains(&format!("{}x{}", a.width(), a.height()));
            return (!told).then_some(message);
        }
        Err(Error::Undefined { reason, .. }) if !too_small && reason.len() > 10 => return None,
        Err(error) => return Some(error.to_string()),
        Ok(_) if too_small => return Some("a value in place of a refusal".to_owned()),
        Ok(score) => score,
    };
    let v = score.value;
    if !(card.range.low..=card.range.high).contains(&v) || v.is_infinite() && a != b {
        return Some(format!("value {v:e}"));
    }
    if a == b && v != card.equal && !excused(card.id, "identity") {
        return Some(format!("value {v:e} of equal pictures"));
    }
    if let Some(part) = score.parts.iter().find(|part| part.value.is_nan()) {
        return Some(format!("the part {} is NaN", part.name));
    }
    if score.map.is_some_and(|map| map.values.iter().any(|value| !value.is_finite())) {
        return Some("the map is not finite".to_owned());
    }
    if card.gradient {
        match metric.prepare(a).and_then(|prepared| prepared.gradient(b)) {
            Ok(gradient) if gradient.samples.iter().all(|d| d.is_finite()) => {}
            Ok(_) => return Some("the gradient is not finite".to_owned()),
            Err(Error::Undefined { .. }) => {}
            Err(error) => return Some(format!("gradient: {error}")),
        }
    }
    None
}

fn complaints(metric: &dyn Metric, sizes: &[(usize, usize)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for &size in sizes {
        for (name, a, b) in pairs(size) {
            let channels = a.channels().count();
            if let Some(complaint) = complaint(metric, &a, &b) {
                wrong.push(format!("{size:?}x{channels}, {name}: {complaint}"));
            }
        }
    }
    wrong
}

#[test]
fn tiny_pictures_are_scored_or_refused_with_advice() {
    every_metric("tiny", |metric| {
        let least = metric.card().minimum_side;
        let mut sizes = vec![(1, 1), (1, 9), (9, 1), (2, 3), (1, 130), (130, 1)];
        if least > 1 {
            sizes.extend([
                (least - 1, least + 30),
                (least + 30, least - 1),
                (least - 1, least - 1),
            ]);
        }
        complaints(metric, &sizes)
    });
}

#[test]
fn the_least_size_of_the_card_is_enough() {
    every_metric("least size", |metric| {
        let least = metric.card().minimum_side;
        complaints(metric, &[(least, least), (least, least + 1), (least + 3, least)])
    });
}

#[test]
fn extremely_long_pictures_are_scored() {
    every_metric("long", |metric| {
        let least = metric.card().minimum_side;
        let mut wrong = Vec::new();
        for size in [(least, 2000), (2000, least)] {
            let noise = static_noise(size, 5);
            for (name, a) in [("scene", scene(size)), ("level", flat(size, [90; 3]))] {
                wrong
                    .extend(complaint(metric, &a, &noise).map(|c| format!("{size:?} {name}: {c}")));
            }
        }
        wrong
    });
}

#[test]
fn flat_pictures_of_ordinary_size_are_scored() {
    every_metric("flat", |metric| {
        let (width, height) = crate::pictures::size(metric);
        let levels = [0, 1, 127, 254, 255];
        let level =
            |l: u8| Picture::from_u8(width, height, Channels::Grey, vec![l; width * height]);
        let mut wrong = Vec::new();
        for (a, b) in levels.iter().flat_map(|&a| levels.map(|b| (a, b))) {
            let complaint = complaint(metric, &level(a).unwrap(), &level(b).unwrap());
            wrong.extend(complaint.map(|c| format!("levels {a} and {b}: {c}")));
        }
        wrong
    });
}
