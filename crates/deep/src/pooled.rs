//! One vector for a picture, from the activations that a metric compares place by place.
//!
//! At each tap the activations of a position are divided by their length over the channels, as in
//! [`Lpips`](crate::Lpips), averaged over the positions, and weighted by √w of the metric's channel weights;
//! the taps stand one after the other. The squared distance of two such vectors is Σ w·(mean difference)²: the
//! metric without regard to where things are, so it does not depend on alignment, and pictures need not have
//! one size.
//!
//! Choices: 1e-10 is added to lengths, as in the metric; a position without activation counts as zeros.
//! Pictures are scaled as version 0.1 has it.
//!
//! Limits: the mean of what no negative number is in has a large part that all pictures share, so cosines lie
//! close together; their order is what counts. The whole picture goes through the network at once: bring it to
//! a few hundred pixels first.

use std::sync::Arc;

use lookalike_core::Picture;
use lookalike_nn::{LANES, PictureBlocks, Trunk};

use crate::Result;
use crate::lpips::{Head, Net, Version, network_input};
use crate::weights::{StoredWeights, WeightSource};

/// What is added to lengths.
const EPSILON: f64 = 1e-10;

/// A network that makes one vector of a picture.
#[derive(Clone, Debug)]
pub struct PooledTaps {
    trunk: Arc<Trunk>,
    /// Roots of the weights of the channels at every tap.
    roots: Vec<Vec<f64>>,
    weights: String,
}

impl PooledTaps {
    /// A network of LPIPS with its learned channel weights, from a store of weights.
    ///
    /// # Errors
    /// When weights are not there.
    pub fn lpips(net: Net, source: &dyn WeightSource) -> Result<Self> {
        let (trunk, of_trunk) = source.trunk(net.backbone())?;
        let loaded = source.load(&format!("lpips-head-{}-0.1", net.as_str()))?;
        let head = Head::load(net, loaded.parameters.as_ref())?;
        let weights: Vec<String> = of_trunk.into_iter().chain(loaded.provenance).collect();
        Ok(Self::new(net, trunk, &head, weights.join(" ")))
    }

    /// `lpips:alex`, `lpips:vgg`, `lpips:squeeze` with weights from the default store; `None` for another id.
    ///
    /// # Errors
    /// As [`lpips`](Self::lpips).
    pub fn by_id(id: &str) -> Result<Option<Self>> {
        let variant =
            id.strip_prefix("lpips:").map(|name| name.strip_suffix("@0.1").unwrap_or(name));
        let net = Net::ALL.into_iter().find(|net| Some(net.as_str()) == variant);
        net.map(|net| Self::lpips(net, &StoredWeights)).transpose()
    }

    fn new(net: Net, trunk: Arc<Trunk>, head: &Head, weights: String) -> Self {
        Self { trunk, roots: roots(head.of_taps(net)), weights }
    }

    /// Numbers in a vector: channels of all taps.
    pub fn dimension(&self) -> usize {
        self.roots.iter().map(Vec::len).sum()
    }

    /// The shortest side of a picture that it reads.
    pub fn minimum_side(&self) -> usize {
        self.trunk.minimum_side()
    }

    /// Names and hashes of its weights.
    pub fn weights(&self) -> &str {
        &self.weights
    }

    /// The vector of a picture, not normalised.
    ///
    /// # Errors
    /// When the picture is too small for the network.
    pub fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        let input = network_input(Version::V0_1, &[picture])?;
        let mut vector = Vec::with_capacity(self.dimension());
        self.trunk.visit(&input, |tap, blocks| {
            if let (Some(picture), Some(roots)) = (blocks.picture(0), self.roots.get(tap)) {
                pool(&picture, roots, 1, &mut vector);
            }
        })?;
        Ok(vector.into_iter().map(|x| x as f32).collect())
    }
}

/// √w of the channels of every tap.
pub(crate) fn roots(weights: impl IntoIterator<Item = Vec<f32>>) -> Vec<Vec<f64>> {
    let root = |weight: f32| f64::from(weight).sqrt();
    weights.into_iter().map(|tap| tap.into_iter().map(root).collect()).collect()
}

/// Appends √w·mean û of every channel for every field of a `grid` × `grid` cut of a picture's activations, field
/// after field; û are activations divided by their length over the channels.
pub(crate) fn pool(picture: &PictureBlocks<'_>, roots: &[f64], grid: usize, to: &mut Vec<f64>) {
    let [_, height, width] = picture.shape();
    let area = picture.area();
    let blocks = || picture.lines().chunks_exact(area.max(1));
    let mut squares = vec![0.0_f64; area];
    for block in blocks() {
        for (square, line) in squares.iter_mut().zip(block) {
            *square += line.0.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>();
        }
    }
    let shares: Vec<f64> = squares.iter().map(|square| 1.0 / (square.sqrt() + EPSILON)).collect();
    for field in 0..grid * grid {
        let [top, left] = [field / grid, field % grid];
        let rows = top * height / grid..((top + 1) * height).div_ceil(grid);
        let columns = left * width / grid..((left + 1) * width).div_ceil(grid);
        let count = (rows.len() * columns.len()).max(1) as f64;
        for (block, roots) in blocks().zip(roots.chunks(LANES)) {
            let mut sums = [0.0_f64; LANES];
            for row in rows.clone() {
                let places = row * width + columns.start..row * width + columns.end;
                for (line, share) in block[places.clone()].iter().zip(&shares[places]) {
                    for (sum, &value) in sums.iter_mut().zip(&line.0) {
                        *sum += f64::from(value) * share;
                    }
                }
            }
            to.extend(roots.iter().zip(sums).map(|(root, sum)| root * sum / count));
        }
    }
}

#[cfg(test)]
mod tests {
    use lookalike_core::procedural::{Distortion, scene};

    use super::*;
    use crate::SeededWeights;

    #[test]
    fn vectors_are_those_of_the_definition() {
        let pooled = PooledTaps::lpips(Net::Squeeze, &SeededWeights).unwrap();
        let picture = scene(3, 70, 50);
        let found = pooled.embed(&picture).unwrap();
        let input = network_input(Version::V0_1, &[&picture]).unwrap();
        let mut expected = Vec::new();
        for (tap, roots) in pooled.trunk.taps(&input).unwrap().iter().zip(&pooled.roots) {
            let area = tap.height() * tap.width();
            let planes: Vec<&[f32]> = tap.data().chunks(area).collect();
            let length = |p: usize| {
                planes.iter().map(|plane| f64::from(plane[p]).powi(2)).sum::<f64>().sqrt() + EPSILON
            };
            for (plane, root) in planes.iter().zip(roots) {
                let mean: f64 = (0..area).map(|p| f64::from(plane[p]) / length(p)).sum();
                expected.push(root * mean / area as f64);
            }
        }
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_little_noise_is_nearer_than_another_scene() {
        let pooled = PooledTaps::lpips(Net::Squeeze, &SeededWeights).unwrap();
        let a = scene(1, 96, 80);
        let noisy = Distortion::Noise.apply(&a, 0.1, 1).unwrap();
        let vectors = [&a, &noisy, &scene(2, 80, 96)].map(|picture| pooled.embed(picture).unwrap());
        let distance = |i: usize| -> f32 {
            vectors[0].iter().zip(&vectors[i]).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        assert!(distance(1) < distance(2));
        assert!(PooledTaps::by_id("ssim").unwrap().is_none());
    }
}
