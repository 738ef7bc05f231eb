//! Distances between embeddings.
//!
//! * cosine: ½‖φ(a) − φ(b)‖² with φ = f/‖f‖, which is 1 − cos; LipSim as published;
//! * appended: the same of (f, 1), whose norm is never below 1 (the variant of its later code that is sound
//!   with the published certificate);
//! * Euclidean: ‖f(a) − f(b)‖, a pseudo-metric, which changes by no more than the network's constant times the
//!   change of the pictures.
//!
//! Choices: φ of an embedding of length 0 is 0, so that two of them are at distance 0 and one is at ½ from
//! every other; derivatives at such points, and of the Euclidean distance where it is 0, are taken as 0.

use std::str::FromStr;

/// What is made of two embeddings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Head {
    /// 1 − cos.
    #[default]
    Cosine,
    /// 1 − cos with a constant coordinate of 1.
    Appended,
    /// The Euclidean distance.
    Euclidean,
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Cosine, Self::Appended, Self::Euclidean];
        all.into_iter()
            .find(|head| head.as_str() == text)
            .ok_or_else(|| format!("head takes cosine, appended or euclidean, found '{text}'"))
    }
}

impl Head {
    /// Its name in ids.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Appended => "appended",
            Self::Euclidean => "euclidean",
        }
    }

    /// φ: the embedding, of unit length unless the head is Euclidean, with the constant where there is
    /// one; and its length before.
    pub fn project(self, embedding: &[f64]) -> (Vec<f64>, f64) {
        let mut projected = embedding.to_vec();
        if self == Self::Appended {
            projected.push(1.0);
        }
        let length = norm(&projected);
        if self != Self::Euclidean && length > 0.0 {
            projected.iter_mut().for_each(|value| *value /= length);
        }
        (projected, length)
    }

    /// The distance of two embeddings.
    pub fn distance(self, a: &[f64], b: &[f64]) -> f64 {
        let chord = chord(&self.project(a).0, &self.project(b).0);
        if self == Self::Euclidean { chord } else { 0.5 * chord * chord }
    }

    /// The derivative of the distance with respect to the second.
    pub fn gradient(self, a: &[f64], b: &[f64]) -> Vec<f64> {
        let ((a, _), (unit, length)) = (self.project(a), self.project(b));
        if self == Self::Euclidean {
            let distance = chord(&a, &unit);
            let share = if distance > 0.0 { 1.0 / distance } else { 0.0 };
            return unit.iter().zip(&a).map(|(b, a)| (b - a) * share).collect();
        }
        let share = if length > 0.0 { 1.0 / length } else { 0.0 };
        let cosine: f64 = a.iter().zip(&unit).map(|(a, b)| a * b).sum();
        let slopes = unit.iter().zip(&a).map(|(b, a)| (cosine * b - a) * share);
        slopes.take(b.len()).collect()
    }
}

pub(crate) fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn chord(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [Head; 3] = [Head::Cosine, Head::Appended, Head::Euclidean];

    #[test]
    fn distances_are_one_minus_the_cosine_or_the_chord() {
        let (a, b) = ([3.0, 4.0], [4.0, -3.0]);
        assert!((Head::Cosine.distance(&a, &b) - 1.0).abs() < 1e-15);
        assert!((Head::Appended.distance(&a, &b) - 25.0 / 26.0).abs() < 1e-15);
        assert!((Head::Euclidean.distance(&a, &b) - 50_f64.sqrt()).abs() < 1e-15);
        for head in HEADS {
            assert_eq!(head.distance(&a, &a), 0.0);
            assert_eq!(head.as_str().parse(), Ok(head));
            assert!(head.distance(&[0.0, 0.0], &[0.0, 0.0]) == 0.0);
        }
        assert_eq!(Head::Cosine.distance(&[0.0, 0.0], &a), 0.5);
        assert!("cos".parse::<Head>().is_err());
    }

    #[test]
    fn gradients_are_differences() {
        let (a, b) = ([0.3, -0.7, 1.1], [0.9, 0.2, -0.4]);
        for head in HEADS {
            let gradient = head.gradient(&a, &b);
            for i in 0..3 {
                let at = |step: f64| {
                    let mut moved = b;
                    moved[i] += step;
                    head.distance(&a, &moved)
                };
                let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!((slope - gradient[i]).abs() < 1e-8, "{head:?}: {slope} {}", gradient[i]);
            }
            let nothing = [0.0; 3];
            assert!(head.gradient(&nothing, &nothing).iter().all(|g| g.is_finite()));
        }
    }
}
