//! Networks that the VSD benchmark starts from, with its preprocessing ([`VsdBaseline`]): `dino:s8` and
//! `resnet50@logits`, where their weights are in the folder of weights.

use lookalike_core::Picture;
use lookalike_deep::VsdBaseline;
use lookalike_weights::read_file;

use super::{Embedder, display_coded, weights_file};
use crate::store::Fingerprint;
use crate::{Error, Result};

const DINO: &str = "dino:s8";
const RESNET: &str = "resnet50@logits";

/// A baseline as an embedder.
pub struct Baseline {
    network: VsdBaseline,
    fingerprint: Fingerprint,
}

impl Baseline {
    /// `dino:s8`, `dino:s8@FILE` or `resnet50@logits`; `None` for another id.
    ///
    /// # Errors
    /// [`Error::Embedder`] where its weights are not there or of another network.
    pub fn by_id(id: &str) -> Result<Option<Self>> {
        let refused = |reason: String| Error::Embedder { id: id.to_owned(), reason };
        let file = id.strip_prefix(DINO).and_then(|rest| rest.strip_prefix('@'));
        let path = match (id, file) {
            (_, Some(path)) => path.into(),
            (DINO, _) => weights_file(
                id,
                "or dino:s8@FILE; facebookresearch/dino publishes them as dino_deitsmall8_pretrain.pth, which \
                 'lookalike weights convert' makes a safetensors file of",
            )?,
            (RESNET, _) => weights_file(
                id,
                "torchvision publishes them as resnet50-11ad3fa6.pth (IMAGENET1K_V2), which 'lookalike weights \
                 convert' makes a safetensors file of; the classifier belongs to it",
            )?,
            _ => return Ok(None),
        };
        let file = read_file(&path).map_err(|error| refused(error.to_string()))?;
        let network = match id {
            RESNET => VsdBaseline::resnet50(file),
            _ => VsdBaseline::dino(file),
        };
        let network = network.map_err(|error| refused(error.to_string()))?;
        let side = network.side();
        let fingerprint = Fingerprint {
            model: id.to_owned(),
            weights: network.weights().to_owned(),
            preprocessing: format!(
                "{side}x{side}, Pillow bilinear in 8 bits; ImageNet's mean and deviation"
            ),
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

    /// What becomes of `dino:s8` with a file of such tensors.
    fn dino(shapes: &[(&str, &[usize])], prefix: &str) -> Result<Baseline> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dino.safetensors");
        let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
            .iter()
            .map(|(name, shape)| {
                let numbers = (0..shape.iter().product::<usize>())
                    .map(|i| ((i * 37 + name.len() * 11) as f32).sin() * 0.2);
                let bytes = numbers.flat_map(f32::to_le_bytes).collect();
                (format!("{prefix}{name}"), shape.to_vec(), bytes)
            })
            .collect();
        let views = bytes.iter().map(|(name, shape, bytes)| {
            (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        });
        serialize_to_file(views, None, &path).unwrap();
        Ok(Baseline::by_id(&format!("dino:s8@{}", path.display()))?.unwrap())
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
        assert!(Baseline::by_id("dino:b16").unwrap().is_none());
        assert!(Baseline::by_id("resnet50").unwrap().is_none());
    }
}
