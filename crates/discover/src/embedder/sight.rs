//! Our own network as an embedder ([`SightEmbedder`]): 128 numbers, with weights that are in the program.

use lookalike_core::Picture;
use lookalike_deep::SightEmbedder;

use super::{Embedder, display_coded};
use crate::store::Fingerprint;
use crate::{Error, Result};

/// `sight`.
pub struct Sight {
    network: SightEmbedder,
    fingerprint: Fingerprint,
}

impl Sight {
    /// With the weights of the program.
    ///
    /// # Errors
    /// Never in a complete build; those of reading weights are passed on.
    pub fn new() -> Result<Self> {
        let refused = |error: lookalike_deep::Error| Error::Embedder {
            id: "sight".to_owned(),
            reason: error.to_string(),
        };
        let network = SightEmbedder::new().map_err(refused)?;
        let fingerprint = Fingerprint {
            model: "sight".to_owned(),
            weights: network.weights().to_owned(),
            preprocessing: "96x96, bicubic; means of unit activations in 4x4 fields, whitened"
                .to_owned(),
            dimension: network.dimensions(),
        };
        Ok(Self { network, fingerprint })
    }
}

impl Embedder for Sight {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        display_coded(picture)?;
        let vectors = self.network.embed(&[picture]).map_err(|error| Error::Embedder {
            id: "sight".to_owned(),
            reason: format!("{}: {error}", picture.name()),
        })?;
        Ok(vectors.into_iter().next().unwrap_or_default())
    }
}
