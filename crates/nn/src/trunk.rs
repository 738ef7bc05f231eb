//! A network with its parameters: pictures in, activations out, derivatives back.
//!
//! [`Trunk::taps`] and [`Trunk::gradient`] are all that metrics call, and their signatures know plain
//! numbers only. Faster kernels for a whole network belong here, behind these two methods: a trunk may
//! keep a second form of its parameters and answer from it, and nothing above changes.

use burn::tensor::{Device, Tensor};

use crate::geometry::{self, TapGeometry};
use crate::layer::Layer;
use crate::run::{Filters, download, run, upload};
use crate::{Backbone, Error, Parameters, Planes, Result};

/// A frozen network.
#[derive(Clone, Debug)]
pub struct Trunk {
    backbone: Backbone,
    architecture: Vec<Layer>,
    layers: Vec<Layer<Filters>>,
    device: Device,
}

impl Trunk {
    /// Loads the parameters of a network onto a device.
    ///
    /// # Errors
    /// [`Error::Parameter`] when one is missing, misshapen or not finite.
    pub fn new(backbone: Backbone, parameters: &dyn Parameters, device: &Device) -> Result<Self> {
        let architecture = backbone.layers();
        let mut load = |convolution: &_| Filters::load(convolution, parameters, device);
        let layers = architecture
            .iter()
            .map(|layer| layer.try_map(&mut load))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { backbone, architecture, layers, device: device.clone() })
    }

    /// The network.
    pub fn backbone(&self) -> Backbone {
        self.backbone
    }

    /// Where the activations lie on the input; `None` when that depends on the size of the input.
    pub fn geometry(&self) -> Option<Vec<TapGeometry>> {
        geometry::taps(&self.architecture)
    }

    /// The shortest side of a picture it reads.
    pub fn minimum_side(&self) -> usize {
        geometry::minimum_side(&self.architecture)
    }

    /// Activations at the taps, `[batch, channels, height, width]` each, of inputs
    /// `[batch, 3, height, width]` on the scale the network was trained on.
    ///
    /// # Errors
    /// [`Error::Channels`], [`Error::TooSmall`].
    pub fn taps(&self, input: &Planes) -> Result<Vec<Planes>> {
        self.check(input.shape())?;
        let mut taps = Vec::new();
        // What follows the last tap is nothing, so the output itself is not needed.
        drop(run(&self.layers, upload(input, &self.device), &mut taps));
        taps.into_iter().map(download).collect()
    }

    /// The derivative of a number with respect to the input. `outer` takes the activations to the
    /// derivatives of the number with respect to each of them.
    ///
    /// # Errors
    /// As [`taps`](Self::taps) and `outer`; [`Error::Derivatives`] when they do not have the shapes of
    /// the activations.
    pub fn gradient<E: From<Error>>(
        &self,
        input: &Planes,
        outer: impl FnOnce(&[Planes]) -> Result<Vec<Planes>, E>,
    ) -> Result<Planes, E> {
        self.check(input.shape())?;
        let device = self.device.clone().autodiff();
        let x = upload(input, &device).require_grad();
        let mut taps = Vec::new();
        drop(run(&self.layers, x.clone(), &mut taps));
        let values: Vec<Planes> =
            taps.iter().map(|tap| download(tap.clone().inner())).collect::<Result<_, _>>()?;
        let derivatives = outer(&values)?;
        if derivatives.len() != values.len() {
            let message = format!("{} derivatives for {} taps", derivatives.len(), values.len());
            return Err(Error::Engine(message).into());
        }
        let shapes = values.iter().map(Planes::shape).zip(derivatives.iter().map(Planes::shape));
        for (tap, (expected, found)) in shapes.enumerate() {
            if expected != found {
                return Err(Error::Derivatives { tap, expected, found }.into());
            }
        }
        drop(values);
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

    /// [`taps`](Self::taps) on tensors, differentiable with respect to the input where it is tracked.
    /// Parameters are never tracked.
    ///
    /// # Errors
    /// As [`taps`](Self::taps).
    pub fn tap_tensors(&self, input: Tensor<4>) -> Result<Vec<Tensor<4>>> {
        self.check(input.dims())?;
        let mut taps = Vec::new();
        drop(run(&self.layers, input, &mut taps));
        Ok(taps)
    }

    fn check(&self, [_, channels, height, width]: [usize; 4]) -> Result<()> {
        let network = self.backbone.name();
        if channels != TapGeometry::INPUT.channels {
            let expected = TapGeometry::INPUT.channels;
            return Err(Error::Channels { network, expected, found: channels });
        }
        geometry::check_size(network, &self.architecture, width, height)
    }
}
