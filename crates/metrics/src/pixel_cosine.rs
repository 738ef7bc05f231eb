//! The cosine of two pictures as vectors: 1 − cos(x − ½, y − ½) over all samples of all channels on 0…1.
//!
//! A baseline for embeddings that are compared by their cosine: here the picture is its own embedding. Samples are
//! taken from the middle of the range, since those of any two pictures are all positive and hardly differ in
//! direction.
//!
//! Computed as ½‖x/‖x‖ − y/‖y‖‖², which keeps its digits where pictures hardly differ. The direction of a picture that
//! is ½ everywhere is 0, so that two of them are at distance 0 and one is at ½ from every other; a derivative at
//! such a picture is taken as 0. Derivative with respect to y: (cos·v − u)/‖y − ½‖ with the directions u and v.
//!
//! Reproduces an independent formula in double precision, 1e-9. Limits: no map.

use lookalike_core::{Direction, MetricCard, Picture, ValueRange, Want};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, channels};
use crate::plane::Plane;
use crate::registry::Definition;

struct PixelCosine;

/// A direction, plane by plane, and the length before.
struct Vector {
    planes: Vec<Plane>,
    length: f64,
}

impl Vector {
    fn of(picture: &Picture) -> Self {
        let planes: Vec<Plane> =
            channels(picture, 1.0).into_iter().map(|plane| plane.map(|x| x - 0.5)).collect();
        let squares = planes.iter().flat_map(|plane| &plane.data).map(|x| x * x);
        let length = squares.sum::<f64>().sqrt();
        let share = if length > 0.0 { 1.0 / length } else { 0.0 };
        Self { planes: planes.iter().map(|plane| plane.map(|x| x * share)).collect(), length }
    }

    fn pairs<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (f64, f64)> {
        let planes = self.planes.iter().zip(&other.planes);
        planes.flat_map(|(a, b)| a.data.iter().copied().zip(b.data.iter().copied()))
    }
}

impl ClosedForm for PixelCosine {
    type Features = Vector;

    fn features(&self, picture: &Picture) -> Result<Vector, Reason> {
        Ok(Vector::of(picture))
    }

    fn compare(&self, a: &Vector, b: &Vector, _want: Want) -> Result<Outcome, Reason> {
        let squares = a.pairs(b).map(|(a, b)| (a - b) * (a - b));
        // Rounding must not lead beyond the range.
        Ok(Outcome::of((0.5 * squares.sum::<f64>()).min(2.0)))
    }

    fn gradient(&self, a: &Vector, b: &Vector) -> Option<(f64, Vec<Plane>)> {
        let value = self.compare(a, b, Want::default()).ok()?.value;
        let cosine: f64 = a.pairs(b).map(|(a, b)| a * b).sum();
        let share = if b.length > 0.0 { 1.0 / b.length } else { 0.0 };
        let planes = a.planes.iter().zip(&b.planes);
        let slopes = planes.map(|(u, v)| u.zip(v, |u, v| (cosine * v - u) * share));
        Some((value, slopes.collect()))
    }
}

const CARD: MetricCard = MetricCard {
    id: "pixel-cosine",
    title: "Cosine of the samples",
    definition: "1 − cos(reference − 1/2, candidate − 1/2) over all samples in 0..1",
    source: "elementary",
    reproduces: "no other implementation; an independent formula in double precision, 1e-9",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: 2.0 },
    equal: 0.0,
    default_profile: true,
    gradient: true,
    blind_to: &["contrast about middle grey", "where an error lies and whether people see it"],
    notes: &[
        "a baseline for embeddings that are compared by their cosine; its decisions have certificates",
        "a picture that is 1/2 everywhere has no direction: 0 from its like, 1/2 from every other",
    ],
    ..MetricCard::BASE
};

pub(crate) const DEFINITIONS: &[Definition] =
    &[Definition { card: &CARD, build: |id, card| Ok(Registered::boxed(id, card, PixelCosine)) }];

#[cfg(test)]
mod tests {
    use lookalike_core::Channels;

    use crate::metric;

    use super::*;

    fn value(a: &Picture, b: &Picture) -> f64 {
        metric("pixel-cosine").unwrap().compare(a, b, Want::default()).unwrap().value
    }

    #[test]
    fn it_is_one_minus_the_cosine() {
        let picture =
            |samples: [f64; 4]| Picture::from_f64(2, 2, Channels::Grey, samples.to_vec()).unwrap();
        let (a, b) = ([0.1, 0.9, 0.4, 0.7], [0.8, 0.3, 0.5, 0.6]);
        let dot = |a: [f64; 4], b: [f64; 4]| -> f64 {
            a.iter().zip(b).map(|(a, b)| (a - 0.5) * (b - 0.5)).sum()
        };
        let expected = 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
        assert!((value(&picture(a), &picture(b)) - expected).abs() < 1e-12);
        assert_eq!(value(&picture(a), &picture(a)), 0.0);
        let (black, white) = (picture([0.0; 4]), picture([1.0; 4]));
        assert!((value(&black, &white) - 2.0).abs() < 1e-12);
        let grey = picture([0.5; 4]);
        assert_eq!((value(&grey, &grey), value(&grey, &white)), (0.0, 0.5));
        // More contrast about the middle changes no direction.
        assert!(value(&picture([0.4, 0.6, 0.5, 0.5]), &picture([0.3, 0.7, 0.5, 0.5])) < 1e-12);
    }

    #[test]
    fn derivatives_are_slopes_and_finite() {
        let samples = |seed: usize| -> Vec<f64> {
            (0..27).map(|i| ((i * 37 + seed * 11) % 29) as f64 / 28.0).collect()
        };
        let picture = |s: Vec<f64>| Picture::from_f64(3, 3, Channels::Rgb, s).unwrap();
        let (a, b) = (picture(samples(1)), samples(2));
        let metric = metric("pixel-cosine").unwrap();
        let gradient = metric.prepare(&a).unwrap().gradient(&picture(b.clone())).unwrap();
        for at in (0..27).filter(|&at| b[at] > 0.0 && b[at] < 1.0) {
            let moved = |step: f64| {
                let mut moved = b.clone();
                moved[at] += step;
                value(&a, &picture(moved))
            };
            let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            let found = gradient.samples[at % 3 * 9 + at / 3];
            assert!((slope - found).abs() < 1e-7, "{at}: {slope} {found}");
        }
        let grey = picture(vec![0.5; 27]);
        let none = metric.prepare(&a).unwrap().gradient(&grey).unwrap();
        assert!(none.samples.iter().all(|slope| *slope == 0.0));
    }
}
