//! The Square attack: random squares are tried, and kept where they raise the loss. It asks for values alone.
//!
//! The share p of the pixels that a square covers begins at 0.8 and is halved after 0.1, 0.5, 2, 5, 10, 20, 40, 60 and
//! 80 % of the queries. l∞: every channel of a square moves by 2ε up or down, cut off to the ball; vertical stripes
//! of ±ε at the start. l2: what is spent in one square is given up and spent in another of the same size, as two
//! bumps of opposite sign, all scaled to the radius; a grid of such bumps at the start.
//!
//! Source: Andriushchenko, Croce, Flammarion, Hein, ECCV 2020, algorithms 2 and 3, with the schedule and the p of
//! AutoAttack (Croce and Hein, ICML 2020), whose 10,000 queries are stretched to those asked for. Choices: the loss is
//! that of the target (a margin); a target that gives way ends the attack. Limits: one start.

use super::noise::Noise;
use super::{Attacked, Ball, Best, Evaluation, Norm, Target};
use crate::Result;

/// Rows, columns and channels of planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// 1 or 3.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Numbers in all planes.
    pub fn numbers(self) -> usize {
        self.channels * self.height * self.width
    }

    fn places(self, channel: usize, window: Window) -> impl Iterator<Item = usize> {
        let rows = window.top..window.top + window.height;
        let start = move |row: usize| (channel * self.height + row) * self.width + window.left;
        rows.flat_map(move |row| start(row)..start(row) + window.width)
    }
}

