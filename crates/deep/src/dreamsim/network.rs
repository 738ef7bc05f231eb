//! The embedding: that of every network, one after the other, without their mean and of length one.
//!
//! e = (v − mean v)/‖v − mean v‖, d(x, y) = 1 − cos(e(x), e(y)) = ½‖e(x) − e(y)‖².

use lookalike_nn::Compute;
use lookalike_nn::vision_transformer::{Trace, VisionTransformer};
use lookalike_weights::Checkpoint;
use rayon::prelude::*;

use super::branch::Branch;
use super::checkpoint;
use crate::lipsim::Head;
use crate::{Error, Result};

/// The networks of an ensemble, or a single one.
#[derive(Clone, Debug)]
pub struct Network {
    branches: Vec<(Branch, VisionTransformer)>,
    patches: bool,
}

impl Network {
    /// Networks in the order of their embeddings; `patches` says whether the tokens of patches are read as
    /// well.
    ///
    /// # Errors
    /// [`Error::Weights`] where there is none, or they read pictures of different sizes.
    pub fn new(branches: Vec<(Branch, VisionTransformer)>, patches: bool) -> Result<Self> {
        Compute::expect_kernels("DreamSim")?;
        let mut sides = branches.iter().map(|(_, network)| network.architecture().side);
        let first = sides.next();
        if first.is_none() || sides.any(|side| Some(side) != first) {
            return Err(Error::Weights(
                "an ensemble has networks that read pictures of one size".to_owned(),
            ));
        }
        Ok(Self { branches, patches })
    }

    /// The networks of a file in one piece, as [`one_piece`](super::one_piece) writes it.
    ///
    /// # Errors
    /// [`Error::Weights`] with the first tensor or line of the header that is not as it should be.
    pub fn read(file: Checkpoint) -> Result<Self> {
        checkpoint::network(file)
    }

    /// The embedding, of length one, of three planes of numbers in 0…1, of as many rows and columns as the
    /// networks read.
    ///
    /// # Errors
    /// [`Error::Network`] for other numbers.
    pub fn embedding(&self, planes: &[f64]) -> Result<Vec<f64>> {
        Ok(Head::Cosine.project(&centred(&self.features(planes)?)).0)
    }

    /// The networks' origins, in the order of their embeddings.
    pub fn branches(&self) -> Vec<Branch> {
        self.branches.iter().map(|(branch, _)| *branch).collect()
    }

    /// Whether the tokens of patches are read as well.
    pub fn reads_patches(&self) -> bool {
        self.patches
    }

    /// Pixels of a patch of each network, on each side.
    pub fn patch_sizes(&self) -> Vec<usize> {
        self.branches.iter().map(|(_, network)| network.architecture().patch).collect()
    }

    fn scaled(branch: Branch, planes: &[f64]) -> lookalike_nn::Result<Vec<f32>> {
        let mut scaled = Vec::with_capacity(planes.len());
        branch.scaling().apply(planes, &mut scaled)?;
        Ok(scaled)
    }

    /// The embeddings before anything is taken off, one after the other.
    ///
    /// # Errors
    /// As [`embedding`](Self::embedding).
    pub fn features(&self, planes: &[f64]) -> Result<Vec<f64>> {
        let features = self.branches.par_iter().map(|(branch, network)| {
            network.features(&Self::scaled(*branch, planes)?, branch.readout(self.patches))
        });
        let features: Vec<Vec<f32>> = features.collect::<lookalike_nn::Result<_>>()?;
        Ok(features.into_iter().flatten().map(f64::from).collect())
    }
}

/// Without its mean.
fn centred(features: &[f64]) -> Vec<f64> {
    let mean = features.iter().sum::<f64>() / features.len().max(1) as f64;
    features.iter().map(|x| x - mean).collect()
}

impl Network {
    /// Pixels of the pictures it reads, on each side.
    pub fn side(&self) -> usize {
        self.branches.first().map_or(0, |(_, network)| network.architecture().side)
    }

    /// The distance of planes from a picture with an embedding, and its derivative with respect to them.
    pub(super) fn gradient(&self, reference: &[f64], planes: &[f64]) -> Result<(f64, Vec<f64>)> {
        let traces = self.branches.par_iter().map(|(branch, network)| {
            network.trace(&Self::scaled(*branch, planes)?, branch.readout(self.patches))
        });
        let traces: Vec<(Vec<f32>, Trace)> = traces.collect::<lookalike_nn::Result<_>>()?;
        let features: Vec<f64> =
            traces.iter().flat_map(|(features, _)| features).map(|&x| f64::from(x)).collect();
        let centred = centred(&features);
        // What is constant has no slope, for the mean is taken off.
        let slopes = self::centred(&Head::Cosine.gradient(reference, &centred));
        let mut first = 0;
        let parts = self.branches.iter().zip(&traces).map(|((branch, network), (own, trace))| {
            let range = first..first + own.len();
            first = range.end;
            (*branch, network, trace, range)
        });
        let parts: Vec<_> = parts.collect();
        let pulled = parts.into_par_iter().map(|(branch, network, trace, range)| {
            let upstream: Vec<f32> = slopes[range].iter().map(|&slope| slope as f32).collect();
            let pulled = network.pull(trace, branch.readout(self.patches), &upstream)?;
            let area = (pulled.len() / 3).max(1);
            let deviation = branch.scaling().deviation;
            let scaled =
                pulled.iter().enumerate().map(|(at, &g)| f64::from(g) / deviation[at / area]);
            Ok(scaled.collect())
        });
        let pulled: Vec<Vec<f64>> = pulled.collect::<lookalike_nn::Result<_>>()?;
        let mut sum = vec![0.0; planes.len()];
        for part in &pulled {
            sum.iter_mut().zip(part).for_each(|(sum, slope)| *sum += slope);
        }
        Ok((Head::Cosine.distance(reference, &centred), sum))
    }
}
