//! A network with its parameters: pictures in, activations out, derivatives back.
//!
//! [`Trunk::activations`] and [`Trunk::gradient`] are all that metrics call. On the processor they are
//! answered by kernels of our own. With the feature `engine` the same networks run on the devices of a
//! tensor engine.

use std::sync::Arc;

use lookalike_kernels::{Blocks, Processor};

use crate::compute::Compute;
#[cfg(feature = "engine")]
use crate::engine::Engine;
use crate::filters::{FilterGradient, Filters};
use crate::geometry::{self, TapGeometry};
use crate::layer::Layer;
use crate::packed::{Packed, Packing, Precision, Traced};
use crate::{Backbone, Error, Parameters, Planes, Result};

/// A frozen network.
#[derive(Clone, Debug)]
pub struct Trunk {
    backbone: Backbone,
    architecture: Vec<Layer>,
    place: Place,
}

/// What answers.
#[derive(Clone, Debug)]
enum Place {
    Processor(Arc<Packed>),
    #[cfg(feature = "engine")]
    Engine(Engine),
}

impl Trunk {
    /// Loads the parameters of a network for the processor. How much memory it may take is asked of the
    /// environment ([`Packing::of_environment`]).
    ///
    /// # Errors
    /// [`Error::Parameter`] when one is missing, misshapen or not finite.
    pub fn new(backbone: Backbone, parameters: &dyn Parameters) -> Result<Self> {
        Self::with_packing(backbone, parameters, Packing::of_environment()?)
    }

