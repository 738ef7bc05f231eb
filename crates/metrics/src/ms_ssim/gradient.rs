//! The derivative of MS-SSIM with respect to the candidate.
//!
//! With V = Π v_j^β_j, scale j hands β_j·V/v_j to its factor v_j; the factor's derivative at its
//! own scale is that of SSIM ([`crate::ssim`]) or of its contrast term alone, and travels to the
//! finer scales by the adjoint of the halving.
//!
//! Choices at singular points: where a factor is not positive, value and gradient are 0; where it
//! is below 1e-4 the quotient takes 1e-4 in its place, since v^(β − 1) grows without bound towards
//! 0. Values are not touched by that floor.

use rayon::prelude::*;

use super::{MultiScale, Negatives};
use crate::downsample::{Halving, halve_adjoint};
use crate::plane::Plane;
use crate::ssim::{Constants, Moments, Weights, pull_back};

/// Factors below this are replaced by it in the derivative of their power.
const SMALLEST_FACTOR: f64 = 1e-4;

impl MultiScale {
    /// Whether [`value_and_gradient`](Self::value_and_gradient) exists.
    pub fn has_gradient(&self) -> bool {
        self.window.has_adjoint()
            && self.window.border() == self.last_border
            && matches!(self.halving, Halving::EdgeRepeated | Halving::Floor)
    }

    /// The value of one channel and its derivative with respect to every sample of the candidate,
    /// from the [`pyramid`](Self::pyramid)s of both; `None` where
    /// [`has_gradient`](Self::has_gradient) says so.
    pub fn value_and_gradient(
        &self,
        reference: &[Plane],
        candidate: &[Plane],
    ) -> Option<(f64, Plane)> {
        if !self.has_gradient() {
            return None;
        }
        let scales: Vec<Scale> = (0..reference.len())
            .into_par_iter()
            .map(|j| Scale::new(self, &reference[j], &candidate[j], j + 1 == reference.len()))
            .collect();
        let factors: Vec<f64> = scales.iter().map(|scale| scale.factor).collect();
        let value = self.product(&factors);
        let shares = self.shares(&factors, value);
        if shares.iter().all(|&share| share == 0.0) {
            return Some((value, Plane::zeros(candidate[0].width, candidate[0].height)));
        }
        let gradients: Option<Vec<Plane>> = (0..scales.len())
            .into_par_iter()
            .map(|j| scales[j].pull_back(self, (&reference[j], &candidate[j]), shares[j]))
            .collect();
        let mut finer = gradients?;
        let mut sum = finer.pop()?;
        while let Some(gradient) = finer.pop() {
            let spread = halve_adjoint(&sum, gradient.width, gradient.height, self.halving);
            sum = gradient.zip(&spread, |own, coarser| own + coarser);
        }
        Some((value, sum))
    }

    /// The derivative of the product by each factor.
    pub(crate) fn shares(&self, factors: &[f64], value: f64) -> Vec<f64> {
        match self.negatives {
            Negatives::Zero if factors.iter().any(|&v| v <= 0.0) => vec![0.0; factors.len()],
            Negatives::Zero => self
                .exponents(factors.len())
                .iter()
                .zip(factors)
                .map(|(exponent, v)| exponent * value / v.max(SMALLEST_FACTOR))
                .collect(),
            Negatives::Kept => (0..factors.len())
                .map(|j| factors[..j].iter().chain(&factors[j + 1..]).product())
                .collect(),
        }
    }
}

/// One scale of a pair.
struct Scale {
    moments: Moments,
    /// Derivatives of the factor by l and cs of every position.
    weights: Weights,
    factor: f64,
}

impl Scale {
    fn new(definition: &MultiScale, reference: &Plane, candidate: &Plane, coarsest: bool) -> Self {
        let moments = Moments::of(reference, candidate, &definition.window);
        let maps = moments.dissimilarity(Constants::WANG);
        let share = 1.0 / maps.structure.data.len() as f64;
        let (factor, weights) = if coarsest {
            let weights = Weights {
                luminance: Some(maps.structure.map(|v| (1.0 - v) * share)),
                structure: maps.luminance.map(|v| (1.0 - v) * share),
            };
            (1.0 - maps.combined().mean(), weights)
        } else {
            let structure = maps.structure.map(|_| share);
            (1.0 - maps.structure.mean(), Weights { luminance: None, structure })
        };
        Self { moments, weights, factor }
    }

    fn pull_back(
        &self,
        definition: &MultiScale,
        pair: (&Plane, &Plane),
        share: f64,
    ) -> Option<Plane> {
        let window = &definition.window;
        let gradient = pull_back(pair, &self.moments, window, Constants::WANG, &self.weights)?;
        Some(gradient.map(|v| v * share))
    }
}
