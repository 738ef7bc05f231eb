//! The networks that the VSD benchmark starts from, with its preprocessing: DINO's transformer, ResNet-50, BEiT and
//! DenseNet-161, which it calls Argus.
//!
//! All see the whole picture at their own size (224 × 224) whatever its proportions, brought there by Pillow's
//! bilinear filter in 8 bits and scaled by ImageNet's mean and deviation, for BEiT to −1…1. `dino:s8` gives the token
//! of the class after the last normalisation, `resnet50@logits` the 1000 numbers before the softmax of the classifier,
//! which is what the benchmark's baseline compares, `beit:b16` the normalised mean of the tokens of patches, `argus`
//! the mean over positions of what stands before the classifier.
//!
//! Source: Barkan et al., ICCV 2023, and its released evaluator, described, not copied; Caron et al., "Emerging
//! Properties in Self-Supervised Vision Transformers", ICCV 2021; He et al., CVPR 2016; Bao et al., "BEiT", ICLR 2022;
//! Huang et al., "Densely Connected Convolutional Networks", CVPR 2017.
//!
//! Choices: any transformer in DINO's or BEiT's layout and any DenseNet is read, its size being that of its tensors;
//! the classifier's sums are taken in double precision.
//!
//! Reproduces embeddings of a picture of 8 bits, resized and scaled as the benchmark does, by small networks of timm
//! 1.0.31 (BEiT) and torchvision 0.29.2 (DenseNet) within 1e-5 of the largest number.
//!
//! Limits: published weights were not at hand, so nothing here is compared with embeddings of theirs; samples of more
//! than 8 bits are rounded to 8.

mod beit;
mod dense;

use lookalike_core::{Channels, Picture, PillowFilter};
use lookalike_nn::dense_net::DenseNet;
use lookalike_nn::vision_transformer::{Readout, VisionTransformer};
use lookalike_nn::{Backbone, Compute, Parameters, Planes, Trunk};
use lookalike_weights::Checkpoint;

use crate::dreamsim::{Branch, transformer};
use crate::samples::Scaling;
use crate::taken::{Taken, tensors};
use crate::{Error, Result};

/// Pixels of what ResNet-50 and DenseNet read, on each side.
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
    Beit(Box<VisionTransformer>),
    DenseNet(Box<DenseNet>),
}

impl VsdBaseline {
    /// A vision transformer in DINO's layout.
    ///
    /// # Errors
    /// [`Error::Weights`] with the first tensor that is missing, misshapen or of no layer.
    pub fn dino(mut file: Checkpoint) -> Result<Self> {
        Compute::expect_kernels("DINO's transformer")?;
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
        let trunk = Trunk::placed(Backbone::ResNet50, &given);
        let trunk = trunk.map_err(|error| wrong(error.to_string()))?;
        if let Some(name) = given.left(|name| name.ends_with(".num_batches_tracked")) {
            return Err(wrong(format!("the tensor '{name}' belongs to no layer")));
        }
        Ok(Self { network: Network::ResNet { trunk: Box::new(trunk), classifier, bias }, weights })
    }

    /// A vision transformer in BEiT's layout.
    ///
    /// # Errors
    /// [`Error::Weights`] with the first tensor that is missing, misshapen or of no layer.
    pub fn beit(mut file: Checkpoint) -> Result<Self> {
        Compute::expect_kernels("BEiT")?;
        for prefix in ["module.", "beit."] {
            file.strip_prefix(prefix);
        }
        let weights = format!("file:{}", file.sha256());
        let network = beit::network(tensors(&mut file)?)?;
        Ok(Self { network: Network::Beit(Box::new(network)), weights })
    }

