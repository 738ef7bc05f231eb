//! Steps along a running mean: m ← decay·m + g / ‖g‖₁, then m / ‖m‖₂ or its signs.

use super::projected::walk;
use super::{Attacked, Ball, Target};
use crate::Result;

/// `steps` steps of length `step` from `start`, with `decay` of what was before.
///
/// # Errors
/// What the target gives.
pub fn mim(
    target: &dyn Target,
    ball: &Ball<'_>,
    start: Vec<f64>,
    step: f64,
    steps: usize,
    decay: f64,
) -> Result<Attacked> {
    let mut momentum = vec![0.0; start.len()];
    walk(target, ball, start, step, steps, |gradient| {
        let length: f64 = gradient.iter().map(|g| g.abs()).sum();
        let share = if length > 0.0 { 1.0 / length } else { 0.0 };
        for (m, g) in momentum.iter_mut().zip(gradient) {
            *m = decay * *m + g * share;
        }
        ball.direction(&momentum)
    })
}
