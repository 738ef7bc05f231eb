//! Layers that cannot stretch: ‖h(x) − h(y)‖₂ ≤ L·‖x − y‖₂ for all x and y, with L known and proved.
//!
//! | layer | bound | by |
//! |---|---|---|
//! | [`SllConvolution`], [`SllDense`] | 1 | diagonal dominance of T − W Wᵀ |
//! | [`cpl_dense`], [`cpl_convolution`] | 1 | [Gram iteration](gram_iteration) |
//! | [`aol`] | 1, up to rounding of the matrix | the same sums |
//! | [`Convolution::aol`], [`Convolution::orthogonal`] | 1, up to rounding of the kernel | Gram iteration |
//! | [`LipNextBlock`] | 1, up to rounding of the matrices | orthogonal matrices, permutations, absolute values |
//! | [`cayley`], [`block_reflector`] | 1, up to rounding of the matrix | sums over the Gram matrix |
//! | [`window_sum`] | 1 | Cauchy and Schwarz |
//! | [`group_sort`], [`max_min`], [`space_to_depth`], [`fit_coordinates`] | 1 | permutations, isometries |
//!
//! A [`Bound`] is a number in double precision, rounded outward: with the parameters as they are stored,
//! in exact arithmetic, the layer stretches nothing by more. What single or double precision add to the
//! values of a layer is not a matter of its constant; [`Rounding`] bounds that by itself.
//!
//! Layers compute in single or double precision ([`Real`]); parameters are single. Every number is summed
//! in one order, whatever the number of threads or the batch.
//!
//! Limits: processors alone; SDP-based convolutions are 3×3 with zeros around them, as published.

mod aol;
mod bound;
mod convolution;
mod coordinates;
mod cpl;
mod gram;
mod gram_iteration;
mod group_sort;
mod linear;
mod lipnext;
mod orthogonal;
mod real;
mod rounding;
mod rows;
mod sll;
mod sll_convolution;
mod sll_dense;
mod space_to_depth;
mod window_sum;

pub use aol::aol;
pub use bound::{Bound, How};
pub use convolution::Convolution;
pub use coordinates::{fit_coordinates, fit_coordinates_backward};
pub use cpl::{cpl_convolution, cpl_dense};
pub use gram_iteration::{gram_iteration, gram_iteration_of_kernels};
pub use group_sort::{group_sort, max_min};
pub use linear::{Linear, spectral_norm};
pub use lipnext::{LipNextBlock, LipNextParameters};
pub use orthogonal::{block_reflector, cayley};
pub use real::Real;
pub use rounding::Rounding;
pub use rows::Rows;
pub use sll::Weighting;
pub use sll_convolution::SllConvolution;
pub use sll_dense::SllDense;
pub use space_to_depth::{depth_to_space, space_to_depth};
pub use window_sum::{window_sum, window_sum_backward};
