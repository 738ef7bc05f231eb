//! Two networks that the VSD benchmark starts from, with its preprocessing: DINO's transformer and ResNet-50.
//!
//! Both see the whole picture at their own size (224 × 224) whatever its proportions, brought there by Pillow's
//! bilinear filter in 8 bits and scaled by ImageNet's mean and deviation. `dino:s8` gives the token of the class
//! after the last normalisation, `resnet50@logits` the 1000 numbers before the softmax of the classifier, which is
//! what the benchmark's baseline compares.
//!
//! Source: Barkan et al., ICCV 2023, and its released evaluator, described, not copied; Caron et al., "Emerging
//! Properties in Self-Supervised Vision Transformers", ICCV 2021; He et al., CVPR 2016.
//!
//! Choices: any transformer in DINO's layout is read, its size being that of its positions; the classifier's sums are
//! taken in double precision. Limits: published weights were not at hand, so nothing here is compared with recorded
//! embeddings of theirs; samples of more than 8 bits are rounded to 8.

use lookalike_core::{Channels, Picture, PillowFilter};
use lookalike_nn::vision_transformer::{Readout, VisionTransformer};
use lookalike_nn::{Backbone, Packing, Parameters, Planes, Trunk};
use lookalike_weights::Checkpoint;

use crate::dreamsim::{Branch, transformer};
use crate::samples::Scaling;
use crate::taken::{Taken, tensors};
use crate::{Error, Result};

/// Pixels of what ResNet-50 reads, on each side.
const SIDE: usize = 224;
/// Classes of ImageNet.
const CLASSES: usize = 1000;
/// Channels behind the last stage of ResNet-50.
const CHANNELS: usize = 2048;

/// A network that the benchmark starts from.
pub struct VsdBaseline {
    network: Network,
    weights: String,
}

enum Network {
    Dino(Box<VisionTransformer>),
    ResNet { trunk: Box<Trunk>, classifier: Vec<f32>, bias: Vec<f32> },
}

impl VsdBaseline {
    /// A vision transformer in DINO's layout.
    ///
    /// # Errors
    /// [`Error::Weights`] with the first tensor that is missing, misshapen or of no layer.
    pub fn dino(mut file: Checkpoint) -> Result<Self> {
        for prefix in ["module.", "backbone."] {
            file.strip_prefix(prefix);
        }
        let weights = format!("file:{}", file.sha256());
        let mut tensors = tensors(&mut file)?;
        // Of training; the embedding is what stands before it.
        tensors.retain(|name, _| !name.starts_with("head."));
        let network = transformer(Branch::Dino, None, &tensors)?;
        Ok(Self { network: Network::Dino(Box::new(network)), weights })
    }

    /// ResNet-50 with its classifier, under torchvision's names.
    ///
    /// # Errors
    /// [`Error::Weights`] with the first tensor that is missing, misshapen or of no layer.
    pub fn resnet50(mut file: Checkpoint) -> Result<Self> {
        file.strip_prefix("module.");
        let weights = format!("file:{}", file.sha256());
        let (path, tensors) = (file.file().to_owned(), tensors(&mut file)?);
        let wrong = |reason: String| Error::Weights(format!("{path}: {reason}"));
        let given = Taken::of(&tensors);
        let number = |name: &str, shape: &[usize]| {
            given.f32(name, shape).map_err(|error| wrong(error.to_string()))
        };
        let classifier = number("fc.weight", &[CLASSES, CHANNELS])?;
        let bias = number("fc.bias", &[CLASSES])?;
        let packing = Packing::of_environment()?;
        let trunk = Trunk::with_packing(Backbone::ResNet50, &given, packing);
        let trunk = trunk.map_err(|error| wrong(error.to_string()))?;
        if let Some(name) = given.left(|name| name.ends_with(".num_batches_tracked")) {
            return Err(wrong(format!("the tensor '{name}' belongs to no layer")));
        }
        Ok(Self { network: Network::ResNet { trunk: Box::new(trunk), classifier, bias }, weights })
    }

