//! The embeddings that learned metrics compare: `lipsim:mini`, which is in the program, and with weights that
//! others publish `clip:b32`, `dreamsim:ensemble` and the like.
//!
//! Pictures come to the network as the metric has it, which is as its paper has it unless options of the id say
//! otherwise: LipSim and DreamSim see the whole picture at the network's size whatever its proportions, CLIP its
//! middle square, the shorter side brought to the network's by Pillow's bicubic filter.
//!
//! Choices: an id without a file, such as `clip:b32`, takes the file of that name in the folder of weights, here
//! `clip-b32.safetensors`; `clip:b32@FILE` takes another. Limits: what such a file is, its SHA-256 in the
//! fingerprint says, and no list of published ones.

use lookalike_core::{Channels, Metric, Picture};

use super::{Embedder, display_coded, weights_file};
use crate::store::Fingerprint;
use crate::{Error, Result};

/// The metric that needs no file.
pub(super) const MINI: &str = "lipsim:mini";

/// Families whose metrics have embeddings, and where their weights are to be had.
const FAMILIES: [(&str, &str); 3] = [
    ("clip", "Hugging Face has them as model.safetensors, for b32 in openai/clip-vit-base-patch32"),
    (
        "dreamsim",
        "'lookalike weights convert FOLDER OUT.safetensors' makes one file of those that the Python \
         package dreamsim downloads",
    ),
    ("lipsim", "'lookalike train lipsim' makes some; those of the paper come as files of PyTorch"),
];

/// A metric's embedding as an embedder.
pub struct MetricEmbedder {
    metric: Box<dyn Metric>,
    fingerprint: Fingerprint,
}

impl MetricEmbedder {
    /// The embedder of a metric's id; `None` for metrics of other families.
    ///
    /// # Errors
    /// [`Error::Embedder`] where its weights are not there or not what the id says.
    pub fn by_id(id: &str) -> Result<Option<Self>> {
        let family = id.split([':', '@', '+']).next().unwrap_or_default();
        let Some((_, source)) = FAMILIES.iter().find(|(name, _)| *name == family) else {
            return Ok(None);
        };
        let refused = |reason: String| Error::Embedder { id: id.to_owned(), reason };
        let full = match id == MINI || id.contains('@') {
            true => id.to_owned(),
            false => {
                let (name, options) =
                    id.split_once('+').map_or((id, ""), |(name, rest)| (name, rest));
                let path = weights_file(name, &format!("or {name}@FILE; {source}"))?;
                let plus = if options.is_empty() { "" } else { "+" };
                format!("{name}@{}{plus}{options}", path.display())
            }
        };
        let metric = lookalike_deep::metric(&full).map_err(|error| refused(error.to_string()))?;
        let mut embedder = Self {
            fingerprint: Fingerprint {
                model: id.to_owned(),
                weights: metric.weights().unwrap_or_default().to_owned(),
                preprocessing: "that of the metric".to_owned(),
                dimension: 0,
            },
            metric,
        };
        // Nothing but an embedding says how long they are.
        let grey = Picture::from_u8(64, 64, Channels::Rgb, vec![128; 64 * 64 * 3])?;
        embedder.fingerprint.dimension = embedder.embed(&grey)?.len();
        Ok(Some(embedder))
    }
}

impl Embedder for MetricEmbedder {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        display_coded(picture)?;
        let refused = |reason: String| Error::Embedder {
            id: self.fingerprint.model.clone(),
            reason: format!("{}: {reason}", picture.name()),
        };
        let vector = self.metric.embedding(picture);
        let vector = vector.ok_or_else(|| refused("the metric has no embedding".to_owned()))?;
        let vector = vector.map_err(|error| refused(error.to_string()))?;
        Ok(vector.into_iter().map(|number| number as f32).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_are_not_there_are_named() {
        for id in ["clip:b32@nowhere.safetensors", "dreamsim:ensemble@nowhere.safetensors"] {
            let message = MetricEmbedder::by_id(id).err().unwrap().to_string();
            assert!(message.contains("nowhere.safetensors"), "{message}");
        }
        assert!(MetricEmbedder::by_id("clipper").unwrap().is_none());
        assert!(MetricEmbedder::by_id("ssim").unwrap().is_none());
    }

    #[test]
    fn the_embedding_is_that_of_the_metric() {
        let embedder = MetricEmbedder::by_id(MINI).unwrap().unwrap();
        let picture = lookalike_core::procedural::scene(4, 120, 90);
        let metric = lookalike_deep::metric(MINI).unwrap();
        let expected = metric.embedding(&picture).unwrap().unwrap();
        let found = embedder.embed(&picture).unwrap();
        assert_eq!(found.len(), embedder.fingerprint().dimension);
        assert!(found.iter().zip(expected).all(|(a, b)| *a == b as f32));
    }
}
