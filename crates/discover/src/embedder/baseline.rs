//! Networks that the VSD benchmark starts from, with its preprocessing ([`VsdBaseline`]): `dino:s8`, `beit:b16`,
//! `argus` and `resnet50@logits`, where their weights are in the folder of weights.

use std::path::PathBuf;

use lookalike_core::Picture;
use lookalike_deep::VsdBaseline;
use lookalike_weights::{Checkpoint, read_file};

use super::{Embedder, display_coded, weights_file};
use crate::store::Fingerprint;
use crate::{Error, Result};

/// A preset: its id, who publishes weights and how they become a file, how the file is read, and whether another
/// file can be named.
struct Preset {
    id: &'static str,
    source: &'static str,
    read: fn(Checkpoint) -> lookalike_deep::Result<VsdBaseline>,
    any_file: bool,
}

const PRESETS: [Preset; 4] = [
    Preset {
        id: "dino:s8",
        source: "or dino:s8@FILE; facebookresearch/dino publishes them as dino_deitsmall8_pretrain.pth, which \
                 'lookalike weights convert' makes a safetensors file of",
        read: VsdBaseline::dino,
        any_file: true,
    },
    Preset {
        id: "beit:b16",
        source: "or beit:b16@FILE; Hugging Face has them as model.safetensors in \
                 microsoft/beit-base-patch16-224-pt22k-ft22k, and timm in its beit_base_patch16_224.in22k_ft_in22k",
        read: VsdBaseline::beit,
        any_file: true,
    },
    Preset {
        id: "argus",
        source: "or argus@FILE; the authors of the VSD benchmark publish theirs, and torchvision those of ImageNet as \
                 densenet161-8d451a50.pth, which 'lookalike weights convert' makes a safetensors file of",
        read: VsdBaseline::argus,
        any_file: true,
    },
    Preset {
        id: "resnet50@logits",
        source: "torchvision publishes them as resnet50-11ad3fa6.pth (IMAGENET1K_V2), which 'lookalike weights \
                 convert' makes a safetensors file of; the classifier belongs to it",
        read: VsdBaseline::resnet50,
        any_file: false,
    },
];

/// A baseline as an embedder.
pub struct Baseline {
    network: VsdBaseline,
    fingerprint: Fingerprint,
}

impl Baseline {
    /// `dino:s8`, `beit:b16`, `argus`, the same with `@FILE`, or `resnet50@logits`; `None` for another id.
    ///
    /// # Errors
    /// [`Error::Embedder`] where its weights are not there or of another network.
    pub fn by_id(id: &str) -> Result<Option<Self>> {
        let refused = |reason: String| Error::Embedder { id: id.to_owned(), reason };
        let file = |preset: &Preset| {
            let rest = id.strip_prefix(preset.id)?;
            rest.strip_prefix('@').filter(|_| preset.any_file).map(PathBuf::from)
        };
        let named = |preset: &&Preset| preset.id == id || file(preset).is_some();
        let Some(preset) = PRESETS.iter().find(named) else { return Ok(None) };
        let path = match file(preset) {
            Some(path) => path,
            None => weights_file(id, preset.source)?,
        };
        let file = read_file(&path).map_err(|error| refused(error.to_string()))?;
        let network = (preset.read)(file).map_err(|error| refused(error.to_string()))?;
        let fingerprint = Fingerprint {
            model: id.to_owned(),
            weights: network.weights().to_owned(),
            preprocessing: network.preprocessing(),
            dimension: network.dimension(),
        };
        Ok(Some(Self { network, fingerprint }))
    }
}

