//! One step, or many of a fixed length, each back into the ball.

use super::{Attacked, Ball, Best, Target};
use crate::Result;

/// One step of the whole radius from the middle.
///
/// # Errors
/// What the target gives.
pub fn fgsm(target: &dyn Target, ball: &Ball<'_>) -> Result<Attacked> {
    pgd(target, ball, ball.centre.to_vec(), ball.eps, 1)
}

/// `steps` steps of length `step` from `start`, which is brought into the ball.
///
/// # Errors
/// What the target gives.
pub fn pgd(
    target: &dyn Target,
    ball: &Ball<'_>,
    start: Vec<f64>,
    step: f64,
    steps: usize,
) -> Result<Attacked> {
    walk(target, ball, start, step, steps, |gradient| ball.direction(gradient))
}

/// Steps along what `direction` makes of every gradient.
pub(super) fn walk(
    target: &dyn Target,
    ball: &Ball<'_>,
    start: Vec<f64>,
    step: f64,
    steps: usize,
    mut direction: impl FnMut(&[f64]) -> Vec<f64>,
) -> Result<Attacked> {
    let mut planes = start;
    ball.project(&mut planes);
    let mut best = Best::default();
    let mut evaluation = target.evaluate(&planes)?;
    best.see(&planes, &evaluation);
    for _ in 0..steps {
        if evaluation.succeeded && target.ends_with_success() {
            break;
        }
        let towards = direction(&evaluation.gradient);
        planes.iter_mut().zip(&towards).for_each(|(x, d)| *x += step * d);
        ball.project(&mut planes);
        evaluation = target.evaluate(&planes)?;
        best.see(&planes, &evaluation);
    }
    Ok(best.finish(planes))
}
