//! The tower with its parameters: pictures in, embeddings of length one out.

use std::sync::Arc;

use lookalike_core::Picture;
use lookalike_nn::conv_next::{self, ConvNext};
pub use lookalike_nn::vision_transformer::Activation;
use lookalike_nn::vision_transformer::{Readout, Trace, VisionTransformer};
use lookalike_weights::Checkpoint;

use super::conv_next_names;
use super::input::Input;
use super::names::Tensors;
use crate::embedding_metric::EmbeddingNetwork;
use crate::lipsim::Head;
use crate::samples::Scaling;
use crate::{Error, Result};

/// CLIP's image tower.
#[derive(Clone, Debug)]
pub struct Clip {
    tower: Tower,
    input: Input,
}

/// What a tower is.
#[derive(Clone, Debug)]
enum Tower {
    Transformer(Box<VisionTransformer>),
    /// Of a size that is chosen: it reads any multiple of 32 pixels.
    ConvNext(Arc<ConvNext>, usize),
}

/// What the way back needs.
enum TowerTrace {
    Transformer(Trace),
    ConvNext(conv_next::Trace),
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
        let tower = Tower::Transformer(Box::new(VisionTransformer::new(architecture, &tensors)?));
        Ok(Self { tower, input })
    }

    /// A ConvNeXt in a file with OpenCLIP's names, on pictures of `side` pixels.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`Error::Weights`](crate::Error::Weights) unless the side is a multiple of 32.
    pub fn read_conv_next(file: Checkpoint, side: usize, input: Input) -> Result<Self> {
        if side == 0 || !side.is_multiple_of(32) {
            return Err(Error::Weights(format!(
                "a ConvNeXt reads sides that are multiples of 32, found {side}"
            )));
        }
        let network = Arc::new(conv_next_names::read(file)?);
        Ok(Self { tower: Tower::ConvNext(network, side), input })
    }

    /// Pixels of the pictures it reads, on each side.
    pub fn side(&self) -> usize {
        match &self.tower {
            Tower::Transformer(tower) => tower.architecture().side,
            Tower::ConvNext(_, side) => *side,
        }
    }

    /// Pixels of a patch, on each side: what becomes one of the last positions.
    pub fn patch(&self) -> usize {
        match &self.tower {
            Tower::Transformer(tower) => tower.architecture().patch,
            Tower::ConvNext(..) => 32,
        }
    }

    /// Features of a token, or channels of the last stage.
    pub fn width(&self) -> usize {
        match &self.tower {
            Tower::Transformer(tower) => tower.architecture().width,
            Tower::ConvNext(network, _) => network.architecture().widths[3],
        }
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
        let planes = scaled(planes)?;
        let features = match &self.tower {
            Tower::Transformer(tower) => tower.features(&planes, Readout::Embedding)?,
            Tower::ConvNext(network, _) => network.features(&planes)?,
        };
        Ok(features.into_iter().map(f64::from).collect())
    }

    /// The derivative with respect to planes in 0…1, given that with respect to the embedding as the tower
    /// gives it.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    pub fn pull_features(&self, planes: &[f64], upstream: &[f64]) -> Result<Vec<f64>> {
        let (_, trace) = self.trace(planes)?;
        self.pull_trace(&trace, upstream)
    }

    fn trace(&self, planes: &[f64]) -> Result<(Vec<f32>, TowerTrace)> {
        let planes = scaled(planes)?;
        Ok(match &self.tower {
            Tower::Transformer(tower) => {
                let (features, trace) = tower.trace(&planes, Readout::Embedding)?;
                (features, TowerTrace::Transformer(trace))
            }
            Tower::ConvNext(network, _) => {
                let (features, trace) = network.trace(&planes)?;
                (features, TowerTrace::ConvNext(trace))
            }
        })
    }

    fn pull_trace(&self, trace: &TowerTrace, upstream: &[f64]) -> Result<Vec<f64>> {
        let upstream: Vec<f32> = upstream.iter().map(|&slope| slope as f32).collect();
        let slopes = match (&self.tower, trace) {
            (Tower::Transformer(tower), TowerTrace::Transformer(trace)) => {
                tower.pull(trace, Readout::Embedding, &upstream)?
            }
            (Tower::ConvNext(network, _), TowerTrace::ConvNext(trace)) => {
                network.pull(trace, &upstream)?
            }
            _ => return Err(Error::Weights("the trace is of another tower".to_owned())),
        };
        let area = (slopes.len() / 3).max(1);
        let slopes = slopes.iter().enumerate();
        Ok(slopes.map(|(at, &g)| f64::from(g) / Scaling::CLIP.deviation[at / area]).collect())
    }
}

fn scaled(planes: &[f64]) -> Result<Vec<f32>> {
    let mut scaled = Vec::with_capacity(planes.len());
    Scaling::CLIP.apply(planes, &mut scaled)?;
    Ok(scaled)
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
        let (features, trace) = self.trace(planes)?;
        let features: Vec<f64> = features.into_iter().map(f64::from).collect();
        let slopes = Head::Cosine.gradient(reference, &features);
        Ok((Head::Cosine.distance(reference, &features), self.pull_trace(&trace, &slopes)?))
    }
}
