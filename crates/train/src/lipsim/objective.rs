//! The losses of both stages, with their slopes.
//!
//! **Distillation**, of a student's embedding f and a teacher's target t of unit length:
//!
//! * direction: 1 − cos(f, t) over the pictures' mean, which leaves the length of f free;
//! * rmse: √(mean over pictures and coordinates of (f − t)²), as published.
//!
//! **Triplets**, with y = 1 where the left one is nearer, φ = f/‖f‖, and a margin ρ; the loss is the mean of
//! max(0, ρ − y·m) with
//!
//! * plane: m = ⟨f, u⟩, u = (φ₀ − φ₁)/‖φ₀ − φ₁‖, the radius that is certified, in Euclidean length over samples;
//! * bisector: m = ⟨f − (f₀ + f₁)/2, u⟩, u = (f₀ − f₁)/‖f₀ − f₁‖, the same for the Euclidean head;
//! * margin: m = d₁ − d₀, d = 1 − cos, as published (where it is a sum).
//!
//! Source: Ghazanfari et al., ICLR 2024; direction, plane and bisector are ours. Choices: the direction of a vector of
//! length 0, and a derivative with respect to it, is 0. Judgements without a majority are left out by the caller.

use serde::{Deserialize, Serialize};

/// How the student is held against its teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distillation {
    /// Directions alone.
    Direction,
    /// Coordinates.
    Rmse,
}

/// What of a triplet is to exceed the margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hinge {
    /// The certified radius of the cosine head.
    Plane,
    /// The certified radius of the Euclidean head.
    Bisector,
    /// The difference of the distances.
    Margin,
}

