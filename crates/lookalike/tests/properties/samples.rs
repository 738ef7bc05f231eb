//! The same picture in another form is the same picture.

use lookalike::{CoreError as Error, Metric, Picture, Samples, Want};

use crate::exceptions::tolerance;
use crate::pictures::{codes, grey, noisy, other_scene, resampled, scene, size};
use crate::{close, every_metric, value};

#[test]
fn grey_is_colour_with_equal_channels() {
    every_metric("grey as colour", |metric| {
        let scene = scene(size(metric));
        let (reference, candidate) = (grey(&scene), grey(&noisy(&scene, 0.4)));
        let (colour_reference, colour_candidate) = (reference.to_rgb(), candidate.to_rgb());
        let expected = value(metric, &colour_reference, &colour_candidate);
        let forms = [
            ("both grey", &reference, &candidate),
            ("grey reference", &reference, &colour_candidate),
            ("grey candidate", &colour_reference, &candidate),
        ];
        let tolerance = tolerance(metric.card().id, "grey as colour", 1e-9);
        differing(metric, expected, tolerance, &forms)
    });
}

#[test]
fn sample_types_agree() {
    every_metric("sample types", |metric| {
        let scene = scene(size(metric));
        let damaged = noisy(&scene, 0.4);
        let expected = value(metric, &scene, &damaged);
        let deep = |p: &Picture| {
            resampled(p, Samples::U16(codes(p).iter().map(|&c| u16::from(c) * 257).collect()))
        };
        let float = |p: &Picture| {
            resampled(p, Samples::F32(codes(p).iter().map(|&c| f32::from(c) / 255.0).collect()))
        };
        let double = |p: &Picture| {
            resampled(p, Samples::F64(codes(p).iter().map(|&c| f64::from(c) / 255.0).collect()))
        };
        let (a, b) = (deep(&scene), deep(&damaged));
        let (c, d) = (float(&scene), float(&damaged));
        let (e, f) = (double(&scene), double(&damaged));
        let forms = [("u16", &a, &b), ("f32", &c, &d), ("f64", &e, &f), ("u8 and f32", &scene, &d)];
        differing(metric, expected, tolerance(metric.card().id, "sample types", 2e-6), &forms)
    });
}

#[test]
fn equal_pictures_of_different_types_are_nearly_equal() {
    every_metric("equal in two types", |metric| {
        let scene = scene(size(metric));
        let deep = Samples::U16(codes(&scene).iter().map(|&c| u16::from(c) * 257).collect());
        let deep = resampled(&scene, deep);
        let (equal, found) = (value(metric, &scene, &scene), value(metric, &scene, &deep));
        let damaged = value(metric, &scene, &noisy(&scene, 0.05));
        // Far nearer to equality than the slightest damage.
        let share = tolerance(metric.card().id, "equal in two types", 0.01);
        let near = if equal.is_infinite() {
            found > 2.0 * damaged
        } else {
            (found - equal).abs() <= share * (damaged - equal).abs()
        };
        if near { Vec::new() } else { vec![format!("{found:e}; slight damage gives {damaged:e}")] }
    });
}

#[test]
fn pictures_of_different_size_are_refused() {
    every_metric("size mismatch", |metric| {
        let (width, height) = size(metric);
        let reference = scene((width, height));
        let sizes = [(width + 1, height), (width, height + 1), (height, width)];
        let outcomes = sizes
            .map(|other| (other, metric.compare(&reference, &other_scene(other), Want::default())));
        let wrong = outcomes.into_iter().filter(|(other, outcome)| {
            let expected = ((width, height), *other);
            !matches!(outcome, Err(Error::SizeMismatch { reference, candidate })
                if (*reference, *candidate) == expected)
        });
        wrong.map(|(other, outcome)| format!("{other:?}: {outcome:?}")).collect()
    });
}

fn differing(
    metric: &dyn Metric,
    expected: f64,
    tolerance: f64,
    forms: &[(&str, &Picture, &Picture)],
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, reference, candidate) in forms {
        let found = value(metric, reference, candidate);
        if !close(found, expected, tolerance) {
            wrong.push(format!("{name}: {found:e}, expected {expected:e}"));
        }
    }
    wrong
}
