//! Projected gradient steps that choose their own length.
//!
//! The step begins at twice the radius; three quarters of a move are the new one, a quarter the one before.
//! At checkpoints, which come closer together, the step is halved and the best planes are taken up again
//! where no more than three quarters of the steps since raised the loss, or where the best loss has not
//! risen since the last checkpoint and nothing was halved there.
//!
//! Source: Croce and Hein, ICML 2020. Choices: as the authors' code, whose first window compares the first loss with
//! 0; restarts are the business of [`Attack`](super::Attack).

use super::{Attacked, Ball, Best, Target};
use crate::Result;

/// `steps` steps from `start`, which is brought into the ball.
///
/// # Errors
/// What the target gives.
pub fn apgd(
    target: &dyn Target,
    ball: &Ball<'_>,
    start: Vec<f64>,
    steps: usize,
) -> Result<Attacked> {
    let share = |part: f64| ((part * steps as f64) as usize).max(1);
    let (mut window, shortest, shorter) = (share(0.22), share(0.06), share(0.03));
    let mut planes = start;
    ball.project(&mut planes);
    let mut before = planes.clone();
    let mut evaluation = target.evaluate(&planes)?;
    let mut best = Best::default();
    best.see(&planes, &evaluation);
    let mut highest = (planes.clone(), evaluation.clone());
    let (mut step, mut since, mut halved) = (2.0 * ball.eps, 0, true);
    let mut last_checked = evaluation.loss;
    let mut losses = vec![0.0; steps];
    for i in 0..steps {
        if evaluation.succeeded && target.ends_with_success() {
            break;
        }
        let moved: Vec<f64> = planes.iter().zip(&before).map(|(x, b)| x - b).collect();
        before.clone_from(&planes);
        let towards = ball.direction(&evaluation.gradient);
        planes.iter_mut().zip(&towards).for_each(|(x, d)| *x += step * d);
        ball.project(&mut planes);
        if i > 0 {
            for ((x, b), m) in planes.iter_mut().zip(&before).zip(&moved) {
                *x = b + (*x - b) * 0.75 + m * 0.25;
            }
            ball.project(&mut planes);
        }
        evaluation = target.evaluate(&planes)?;
        best.see(&planes, &evaluation);
        losses[i] = evaluation.loss;
        if evaluation.loss > highest.1.loss {
            highest = (planes.clone(), evaluation.clone());
        }
        since += 1;
        if since < window {
            continue;
        }
        let rises = (0..window).filter(|back| {
            let at = i - back;
            let earlier = if at == 0 { losses[steps - 1] } else { losses[at - 1] };
            losses[at] > earlier
        });
        let oscillates = rises.count() as f64 <= 0.75 * window as f64;
        let stuck = !halved && last_checked >= highest.1.loss;
        halved = oscillates || stuck;
        last_checked = highest.1.loss;
        if halved {
            step /= 2.0;
            planes.clone_from(&highest.0);
            evaluation = highest.1.clone();
        }
        window = window.saturating_sub(shorter).max(shortest);
        since = 0;
    }
    let Attacked { planes: found, loss, succeeded, losses, .. } = best.finish(Vec::new());
    Ok(Attacked { planes: found, loss, succeeded, last: highest.0, losses })
}
