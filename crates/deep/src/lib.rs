//! Learned full-reference metrics: distances between the activations of a network, or its embeddings.
//!
//! * [`Lpips`]: LPIPS on AlexNet, VGG-16 and SqueezeNet 1.1, versions 0.1 and 0.0, with its learned
//!   weights or without (the "baseline").
//! * [`Dists`]: DISTS on VGG-16.
//! * [`clip`]: the distance of CLIP's embeddings.
//! * [`dreamsim`]: DreamSim, embeddings of vision transformers.
//! * [`lipsim`]: LipSim, whose network has a proved Lipschitz constant.
//! * `sight`: our own small network, whose weights are in the program.
//! * [`PooledTaps`], [`VsdBaseline`]: one vector for a picture, to search for others.
//!
//! All are [`Metric`](lookalike_core::Metric)s under ids such as `lpips:alex@0.1`; [`metric`] makes
//! them with weights from the store, [`metric_from`] with weights from anywhere. Range, scaling, mean
//! and deviation are their own business: pictures come in as pictures.
//!
//! * Values and gradients do not depend on the number of threads or on what else is scored.
//! * Gradients are finite everywhere: where the activations of a pixel are all 0, their derivative is
//!   taken as 0.
//! * Large pictures are computed in tiles ([`lookalike_nn::tiling`]) whose activations are those of the
//!   whole, so that memory stays bounded. Nothing is ever resized, but for
//!   LipSim, DreamSim and CLIP.

mod cards;
pub mod clip;
mod dists;
pub mod dreamsim;
mod embedding_metric;
mod error;
mod evaluation;
mod file_weights;
pub mod lipsim;
mod lpips;
mod plan;
mod pooled;
mod registered;
mod registry;
mod samples;
mod sight;
mod sight_embedding;
mod taken;
mod tap_formula;
mod vsd_baselines;
mod weights;

pub use dists::Dists;
pub use error::{Error, Result};
pub use file_weights::TRUNK;
/// Where networks are computed.
pub use lookalike_nn::Compute;
pub use lpips::{ChannelMoments, Distance, Head, Lpips, Net, Version, network_input};
pub use pooled::PooledTaps;
pub use registry::{
    FEATURE_NETWORKS, definitions, feature_name, file_definitions, metric, metric_from,
};
pub use samples::SampleRange;
pub use sight_embedding::{SightEmbedder, SightFields};
pub use vsd_baselines::VsdBaseline;
pub use weights::{Loaded, SeededWeights, StoredWeights, WeightSource};
