//! Where the features of a batch come from, so that one loop serves a frozen network and a trained one.

use super::cache::Cache;
use super::dropout::dropped;
use super::objective::Evaluation;
use crate::Result;
use crate::random::{Purpose, Stream};

/// Gives what the network says of triplets, and the derivative with respect to the network where it is
/// trained.
pub trait FeatureSource {
    /// The features of triplets by place: of the reference with the first and with the second picture. In
    /// training `step` is given, on which dropout depends; without it nothing is left out.
    ///
    /// # Errors
    /// What reading or computing gives.
    fn features(
        &mut self,
        parameters: &[f32],
        places: &[usize],
        step: Option<u64>,
    ) -> Result<Vec<[Vec<f32>; 2]>>;

    /// The derivatives of the loss with respect to the network's parameters, for the batch that
    /// [`features`](Self::features) gave last; as many as the layout has for the trunk.
    ///
    /// # Errors
    /// What computing gives.
    fn trunk_gradient(&mut self, parameters: &[f32], evaluation: &Evaluation) -> Result<Vec<f32>>;
}

/// A frozen network whose moments are known.
pub(crate) struct Frozen {
    pub(crate) cache: Cache,
    pub(crate) seed: u64,
    pub(crate) dropout: bool,
}

impl FeatureSource for Frozen {
    fn features(
        &mut self,
        _parameters: &[f32],
        places: &[usize],
        step: Option<u64>,
    ) -> Result<Vec<[Vec<f32>; 2]>> {
        let step = step.filter(|_| self.dropout);
        let mut stream = step.map(|step| Stream::new(self.seed, Purpose::Dropout, step));
        let mut all = Vec::with_capacity(places.len());
        for &place in places {
            all.push(self.cache.read(place)?.map(|side| {
                match &mut stream {
                    Some(stream) => side
                        .mean
                        .iter()
                        .zip(&side.spread)
                        .map(|(&mean, &spread)| dropped(stream, mean, spread))
                        .collect(),
                    None => side.mean,
                }
            }));
        }
        Ok(all)
    }

    fn trunk_gradient(
        &mut self,
        _parameters: &[f32],
        _evaluation: &Evaluation,
    ) -> Result<Vec<f32>> {
        Ok(Vec::new())
    }
}
