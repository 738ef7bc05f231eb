//! Planes of mean 0 and variance 1, each by itself, and the derivatives.
//!
//! y = (x − μ)/√(σ² + ε) with mean μ and variance σ² of the plane, ε = 10⁻⁵; ∂x = (∂y − mean ∂y − y·mean(y·∂y))/√(σ² +
//! ε).
//!
//! Source: Ulyanov, Vedaldi and Lempitsky 2016 ("Instance Normalization"); what batch normalisation is for batches of
//! one picture, as Isola et al. 2017 have them (section 3.3).
//!
//! Choices: sums in double precision; no weights of its own, since every layer that reads the planes has some.

use rayon::prelude::*;

/// ε.
const EPSILON: f64 = 1e-5;

/// Planes that were normalised.
#[derive(Debug)]
pub(super) struct Normalised {
    area: usize,
    samples: Vec<f32>,
    /// 1/√(σ² + ε) of every plane.
    scales: Vec<f64>,
}

fn mean(numbers: impl Iterator<Item = f64>, count: usize) -> f64 {
    numbers.sum::<f64>() / count as f64
}

impl Normalised {
    /// Of planes of `area` samples, above 0.
    pub(super) fn new(mut samples: Vec<f32>, area: usize) -> Self {
        let scales = samples.par_chunks_mut(area).map(|plane| {
            let middle = mean(plane.iter().map(|&x| x.into()), area);
            let squares = plane.iter().map(|&x| (f64::from(x) - middle).powi(2));
            let scale = 1.0 / (mean(squares, area) + EPSILON).sqrt();
            plane.iter_mut().for_each(|x| *x = ((f64::from(*x) - middle) * scale) as f32);
            scale
        });
        let scales = scales.collect();
        Self { area, samples, scales }
    }

    /// The planes.
    pub(super) fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Derivatives with respect to what the planes were, given those with respect to what they are.
    pub(super) fn backward(&self, mut slopes: Vec<f32>) -> Vec<f32> {
        let planes = self.samples.par_chunks(self.area).zip(&self.scales);
        slopes.par_chunks_mut(self.area).zip(planes).for_each(|(slopes, (plane, scale))| {
            let middle = mean(slopes.iter().map(|&slope| slope.into()), self.area);
            let products = slopes.iter().zip(plane).map(|(&s, &y)| f64::from(s) * f64::from(y));
            let along = mean(products, self.area);
            for (slope, &y) in slopes.iter_mut().zip(plane) {
                *slope = (scale * (f64::from(*slope) - middle - f64::from(y) * along)) as f32;
            }
        });
        slopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_have_mean_0_and_variance_1() {
        let found = Normalised::new(vec![1.0, 2.0, 3.0, 6.0, -1.0, 1.0, -1.0, 1.0], 4);
        // A mean of 3 and a variance of 3.5; the other has both already.
        let exact = [-2.0, -1.0, 0.0, 3.0].map(|x: f64| x / 3.500_01_f64.sqrt());
        for (found, exact) in found.samples().iter().zip(exact) {
            assert!((f64::from(*found) - exact).abs() < 1e-7);
        }
        assert!(found.samples()[4..].iter().all(|y| (y.abs() - 1.0).abs() < 1e-5));
        // What is constant becomes 0.
        assert_eq!(Normalised::new(vec![0.7; 9], 9).samples(), [0.0; 9]);
    }

    #[test]
    fn derivatives_are_differences() {
        let planes = [0.3, -0.9, 1.4, 0.2, 5.0, 5.5, 4.0, 7.0_f32];
        let slopes = [0.5, -1.0, 0.25, 2.0, 1.0, 0.0, -0.5, 0.75_f32];
        let number = |planes: &[f64]| -> f64 {
            let both = planes.chunks(4).zip(slopes.chunks(4));
            let of_plane = |(plane, slopes): (&[f64], &[f32])| -> f64 {
                let middle = plane.iter().sum::<f64>() / 4.0;
                let variance = plane.iter().map(|x| (x - middle).powi(2)).sum::<f64>() / 4.0;
                let root = (variance + 1e-5).sqrt();
                plane.iter().zip(slopes).map(|(x, &s)| (x - middle) / root * f64::from(s)).sum()
            };
            both.map(of_plane).sum()
        };
        let found = Normalised::new(planes.to_vec(), 4).backward(slopes.to_vec());
        for (index, found) in found.iter().enumerate() {
            let at = |step: f64| {
                let mut moved = planes.map(f64::from);
                moved[index] += step;
                number(&moved)
            };
            let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{index}: {found} {expected}");
        }
    }
}
