//! Where learned metrics take their weights from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use lookalike_nn::{Backbone, Parameters, Precision, Seeded, Trunk};
use lookalike_weights::{Store, Weights};

use crate::{Error, Result};

/// Weights under a name.
pub struct Loaded {
    /// The numbers.
    pub parameters: Box<dyn Parameters>,
    /// What goes into the provenance of scores: the name and the hash, where there is one.
    pub provenance: Option<String>,
}

/// A place that gives weights by name: `alexnet`, `lpips-head-alex-0.1`.
pub trait WeightSource {
    /// Loads weights.
    ///
    /// # Errors
    /// [`Error::Absent`] when they are not there; [`Error::Weights`] when they cannot be used.
    fn load(&self, name: &str) -> Result<Loaded>;

    /// Loads a network in single precision, and what goes into the provenance of scores. A source that has networks of
    /// its own says so in [`trunk_in`](Self::trunk_in), which metrics call.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn trunk(&self, backbone: Backbone) -> Result<(Arc<Trunk>, Option<String>)> {
        self.trunk_in(backbone, Precision::Single)
    }

    /// The same in a precision.
    ///
    /// # Errors
    /// As [`load`](Self::load), and where this processor cannot compute in it.
    fn trunk_in(
        &self,
        backbone: Backbone,
        precision: Precision,
    ) -> Result<(Arc<Trunk>, Option<String>)> {
        let loaded = self.load(backbone.weights())?;
        let trunk = Trunk::placed_in(backbone, loaded.parameters, precision)?;
        Ok((Arc::new(trunk), loaded.provenance))
    }
}

/// The store of `lookalike weights`, in its default folder. Networks that are in use are shared.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoredWeights;

struct Stored(Weights);

impl Parameters for Stored {
    fn f32(&self, name: &str, shape: &[usize]) -> lookalike_nn::Result<Vec<f32>> {
        self.0.f32(name, shape).map_err(|error| refused(name, &error))
    }
}

/// Weights each tensor of which is asked for once, and given up then.
struct GivenUp(Mutex<Weights>);

impl Parameters for GivenUp {
    fn f32(&self, name: &str, shape: &[usize]) -> lookalike_nn::Result<Vec<f32>> {
        let mut weights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        weights.take_f32(name, shape).map_err(|error| refused(name, &error))
    }
}

fn refused(name: &str, error: &lookalike_weights::Error) -> lookalike_nn::Error {
    lookalike_nn::Error::Parameter { name: name.to_owned(), reason: error.to_string() }
}

/// Weights of the store, and what goes into the provenance of scores.
fn stored(name: &str) -> Result<(Weights, Option<String>)> {
    let store = Store::open_default().map_err(|error| Error::Weights(error.to_string()))?;
    let weights = store.load(name).map_err(|error| match error {
        lookalike_weights::Error::Absent { name, folder, .. } => Error::Absent { name, folder },
        other => Error::Weights(other.to_string()),
    })?;
    let provenance = Some(format!("{name}:{}", weights.sha256));
    Ok((weights, provenance))
}

impl WeightSource for StoredWeights {
    fn load(&self, name: &str) -> Result<Loaded> {
        let (weights, provenance) = stored(name)?;
        Ok(Loaded { parameters: Box::new(Stored(weights)), provenance })
    }

    fn trunk_in(
        &self,
        backbone: Backbone,
        precision: Precision,
    ) -> Result<(Arc<Trunk>, Option<String>)> {
        type Key = (PathBuf, &'static str, Precision);
        type Shared = (Weak<Trunk>, Option<String>);
        static SHARED: Mutex<BTreeMap<Key, Shared>> = Mutex::new(BTreeMap::new());
        let store = Store::open_default().map_err(|error| Error::Weights(error.to_string()))?;
        let key = (store.folder().to_owned(), backbone.name(), precision);
        // One at a time, so that two metrics on one network load it once.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((trunk, provenance)) = shared.get(&key)
            && let Some(trunk) = trunk.upgrade()
        {
            return Ok((trunk, provenance.clone()));
        }
        let (weights, provenance) = stored(backbone.weights())?;
        let weights = GivenUp(Mutex::new(weights));
        let trunk = Arc::new(Trunk::placed_in(backbone, weights, precision)?);
        shared.insert(key, (Arc::downgrade(&trunk), provenance.clone()));
        Ok((trunk, provenance))
    }
}

/// Reproducible random weights: what metrics give on networks that were never trained, and what tests
/// run on.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeededWeights;

impl WeightSource for SeededWeights {
    fn load(&self, name: &str) -> Result<Loaded> {
        // The streams of the networks of LPIPS are named after the metric's variants.
        let stream = match name {
            "alexnet" => "alex",
            "vgg16" => "vgg",
            "squeezenet1_1" => "squeeze",
            other => other,
        };
        Ok(Loaded {
            parameters: Box::new(Seeded::new(stream)),
            provenance: Some(format!("{name}:seeded")),
        })
    }
}
