//! Maps come when asked for, lie inside the picture, and point at the damage.

use lookalike::{ScoreMap, Want};

use crate::every_metric;
use crate::exceptions::tolerance;
use crate::pictures::{codes, noisy, scene, size};

const MAP: Want = Want { map: true };

#[test]
fn maps_come_exactly_when_asked_for() {
    every_metric("map on request", |metric| {
        let reference = scene(size(metric));
        let damaged = noisy(&reference, 0.4);
        let with = metric.compare(&reference, &damaged, MAP).unwrap();
        let without = metric.compare(&reference, &damaged, Want::default()).unwrap();
        let mut wrong = Vec::new();
        if without.map.is_some() {
            wrong.push("a map although none was asked for".to_owned());
        }
        if with.map.is_some() != metric.card().map.is_some() {
            wrong.push("card and answer disagree on having a map".to_owned());
        }
        if with.value.to_bits() != without.value.to_bits() || with.parts != without.parts {
            wrong.push(format!("{:e} with map, {:e} without", with.value, without.value));
        }
        if let Some(map) = &with.map {
            wrong.extend(misplaced(map, reference.width(), reference.height()));
            if map.values.iter().any(|value| !value.is_finite()) {
                wrong.push("the map is not finite".to_owned());
            }
        }
        wrong
    });
}

fn misplaced(map: &ScoreMap, width: usize, height: usize) -> Option<String> {
    let inside = |start: usize, count: usize, side: usize| {
        count > 0 && start + (count - 1) * map.step < side
    };
    let sound = map.step > 0
        && map.values.len() == map.width * map.height
        && inside(map.left, map.width, width)
        && inside(map.top, map.height, height);
    let ScoreMap { width: w, height: h, left, top, step, values } = map;
    let count = values.len();
    (!sound).then(|| format!("{w}x{h} ({count}) from ({left}, {top}) by {step}: not inside"))
}

#[test]
fn maps_of_equal_pictures_show_no_difference() {
    every_metric("map of equal pictures", |metric| {
        let Some(scale) = metric.card().map else { return Vec::new() };
        let reference = scene(size(metric));
        let map = metric.compare(&reference, &reference.clone(), MAP).unwrap().map.unwrap();
        let extent = (scale.different - scale.same).abs();
        let off = map.values.iter().map(|&v| (f64::from(v) - scale.same).abs() / extent);
        let worst = off.fold(0.0, f64::max);
        if worst <= 1e-6 { Vec::new() } else { vec![format!("{worst:e} of the scale's extent")] }
    });
}

/// A patch is turned to its negative; the centre of the differences in the map must lie there.
#[test]
fn maps_point_at_the_damage() {
    const PATCH: usize = 16;
    every_metric("place of damage", |metric| {
        let Some(scale) = metric.card().map else { return Vec::new() };
        let pixels = tolerance(metric.card().id, "place of damage", 4.0);
        let (width, height) = size(metric);
        let reference = scene((width, height));
        let mut wrong = Vec::new();
        for (left, top) in [(width / 4, height / 4), (width * 5 / 8, height / 2)] {
            let mut samples = codes(&reference);
            for y in top..top + PATCH {
                for sample in &mut samples[(y * width + left) * 3..(y * width + left + PATCH) * 3] {
                    *sample ^= 0x80;
                }
            }
            let samples = lookalike::Samples::U8(samples);
            let damaged = crate::pictures::resampled(&reference, samples);
            let map = metric.compare(&reference, &damaged, MAP).unwrap().map.unwrap();
            let (mut mass, mut x_sum, mut y_sum) = (0.0, 0.0, 0.0);
            for (index, &v) in map.values.iter().enumerate() {
                let weight = (f64::from(v) - scale.same).abs().powi(2);
                let middle = (map.step - 1) as f64 / 2.0;
                mass += weight;
                x_sum += weight * ((map.left + index % map.width * map.step) as f64 + middle);
                y_sum += weight * ((map.top + index / map.width * map.step) as f64 + middle);
            }
            let (x, y) = (x_sum / mass, y_sum / mass);
            let centre = |start: usize| start as f64 + (PATCH - 1) as f64 / 2.0;
            let distance = (x - centre(left)).hypot(y - centre(top));
            // The distance is NaN where the map shows no difference at all.
            if distance.is_nan() || distance > pixels {
                wrong.push(format!("({x:.1}, {y:.1}) for ({}, {})", centre(left), centre(top)));
            }
        }
        wrong
    });
}
