//! A network with its parameters: pictures in, activations out, derivatives back.
//!
//! [`Trunk::activations`] and [`Trunk::gradient`] are all that metrics call. On the processor they are
//! answered by kernels of our own, on other devices by the tensor engine.

use std::sync::{Arc, OnceLock};

use burn::tensor::{Device, Tensor};
use lookalike_kernels::{Blocks, Processor};

use crate::filters::Filters;
use crate::geometry::{self, TapGeometry};
use crate::layer::Layer;
use crate::packed::Packed;
use crate::run::{Tensors, download, run, upload};
use crate::{Backbone, Error, Parameters, Planes, Result, processor};

/// A frozen network.
#[derive(Clone, Debug)]
pub struct Trunk {
    backbone: Backbone,
    architecture: Vec<Layer>,
    filters: Vec<Layer<Arc<Filters>>>,
    device: Device,
    /// What answers on the processor.
    packed: Option<Arc<Packed>>,
    /// The parameters on the device, made when they are first asked for.
    tensors: OnceLock<Vec<Layer<Tensors>>>,
}

impl Trunk {
    /// Loads the parameters of a network onto a device.
    ///
    /// # Errors
    /// [`Error::Parameter`] when one is missing, misshapen or not finite.
    pub fn new(backbone: Backbone, parameters: &dyn Parameters, device: &Device) -> Result<Self> {
        let mut trunk = Self::on_engine(backbone, parameters, device)?;
        if *device == processor() {
            trunk.packed = Packed::new(&trunk.filters, Processor::best())?.map(Arc::new);
        }
        Ok(trunk)
    }

    /// The same network with all operations by the tensor engine: what the kernels of the processor are
    /// checked against.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn on_engine(
        backbone: Backbone,
        parameters: &dyn Parameters,
        device: &Device,
    ) -> Result<Self> {
        let architecture = backbone.layers();
        let mut load = |convolution: &_| Filters::load(convolution, parameters).map(Arc::new);
        let filters = architecture
            .iter()
            .map(|layer| layer.try_map(&mut load))
            .collect::<Result<Vec<_>>>()?;
        let (device, tensors) = (device.clone(), OnceLock::new());
        Ok(Self { backbone, architecture, filters, device, packed: None, tensors })
    }

    fn tensors(&self) -> &[Layer<Tensors>] {
        self.tensors.get_or_init(|| {
            let load = |filters: &Arc<Filters>| Tensors::new(filters, &self.device);
            self.filters.iter().map(|layer| layer.map(&load)).collect()
        })
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
    pub fn activations(&self, input: &Planes) -> Result<Vec<Blocks>> {
        self.check(input.shape())?;
        if let Some(packed) = &self.packed {
            return packed.taps(input);
        }
        let mut taps = Vec::new();
        // What follows the last tap is nothing, so the output itself is not needed.
        drop(run(self.tensors(), upload(input, &self.device), &mut taps));
        taps.into_iter().map(|tap| download(tap)?.to_blocks()).collect()
    }

    /// [`activations`](Self::activations) as planes.
    ///
    /// # Errors
    /// As [`activations`](Self::activations).
    pub fn taps(&self, input: &Planes) -> Result<Vec<Planes>> {
        self.activations(input)?.iter().map(Planes::of_blocks).collect()
    }

    /// The derivative of a number with respect to the input. `outer` takes the activations to the
    /// derivatives of the number with respect to each of them.
    ///
    /// # Errors
    /// As [`activations`](Self::activations) and `outer`; [`Error::Derivatives`] when they do not have
    /// the shapes of the activations.
    pub fn gradient<E: From<Error>>(
        &self,
        input: &Planes,
        outer: impl FnOnce(&[&Blocks]) -> Result<Vec<Blocks>, E>,
    ) -> Result<Planes, E> {
        self.check(input.shape())?;
        if let Some(packed) = &self.packed {
            let traced = packed.trace(input)?;
            let taps: Vec<&Blocks> = traced.taps().collect();
            let derivatives = outer(&taps)?;
            check_derivatives(&taps, &derivatives)?;
            return Ok(traced.backward(derivatives)?);
        }
        let device = self.device.clone().autodiff();
        let x = upload(input, &device).require_grad();
        let mut taps = Vec::new();
        drop(run(self.tensors(), x.clone(), &mut taps));
        let values: Vec<Blocks> = taps
            .iter()
            .map(|tap| download(tap.clone().inner())?.to_blocks())
            .collect::<Result<_, _>>()?;
        let values: Vec<&Blocks> = values.iter().collect();
        let derivatives = outer(&values)?;
        check_derivatives(&values, &derivatives)?;
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

    /// [`taps`](Self::taps) on tensors, differentiable with respect to the input where it is tracked.
    /// Parameters are never tracked.
    ///
    /// # Errors
    /// As [`taps`](Self::taps).
    pub fn tap_tensors(&self, input: Tensor<4>) -> Result<Vec<Tensor<4>>> {
        self.check(input.dims())?;
        let mut taps = Vec::new();
        drop(run(self.tensors(), input, &mut taps));
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

fn check_derivatives(taps: &[&Blocks], derivatives: &[Blocks]) -> Result<()> {
    if derivatives.len() != taps.len() {
        let message = format!("{} derivatives for {} taps", derivatives.len(), taps.len());
        return Err(Error::Engine(message));
    }
    for (tap, (values, derivatives)) in taps.iter().zip(derivatives).enumerate() {
        let (expected, found) = (values.shape(), derivatives.shape());
        if expected != found {
            return Err(Error::Derivatives { tap, expected, found });
        }
    }
    Ok(())
}
