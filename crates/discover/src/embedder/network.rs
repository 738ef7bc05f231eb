//! What a network sees, averaged over the picture ([`PooledTaps`]).
//!
//! Choices: the longer side is brought to 256 pixels, larger or smaller, keeping proportions, so that what is
//! seen does not depend on the resolution of the file; the shorter side is at least 32, or what the network
//! needs, whatever the proportions.

use lookalike_core::Picture;
use lookalike_deep::PooledTaps;

use super::{Embedder, resized};
use crate::store::Fingerprint;
use crate::{Error, Result};

const LONGER: usize = 256;
const SHORTEST: usize = 32;

/// A network as an embedder.
pub struct Network {
    taps: PooledTaps,
    fingerprint: Fingerprint,
}

impl Network {
    /// `lpips:alex`, `lpips:vgg` or `lpips:squeeze`; `None` for another id.
    ///
    /// # Errors
    /// [`Error::Embedder`] where its weights are not there.
    pub fn by_id(id: &str) -> Result<Option<Self>> {
        let refused = |error: lookalike_deep::Error| {
            let fetch = match &error {
                lookalike_deep::Error::Absent { name, .. } => {
                    format!("; 'lookalike weights fetch {name}' brings them")
                }
                _ => String::new(),
            };
            Error::Embedder { id: id.to_owned(), reason: format!("{error}{fetch}") }
        };
        let Some(taps) = PooledTaps::by_id(id).map_err(refused)? else { return Ok(None) };
        let fingerprint = Fingerprint {
            model: id.strip_suffix("@0.1").unwrap_or(id).to_owned(),
            weights: taps.weights().to_owned(),
            preprocessing: format!("longer side {LONGER}, bicubic; mean of unit activations"),
            dimension: taps.dimension(),
        };
        Ok(Some(Self { taps, fingerprint }))
    }
}

impl Embedder for Network {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        let (width, height) = (picture.width(), picture.height());
        let least = SHORTEST.max(self.taps.minimum_side());
        let side = |side: usize| {
            let scaled = LONGER as f64 * side as f64 / width.max(height) as f64;
            (scaled.round() as usize).max(least)
        };
        let picture = resized(picture, side(width), side(height))?;
        self.taps.embed(&picture).map_err(|error| Error::Embedder {
            id: self.fingerprint.model.clone(),
            reason: format!("{}: {error}", picture.name()),
        })
    }
}
