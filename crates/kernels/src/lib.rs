//! The operations of convolutional networks on a processor: exact, in single precision, as near to the
//! speed of the machine as they come.
//!
//! The one exception says so: [`Winograd::in_bfloat16`].
//!
//! Activations are kept in [`Blocks`] of sixteen channels. Kernels are written once over sixteen lanes
//! and compiled for several instruction sets ([`Processor`]); tasks depend on the shape only, and every
//! output is computed by one task in one order, so that the bits are the same for any number of threads
//! and for a picture alone or in a batch.
//!
//! Nothing here knows a tensor engine.

mod adam;
mod bfloat16;
mod blocks;
mod convolution;
mod depthwise;
mod direct;
mod disjoint;
mod elementwise;
mod error;
mod exponential;
mod finish;
mod first;
mod gelu;
mod gelu_tanh;
mod hanning;
mod join;
mod lanes;
mod larger;
mod layer_norm;
mod max_pool;
pub mod moments;
mod narrow;
#[cfg(test)]
mod oracle;
mod phase;
mod plane_pool;
mod positions;
mod prefetch;
mod processor;
mod product;
mod region;
mod relu;
mod resize;
mod row_convolution;
mod rows;
mod scratch;
mod sigmoid_unit;
mod softmax;
mod spare;
mod standardise;
mod transpose;
mod unit_distance;
mod vectors;
mod weight_gradient;
mod winograd;

pub use adam::{Adam, Decay};
pub use blocks::{Blocks, PictureBlocks};
pub use convolution::{Activation, Filters, Padding};
pub use depthwise::Depthwise;
pub use direct::Direct;
pub use error::{Error, Result};
pub use first::First;
pub use gelu::{gelu, gelu_backward};
pub use gelu_tanh::{gelu_tanh, gelu_tanh_backward};
pub use hanning::{hanning_pool, hanning_pool_gradient};
pub use join::add;
pub use lanes::{LANES, Line};
pub use layer_norm::{LayerNorm, LayerNormGradients, layer_norm, layer_norm_backward};
pub use max_pool::MaxPool;
pub use narrow::{NarrowResidual, SplitRows};
pub use plane_pool::{Pool, pool_planes, pool_planes_backward};
pub use processor::{Processor, VARIABLE};
pub use relu::mask;
pub use resize::{Corners, Interpolation, Resize};
pub use row_convolution::{Destination, PaddedRow, RowConvolution};
pub use sigmoid_unit::{quick_gelu, quick_gelu_backward, silu, silu_backward};
pub use softmax::{softmax, softmax_backward};
pub use spare::{give_back, leave_numbers, take_numbers};
pub use standardise::{Samples, standardise};
pub use unit_distance::UnitDistance;
pub use vectors::{dot, subtract_multiple};
pub use weight_gradient::{PlaneConvolution, weight_gradient};
pub use winograd::Winograd;