    /// SHA-256 of the weights.
    pub fn weights(&self) -> &str {
        &self.weights
    }

    /// Numbers in an embedding.
    pub fn dimension(&self) -> usize {
        match &self.network {
            Network::Dino(network) => network.architecture().features(Readout::Embedding),
            Network::ResNet { bias, .. } => bias.len(),
        }
    }

    /// Pixels of the pictures that the network reads, on each side.
    pub fn side(&self) -> usize {
        match &self.network {
            Network::Dino(network) => network.architecture().side,
            Network::ResNet { .. } => SIDE,
        }
    }

    /// The embedding of a picture of any size.
    ///
    /// # Errors
    /// Those of the network.
    pub fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        let side = self.side();
        let input = input(picture, side);
        match &self.network {
            Network::Dino(network) => Ok(network.features(&input, Readout::Embedding)?),
            Network::ResNet { trunk, classifier, bias } => {
                let taps = trunk.taps(&Planes::new([1, 3, side, side], input)?)?;
                let Some(last) = taps.last() else { return Ok(Vec::new()) };
                let area = (last.height() * last.width()).max(1);
                let pooled: Vec<f64> = last
                    .data()
                    .chunks(area)
                    .map(|plane| plane.iter().copied().map(f64::from).sum::<f64>() / area as f64)
                    .collect();
                let rows = classifier.chunks(pooled.len().max(1)).zip(bias);
                let sum = |(row, bias): (&[f32], &f32)| {
                    let products = row.iter().zip(&pooled).map(|(w, x)| f64::from(*w) * x);
                    (f64::from(*bias) + products.sum::<f64>()) as f32
                };
                Ok(rows.map(sum).collect())
            }
        }
    }
}

/// Three scaled planes of a picture at the size of the network.
fn input(picture: &Picture, side: usize) -> Vec<f32> {
    let size = [picture.height(), picture.width(), 1];
    let mut planes = Vec::with_capacity(3 * side * side);
    for channel in 0..3 {
        // A grey picture gives its one channel three times.
        let channel = if picture.channels() == Channels::Grey { 0 } else { channel };
        let codes: Vec<u8> = picture
            .plane(channel, 255.0)
            .into_iter()
            .map(|code| code.round().clamp(0.0, 255.0) as u8)
            .collect();
        let resized = PillowFilter::Bilinear.resize_8_bits(&codes, size, [side; 2]);
        planes.extend(resized.into_iter().map(|code| f64::from(code) / 255.0));
    }
    let mut scaled = Vec::with_capacity(planes.len());
    Scaling::IMAGENET.apply(&planes, &mut scaled);
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_those_of_pillow() {
        // By Pillow's bilinear filter, [0, 255, 0, 255] at half its length is [109, 146], its weights being 3/7, 3/7
        // and 1/7 at the ends.
        let codes = [0, 255, 0, 255].repeat(4);
        let picture = Picture::from_u8(4, 4, Channels::Grey, codes).unwrap();
        let planes = input(&picture, 2);
        for (channel, plane) in planes.chunks(4).enumerate() {
            let code = |value: f32| {
                let (mean, deviation) =
                    (Scaling::IMAGENET.mean[channel], Scaling::IMAGENET.deviation[channel]);
                ((f64::from(value) * deviation + mean) * 255.0).round() as u8
            };
            let expected = [0.0, 1.0].map(|first: f64| {
                // Samples 0…2 of the first output, 1…3 of the second.
                let weights = [0.75, 0.75, 0.25];
                let weights = if first > 0.0 { [0.25, 0.75, 0.75] } else { weights };
                let values = if first > 0.0 { [255.0, 0.0, 255.0] } else { [0.0, 255.0, 0.0] };
                let sum: f64 = weights.iter().sum();
                (weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / sum).round() as u8
            });
            assert_eq!([code(plane[0]), code(plane[1])], expected);
        }
    }
}
