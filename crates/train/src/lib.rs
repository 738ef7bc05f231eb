//! Learning perceptual metrics from what people said of pictures.
//!
//! [`lpips`] has the objective and the step of LPIPS' channel weights, without a tensor engine: what the
//! network says of a pair is computed once
//! ([`Lpips::channel_moments`](lookalike_deep::Lpips::channel_moments)), and value and gradient of the
//! small rest are written out. Random numbers depend on the seed, on what they are for and on a counter,
//! never on what was drawn before ([`random`]).

mod error;
pub mod lpips;
pub mod random;

pub use error::{Error, Result};
