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
    use super::*;

    #[test]
    fn weights_that_are_not_there_are_named() {
        let message = Baseline::by_id("dino:s8@nowhere.safetensors").err().unwrap().to_string();
        assert!(message.contains("nowhere.safetensors"), "{message}");
        assert!(Baseline::by_id("dino:b16").unwrap().is_none());
        assert!(Baseline::by_id("resnet50").unwrap().is_none());
    }
}
