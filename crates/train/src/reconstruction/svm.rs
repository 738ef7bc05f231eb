//! Linear support vector machines with a squared hinge, one against the rest.
//!
//! min ½‖w‖² + C Σ max(0, 1 − y(w·x + b))², labels y = ±1; the bias is a feature of 1 and regularised like the others,
//! as LIBLINEAR has it. Newton's method with halved steps: the objective is convex and piecewise quadratic, so a
//! handful of steps end exactly.
//!
//! What it is for: Snell et al. 2017 ask which codes tell classes apart by a linear machine on standardised codes.
//!
//! Limits: dense features, of at most a few thousand dimensions.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

use crate::{Error, Result};

/// Most steps of Newton's method.
const STEPS: usize = 50;

/// One machine per class.
#[derive(Clone, Debug)]
pub struct LinearSvm {
    width: usize,
    /// By class: weights, the bias last.
    weights: Vec<Vec<f64>>,
    mean: Vec<f64>,
    /// One over the deviation; 0 for a feature that never changes.
    scale: Vec<f64>,
}

impl LinearSvm {
    /// Learns from rows of `width` features, which are standardised, and their classes below `classes`.
    ///
    /// # Errors
    /// [`Error::Refused`] where rows and labels do not fit, there is no row, or a number is not finite.
    pub fn fit(
        rows: &[f64],
        width: usize,
        labels: &[usize],
        classes: usize,
        cost: f64,
    ) -> Result<Self> {
        let fits = width > 0 && !labels.is_empty() && rows.len() == labels.len() * width;
        let good = rows.iter().all(|x| x.is_finite()) && cost.is_finite() && cost > 0.0;
        if !fits || !good || labels.iter().any(|&label| label >= classes) {
            return Err(Error::Refused(format!(
                "a linear machine: expected {} rows of {width} finite numbers with labels below {classes} and a cost \
                 above 0",
                labels.len()
            )));
        }
        let count = labels.len() as f64;
        let mut mean = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / count);
        }
        let mut variance = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            for ((sum, x), mean) in variance.iter_mut().zip(row).zip(&mean) {
                *sum += (x - mean) * (x - mean) / count;
            }
        }
        let scale =
            variance.iter().map(|&v| if v > 1e-20 { 1.0 / v.sqrt() } else { 0.0 }).collect();
        let mut machine = Self { width, weights: Vec::new(), mean, scale };
        let features: Vec<Vec<f64>> =
            rows.chunks_exact(width).map(|row| machine.standardised(row)).collect();
        machine.weights = (0..classes)
            .map(|class| {
                let signs: Vec<f64> =
                    labels.iter().map(|&label| if label == class { 1.0 } else { -1.0 }).collect();
                newton(&features, &signs, cost)
            })
            .collect::<Result<_>>()?;
        Ok(machine)
    }

    /// A row with mean 0 and deviation 1 over what was learned from, and the feature of the bias.
    fn standardised(&self, row: &[f64]) -> Vec<f64> {
        let centred = row.iter().zip(&self.mean).zip(&self.scale).map(|((x, m), s)| (x - m) * s);
        centred.chain([1.0]).collect()
    }

    /// The class of a row: the one whose machine says most.
    pub fn class(&self, row: &[f64]) -> usize {
        let x = self.standardised(&row[..self.width.min(row.len())]);
        let says = |weights: &Vec<f64>| dot(weights, &x);
        let best = self.weights.iter().map(says).enumerate();
        best.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(class, _)| class)
    }
}

/// The sum of products.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn objective(features: &[Vec<f64>], signs: &[f64], cost: f64, w: &[f64]) -> f64 {
    let hinge = |(x, y): (&Vec<f64>, &f64)| (1.0 - y * dot(w, x)).max(0.0).powi(2);
    0.5 * dot(w, w) + cost * features.iter().zip(signs).map(hinge).sum::<f64>()
}

