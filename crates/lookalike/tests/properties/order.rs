//! Equal pictures are best, order matters only where the card says so, and more damage is never
//! better.

use lookalike::{CoreError as Error, Metric, Picture, Want};

use crate::pictures::{
    blurred, checkerboard, flat, grey, nasty_pairs, noisy, resampled, scene, size, static_noise,
};
use crate::{close, every_metric, value};

#[test]
fn equal_pictures_give_the_value_of_the_card() {
    every_metric("identity", |metric| {
        let size = size(metric);
        let scene = scene(size);
        let float = scene.plane(0, 1.0);
        let float = lookalike::Samples::F64(float.iter().map(|v| v * 0.997 + 0.001).collect());
        let pictures = [
            ("scene", scene.clone()),
            ("grey scene", grey(&scene)),
            ("float scene", resampled(&grey(&scene), float)),
            ("static noise", static_noise(size, 1)),
            ("checkerboard", checkerboard(size, 0)),
            ("black", flat(size, [0; 3])),
            ("white", flat(size, [255; 3])),
            ("colour", flat(size, [200, 30, 90])),
        ];
        let equal = metric.card().equal;
        let mut wrong = Vec::new();
        for (name, picture) in pictures {
            match metric.compare(&picture, &picture.clone(), Want::default()) {
                Ok(score) if score.value == equal => {}
                Ok(score) => wrong.push(format!("{name}: {:e} in place of {equal}", score.value)),
                Err(error) => wrong.push(format!("{name}: {error}")),
            }
        }
        wrong
    });
}

#[test]
fn exchanging_the_pictures_matters_exactly_where_the_card_says() {
    every_metric("symmetry", |metric| {
        let size = size(metric);
        let scene = scene(size);
        let mut pairs = nasty_pairs(size);
        pairs.push(("scene and noisy scene", scene.clone(), noisy(&scene, 0.3)));
        pairs.push(("scene and blurred scene", scene.clone(), blurred(&scene, 0.3)));
        let mut differences = Vec::new();
        for (name, a, b) in &pairs {
            let (forth, back) = (value(metric, a, b), value(metric, b, a));
            if !close(forth, back, 1e-7) {
                differences.push(format!("{name}: {forth:e} and {back:e}"));
            }
        }
        if metric.card().symmetric {
            differences
        } else if differences.is_empty() {
            vec!["its card calls it asymmetric, but no pair shows it".to_owned()]
        } else {
            Vec::new()
        }
    });
}

#[test]
fn values_stay_within_the_range_of_the_card() {
    every_metric("range", |metric| {
        let (range, equal) = (metric.card().range, metric.card().equal);
        let mut wrong = Vec::new();
        for (name, a, b) in nasty_pairs(size(metric)) {
            match metric.compare(&a, &b, Want::default()) {
                Ok(score) => {
                    let v = score.value;
                    let infinite = v.is_infinite() && equal.is_finite();
                    if !(range.low..=range.high).contains(&v) || infinite {
                        wrong.push(format!("{name}: {v:e} outside {}…{}", range.low, range.high));
                    }
                    wrong.extend(
                        score
                            .parts
                            .iter()
                            .filter(|part| part.value.is_nan())
                            .map(|part| format!("{name}: the part {} is NaN", part.name)),
                    );
                }
                Err(Error::Undefined { reason, .. }) if reason.len() > 10 => {}
                Err(error) => wrong.push(format!("{name}: {error}")),
            }
        }
        wrong
    });
}

#[test]
fn more_noise_is_never_better() {
    never_better("noise", noisy);
}

#[test]
fn more_blur_is_never_better() {
    never_better("blur", blurred);
}

fn never_better(kind: &str, damage: fn(&Picture, f64) -> Picture) {
    every_metric(kind, |metric| {
        let scene = scene(size(metric));
        let mut values = vec![metric.card().equal];
        for strength in [0.05, 0.1, 0.2, 0.4, 0.7, 1.0] {
            values.push(value(metric, &scene, &damage(&scene, strength)));
        }
        let better = |two: &[f64]| metric.direction().compare(two[1], two[0]).is_gt();
        let wrong = values.windows(2).any(better) || values[0] == values[6];
        if wrong { vec![format!("{values:?}")] } else { Vec::new() }
    });
}

#[test]
fn damage_is_worse_than_none_for_grey_pictures_too() {
    every_metric("grey damage", |metric: &dyn Metric| {
        let scene = scene(size(metric));
        let (reference, damaged) = (grey(&scene), grey(&noisy(&scene, 0.5)));
        let (equal, found) = (metric.card().equal, value(metric, &reference, &damaged));
        let worse = metric.direction().compare(found, equal).is_lt();
        if worse { Vec::new() } else { vec![format!("{found:e} against {equal:e}")] }
    });
}