impl Embedder for Baseline {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        display_coded(picture)?;
        self.network.embed(picture).map_err(|error| Error::Embedder {
            id: self.fingerprint.model.clone(),
            reason: format!("{}: {error}", picture.name()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lookalike_core::procedural::scene;
    use safetensors::tensor::TensorView;
    use safetensors::{Dtype, serialize_to_file};

    use super::*;

    /// One block of 64 features on 32 × 32 pixels in patches of 8, under DINO's names.
    const DINO_SHAPES: [(&str, &[usize]); 18] = [
        ("cls_token", &[1, 1, 64]),
        ("pos_embed", &[1, 17, 64]),
        ("patch_embed.proj.weight", &[64, 3, 8, 8]),
        ("patch_embed.proj.bias", &[64]),
        ("blocks.0.norm1.weight", &[64]),
        ("blocks.0.norm1.bias", &[64]),
        ("blocks.0.attn.qkv.weight", &[192, 64]),
        ("blocks.0.attn.qkv.bias", &[192]),
        ("blocks.0.attn.proj.weight", &[64, 64]),
        ("blocks.0.attn.proj.bias", &[64]),
        ("blocks.0.norm2.weight", &[64]),
        ("blocks.0.norm2.bias", &[64]),
        ("blocks.0.mlp.fc1.weight", &[256, 64]),
        ("blocks.0.mlp.fc1.bias", &[256]),
        ("blocks.0.mlp.fc2.weight", &[64, 256]),
        ("blocks.0.mlp.fc2.bias", &[64]),
        ("norm.weight", &[64]),
        ("norm.bias", &[64]),
    ];

    /// Tensors of given shapes as a file; `fill` gives the numbers of a name.
    fn written(path: &Path, shapes: &[(String, Vec<usize>)], fill: impl Fn(&str, usize) -> f32) {
        let bytes: Vec<Vec<u8>> = shapes
            .iter()
            .map(|(name, shape)| {
                let numbers = (0..shape.iter().product::<usize>()).map(|i| fill(name, i));
                numbers.flat_map(f32::to_le_bytes).collect()
            })
            .collect();
        let views = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| {
            (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        });
        serialize_to_file(views, None, path).unwrap();
    }

    /// What becomes of `dino:s8` with a file of such tensors.
    fn dino(shapes: &[(&str, &[usize])], prefix: &str) -> Result<Baseline> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dino.safetensors");
        let shapes: Vec<(String, Vec<usize>)> = shapes
            .iter()
            .map(|(name, shape)| (format!("{prefix}{name}"), shape.to_vec()))
            .collect();
        let wave =
            |name: &str, i: usize| ((i * 37 + (name.len() - prefix.len()) * 11) as f32).sin() * 0.2;
        written(&path, &shapes, wave);
        Ok(Baseline::by_id(&format!("dino:s8@{}", path.display()))?.unwrap())
    }

    /// Names and shapes of torchvision's ResNet-50.
    fn resnet50() -> Vec<(String, Vec<usize>)> {
        let mut shapes = Vec::new();
        let mut layer = |convolution: String, norm: String, shape: [usize; 4]| {
            shapes.push((format!("{convolution}.weight"), shape.to_vec()));
            for part in ["weight", "bias", "running_mean", "running_var"] {
                shapes.push((format!("{norm}.{part}"), vec![shape[0]]));
            }
        };
        layer("conv1".into(), "bn1".into(), [64, 3, 7, 7]);
        let mut input = 64;
        for (stage, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
            let width = 64 << stage;
            for block in 0..blocks {
                let at = format!("layer{}.{block}", stage + 1);
                for (part, shape) in [
                    (1, [width, input, 1, 1]),
                    (2, [width, width, 3, 3]),
                    (3, [4 * width, width, 1, 1]),
                ] {
                    layer(format!("{at}.conv{part}"), format!("{at}.bn{part}"), shape);
                }
                if block == 0 {
                    let shape = [4 * width, input, 1, 1];
                    layer(format!("{at}.downsample.0"), format!("{at}.downsample.1"), shape);
                }
                input = 4 * width;
            }
        }
        shapes.push(("fc.weight".to_owned(), vec![1000, 2048]));
        shapes.push(("fc.bias".to_owned(), vec![1000]));
        shapes
    }

    #[test]
    fn logits_are_the_classifiers_of_the_mean_over_positions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resnet50.safetensors");
        // Nothing passes a convolution; the last normalisation adds one: so all channels are one everywhere.
        let fill = |name: &str, i: usize| match name {
            "fc.weight" => (i / 2048) as f32 / 2048.0,
            "fc.bias" => 0.5,
            "layer4.2.bn3.bias" => 1.0,
            _ if name.ends_with("running_var") => 1.0,
            _ => 0.0,
        };
        written(&path, &resnet50(), fill);
        let network = VsdBaseline::resnet50(read_file(&path).unwrap()).unwrap();
        let logits = network.embed(&scene(1, 50, 40)).unwrap();
        assert_eq!((logits.len(), network.dimension(), network.side()), (1000, 1000, 224));
        for (class, logit) in logits.iter().enumerate() {
            assert!((logit - class as f32 - 0.5).abs() < 1e-2, "{class} {logit}");
        }
        let without: Vec<_> =
            resnet50().into_iter().filter(|(name, _)| !name.starts_with("fc")).collect();
        written(&path, &without, |_, _| 0.0);
        let message = VsdBaseline::resnet50(read_file(&path).unwrap()).err().unwrap().to_string();
        assert!(message.contains("fc.weight"), "{message}");
    }

    #[test]
    fn dinos_layout_is_read_strictly_and_pictures_of_any_size_are_embedded() {
        let network = dino(&DINO_SHAPES, "").unwrap();
        assert_eq!(network.fingerprint().dimension, 64);
        assert!(network.fingerprint().preprocessing.starts_with("32x32, Pillow bilinear"));
        let vector = |network: &Baseline, seed| network.embed(&scene(seed, 90, 60)).unwrap();
        let first = vector(&network, 1);
        assert!(first.len() == 64 && first.iter().all(|number| number.is_finite()));
        assert_ne!(first, vector(&network, 2));
        // Checkpoints of training have names that begin so.
        assert_eq!(vector(&dino(&DINO_SHAPES, "module.backbone.").unwrap(), 1), first);
        let with = [&DINO_SHAPES[..], &[("stranger", &[1])]].concat();
        let message = dino(&with, "").err().unwrap().to_string();
        assert!(message.contains("stranger"), "{message}");
        let message = dino(&DINO_SHAPES[..17], "").err().unwrap().to_string();
        assert!(message.contains("norm.bias"), "{message}");
    }

    #[test]
    fn weights_that_are_not_there_are_named() {
        let message = Baseline::by_id("dino:s8@nowhere.safetensors").err().unwrap().to_string();
        assert!(message.contains("nowhere.safetensors"), "{message}");
        for id in ["beit:b16", "argus"] {
            let message = Baseline::by_id(&format!("{id}@nowhere")).err().unwrap().to_string();
            assert!(message.contains("nowhere"), "{message}");
        }
        assert!(Baseline::by_id("beit:l16").unwrap().is_none());
        assert!(Baseline::by_id("resnet50@logits@x").unwrap().is_none());
        assert!(Baseline::by_id("dino:b16").unwrap().is_none());
        assert!(Baseline::by_id("resnet50").unwrap().is_none());
    }
}