    /// A DenseNet, the benchmark's being DenseNet-161.
    ///
    /// # Errors
    /// [`Error::Weights`] with the first tensor that is missing, misshapen or of no layer.
    pub fn argus(mut file: Checkpoint) -> Result<Self> {
        Compute::expect_kernels("DenseNet")?;
        for prefix in ["module.", "backbone."] {
            file.strip_prefix(prefix);
        }
        let weights = format!("file:{}", file.sha256());
        let network = dense::network(tensors(&mut file)?)?;
        Ok(Self { network: Network::DenseNet(Box::new(network)), weights })
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
            Network::Beit(network) => network.architecture().features(Readout::Patches),
            Network::DenseNet(network) => network.architecture().features(),
        }
    }

    /// Pixels of the pictures that the network reads, on each side.
    pub fn side(&self) -> usize {
        match &self.network {
            Network::Dino(network) | Network::Beit(network) => network.architecture().side,
            Network::ResNet { .. } | Network::DenseNet(_) => SIDE,
        }
    }

    /// What codes in 0…1 are brought to.
    fn scaling(&self) -> Scaling {
        match &self.network {
            Network::Beit(_) => Scaling::HALVES,
            _ => Scaling::IMAGENET,
        }
    }

    /// What is done to a picture first, in words.
    pub fn preprocessing(&self) -> String {
        let side = self.side();
        let scale = match &self.network {
            Network::Beit(_) => "from -1 to 1",
            _ => "ImageNet's mean and deviation",
        };
        format!("{side}x{side}, Pillow bilinear in 8 bits; {scale}")
    }

    /// The embedding of a picture of any size.
    ///
    /// # Errors
    /// Those of the network.
    pub fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        let side = self.side();
        let input = input(picture, side, self.scaling())?;
        match &self.network {
            Network::Beit(network) => Ok(network.features(&input, Readout::Patches)?),
            Network::DenseNet(network) => {
                Ok(network.features(&Planes::new([1, 3, side, side], input)?)?)
            }
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
fn input(picture: &Picture, side: usize, scaling: Scaling) -> Result<Vec<f32>> {
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
    scaling.apply(&planes, &mut scaled)?;
    Ok(scaled)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use lookalike_weights::{Tensor, read_file};

    use super::*;

    #[test]
    fn inputs_are_those_of_pillow() {
        // By Pillow's bilinear filter, [0, 255, 0, 255] at half its length is [109, 146], its weights being 3/7, 3/7
        // and 1/7 at the ends.
        let codes = [0, 255, 0, 255].repeat(4);
        let picture = Picture::from_u8(4, 4, Channels::Grey, codes).unwrap();
        let planes = input(&picture, 2, Scaling::IMAGENET).unwrap();
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

    fn recorded(name: &str) -> (Checkpoint, Picture, Vec<f32>) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
        let mut values = read_file(&folder.join(format!("{name}_embedding.safetensors"))).unwrap();
        let picture = values.tensor("picture").unwrap();
        let [height, width, 3] = picture.shape[..] else { panic!("{:?}", picture.shape) };
        let codes = picture.to_f32().unwrap().into_iter().map(|code| code as u8).collect();
        let picture = Picture::from_u8(width, height, Channels::Rgb, codes).unwrap();
        let embedding = values.tensor("embedding").unwrap().to_f32().unwrap();
        (read_file(&folder.join(format!("{name}.safetensors"))).unwrap(), picture, embedding)
    }

    /// The greatest difference, in units of the largest number.
    fn error(found: &[f32], expected: &[f32]) -> f32 {
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(0.0_f32, |most, e| most.max(e.abs()));
        let off = found.iter().zip(expected).map(|(f, e)| (f - e).abs());
        off.fold(0.0, f32::max) / largest
    }

    #[test]
    fn embeddings_are_those_of_timm_and_torchvision() {
        for (name, read) in [
            ("beit", VsdBaseline::beit as fn(Checkpoint) -> Result<VsdBaseline>),
            ("dense_net", VsdBaseline::argus),
        ] {
            let (file, picture, expected) = recorded(name);
            let network = read(file).unwrap();
            let found = network.embed(&picture).unwrap();
            assert_eq!(found.len(), network.dimension());
            assert!(error(&found, &expected) < 1e-5, "{name}: {}", error(&found, &expected));
            let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            assert_eq!(one.install(|| network.embed(&picture)).unwrap(), found);
        }
    }

    #[test]
    fn other_names_of_the_same_tensors_are_known_and_strangers_refused() {
        let (mut file, picture, expected) = recorded("beit");
        let timm = tensors(&mut file).unwrap();
        let mut others: HashMap<String, Tensor> = HashMap::new();
        for (name, tensor) in &timm {
            for (name, tensor) in hugging_face(name, tensor) {
                others.insert(name, tensor);
            }
        }
        let network = beit::network(others).unwrap();
        let input = input(&picture, network.architecture().side, Scaling::HALVES).unwrap();
        let found = network.features(&input, Readout::Patches).unwrap();
        assert!(error(&found, &expected) < 2e-5, "{}", error(&found, &expected));

        let without = |all: &HashMap<String, Tensor>, name: &str| {
            let mut all = all.clone();
            assert!(all.remove(name).is_some());
            all
        };
        let message = beit::network(without(&timm, "fc_norm.bias")).unwrap_err().to_string();
        assert!(message.contains("norm.bias"), "{message}");
        let mut strange = timm.clone();
        strange.insert("stranger".to_owned(), timm["cls_token"].clone());
        let message = beit::network(strange).unwrap_err().to_string();
        assert!(message.contains("stranger"), "{message}");

        let (mut file, ..) = recorded("dense_net");
        let torchvision = tensors(&mut file).unwrap();
        // As published files have them.
        let older = torchvision.iter().map(|(name, tensor)| {
            let name = match name.contains(".denselayer") {
                true => name.replace("norm1", "norm.1").replace("conv2", "conv.2"),
                false => name.clone(),
            };
            (name, tensor.clone())
        });
        assert!(dense::network(older.collect()).is_ok());
        let name = "features.transition2.norm.running_var";
        let message = dense::network(without(&torchvision, name)).unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
        let mut strange = torchvision.clone();
        strange.insert("features.norm6.bias".to_owned(), torchvision["classifier.bias"].clone());
        let message = dense::network(strange).unwrap_err().to_string();
        assert!(message.contains("norm6"), "{message}");
    }

    /// A tensor of timm's as Hugging Face has it.
    fn hugging_face(name: &str, tensor: &Tensor) -> Vec<(String, Tensor)> {
        let parts = [
            ("cls_token", "embeddings.cls_token"),
            ("patch_embed.proj", "embeddings.patch_embeddings.projection"),
            ("fc_norm", "pooler.layernorm"),
            ("head", "classifier"),
            ("blocks.", "encoder.layer."),
            (".gamma_", ".lambda_"),
            (".attn.q_bias", ".attention.attention.query.bias"),
            (".attn.v_bias", ".attention.attention.value.bias"),
            (".attn.relative", ".attention.attention.relative_position_bias.relative"),
            (".attn.proj", ".attention.output.dense"),
            (".mlp.fc1", ".intermediate.dense"),
            (".mlp.fc2", ".output.dense"),
            (".norm1", ".layernorm_before"),
            (".norm2", ".layernorm_after"),
        ];
        let renamed = parts.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to));
        let Some(path) = renamed.strip_suffix(".attn.qkv.weight") else {
            return vec![(renamed, tensor.clone())];
        };
        let third = tensor.bytes.len() / 3;
        let shape = vec![tensor.shape[0] / 3, tensor.shape[1]];
        let part = |(part, bytes): (&str, &[u8])| {
            let name = format!("{path}.attention.attention.{part}.weight");
            let (shape, bytes) = (shape.clone(), bytes.to_vec());
            (name.clone(), Tensor { name, shape, dtype: tensor.dtype, bytes })
        };
        ["query", "key", "value"].into_iter().zip(tensor.bytes.chunks(third)).map(part).collect()
    }
}
