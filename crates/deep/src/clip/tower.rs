//! The tower with its parameters: pictures in, embeddings of length one out.

use lookalike_core::Picture;
pub use lookalike_nn::vision_transformer::Activation;
use lookalike_nn::vision_transformer::{Readout, Trace, VisionTransformer};
use lookalike_weights::Checkpoint;

use super::input::Input;
use super::names::Tensors;
use crate::Result;
use crate::embedding_metric::EmbeddingNetwork;
use crate::lipsim::Head;
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
        let features = self.features(&self.input.planes(picture, self.side())?)?;
        Ok(Head::Cosine.project(&features).0)
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
        self.pull_trace(&trace, upstream)
    }

    fn pull_trace(&self, trace: &Trace, upstream: &[f64]) -> Result<Vec<f64>> {
        let upstream: Vec<f32> = upstream.iter().map(|&slope| slope as f32).collect();
        let slopes = self.tower.pull(trace, Readout::Embedding, &upstream)?;
        let area = (slopes.len() / 3).max(1);
        let slopes = slopes.iter().enumerate();
        Ok(slopes.map(|(at, &g)| f64::from(g) / Scaling::CLIP.deviation[at / area]).collect())
    }
}

fn scaled(planes: &[f64]) -> Vec<f32> {
    let mut scaled = Vec::with_capacity(planes.len());
    Scaling::CLIP.apply(planes, &mut scaled);
    scaled
}

impl EmbeddingNetwork for Clip {
    fn planes(&self, picture: &Picture) -> Result<Vec<f64>> {
        self.input.planes(picture, self.side())
    }

    fn pull(&self, picture: &Picture, slopes: &[f64]) -> Result<Vec<f64>> {
        self.input.pull(picture, self.side(), slopes)
    }

    /// As the tower gives it: the distance divides by the lengths.
    fn embed(&self, planes: &[f64]) -> Result<Vec<f64>> {
        self.features(planes)
    }

    fn distance(&self, reference: &[f64], candidate: &[f64]) -> f64 {
        Head::Cosine.distance(reference, candidate)
    }

    fn gradient(&self, reference: &[f64], planes: &[f64]) -> Result<(f64, Vec<f64>)> {
        let (features, trace) = self.tower.trace(&scaled(planes), Readout::Embedding)?;
        let features: Vec<f64> = features.into_iter().map(f64::from).collect();
        let slopes = Head::Cosine.gradient(reference, &features);
        Ok((Head::Cosine.distance(reference, &features), self.pull_trace(&trace, &slopes)?))
    }
}
