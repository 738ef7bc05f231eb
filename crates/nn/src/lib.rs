//! Convolutional networks whose activations learned picture metrics compare.
//!
//! A [`Trunk`] is a [`Backbone`] with its parameters. It takes [`Planes`] (batch, channels, height,
//! width in single precision) to the activations at its taps, and pulls derivatives with respect to
//! these activations back to its input. On the processor both are computed by `lookalike-kernels`; the
//! feature `engine` adds the same networks on a tensor engine, for other devices and as an oracle.
//!
//! An architecture is data: a list of [`Layer`]s, one file per network. Loading, running, the sizes of
//! the activations, receptive fields ([`geometry`]) and exact tiles of large pictures ([`tiling`]) all
//! read that one list.
//!
//! * Parameters come through the trait [`Parameters`], by torchvision's names. [`Seeded`] makes
//!   reproducible random ones for tests and for the untrained baseline.
//! * Parameters are constants of a trunk. Derivatives with respect to them are to be had
//!   ([`Forward::filter_gradients`]); who moves them makes a new trunk.
//! * The engine panics on shapes that do not fit. Everything is checked before it is handed over, and
//!   what does not fit is an [`Error`].
//! * [`lipschitz`]: layers that cannot stretch, for metrics with certificates.
//! * The same bits come out for any number of threads and for a picture alone or in a batch.

pub mod backbones;
mod compute;
pub mod conv_next;
pub mod dense_net;
#[cfg(feature = "engine")]
mod engine;
mod error;
mod filters;
pub mod geometry;
mod layer;
pub mod lipschitz;
mod packed;
pub mod parameters;
mod planes;
pub mod tiling;
mod trunk;
pub mod vision_transformer;

pub use backbones::Backbone;
/// Where tensors live and are computed; the processor unless a feature adds others.
#[cfg(feature = "engine")]
pub use burn::tensor::Device;
pub use compute::Compute;
pub use error::{Error, Result};
pub use filters::FilterGradient;
pub use geometry::TapGeometry;
pub use layer::{Convolution, Join, Layer, MaxPool, Padding};
/// Activations as the kernels of the processor keep them.
pub use lookalike_kernels::{Blocks, LANES, Line, PictureBlocks};
pub use packed::{Packing, Precision};
pub use parameters::{Initial, NamedTensors, Parameters, Seeded};
pub use planes::Planes;
pub use trunk::{Forward, Trunk};

/// The processor as a device of the tensor engine.
#[cfg(feature = "engine")]
pub fn processor() -> Device {
    Device::flex()
}
