//! Losses of single samples, and total variation.
//!
//! With d = output − target and n samples:
//!
//! * `mse`: Σ d²/n; gradient 2d/n.
//! * `l1`: Σ |d|/n; gradient sign(d)/n with sign(0) = 0.
//! * `charbonnier`: Σ (√(d² + ε²) − ε)/n, ε = 10⁻³ (Charbonnier et al. 1994; Lai et al. 2017 use this ε), less ε
//!   so that equal pictures give 0; gradient d/√(d² + ε²)/n.
//! * `tv`: Σ |∂x output| + |∂y output| over n, of the output alone (Rudin, Osher, Fatemi 1992, anisotropic);
//!   gradient with sign(0) = 0.
//!
//! `mse` and `l1` are the numbers of the metrics `mse` and `mae`.

use rayon::prelude::*;

use super::{Batch, Loss};
use crate::Result;

/// ε of Charbonnier's loss.
const EPSILON: f64 = 1e-3;

/// A pixelwise loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixelwise {
    /// Mean squared error.
    Mse,
    /// Mean absolute error.
    L1,
    /// A smooth absolute error.
    Charbonnier,
    /// Absolute differences between neighbours of the output.
    TotalVariation,
}

impl Pixelwise {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mse, Self::L1, Self::Charbonnier, Self::TotalVariation];

    /// The value of a difference and its derivative.
    fn of(self, d: f64) -> [f64; 2] {
        match self {
            Self::Mse => [d * d, 2.0 * d],
            Self::L1 => [d.abs(), sign(d)],
            Self::Charbonnier => {
                let root = d.hypot(EPSILON);
                [root - EPSILON, d / root]
            }
            Self::TotalVariation => [0.0; 2],
        }
    }
}

fn sign(d: f64) -> f64 {
    if d == 0.0 { 0.0 } else { d.signum() }
}

impl Loss for Pixelwise {
    fn name(&self) -> &str {
        match self {
            Self::Mse => "mse",
            Self::L1 => "l1",
            Self::Charbonnier => "charbonnier",
            Self::TotalVariation => "tv",
        }
    }

    fn scale(&self) -> String {
        let scale = match self {
            Self::Mse => "mean of (output - target)^2, samples in 0..1",
            Self::L1 => "mean of |output - target|, samples in 0..1",
            Self::Charbonnier => "mean of sqrt((output - target)^2 + 1e-6) - 1e-3",
            Self::TotalVariation => "sum of |differences of neighbours| over the samples",
        };
        scale.to_owned()
    }

    fn evaluate(
        &self,
        target: &Batch<'_>,
        output: &Batch<'_>,
        weight: f64,
        gradient: &mut [f32],
    ) -> Result<f64> {
        target.expect_like(output)?;
        let [batch, _, height, width] = output.shape;
        let size = output.size();
        let share = 1.0 / (batch * size) as f64;
        let factor = weight * share;
        let pictures = output.samples.par_chunks(size).zip(target.samples.par_chunks(size));
        let sums: Vec<f64> = pictures
            .zip(gradient.par_chunks_mut(size))
            .map(|((output, target), gradient)| {
                if *self == Self::TotalVariation {
                    let planes = output.chunks(height * width);
                    let parts = planes.zip(gradient.chunks_mut(height * width));
                    return parts.map(|(plane, to)| variation(plane, width, factor, to)).sum();
                }
                let mut sum = 0.0;
                for ((output, target), to) in output.iter().zip(target).zip(gradient) {
                    let [value, slope] = self.of(f64::from(*output) - f64::from(*target));
                    sum += value;
                    *to += (factor * slope) as f32;
                }
                sum
            })
            .collect();
        Ok(sums.iter().sum::<f64>() * share)
    }
}

/// The sum of a plane; adds the derivatives.
fn variation(plane: &[f32], width: usize, factor: f64, gradient: &mut [f32]) -> f64 {
    let mut sum = 0.0;
    let mut between = |from: usize, to: usize| {
        let d = f64::from(plane[to]) - f64::from(plane[from]);
        sum += d.abs();
        let slope = (factor * sign(d)) as f32;
        gradient[to] += slope;
        gradient[from] -= slope;
    };
    for at in 0..plane.len() {
        if at % width > 0 {
            between(at - 1, at);
        }
        if at >= width {
            between(at - width, at);
        }
    }
    sum
}