/// A loss and its slopes with respect to all embeddings.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) loss: f64,
    pub(super) slopes: Vec<f32>,
    /// Triplets that were answered as labelled.
    pub(super) right: usize,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn doubled(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// A vector of unit length and the length.
fn unit(x: &[f64]) -> (Vec<f64>, f64) {
    let length = dot(x, x).sqrt();
    let share = if length > 0.0 { 1.0 / length } else { 0.0 };
    (x.iter().map(|x| x * share).collect(), length)
}

/// The derivative with respect to a vector, given that with respect to its direction.
fn through_unit((unit, length): &(Vec<f64>, f64), slope: &[f64]) -> Vec<f64> {
    let along = dot(unit, slope);
    let share = if *length > 0.0 { 1.0 / length } else { 0.0 };
    unit.iter().zip(slope).map(|(u, s)| (s - u * along) * share).collect()
}

impl Distillation {
    /// Of embeddings of `width` coordinates and as many targets.
    pub(super) fn evaluate(self, embeddings: &[f32], targets: &[f32], width: usize) -> Found {
        let count = (embeddings.len() / width.max(1)).max(1) as f64;
        let mut found = Found::default();
        match self {
            Self::Rmse => {
                let differences = embeddings.iter().zip(targets);
                let differences: Vec<f64> =
                    differences.map(|(f, t)| f64::from(*f) - f64::from(*t)).collect();
                let numbers = differences.len().max(1) as f64;
                found.loss = (dot(&differences, &differences) / numbers).sqrt();
                let share = if found.loss > 0.0 { 1.0 / (numbers * found.loss) } else { 0.0 };
                found.slopes = differences.into_iter().map(|d| (d * share) as f32).collect();
            }
            Self::Direction => {
                let pairs = embeddings.chunks_exact(width).zip(targets.chunks_exact(width));
                for (f, t) in pairs {
                    let (f, t) = (unit(&doubled(f)), doubled(t));
                    found.loss += (1.0 - dot(&f.0, &t)) / count;
                    let slope: Vec<f64> = t.iter().map(|t| -t / count).collect();
                    found.slopes.extend(through_unit(&f, &slope).into_iter().map(|s| s as f32));
                }
            }
        }
        found
    }
}

impl Hinge {
    /// Of embeddings of references, left and right pictures, three of `width` coordinates per triplet; `right` says
    /// which is nearer.
    pub(super) fn evaluate(
        self,
        embeddings: &[f32],
        right: &[bool],
        width: usize,
        margin: f64,
    ) -> Found {
        let mut found = Found::default();
        let share = 1.0 / right.len().max(1) as f64;
        for (triplet, &right) in embeddings.chunks_exact(3 * width).zip(right) {
            let [f, f0, f1] = [0, 1, 2].map(|at| doubled(&triplet[at * width..(at + 1) * width]));
            let y = if right { -1.0 } else { 1.0 };
            let (m, of_all) = self.value(&f, &f0, &f1);
            found.right += usize::from(y * m > 0.0);
            let short = margin - y * m;
            let factor = if short > 0.0 { -y * share } else { 0.0 };
            found.loss += short.max(0.0) * share;
            for slopes in of_all {
                found.slopes.extend(slopes.into_iter().map(|slope| (slope * factor) as f32));
            }
        }
        found
    }

    /// m and its derivatives with respect to the three embeddings.
    fn value(self, f: &[f64], f0: &[f64], f1: &[f64]) -> (f64, [Vec<f64>; 3]) {
        let minus = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>();
        match self {
            Self::Plane | Self::Margin => {
                let (p0, p1) = (unit(f0), unit(f1));
                let w = minus(&p0.0, &p1.0);
                let (of_f, of_w, m) = if self == Self::Plane {
                    let (u, n) = unit(&w);
                    let m = dot(f, &u);
                    let n = if n > 0.0 { 1.0 / n } else { 0.0 };
                    let of_w = f.iter().zip(&u).map(|(f, u)| (f - m * u) * n).collect();
                    (u, of_w, m)
                } else {
                    let p = unit(f);
                    let m = dot(&p.0, &w);
                    (through_unit(&p, &w), p.0, m)
                };
                let negative: Vec<f64> = of_w.iter().map(|x: &f64| -x).collect();
                (m, [of_f, through_unit(&p0, &of_w), through_unit(&p1, &negative)])
            }
            Self::Bisector => {
                let (u, n) = unit(&minus(f0, f1));
                let n = if n > 0.0 { 1.0 / n } else { 0.0 };
                let middle = f0.iter().zip(f1).map(|(a, b)| 0.5 * (a + b)).collect::<Vec<_>>();
                let from = minus(f, &middle);
                let m = dot(&from, &u);
                let of_w: Vec<f64> = from.iter().zip(&u).map(|(x, u)| (x - m * u) * n).collect();
                let of_f0 = of_w.iter().zip(&u).map(|(w, u)| w - 0.5 * u).collect();
                let of_f1 = of_w.iter().zip(&u).map(|(w, u)| -w - 0.5 * u).collect();
                (m, [u, of_f0, of_f1])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lookalike_deep::lipsim::Head;

    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut stream =
            crate::random::Stream::new(seed, crate::random::Purpose::Initialisation, 0);
        (0..count).map(|_| stream.symmetric(1.0)).collect()
    }

    fn differences_are_slopes(embeddings: &[f32], found: impl Fn(&[f32]) -> Found) {
        let slopes = found(embeddings).slopes;
        assert_eq!(slopes.len(), embeddings.len());
        for at in 0..embeddings.len() {
            let moved = |step: f32| {
                let mut moved = embeddings.to_vec();
                moved[at] += step;
                found(&moved).loss
            };
            let expected = (moved(1e-3) - moved(-1e-3)) / 2e-3;
            assert!(
                (f64::from(slopes[at]) - expected).abs() < 1e-3,
                "{at}: {} {expected}",
                slopes[at]
            );
        }
    }

    #[test]
    fn slopes_are_differences() {
        let embeddings = numbers(12 * 5, 1);
        let targets: Vec<f32> = numbers(12 * 5, 2);
        for kind in [Distillation::Direction, Distillation::Rmse] {
            differences_are_slopes(&embeddings, |x| kind.evaluate(x, &targets, 5));
        }
        for kind in [Hinge::Plane, Hinge::Bisector, Hinge::Margin] {
            let right = [true, false, true, true];
            differences_are_slopes(&embeddings, |x| kind.evaluate(x, &right, 5, 3.0));
            let nothing = kind.evaluate(&[0.0; 15], &[true], 5, 1.0);
            assert!(nothing.slopes.iter().all(|slope| slope.is_finite()));
        }
    }

    #[test]
    fn margins_are_those_of_the_heads() {
        let all = numbers(15, 3);
        let [f, f0, f1] = [0, 5, 10].map(|at| doubled(&all[at..at + 5]));
        let (found, _) = Hinge::Margin.value(&f, &f0, &f1);
        let expected = Head::Cosine.distance(&f, &f1) - Head::Cosine.distance(&f, &f0);
        assert!((found - expected).abs() < 1e-12);
        for (kind, head) in [(Hinge::Plane, Head::Cosine), (Hinge::Bisector, Head::Euclidean)] {
            let (found, _) = kind.value(&f, &f0, &f1);
            assert_eq!(found > 0.0, head.distance(&f, &f0) < head.distance(&f, &f1));
        }
        let right = [Head::Cosine.distance(&f, &f1) < Head::Cosine.distance(&f, &f0)];
        assert_eq!(Hinge::Plane.evaluate(&all, &right, 5, 1.0).right, 1);
        assert_eq!(Hinge::Plane.evaluate(&all, &[!right[0]], 5, 1.0).right, 0);
    }
}
