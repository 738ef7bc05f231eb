//! DreamSim: a distance between embeddings of vision transformers that were fine-tuned on which of two
//! pictures people hold to be more similar to a third.
//!
//! d(x, y) = 1 − cos(e(x), e(y)) = ½‖e(x) − e(y)‖², e the embeddings of DINO, CLIP and OpenCLIP one after the
//! other (or of one of them), without their mean and of length one. Fine-tuning changed the matrices of
//! queries, keys and values by products of low rank, which [`one_piece`] adds up once.
//!
//! Source: Fu, Tamir, Sundaram, Chai, Zhang, Dekel, Isola, "DreamSim: Learning New Dimensions of Human Visual
//! Similarity using Synthetic Data", NeurIPS 2023; `dreamsim` 0.2.1 (MIT), described, not copied.
//!
//! Choices: pictures of 8 bits come to 224×224 as Pillow's bicubic filter makes them, rounded, as published;
//! `resize=linear` takes others, and has derivatives; the distance is taken as half a squared chord.
//! Reproduces recorded features of three small networks with and without fine-tuning within 2e-5, distances
//! within 2e-7. Published weights were not at hand.
//!
//! Limits: no map; the size of pictures is lost in resizing; the robust ConvNeXt of R-CLIP is not among the networks.

mod branch;
mod checkpoint;
mod metric;
mod network;
mod positions;

pub use branch::Branch;
pub use checkpoint::{Adapter, one_piece};
pub use network::Network;

pub(crate) use checkpoint::transformer;
pub(crate) use metric::{CARDS, make};
