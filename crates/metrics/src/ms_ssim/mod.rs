//! MS-SSIM, structural similarity over several scales.
//!
//! Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment",
//! Asilomar 2003, equation 7: with cs the contrast-structure factor of SSIM and l its luminance
//! factor, scale 1 the picture and each further scale half as large,
//!
//! MS-SSIM = Π_{j<M} mean(cs_j)^β_j · mean(l_M·cs_M)^β_M,
//! β = (.0448, .2856, .3001, .2363, .1333), M = 5.
//!
//! The paper writes the last scale as mean(l)·mean(cs); its authors' code and every library take
//! the mean of the product, and so do we. The weights sum to 1.0001 and are used as printed,
//! except where fewer scales are used.
//!
//! A factor may be negative (inverted pictures), and a fractional power of it is not a real
//! number: the value is 0 then, as in piq, torchmetrics and pytorch-msssim; the authors' code goes
//! on with complex numbers.
//!
//! Implementations differ in how odd sizes are halved, in whether channels are averaged before or
//! after the powers, in the border of the last scale, and in what they do with small pictures;
//! each combination is a profile. Samples in double precision are computed in f64 as written here,
//! all others by vector kernels in f32 within 1e-6, mirrored borders excepted. Meets piq 0.8.0,
//! torchmetrics 1.9 and pytorch-msssim 1.0.0 (with an exact window) to 1e-9 (5e-6 in f32) under
//! their profiles, and the authors' code to 1e-5, which is how it rounds luma.

mod gradient;
mod metric;
mod profiles;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::downsample::{Halving, halve};
use crate::filter::Border;
use crate::plane::Plane;
use crate::ssim::{Constants, Dissimilarity, Window, dissimilarity};

pub(crate) use metric::{Features, MsSsim};
pub(crate) use profiles::DEFINITIONS;

/// Exponents of the five scales as printed (Wang et al. 2003); they sum to 1.0001.
pub const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// How many scales are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scales {
    /// Five; smaller pictures are refused.
    Five,
    /// As many as leave the coarsest scale at least as long as the window, at most five.
    Fitting,
}

/// The exponents of the factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exponents {
    /// [`WEIGHTS`], as printed.
    Printed,
    /// The first M of [`WEIGHTS`], divided by their sum.
    Renormalised,
    /// All 1.
    Unit,
}

/// What becomes of factors that are not positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negatives {
    /// The value is 0 and so is the gradient.
    Zero,
    /// They are multiplied like any other; only for [`Exponents::Unit`].
    Kept,
}

/// When channels are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelMean {
    /// Each channel has its product; the value is their mean.
    OfProducts,
    /// Each factor is averaged over channels; the value is one product.
    OfFactors,
}

/// Every choice on which implementations of MS-SSIM differ.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiScale {
    /// The window of all scales, and the border of all but the last.
    pub window: Window,
    /// The border of the last scale.
    pub last_border: Border,
    /// How a scale follows from the one before.
    pub halving: Halving,
    /// How many scales there are.
    pub scales: Scales,
    /// The exponents of the factors.
    pub exponents: Exponents,
    /// What becomes of factors that are not positive.
    pub negatives: Negatives,
    /// When channels are averaged.
    pub channel_mean: ChannelMean,
}

impl MultiScale {
    /// The authors' definition: five scales, halving with the edge repeated, weights as printed.
    pub fn wang(window: Window) -> Self {
        Self {
            last_border: window.border(),
            window,
            halving: Halving::EdgeRepeated,
            scales: Scales::Five,
            exponents: Exponents::Printed,
            negatives: Negatives::Zero,
            channel_mean: ChannelMean::OfProducts,
        }
    }

    /// For pictures of any size from the window on: as many scales as fit, halving without the odd
    /// last sample, weights renormalised.
    pub fn small(window: Window) -> Self {
        Self {
            halving: Halving::Floor,
            scales: Scales::Fitting,
            exponents: Exponents::Renormalised,
            ..Self::wang(window)
        }
    }

    /// Number of scales of a picture with this shorter side.
    pub fn scale_count(&self, shorter_side: usize) -> usize {
        match self.scales {
            Scales::Five => WEIGHTS.len(),
            Scales::Fitting => {
                let fits = |count: &usize| shorter_side >> (count - 1) >= self.window.length();
                (1..=WEIGHTS.len()).rev().find(fits).unwrap_or(1)
            }
        }
    }

    /// Shortest side on which every scale has a position to look at.
    pub fn minimum_side(&self) -> usize {
        let coarsest = self.window.minimum_side();
        match (self.scales, self.halving) {
            (Scales::Fitting, _) => coarsest,
            (Scales::Five, Halving::Floor) => 16 * coarsest,
            // All others round up at each of four halvings.
            (Scales::Five, _) => 16 * (coarsest - 1) + 1,
        }
    }

    /// The plane at all its scales, the finest first.
    pub fn pyramid(&self, plane: Plane) -> Vec<Plane> {
        let count = self.scale_count(plane.shorter_side());
        let mut scales = vec![plane];
        for finer in 1..count {
            scales.push(halve(&scales[finer - 1], self.halving));
        }
        scales
    }

    /// The exponents of `count` scales, the finest first.
    pub fn exponents(&self, count: usize) -> Vec<f64> {
        let printed = &WEIGHTS[..count];
        match self.exponents {
            Exponents::Printed => printed.to_vec(),
            Exponents::Unit => vec![1.0; count],
            Exponents::Renormalised => {
                let sum: f64 = printed.iter().sum();
                printed.iter().map(|weight| weight / sum).collect()
            }
        }
    }

    /// The factors of all scales of two pyramids of one shape.
    pub fn factors(&self, reference: &[Plane], candidate: &[Plane]) -> Factors {
        let last = reference.len() - 1;
        let maps = |scale: usize, window: &Window| -> Dissimilarity {
            dissimilarity(&reference[scale], &candidate[scale], window, Constants::WANG)
        };
        let contrast: Vec<f64> = (0..=last)
            .into_par_iter()
            .map(|scale| 1.0 - maps(scale, &self.window).structure.mean())
            .collect();
        let coarsest = maps(last, &self.window.clone().with_border(self.last_border));
        Factors {
            contrast,
            luminance: 1.0 - coarsest.luminance.mean(),
            coarsest: 1.0 - coarsest.combined().mean(),
        }
    }

    /// The product of factors to their exponents.
    pub fn product(&self, factors: &[f64]) -> f64 {
        let powers = factors.iter().zip(self.exponents(factors.len()));
        match self.negatives {
            Negatives::Zero => powers.map(|(v, exponent)| v.max(0.0).powf(exponent)).product(),
            Negatives::Kept => factors.iter().product(),
        }
    }
}

/// What MS-SSIM is made of, for one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// mean(cs) of every scale, the finest first.
    pub contrast: Vec<f64>,
    /// mean(l) of the coarsest scale; not a factor by itself.
    pub luminance: f64,
    /// mean(l·cs) of the coarsest scale.
    pub coarsest: f64,
}

impl Factors {
    /// mean(cs) of every scale but the coarsest, then mean(l·cs) of the coarsest.
    pub fn values(&self) -> Vec<f64> {
        let mut values = self.contrast.clone();
        if let Some(last) = values.last_mut() {
            *last = self.coarsest;
        }
        values
    }
}