fn newton(features: &[Vec<f64>], signs: &[f64], cost: f64) -> Result<Vec<f64>> {
    let width = features.first().map_or(0, Vec::len);
    let mut w = vec![0.0; width];
    let mut value = objective(features, signs, cost, &w);
    for _ in 0..STEPS {
        let active: Vec<(&Vec<f64>, f64)> = features
            .iter()
            .zip(signs)
            .filter(|(x, y)| *y * dot(&w, x) < 1.0)
            .map(|(x, &y)| (x, y))
            .collect();
        let mut gradient = w.clone();
        for (x, y) in &active {
            let slope = -2.0 * cost * y * (1.0 - y * dot(&w, x));
            gradient.iter_mut().zip(*x).for_each(|(g, x)| *g += slope * x);
        }
        if dot(&gradient, &gradient).sqrt() < 1e-8 * (1.0 + cost) {
            break;
        }
        let rows = Mat::from_fn(active.len(), width, |i, j| active[i].0[j]);
        let mut hessian = rows.transpose() * &rows * faer::Scale(2.0 * cost);
        for i in 0..width {
            hessian[(i, i)] += 1.0;
        }
        let factor = hessian.llt(Side::Lower).map_err(|error| {
            Error::Refused(format!("a linear machine: its Hessian has no factors ({error:?})"))
        })?;
        let step = factor.solve(Mat::from_fn(width, 1, |i, _| -gradient[i]));
        let mut share = 1.0;
        loop {
            let moved: Vec<f64> = (0..width).map(|i| w[i] + share * step[(i, 0)]).collect();
            let found = objective(features, signs, cost, &moved);
            if found < value {
                (w, value) = (moved, found);
                break;
            }
            share *= 0.5;
            if share < 1e-10 {
                return Ok(w);
            }
        }
    }
    Ok(w)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dimension_is_solved_exactly() {
        // Standardised rows are ±1; by symmetry b = 0, and ½w² + 2C(1 − w)² is least at w = 4C/(1 + 4C).
        let machine = LinearSvm::fit(&[3.0, 5.0], 1, &[0, 1], 2, 0.5).unwrap();
        assert!((machine.weights[1][0] - 2.0 / 3.0).abs() < 1e-9, "{machine:?}");
        assert!(machine.weights[1][1].abs() < 1e-9);
        assert_eq!((machine.class(&[2.0]), machine.class(&[4.5])), (0, 1));
    }

    #[test]
    fn separable_classes_are_told_apart_and_the_gradient_is_nothing() {
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for at in 0..90 {
            let class = at % 3;
            let angle = class as f64 * 2.1 + (at as f64 * 0.7).sin() * 0.3;
            rows.extend([angle.cos(), angle.sin(), (at as f64).cos(), 7.0]);
            labels.push(class);
        }
        let machine = LinearSvm::fit(&rows, 4, &labels, 3, 1.0).unwrap();
        assert!(rows.chunks(4).zip(&labels).all(|(row, &label)| machine.class(row) == label));
        let features: Vec<Vec<f64>> = rows.chunks(4).map(|row| machine.standardised(row)).collect();
        for (class, w) in machine.weights.iter().enumerate() {
            let signs: Vec<f64> =
                labels.iter().map(|&l| if l == class { 1.0 } else { -1.0 }).collect();
            let value = objective(&features, &signs, 1.0, w);
            for at in 0..w.len() {
                for step in [1e-4, -1e-4] {
                    let mut moved = w.clone();
                    moved[at] += step;
                    assert!(objective(&features, &signs, 1.0, &moved) >= value);
                }
            }
        }
        assert!(LinearSvm::fit(&rows, 4, &labels, 2, 1.0).is_err());
        assert!(LinearSvm::fit(&[f64::NAN], 1, &[0], 1, 1.0).is_err());
        assert!(LinearSvm::fit(&[], 1, &[], 1, 1.0).is_err());
    }
}
