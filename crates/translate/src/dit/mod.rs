//! The Diffusion Transformer: a transformer over the patches of a noisy picture, conditioned through its
//! normalisations, that says what the noise is, or the picture.
//!
//! Source: Peebles and Xie, "Scalable Diffusion Models with Transformers", ICCV 2023, and their code. Reproduces the
//! outputs and all derivatives of small networks of the authors' code and of diffusers' within 1e-5.
//!
//! Choices: the kernels of the processor, with derivatives written out, or the tensor engine on another device
//! ([`Dit::on`]).
//!
//! Limits: square pictures; no dropout.

mod architecture;
mod block;
mod checkpoint;
#[cfg(feature = "engine")]
mod engine;
mod grown;
mod linear;
mod modulation;
mod network;
mod patches;
mod places;
mod positions;
mod precision;
#[cfg(test)]
mod tests;
mod time;

pub use architecture::{Architecture, Convention, Size};
pub use checkpoint::read_published;
pub use grown::grown;
pub use network::{Dit, Input, InputSlopes, Trace};
pub use positions::positions;
pub use precision::Precision;
pub use time::time_embedding;
