//! Between which values a distance can lie when pictures change, and whether a decision withstands changes of
//! all three pictures.
//!
//! **Cosine.** A vector of length R that moves by at most m < R turns by at most θ = asin(m/R): the tangent from
//! the origin to the ball around it. With α the angle of two embeddings before, that after is within
//! α ± (θ_x + θ_y), cut off at 0 and π, and d = 1 − cos is monotone there. For m ≥ R nothing is known. The appended
//! head is the same with (f, 1), whose movements are those of f.
//!
//! **Euclidean.** |d' − d| ≤ m_x + m_y by the triangle inequality.
//!
//! **Three pictures.** Angles α₀, α₁ from the reference to both: left stays nearer where
//! α₀ + θ_r + θ₀ < α₁ − θ_r − θ₁, that is 2θ_r + θ₀ + θ₁ < α₁ − α₀; for the Euclidean head the same with
//! distances and movements.
//!
//! Angles are taken as 2 atan2(‖a − b‖, ‖a + b‖), which keeps small ones.

use std::f64::consts::PI;

use lookalike_deep::lipsim::Head;

use super::angle;

/// Values that a distance stays between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// No smaller.
    pub low: f64,
    /// No larger.
    pub high: f64,
}

/// An embedding and how far it may move.
type Moving<'a> = (&'a [f64], f64);

/// The distance of two embeddings that may each move.
pub fn value_interval(head: Head, a: Moving<'_>, b: Moving<'_>) -> Interval {
    if head == Head::Euclidean {
        let (distance, moved) = (head.distance(a.0, b.0), a.1 + b.1);
        return outward((distance - moved).max(0.0), distance + moved);
    }
    let Some(turned) = turn(head, a).zip(turn(head, b)).map(|(a, b)| a + b) else {
        return Interval { low: 0.0, high: 2.0 };
    };
    let angle = angle(&head.project(a.0).0, &head.project(b.0).0);
    let of = |angle: f64| 2.0 * (angle / 2.0).sin().powi(2);
    let Interval { low, high } =
        outward(of((angle - turned).max(0.0)), of((angle + turned).min(PI)));
    Interval { low, high: high.min(2.0) }
}

/// Whether the nearer of two stays so when the reference and both may move.
pub fn jointly_stable(
    head: Head,
    reference: Moving<'_>,
    left: Moving<'_>,
    right: Moving<'_>,
) -> bool {
    let parts = match head {
        Head::Euclidean => {
            let distance = |side: Moving<'_>| head.distance(reference.0, side.0);
            let moved = 2.0 * reference.1 + left.1 + right.1;
            Some((moved, distance(left) - distance(right)))
        }
        _ => turn(head, reference).zip(turn(head, left)).zip(turn(head, right)).map(
            |((reference_turn, left_turn), right_turn)| {
                let from = head.project(reference.0).0;
                let of = |side: Moving<'_>| angle(&from, &head.project(side.0).0);
                (2.0 * reference_turn + left_turn + right_turn, of(left) - of(right))
            },
        ),
    };
    parts.is_some_and(|(moved, apart)| moved * (1.0 + 1e-12) + 1e-15 < apart.abs())
}

/// The most that a vector turns; `None` where it may reach the origin.
fn turn(head: Head, (vector, moved): Moving<'_>) -> Option<f64> {
    let (_, length) = head.project(vector);
    (moved < length).then(|| (moved / length).asin())
}

fn outward(low: f64, high: f64) -> Interval {
    Interval { low: (low * (1.0 - 1e-12) - 1e-15).max(0.0), high: high * (1.0 + 1e-12) + 1e-15 }
}

#[cfg(test)]
mod tests {
    use super::super::norm;
    use super::*;

    fn numbers(seed: u64) -> Vec<f64> {
        (0..5).map(|i| ((seed * 37 + i * 19) * 2_654_435_761 % 1000) as f64 / 500.0 - 1.0).collect()
    }

    #[test]
    fn values_stay_between_and_the_bounds_are_reached() {
        for head in [Head::Cosine, Head::Appended, Head::Euclidean] {
            let (mut lowest, mut highest) = (f64::INFINITY, 0.0_f64);
            let [a, b] = [1, 2].map(numbers);
            let found = value_interval(head, (&a, 0.2), (&b, 0.1));
            for seed in 0..4000 {
                let moved = |x: &[f64], by: f64, seed: u64| -> Vec<f64> {
                    let step = numbers(seed);
                    let share = by / norm(&step);
                    x.iter().zip(&step).map(|(x, s)| x + share * s).collect()
                };
                let value =
                    head.distance(&moved(&a, 0.2, 7 + seed), &moved(&b, 0.1, 70_000 + seed));
                assert!((found.low..=found.high).contains(&value), "{head:?} {value} {found:?}");
                (lowest, highest) = (lowest.min(value), highest.max(value));
            }
            let width = found.high - found.low;
            assert!(highest - lowest > 0.4 * width, "{head:?}: {lowest} {highest} {found:?}");
        }
    }

    #[test]
    fn beyond_the_origin_nothing_is_known() {
        let a = [0.3, 0.0];
        let whole = Interval { low: 0.0, high: 2.0 };
        assert_eq!(value_interval(Head::Cosine, (&a, 0.3), (&a, 0.0)), whole);
        let own = value_interval(Head::Cosine, (&a, 0.15), (&a, 0.0));
        assert!((own.high - (1.0 - 0.75_f64.sqrt())).abs() < 1e-9 && own.low == 0.0, "{own:?}");
        assert!(!jointly_stable(Head::Cosine, (&a, 0.4), (&a, 0.0), (&[0.0, 1.0], 0.0)));
        assert!(jointly_stable(Head::Cosine, (&a, 0.01), (&a, 0.01), (&[0.0, 1.0], 0.01)));
    }
}