#[derive(Clone, Copy, Debug)]
struct Window {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

impl Window {
    /// A square somewhere.
    fn draw(shape: Shape, side: usize, noise: &mut Noise) -> Self {
        let side = side.min(shape.height).min(shape.width);
        let top = noise.below(shape.height - side + 1);
        let left = noise.below(shape.width - side + 1);
        Self { top, left, height: side, width: side }
    }
}

/// The share of the pixels at a query.
fn share(query: usize, queries: usize) -> f64 {
    let at = query * 10_000 / queries.max(1);
    let halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
    0.8 / f64::from(1_u32 << halvings.into_iter().filter(|&after| at > after).count())
}

/// `queries` values are asked for, one of them at the start.
///
/// # Errors
/// What the target gives.
pub fn square(
    target: &dyn Target,
    ball: &Ball<'_>,
    shape: Shape,
    queries: usize,
    seed: u64,
) -> Result<Attacked> {
    let mut noise = Noise::new(seed, u64::MAX);
    let mut best = Best::default();
    let mut see = |planes: &[f64]| -> Result<(f64, bool)> {
        let (loss, succeeded) = target.value(planes)?;
        best.see(planes, &Evaluation { loss, gradient: Vec::new(), succeeded });
        Ok((loss, succeeded && target.ends_with_success()))
    };
    // The middle counts as well: an attack never ends worse than where it began.
    let (_, ended) = see(ball.centre)?;
    let mut planes = match ball.norm {
        Norm::Linf => stripes(ball, shape, &mut noise),
        Norm::L2 => grid(ball, shape, &mut noise),
    };
    if !ended && queries > 1 {
        let (mut loss, mut ended) = see(&planes)?;
        for query in 2..queries {
            if ended {
                break;
            }
            let covered = share(query, queries) * (shape.height * shape.width) as f64;
            let tried = match ball.norm {
                Norm::Linf => flipped(ball, shape, &planes, covered, &mut noise),
                Norm::L2 => moved(ball, shape, &planes, covered, &mut noise),
            };
            let found = see(&tried)?;
            ended = found.1;
            if found.0 > loss || found.1 {
                loss = found.0;
                planes = tried;
            }
        }
    }
    Ok(best.finish(planes))
}

fn stripes(ball: &Ball<'_>, shape: Shape, noise: &mut Noise) -> Vec<f64> {
    let mut planes = ball.centre.to_vec();
    for channel in 0..shape.channels {
        for column in 0..shape.width {
            let by = ball.eps * noise.sign();
            let window = Window { top: 0, left: column, height: shape.height, width: 1 };
            shape.places(channel, window).for_each(|at| planes[at] += by);
        }
    }
    ball.project(&mut planes);
    planes
}

fn flipped(
    ball: &Ball<'_>,
    shape: Shape,
    planes: &[f64],
    covered: f64,
    noise: &mut Noise,
) -> Vec<f64> {
    let mut tried = planes.to_vec();
    let window = Window::draw(shape, (covered.sqrt() as usize).max(1), noise);
    for channel in 0..shape.channels {
        let by = 2.0 * ball.eps * noise.sign();
        shape.places(channel, window).for_each(|at| tried[at] += by);
    }
    ball.project(&mut tried);
    tried
}

/// A change of the length of the radius in a direction, cut off to 0…1.
fn scaled(ball: &Ball<'_>, change: &[f64]) -> Vec<f64> {
    let length = change.iter().map(|d| d * d).sum::<f64>().sqrt();
    let share = if length > 0.0 { ball.eps / length } else { 0.0 };
    let mut planes: Vec<f64> = ball.centre.iter().zip(change).map(|(c, d)| c + share * d).collect();
    ball.project(&mut planes);
    planes
}

fn grid(ball: &Ball<'_>, shape: Shape, noise: &mut Noise) -> Vec<f64> {
    let side = (shape.height.min(shape.width) / 5).max(1);
    let mut change = vec![0.0; shape.numbers()];
    for top in (0..=shape.height - side).step_by(side) {
        for left in (0..=shape.width - side).step_by(side) {
            let bumps = bumps(side, side, noise);
            let window = Window { top, left, height: side, width: side };
            for channel in 0..shape.channels {
                let sign = noise.sign();
                let places = shape.places(channel, window);
                places.zip(&bumps).for_each(|(at, bump)| change[at] += sign * bump);
            }
        }
    }
    scaled(ball, &change)
}

fn moved(
    ball: &Ball<'_>,
    shape: Shape,
    planes: &[f64],
    covered: f64,
    noise: &mut Noise,
) -> Vec<f64> {
    let mut change: Vec<f64> = planes.iter().zip(ball.centre).map(|(x, c)| x - c).collect();
    let side = (covered.sqrt().round() as usize).max(3) | 1;
    let to = Window::draw(shape, side, noise);
    let from = Window::draw(shape, side, noise);
    let whole: f64 = change.iter().map(|d| d * d).sum();
    let left = (ball.eps * ball.eps - whole).max(0.0) / shape.channels as f64;
    let bumps = bumps(to.height, to.width, noise);
    for channel in 0..shape.channels {
        let length = |window: Window, change: &[f64]| -> f64 {
            shape.places(channel, window).map(|at| change[at] * change[at]).sum()
        };
        let own = length(to, &change).sqrt();
        // Both windows, what they share once.
        let given_up: f64 = {
            let mut rest = change.clone();
            shape.places(channel, to).for_each(|at| rest[at] = 0.0);
            length(to, &change) + length(from, &rest)
        };
        let sign = noise.sign();
        let places: Vec<usize> = shape.places(channel, to).collect();
        let new: Vec<f64> = places
            .iter()
            .zip(&bumps)
            .map(|(&at, bump)| sign * bump + change[at] / (own + 1e-10))
            .collect();
        let of_new = new.iter().map(|x| x * x).sum::<f64>().sqrt();
        let share = (left + given_up).sqrt() / (of_new + 1e-10);
        shape.places(channel, from).for_each(|at| change[at] = 0.0);
        places.iter().zip(&new).for_each(|(&at, x)| change[at] = x * share);
    }
    scaled(ball, &change)
}

/// Two bumps of opposite sign side by side or one above the other, of length 1.
fn bumps(height: usize, width: usize, noise: &mut Noise) -> Vec<f64> {
    let upright = noise.unit() < 0.5;
    let (rows, columns) = if upright { (height, width) } else { (width, height) };
    let mut found = vec![0.0; height * width];
    for (first, rows, sign) in [(0, rows / 2, 1.0), (rows / 2, rows - rows / 2, -1.0)] {
        for (at, value) in bump(rows, columns).into_iter().enumerate() {
            let (row, column) = (first + at / columns, at % columns);
            let to = if upright { row * width + column } else { column * width + row };
            found[to] = sign * value;
        }
    }
    let length = found.iter().map(|x| x * x).sum::<f64>().sqrt();
    found.iter_mut().for_each(|x| *x /= length.max(f64::MIN_POSITIVE));
    found
}

/// Rectangles about a middle, each larger than the one before and counting less.
fn bump(rows: usize, columns: usize) -> Vec<f64> {
    let mut found = vec![0.0; rows * columns];
    let (middle_row, middle_column) = (rows / 2 + 1, columns / 2 + 1);
    for step in 0..middle_row.max(middle_column) {
        let span = |middle: usize, end: usize| {
            let first = (middle - 1) as isize - step as isize;
            let last = first + 2 * step as isize + 1;
            first.max(0) as usize..(last.max(0) as usize).min(end)
        };
        let weight = 1.0 / ((step + 1) * (step + 1)) as f64;
        for row in span(middle_row, rows) {
            for column in span(middle_column, columns) {
                found[row * columns + column] += weight;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance from the middle along one direction.
    struct Along(Vec<f64>);

    impl Target for Along {
        fn evaluate(&self, planes: &[f64]) -> Result<Evaluation> {
            let loss = planes.iter().zip(&self.0).map(|(x, w)| x * w).sum();
            Ok(Evaluation { loss, gradient: self.0.clone(), succeeded: false })
        }
    }

    #[test]
    fn it_climbs_within_the_ball_and_repeats() {
        let shape = Shape { channels: 3, height: 9, width: 7 };
        let weights: Vec<f64> =
            (0..shape.numbers()).map(|i| if i % 63 < 30 { 1.0 } else { -0.2 }).collect();
        let target = Along(weights);
        let centre = vec![0.5; shape.numbers()];
        // Bumps of opposite sign miss what is the same everywhere, so that they take the published 10,000.
        for (norm, eps, queries) in [(Norm::L2, 0.8, 10_000), (Norm::Linf, 0.1, 400)] {
            let ball = Ball { centre: &centre, norm, eps };
            let found = square(&target, &ball, shape, queries, 3).unwrap();
            assert!(ball.distance(&found.planes) <= eps * (1.0 + 1e-12));
            let [start, end] = [&centre, &found.planes].map(|x| target.evaluate(x).unwrap().loss);
            let most = match norm {
                Norm::L2 => eps * target.0.iter().map(|w| w * w).sum::<f64>().sqrt(),
                Norm::Linf => eps * target.0.iter().map(|w| w.abs()).sum::<f64>(),
            };
            assert!(end - start > 0.6 * most, "{norm:?}: {} of {most}", end - start);
            assert_eq!(found.losses.len(), queries);
            assert_eq!(square(&target, &ball, shape, queries, 3).unwrap().planes, found.planes);
        }
    }

    #[test]
    fn tiny_pictures_have_squares_as_well() {
        let shape = Shape { channels: 1, height: 1, width: 2 };
        let target = Along(vec![1.0, -1.0]);
        let centre = [0.5, 0.5];
        for norm in [Norm::L2, Norm::Linf] {
            let ball = Ball { centre: &centre, norm, eps: 0.1 };
            let found = square(&target, &ball, shape, 50, 1).unwrap();
            assert!(found.loss.is_finite() && ball.distance(&found.planes) <= 0.1 + 1e-12);
        }
        assert_eq!(share(0, 100), 0.8);
        assert_eq!(share(99, 100), 0.8 / 512.0);
    }
}
