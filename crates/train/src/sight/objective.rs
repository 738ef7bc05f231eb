//! The loss of the distances of examples, and its slopes.
//!
//! With l = ln(d + ε) of the distances d and t = ln(T + ε) of those aimed at, the loss of an example is
//! ρ·mean (l − t)² over its pairs, which fixes the scale, plus the mean cross entropy over the six pairs of
//! pairs of σ(s(lⱼ − lᵢ)), the share for which i is the closer picture, and the share aimed at: σ(s(tⱼ −
//! tᵢ)), and where both differ in severity alone, ω of 1 or 0 as severity has it and 1 − ω of that.

use super::examples::{CANDIDATES, Label};

/// ε: distances much below it are taken as none.
const EPSILON: f64 = 0.005;

/// What is weighed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objective {
    /// ρ.
    pub(crate) regression: f64,
    /// s.
    pub(crate) sharpness: f64,
    /// ω.
    pub(crate) order: f64,
}

/// What the distances of some examples come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) loss: f64,
    /// The share of pairs of pairs that are in the order aimed at.
    pub(crate) agreement: f64,
    /// Derivatives of the loss with respect to the distances, example by example.
    pub(crate) slopes: Vec<f64>,
}

impl Objective {
    /// Evaluates examples: their distances, those aimed at, and labels.
    pub(crate) fn evaluate<'a>(
        &self,
        distances: &[f64],
        aims: impl ExactSizeIterator<Item = (&'a [f32; CANDIDATES], &'a [Label; CANDIDATES])>,
    ) -> Found {
        let mut found = Found::default();
        let scale = 1.0 / aims.len().max(1) as f64;
        for (distances, (targets, labels)) in distances.chunks_exact(CANDIDATES).zip(aims) {
            let own: Vec<f64> = distances.iter().map(|d| (d + EPSILON).ln()).collect();
            let aimed: Vec<f64> = targets.iter().map(|&t| (f64::from(t) + EPSILON).ln()).collect();
            let mut slopes = [0.0; CANDIDATES];
            let each = scale * self.regression / CANDIDATES as f64;
            for ((slope, l), t) in slopes.iter_mut().zip(&own).zip(&aimed) {
                found.loss += each * (l - t) * (l - t);
                *slope += 2.0 * each * (l - t);
            }
            let each = scale / (CANDIDATES * (CANDIDATES - 1) / 2) as f64;
            for i in 0..CANDIDATES {
                for j in i + 1..CANDIDATES {
                    let mut share = sigmoid(self.sharpness * (aimed[j] - aimed[i]));
                    let (a, b) = (&labels[i], &labels[j]);
                    if a.path == b.path && a.severity != b.severity {
                        let known = f64::from(a.severity < b.severity);
                        share += self.order * (known - share);
                    }
                    let x = self.sharpness * (own[j] - own[i]);
                    // −p ln σ(x) − (1 − p) ln σ(−x)
                    found.loss += each * (share * softplus(-x) + (1.0 - share) * softplus(x));
                    let slope = each * self.sharpness * (sigmoid(x) - share);
                    slopes[j] += slope;
                    slopes[i] -= slope;
                    let right = if own[i] == own[j] {
                        0.5
                    } else {
                        f64::from((own[i] < own[j]) == (share > 0.5))
                    };
                    found.agreement += each * right;
                }
            }
            let by_distance = slopes.iter().zip(distances).map(|(slope, d)| slope / (d + EPSILON));
            found.slopes.extend(by_distance);
        }
        found
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// ln(1 + eˣ).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTIVE: Objective = Objective { regression: 0.7, sharpness: 4.0, order: 0.5 };

    fn labels() -> [Label; CANDIDATES] {
        let label = |path, severity| Label { path, severity };
        [label(0, 0.2), label(0, 0.6), label(1, 0.5), label(1, 0.1)]
    }

    #[test]
    fn slopes_are_those_of_the_loss() {
        let targets = [[0.02_f32, 0.3, 0.1, 0.15], [0.4, 0.3, 0.2, 0.01]];
        let labels = labels();
        let distances = [0.05, 0.2, 0.11, 0.3, 0.0, 0.5, 0.02, 0.7];
        let found =
            |distances: &[f64]| OBJECTIVE.evaluate(distances, targets.iter().map(|t| (t, &labels)));
        let slopes = found(&distances).slopes;
        assert_eq!(slopes.len(), distances.len());
        for at in 0..distances.len() {
            let moved = |step: f64| {
                let mut moved = distances;
                moved[at] += step;
                found(&moved).loss
            };
            let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((slopes[at] - expected).abs() < 1e-4 * expected.abs().max(1.0), "{at}");
        }
    }

    #[test]
    fn the_least_loss_is_at_the_distances_aimed_at() {
        let targets = [[0.02_f32, 0.3, 0.1, 0.05]];
        let distances: Vec<f64> = targets[0].iter().map(|&t| f64::from(t)).collect();
        let objective = Objective { order: 0.0, ..OBJECTIVE };
        let labels = [Label::default(); CANDIDATES];
        let found = objective.evaluate(&distances, targets.iter().map(|t| (t, &labels)));
        assert!(found.slopes.iter().all(|slope| slope.abs() < 1e-9));
        assert!((found.agreement - 1.0).abs() < 1e-9);
    }
}
