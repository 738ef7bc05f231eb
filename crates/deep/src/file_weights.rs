//! Weights of LPIPS from a file that a training run wrote, or anybody.
//!
//! A file is read strictly: every tensor of [`Specification`] `lpips-head-NET-0.1` (channel weights), or
//! of `lpips-NET-0.1` where it holds a network as well, and no other. Negative channel weights are
//! refused. Channel weights belong to the network they were learned on: where the file says which
//! ([`TRUNK`] in its header), the installed one must be that.

use std::path::Path;
use std::sync::Arc;

use lookalike_nn::{Parameters, Trunk};
use lookalike_weights::{Specification, Weights, read_file};

use crate::lpips::Net;
use crate::weights::WeightSource;
use crate::{Error, Result};

/// The key in the header of a file of channel weights that names the network they were learned on, as the
/// provenance of scores does: `alexnet:SHA-256`.
pub const TRUNK: &str = "lookalike.trunk";

/// An opened file.
pub(crate) struct FileWeights {
    weights: Weights,
    /// SHA-256 of the file.
    sha256: String,
    /// Whether the network is among its tensors.
    whole: bool,
    /// The network it was learned on, where the file says so.
    learned_on: Option<String>,
}

impl FileWeights {
    pub(crate) fn open(net: Net, path: &Path) -> Result<Self> {
        let refused = |error: lookalike_weights::Error| Error::Weights(error.to_string());
        let file = read_file(path).map_err(refused)?;
        let of_trunk = |name: &str| ["features.", "net."].iter().any(|p| name.contains(p));
        let whole = file.tensors().any(|(name, ..)| of_trunk(name));
        let learned_on = file.about().get(TRUNK).cloned();
        let sha256 = file.sha256().to_owned();
        let kind = if whole { "lpips" } else { "lpips-head" };
        let name = format!("{kind}-{}-0.1", net.as_str());
        let specification = Specification::of(&name).map_err(refused)?;
        let weights = file.into_weights(&specification).map_err(refused)?;
        Ok(Self { weights, sha256, whole, learned_on })
    }

    /// The network, of the file or of `source`, and what goes into the provenance of scores.
    pub(crate) fn trunk(self, net: Net, source: &dyn WeightSource) -> Result<(Arc<Trunk>, String)> {
        let own = format!("file:{}", self.sha256);
        if self.whole {
            let trunk = Trunk::placed(net.backbone(), self)?;
            return Ok((Arc::new(trunk), own));
        }
        let (trunk, provenance) = source.trunk(net.backbone())?;
        if let Some(learned_on) = self.learned_on
            && provenance.as_ref() != Some(&learned_on)
        {
            return Err(Error::Weights(format!(
                "its channel weights were learned on the network {learned_on}, found {}; install that \
                 one with `lookalike weights import FILE --as {}`, or train anew",
                provenance.as_deref().unwrap_or("another"),
                net.backbone().weights()
            )));
        }
        Ok((trunk, provenance.into_iter().chain([own]).collect::<Vec<_>>().join(" ")))
    }
}

impl Parameters for FileWeights {
    fn f32(&self, name: &str, shape: &[usize]) -> lookalike_nn::Result<Vec<f32>> {
        self.weights.f32(name, shape).map_err(|error| lookalike_nn::Error::Parameter {
            name: name.to_owned(),
            reason: error.to_string(),
        })
    }
}
