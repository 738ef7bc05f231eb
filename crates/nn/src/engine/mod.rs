//! Networks on a tensor engine: any device that it has, and the oracle of the processor's kernels.

mod run;

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use lookalike_kernels::Blocks;

use self::run::{Tensors, download, run, upload};
use crate::filters::Filters;
use crate::layer::Layer;
use crate::{Error, Planes, Result};

/// A network whose parameters are tensors on a device. They are constants.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    layers: Vec<Layer<Tensors>>,
    device: Device,
}

impl Engine {
    pub(crate) fn new(filters: &[Layer<Arc<Filters>>], device: &Device) -> Self {
        let load = |filters: &Arc<Filters>| Tensors::new(filters, device);
        let layers = filters.iter().map(|layer| layer.map(&load)).collect();
        Self { layers, device: device.clone() }
    }

    /// Activations at the taps.
    pub(crate) fn activations(&self, input: &Planes) -> Result<Vec<Blocks>> {
        let taps = self.tap_tensors(upload(input, &self.device));
        taps.into_iter().map(|tap| download(tap)?.to_blocks()).collect()
    }

    /// The same on tensors, differentiable with respect to the input where it is tracked.
    pub(crate) fn tap_tensors(&self, input: Tensor<4>) -> Vec<Tensor<4>> {
        let mut taps = Vec::new();
        // What follows the last tap is nothing, so the output itself is not needed.
        drop(run(&self.layers, input, &mut taps));
        taps
    }

    /// The derivative of a number with respect to the input, of its derivatives with respect to the
    /// taps.
    pub(crate) fn gradient<E: From<Error>>(
        &self,
        input: &Planes,
        outer: impl FnOnce(&[&Blocks]) -> Result<Vec<Blocks>, E>,
    ) -> Result<Planes, E> {
        let device = self.device.clone().autodiff();
        let x = upload(input, &device).require_grad();
        let taps = self.tap_tensors(x.clone());
        let values: Vec<Blocks> = taps
            .iter()
            .map(|tap| download(tap.clone().inner())?.to_blocks())
            .collect::<Result<_, _>>()?;
        let derivatives = outer(&values.iter().collect::<Vec<_>>())?;
        drop(values);
        let derivatives: Vec<Planes> =
            derivatives.iter().map(Planes::of_blocks).collect::<Result<_, _>>()?;
        // The derivative of Σ activation·constant is the constant pulled back through the network.
        let products = taps
            .into_iter()
            .zip(&derivatives)
            .map(|(tap, derivative)| (tap * upload(derivative, &device)).sum());
        let Some(total) = products.reduce(|sum, product| sum + product) else {
            return Ok(Planes::zeros(input.shape()));
        };
        let gradients = total.backward();
        let missing = || Error::Engine("it gave no derivative".to_owned());
        Ok(download(x.grad(&gradients).ok_or_else(missing)?)?)
    }
}
