//! The operations of convolutional networks on a processor: exact, in single precision, as near to the
//! speed of the machine as they come.
//!
//! Activations are kept in [`Blocks`] of sixteen channels. Kernels are written once over sixteen lanes
//! and compiled for several instruction sets ([`Processor`]); tasks depend on the shape only, and every
//! output is computed by one task in one order, so that the bits are the same for any number of threads
//! and for a picture alone or in a batch.
//!
//! Nothing here knows a tensor engine.

mod adam;
mod blocks;
mod convolution;
mod disjoint;
mod elementwise;
mod error;
mod exponential;
mod gelu;
mod lanes;
mod layer_norm;
mod plane_pool;
mod processor;
mod product;
mod resize;
mod rows;
mod scratch;
mod softmax;
mod transpose;
mod weight_gradient;

pub use adam::{Adam, Decay};
pub use blocks::Blocks;
pub use convolution::{Activation, Filters, Padding};
pub use error::{Error, Result};
pub use gelu::{gelu, gelu_backward};
pub use lanes::{LANES, Line};
pub use layer_norm::{LayerNorm, LayerNormGradients, layer_norm, layer_norm_backward};
pub use plane_pool::{Pool, pool_planes, pool_planes_backward};
pub use processor::{Processor, VARIABLE};
pub use resize::{Corners, Interpolation, Resize};
pub use softmax::{softmax, softmax_backward};
pub use weight_gradient::{PlaneConvolution, weight_gradient};
