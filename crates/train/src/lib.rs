//! Learning perceptual metrics from what people said of pictures, and from what other metrics say.
//!
//! [`sight`] has the small metric of our own: a bank of distortions, other metrics as teachers, and a
//! network that learns from them.
//!
//! [`lipsim`] has networks with a proved Lipschitz constant: distillation, then triplets.
//!
//! [`lpips`] has the objective, the step and whole runs of LPIPS' channel weights, without a tensor engine:
//! what the network says of a pair is computed once
//! ([`Lpips::channel_moments`](lookalike_deep::Lpips::channel_moments)), and value and gradient of the
//! small rest are written out. Random numbers depend on the seed, on what they are for and on a counter,
//! never on what was drawn before ([`random`]), so that a run which is killed and goes on from its
//! [`checkpoint`] ends with the same bytes.

pub mod checkpoint;
pub mod descent;
mod error;
mod files;
pub mod grid;
pub mod lipsim;
pub mod log;
pub mod losses;
pub mod lpips;
pub mod model_file;
pub mod network;
mod pairs;
pub mod random;
pub mod recipe_file;
pub mod reconstruction;
mod records;
pub mod session;
pub mod sight;
pub mod tensorboard;

pub use error::{Error, Result};
pub use files::{failed, sha256, write_json, write_whole};
