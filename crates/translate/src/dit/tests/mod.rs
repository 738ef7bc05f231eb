//! Networks against recorded ones, and what holds of every network.

mod properties;
mod recorded_values;

use super::*;

/// Largest difference over the largest of what was expected, or 1.
fn apart(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
    let differences = found.iter().zip(expected).map(|(&a, &b)| (f64::from(a) - b).abs());
    differences.fold(0.0, |most: f64, x| if x.is_nan() { f64::NAN } else { most.max(x) }) / largest
}

fn near(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    let apart = apart(found, expected);
    assert!(apart < tolerance, "{what}: {apart}");
}

const TINY: Architecture = Architecture {
    side: 8,
    patch: 2,
    channels: 4,
    outputs: 8,
    beside: 0,
    sequence: 0,
    vector: 0,
    classes: 11,
    width: 32,
    depth: 2,
    heads: 4,
    convention: Convention::Original,
};
