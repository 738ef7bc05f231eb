//! The tower with its parameters: pictures in, embeddings of length one out.

use lookalike_core::Picture;
pub use lookalike_nn::vision_transformer::Activation;
use lookalike_nn::vision_transformer::{Readout, VisionTransformer};
use lookalike_weights::Checkpoint;

use super::input::Input;
use super::names::Tensors;
use crate::Result;
use crate::embedding_metric::{EmbeddingNetwork, half_square};
use crate::samples::Scaling;

/// CLIP's image tower.
#[derive(Clone, Debug)]
pub struct Clip {
    tower: VisionTransformer,
    input: Input,
}

impl Clip {
    /// The tower in a file with OpenAI's or Hugging Face's names; `heads` where a head has not 64 features.
    ///
    /// # Errors
    /// [`Error::Weights`](crate::Error::Weights) with the first tensor that is missing, misshapen or of no
    /// tower.
    pub fn read(
        file: Checkpoint,
        heads: Option<usize>,
        activation: Activation,
        input: Input,
    ) -> Result<Self> {
        let tensors = Tensors::read(file)?;
        let architecture = tensors.architecture(heads, activation)?;
        tensors.all_in(architecture.depth)?;
        Ok(Self { tower: VisionTransformer::new(architecture, &tensors)?, input })
    }

    /// Pixels of the pictures it reads, on each side.
    pub fn side(&self) -> usize {
        self.tower.architecture().side
    }

    /// Pixels of a patch, on each side.
    pub fn patch(&self) -> usize {
        self.tower.architecture().patch
    }

    /// Features of a token.
    pub fn width(&self) -> usize {
        self.tower.architecture().width
    }

    /// The embedding of a picture of any size, of length one.
    ///
    /// # Errors
    /// As [`Input::planes`].
    pub fn embed(&self, picture: &Picture) -> Result<Vec<f64>> {
        self.embedding(&self.input.planes(picture, self.side())?)
    }

    /// The embedding as the tower gives it, of three planes of numbers in 0…1 of its size.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) for other numbers.
    pub fn features(&self, planes: &[f64]) -> Result<Vec<f64>> {
        let features = self.tower.features(&scaled(planes), Readout::Embedding)?;
        Ok(features.into_iter().map(f64::from).collect())
    }

    /// The derivative with respect to planes in 0…1, given that with respect to the embedding as the tower
    /// gives it.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    pub fn pull_features(&self, planes: &[f64], upstream: &[f64]) -> Result<Vec<f64>> {
        let (_, trace) = self.tower.trace(&scaled(planes), Readout::Embedding)?;
        let upstream: Vec<f32> = upstream.iter().map(|&slope| slope as f32).collect();
        let slopes = self.tower.pull(&trace, Readout::Embedding, &upstream)?;
        let area = (slopes.len() / 3).max(1);
        let slopes = slopes.iter().enumerate();
        Ok(slopes.map(|(at, &g)| f64::from(g) / Scaling::CLIP.deviation[at / area]).collect())
    }

    fn embedding(&self, planes: &[f64]) -> Result<Vec<f64>> {
        Ok(unit(&self.features(planes)?).0)
    }
}

fn scaled(planes: &[f64]) -> Vec<f32> {
    let mut scaled = Vec::with_capacity(planes.len());
    Scaling::CLIP.apply(planes, &mut scaled);
    scaled
}

/// The vector of length one, and the length before; zeros stay zeros.
fn unit(features: &[f64]) -> (Vec<f64>, f64) {
    let length = features.iter().map(|x| x * x).sum::<f64>().sqrt();
    let by = if length > 0.0 { length } else { 1.0 };
    (features.iter().map(|x| x / by).collect(), length)
}

impl EmbeddingNetwork for Clip {
    fn planes(&self, picture: &Picture) -> Result<Vec<f64>> {
        self.input.planes(picture, self.side())
    }

    fn pull(&self, picture: &Picture, slopes: &[f64]) -> Result<Vec<f64>> {
        self.input.pull(picture, self.side(), slopes)
    }

    fn embed(&self, planes: &[f64]) -> Result<Vec<f64>> {
        self.embedding(planes)
    }

    fn distance(&self, reference: &[f64], candidate: &[f64]) -> f64 {
        half_square(reference, candidate)
    }

    fn gradient(&self, reference: &[f64], planes: &[f64]) -> Result<(f64, Vec<f64>)> {
        let (embedding, length) = unit(&self.features(planes)?);
        let mut slopes = vec![0.0; embedding.len()];
        if length > 0.0 {
            let apart: Vec<f64> = embedding.iter().zip(reference).map(|(e, r)| e - r).collect();
            let along: f64 = apart.iter().zip(&embedding).map(|(a, e)| a * e).sum();
            for ((slope, apart), e) in slopes.iter_mut().zip(&apart).zip(&embedding) {
                *slope = (apart - along * e) / length;
            }
        }
        let value = half_square(reference, &embedding);
        Ok((value, self.pull_features(planes, &slopes)?))
    }
}
