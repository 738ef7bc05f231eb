//! Which of two pictures is nearer: how far the embedding of the reference may move before that changes.
//!
//! **Cosine.** d₁ − d₀ = ⟨φ(x), φ₀ − φ₁⟩ = ⟨f(x), w⟩ / ‖f(x)‖ with w = φ₀ − φ₁, and a positive length changes no sign. So
//! the decision is on which side of the plane ⟨z, w⟩ = 0 the point z = f(x) lies, and its distance from there
//! is |⟨f(x), w⟩| / ‖w‖: the *plane radius*. No condition on ‖f‖.
//!
//! **Appended.** The same with (f, 1): the last coordinate does not move, so the plane is ⟨z, w'⟩ + w_last = 0
//! and the distance |⟨(f, 1), w⟩| / ‖w'‖, w' being w without its last.
//!
//! **Euclidean.** ‖z − f₁‖² − ‖z − f₀‖² = ⟨2z − f₀ − f₁, f₀ − f₁⟩, linear in z: the *bisector radius* is
//! |‖f − f₁‖² − ‖f − f₀‖²| / (2‖f₀ − f₁‖).
//!
//! **As published** ([`compat_radius`]): |d₀ − d₁| / ‖φ₀ − φ₁‖, which takes φ to be 1-Lipschitz. It is only where ‖f‖ ≥ 1
//! all over the ball; where ‖f‖ is less, decisions flip well inside. The plane radius is ‖f(x)‖ times as large.

use lookalike_deep::lipsim::Head;

use super::{dot, norm, subtract};

/// How far `reference` is from where the other of two is nearer: positive where `left` is nearer,
/// negative where `right` is. Infinite where no movement changes it.
pub fn distance_to_flip(head: Head, reference: &[f64], left: &[f64], right: &[f64]) -> f64 {
    let [left, right] = [left, right].map(|side| head.project(side).0);
    let w = subtract(&left, &right);
    let (margin, length) = match head {
        Head::Cosine => (dot(reference, &w), norm(&w)),
        Head::Appended => {
            let (last, moving) = w.split_last().map_or((0.0, &[][..]), |(last, w)| (*last, w));
            (dot(reference, moving) + last, norm(moving))
        }
        Head::Euclidean => {
            let to_middle: Vec<f64> = reference
                .iter()
                .zip(left.iter().zip(&right))
                .map(|(z, (a, b))| 2.0 * z - a - b)
                .collect();
            (dot(&to_middle, &w), 2.0 * norm(&w))
        }
    };
    // Equal candidates: nobody is nearer.
    if margin == 0.0 { 0.0 } else { margin / length }
}

/// The radius as published, for a constant of 1; `None` for the Euclidean head, which it is not about.
///
/// It fails where embeddings are short. Here the embedding is the picture itself, two samples of it, which
/// certainly stretches nothing:
///
/// ```
/// use lookalike_deep::lipsim::Head;
/// use lookalike_robust::certificate::{compat_radius, distance_to_flip};
/// let (left, right) = ([1.0, 0.0], [0.0, 1.0]);
/// let reference = [0.08, 0.06];
/// let published = compat_radius(Head::Cosine, &reference, &left, &right).unwrap();
/// let plane = distance_to_flip(Head::Cosine, &reference, &left, &right).abs();
/// assert!(published > 0.14 && plane < 0.0142);
/// // A change of 0.05 flips the decision, a third of what was said to be safe.
/// let changed = [0.04, 0.09];
/// let d = |side: &[f64]| Head::Cosine.distance(&changed, side);
/// assert!(d(&right) < d(&left));
/// ```
pub fn compat_radius(head: Head, reference: &[f64], left: &[f64], right: &[f64]) -> Option<f64> {
    if head == Head::Euclidean {
        return None;
    }
    let [d0, d1] = [left, right].map(|side| head.distance(reference, side));
    let [left, right] = [left, right].map(|side| head.project(side).0);
    let length = norm(&subtract(&left, &right));
    let margin = (d0 - d1).abs();
    Some(if margin == 0.0 { 0.0 } else { margin / length })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [Head; 3] = [Head::Cosine, Head::Appended, Head::Euclidean];

    fn numbers(seed: u64) -> Vec<f64> {
        (0..6).map(|i| ((seed * 31 + i * 17) * 2_654_435_761 % 1000) as f64 / 500.0 - 1.0).collect()
    }

    #[test]
    fn signs_are_decisions_and_distances_are_exact() {
        for head in HEADS {
            for seed in 0..50 {
                let [x, a, b] = [3 * seed, 3 * seed + 1, 3 * seed + 2].map(numbers);
                let found = distance_to_flip(head, &x, &a, &b);
                let nearer = |x: &[f64]| head.distance(x, &b) - head.distance(x, &a);
                assert_eq!(found > 0.0, nearer(&x) > 0.0, "{head:?} {seed}");
                let exchanged = distance_to_flip(head, &x, &b, &a);
                assert!((found + exchanged).abs() <= 1e-12 * found.abs());
                // No step below it changes the decision; the step straight at the plane does.
                for other in 0..20 {
                    let step = numbers(1000 + other);
                    let length = 0.999 * found.abs() / norm(&step);
                    let moved: Vec<f64> =
                        x.iter().zip(&step).map(|(x, s)| x + length * s).collect();
                    assert_eq!(nearer(&moved) > 0.0, found > 0.0);
                }
                let [left, right] = [&a, &b].map(|side| head.project(side).0);
                let normal = &subtract(&left, &right)[..6];
                let length = -1.001 * found / norm(normal);
                let moved: Vec<f64> = x.iter().zip(normal).map(|(x, n)| x + length * n).collect();
                assert_ne!(nearer(&moved) > 0.0, found > 0.0, "{head:?} {seed}");
            }
        }
    }

    #[test]
    fn the_plane_radius_is_the_published_one_times_the_norm() {
        let [x, a, b] = [1, 2, 3].map(numbers);
        let plane = distance_to_flip(Head::Cosine, &x, &a, &b).abs();
        let published = compat_radius(Head::Cosine, &x, &a, &b).unwrap();
        assert!((plane - norm(&x) * published).abs() < 1e-12);
        let twice: Vec<f64> = x.iter().map(|x| 2.0 * x).collect();
        let scaled: Vec<f64> = a.iter().map(|a| 7.0 * a).collect();
        let found = distance_to_flip(Head::Cosine, &twice, &scaled, &b).abs();
        assert!((found - 2.0 * plane).abs() < 1e-12);
        for head in HEADS {
            assert_eq!(distance_to_flip(head, &x, &a, &a), 0.0, "equal candidates");
        }
    }
}
