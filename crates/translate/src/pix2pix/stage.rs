//! A stage of the generator: planes that may be normalised, and a row of layers that reads them.

use std::ops::Range;

use lookalike_train::network::{self, Network};

use super::normalisation::Normalised;
use crate::Result;

/// A network at its place among the parameters.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) network: Network,
    pub(super) place: Range<usize>,
    /// Numbers of a picture from the stage before, and from the skip.
    pub(super) reads: [usize; 2],
    /// Whether planes are brought to mean 0 and variance 1 before the network reads them.
    pub(super) normalises: bool,
}

/// What a stage leaves for the way back.
pub(super) struct StageTrace {
    normalised: Option<Normalised>,
    network: network::Trace,
}

impl StageTrace {
    /// What the stage gave.
    pub(super) fn output(&self) -> &[f32] {
        self.network.output()
    }
}

impl Stage {
    /// # Errors
    /// Those of [`Network::trace`].
    pub(super) fn trace(&self, parameters: &[f32], input: &[f32]) -> Result<StageTrace> {
        let [_, height, width] = self.network.input();
        let normalised = self.normalises.then(|| Normalised::new(input.to_vec(), height * width));
        let input = normalised.as_ref().map_or(input, Normalised::samples);
        let network = self.network.trace(&parameters[self.place.clone()], input)?;
        Ok(StageTrace { normalised, network })
    }

    /// Derivatives with respect to what is read, where they are `wanted`; those with respect to the stage's parameters
    /// go to their place in `gradient`.
    ///
    /// # Errors
    /// Those of [`Network::backward`].
    pub(super) fn backward(
        &self,
        parameters: &[f32],
        trace: &StageTrace,
        upstream: Vec<f32>,
        gradient: &mut [f32],
        wanted: bool,
    ) -> Result<Option<Vec<f32>>> {
        let (own, gradient) = (&parameters[self.place.clone()], &mut gradient[self.place.clone()]);
        let found = self.network.backward(own, &trace.network, upstream, gradient, wanted)?;
        Ok(match &trace.normalised {
            Some(normalised) => found.map(|slopes| normalised.backward(slopes)),
            None => found,
        })
    }
}