    /// Loads the parameters of a network for where this process computes ([`Compute::chosen`]); for the processor as
    /// [`new`](Self::new) does. Parameters that are handed over are given up before filters are packed.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn placed(backbone: Backbone, parameters: impl Parameters) -> Result<Self> {
        Self::placed_in(backbone, parameters, Precision::Single)
    }

    /// As [`placed`](Self::placed), in a precision.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::NoBfloat16`] where the processor has no such instructions, and
    /// [`Error::KernelsAlone`] on another device.
    pub fn placed_in(
        backbone: Backbone,
        parameters: impl Parameters,
        precision: Precision,
    ) -> Result<Self> {
        match Compute::chosen() {
            Compute::Kernels => {
                Self::packed(backbone, parameters, Packing::of_environment()?, precision)
            }
            #[cfg(feature = "engine")]
            Compute::Engine(_) if precision != Precision::Single => {
                Err(Error::KernelsAlone("a network with products in bfloat16"))
            }
            #[cfg(feature = "engine")]
            Compute::Engine(device) => Self::on_engine(backbone, &parameters, &device),
        }
    }

    /// As [`new`](Self::new), with filters packed once or for every batch. Parameters that are handed over are given up
    /// before the filters are packed.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_packing(
        backbone: Backbone,
        parameters: impl Parameters,
        packing: Packing,
    ) -> Result<Self> {
        Self::packed(backbone, parameters, packing, Precision::Single)
    }

    fn packed(
        backbone: Backbone,
        parameters: impl Parameters,
        packing: Packing,
        precision: Precision,
    ) -> Result<Self> {
        let architecture = backbone.layers();
        let filters = load(&architecture, &parameters)?;
        drop(parameters);
        let packed = Packed::new(&filters, Processor::chosen()?, packing, precision)?;
        Ok(Self { backbone, architecture, place: Place::Processor(Arc::new(packed)) })
    }

    /// The same network with all operations by the tensor engine, on a device.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[cfg(feature = "engine")]
    pub fn on_engine(
        backbone: Backbone,
        parameters: &dyn Parameters,
        device: &crate::Device,
    ) -> Result<Self> {
        let architecture = backbone.layers();
        let filters = load(&architecture, parameters)?;
        Ok(Self { backbone, architecture, place: Place::Engine(Engine::new(&filters, device)) })
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
        match &self.place {
            Place::Processor(packed) => packed.taps(input),
            #[cfg(feature = "engine")]
            Place::Engine(engine) => engine.activations(input),
        }
    }

    /// Shows the activations at the taps one after the other, as they come. None is kept, so less memory
    /// is needed than [`activations`](Self::activations) take, and they are still in the caches.
    ///
    /// # Errors
    /// As [`activations`](Self::activations).
    pub fn visit(&self, input: &Planes, mut look: impl FnMut(usize, &Blocks)) -> Result<()> {
        self.check(input.shape())?;
        let mut index = 0;
        let look = |tap: &Blocks| {
            look(index, tap);
            index += 1;
        };
        match &self.place {
            Place::Processor(packed) => packed.visit(input, look),
            #[cfg(feature = "engine")]
            Place::Engine(engine) => {
                engine.activations(input)?.iter().for_each(look);
                Ok(())
            }
        }
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
        let checked = |taps: &[&Blocks]| {
            let derivatives = outer(taps)?;
            check_derivatives(taps, &derivatives)?;
            Ok(derivatives)
        };
        match &self.place {
            Place::Processor(packed) => {
                let traced = packed.trace(input)?;
                let derivatives: Result<Vec<Blocks>, E> = checked(&traced.taps());
                Ok(traced.backward(packed, input.shape(), derivatives?)?)
            }
            #[cfg(feature = "engine")]
            Place::Engine(engine) => engine.gradient(input, checked),
        }
    }

    /// The way forward with what derivatives with respect to the filters need.
    ///
    /// # Errors
    /// As [`activations`](Self::activations); [`Error::Engine`] for a network that is on the engine.
    pub fn forward(&self, input: Planes) -> Result<Forward> {
        self.check(input.shape())?;
        match &self.place {
            Place::Processor(packed) => {
                let mut order = Vec::new();
                geometry::paths(&self.architecture, &mut order);
                let traced = packed.trace_filters(&input)?;
                Ok(Forward { packed: packed.clone(), order, input, traced })
            }
            #[cfg(feature = "engine")]
            Place::Engine(_) => Err(Error::Engine(
                "derivatives of filters are computed by the processor's kernels alone".to_owned(),
            )),
        }
    }

    /// Activations as tensors, differentiable with respect to the input where it is tracked. Parameters
    /// are never tracked.
    ///
    /// # Errors
    /// As [`activations`](Self::activations); [`Error::Engine`] for a network that is not on the engine.
    #[cfg(feature = "engine")]
    pub fn tap_tensors(
        &self,
        input: burn::tensor::Tensor<4>,
    ) -> Result<Vec<burn::tensor::Tensor<4>>> {
        self.check(input.dims())?;
        match &self.place {
            Place::Engine(engine) => Ok(engine.tap_tensors(input)),
            Place::Processor(_) => {
                Err(Error::Engine("the network was loaded for the processor's kernels".to_owned()))
            }
        }
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

/// A batch that went through a network, waiting for derivatives. All activations are kept.
pub struct Forward {
    packed: Arc<Packed>,
    /// Paths of the convolutions in the order of the layers.
    order: Vec<String>,
    input: Planes,
    traced: Traced,
}

impl Forward {
    /// The activations at the taps.
    pub fn taps(&self) -> Vec<&Blocks> {
        self.traced.taps()
    }

    /// The derivatives of a number with respect to the filters and biases of all convolutions, in the
    /// order of the layers, of its derivatives with respect to the activations at the taps. A layer
    /// behind the last tap has none.
    ///
    /// # Errors
    /// [`Error::Derivatives`] when they do not have the shapes of the activations; [`Error::NoKernel`]
    /// for grouped filters and for those that a batch normalisation was folded into.
    pub fn filter_gradients(self, derivatives: Vec<Blocks>) -> Result<Vec<FilterGradient>> {
        let Self { packed, order, input, traced } = self;
        check_derivatives(&traced.taps(), &derivatives)?;
        let mut found = traced.backward_filters(&packed, &input, derivatives)?;
        found.sort_by_key(|gradient| order.iter().position(|path| *path == gradient.path));
        Ok(found)
    }
}

/// The convolutions of an architecture with their parameters.
fn load(architecture: &[Layer], parameters: &dyn Parameters) -> Result<Vec<Layer<Arc<Filters>>>> {
    let mut load = |convolution: &_| Filters::load(convolution, parameters).map(Arc::new);
    architecture.iter().map(|layer| layer.try_map(&mut load)).collect()
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
