//! One tap of LPIPS: activations of length one at every position, compared channel by channel.
//!
//! With `u = f / (|f| + 1e-10)` over the channels of a position, the distance there is
//! `Σ w·(u(a) − u(b))²`. Everything behind the activations is in double precision: squares of
//! activations overflow half precision and cost single precision digits.
//!
//! The derivative with respect to `f` is `g/(n + ε) − f·(g·f)/(n(n + ε)²)` for `n = |f|`; where `n` is
//! 0 the formula has none, and 0 is taken.

use std::ops::Range;

use rayon::prelude::*;

use crate::tap_formula::TapPair;

/// Added to lengths, so that a position without activations has a direction of zeros.
const EPSILON: f64 = 1e-10;

/// Lengths over the channels of a run of positions.
fn lengths(activations: &[f32], area: usize, run: &Range<usize>) -> Vec<f64> {
    let mut squares = vec![0.0; run.len()];
    for plane in activations.chunks_exact(area) {
        for (sum, &f) in squares.iter_mut().zip(&plane[run.clone()]) {
            let f = f64::from(f);
            *sum += f * f;
        }
    }
    squares.iter_mut().for_each(|sum| *sum = sum.sqrt());
    squares
}

fn reciprocals(lengths: &[f64]) -> Vec<f64> {
    lengths.iter().map(|length| 1.0 / (length + EPSILON)).collect()
}

/// The weighted distance at every owned position, row by row.
pub(super) fn distances(pair: &TapPair<'_>, weights: &[f64]) -> Vec<f64> {
    let area = pair.size[0] * pair.size[1];
    let of_run = |run: Range<usize>| {
        let a = reciprocals(&lengths(pair.reference, area, &run));
        let b = reciprocals(&lengths(pair.candidate, area, &run));
        let mut sums = vec![0.0; run.len()];
        let planes = pair.reference.chunks_exact(area).zip(pair.candidate.chunks_exact(area));
        for ((x, y), weight) in planes.zip(weights) {
            let values = x[run.clone()].iter().zip(&y[run.clone()]).zip(a.iter().zip(&b));
            for (sum, ((&x, &y), (a, b))) in sums.iter_mut().zip(values) {
                let difference = f64::from(x) * a - f64::from(y) * b;
                *sum += weight * (difference * difference);
            }
        }
        sums
    };
    let runs: Vec<Vec<f64>> = pair.runs().into_par_iter().map(of_run).collect();
    runs.concat()
}

/// Writes `scale` times the derivative of the sum of all owned distances with respect to the
/// candidate's activations.
pub(super) fn derive(pair: &TapPair<'_>, weights: &[f64], scale: f64, derivatives: &mut [f32]) {
    let area = pair.size[0] * pair.size[1];
    let of_run = |run: &Range<usize>| {
        let a = reciprocals(&lengths(pair.reference, area, run));
        let norms = lengths(pair.candidate, area, run);
        let b = reciprocals(&norms);
        let outer = |channel: usize, i: usize| {
            let at = channel * area + run.start + i;
            let (x, y) = (f64::from(pair.reference[at]), f64::from(pair.candidate[at]));
            (-2.0 * scale * weights[channel] * (x * a[i] - y * b[i]), y)
        };
        let mut along = vec![0.0; run.len()];
        for channel in 0..weights.len() {
            for (i, along) in along.iter_mut().enumerate() {
                let (g, y) = outer(channel, i);
                *along += g * y;
            }
        }
        let mut values = Vec::with_capacity(weights.len() * run.len());
        for channel in 0..weights.len() {
            values.extend((0..run.len()).map(|i| {
                let (g, y) = outer(channel, i);
                if norms[i] > 0.0 {
                    (g * b[i] - y * along[i] * b[i] * b[i] / norms[i]) as f32
                } else {
                    0.0
                }
            }));
        }
        values
    };
    let runs = pair.runs();
    let values: Vec<Vec<f32>> = runs.par_iter().map(of_run).collect();
    for (run, values) in runs.into_iter().zip(values) {
        for (channel, values) in values.chunks_exact(run.len()).enumerate() {
            let start = channel * area + run.start;
            derivatives[start..start + run.len()].copy_from_slice(values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair<'a>(reference: &'a [f32], candidate: &'a [f32], size: [usize; 2]) -> TapPair<'a> {
        TapPair { reference, candidate, size, owned: [0..size[0], 0..size[1]], place: [0, 0] }
    }

    #[test]
    fn distances_are_weighted_squares_of_unit_vectors() {
        // Two channels, three positions: equal directions, right angles, one without activations.
        let a = [3.0, 1.0, 0.0, 4.0, 0.0, 0.0];
        let b = [6.0, 0.0, 0.0, 8.0, 2.0, 5.0];
        let found = distances(&pair(&a, &b, [1, 3]), &[2.0, 10.0]);
        let expected = [0.0, 12.0, 10.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-8, "{found} {expected}");
        }
    }

    #[test]
    fn only_owned_positions_count() {
        let a: Vec<f32> = (0..2 * 12).map(|i| ((i * 7) % 5) as f32 + 0.5).collect();
        let b: Vec<f32> = (0..2 * 12).map(|i| ((i * 3) % 7) as f32 + 0.25).collect();
        let all = distances(&pair(&a, &b, [3, 4]), &[1.0, 1.0]);
        let part = TapPair { owned: [1..3, 1..3], ..pair(&a, &b, [3, 4]) };
        let [first, second] = [&all[5..7], &all[9..11]];
        assert_eq!(distances(&part, &[1.0, 1.0]), [first, second].concat());
    }

    #[test]
    fn derivatives_are_slopes_and_zero_where_there_is_no_direction() {
        let a: Vec<f32> = (0..3 * 4).map(|i| ((i * 5) % 7) as f32 / 3.0).collect();
        let mut b: Vec<f32> = (0..3 * 4).map(|i| ((i * 4) % 9) as f32 / 4.0 + 0.5).collect();
        for channel in 0..3 {
            b[channel * 4 + 2] = 0.0;
        }
        let weights = [0.5, 2.0, 1.0];
        let mut found = vec![f32::NAN; 12];
        derive(&pair(&a, &b, [2, 2]), &weights, 0.25, &mut found);
        for at in 0..12 {
            if at % 4 == 2 {
                assert_eq!(found[at], 0.0);
                continue;
            }
            let sum = |step: f32| {
                let mut b = b.clone();
                b[at] += step;
                0.25 * distances(&pair(&a, &b, [2, 2]), &weights).iter().sum::<f64>()
            };
            let step = 1.0 / 1024.0;
            let slope = (sum(step) - sum(-step)) / (2.0 * f64::from(step));
            assert!((f64::from(found[at]) - slope).abs() < 1e-5, "{at}: {} {slope}", found[at]);
        }
    }
}
