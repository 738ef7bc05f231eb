//! Networks that draw pictures, under any loss: autoencoders, a stochastic autoencoder, super-resolution.
//!
//! x → code → x̂, trained by the mean of ℓ(x, x̂) with ℓ any of [`losses`](crate::losses); a stochastic code adds its
//! rate, C·ℓ + KL(q(z|x) ‖ N(0, I)).
//!
//! Source: Snell, Ridgeway, Liao, Roads, Mozer, Zemel, "Learning to Generate Images with Perceptual Similarity
//! Metrics" (ICIP 2017): the same networks under squared error, absolute error and MS-SSIM. Sizes and schedules that
//! could not be had are ours. Super-resolution is SRCNN (Dong, Loy, He, Tang 2016).
//!
//! Choices: a running mean of the parameters ships; the rate is halved on a plateau of the held-out loss, and the run
//! ends when it no longer falls; no batch normalisation.
//!
//! Limits: pictures of one size.

mod card;
mod code;
mod crops;
mod examples;
mod model;
mod pictures;
mod presets;
mod principal;
mod recipe;
mod run;
mod schedule;
mod sharpen;
mod study;
mod svm;

pub use model::{Model, Plan};
pub use pictures::{Pictures, picture_of};
pub use presets::Preset;
pub use principal::Principal;
pub use recipe::{Recipe, Task};
pub use run::{Outcome, Validation, train};
pub use sharpen::{Enlarged, enlarged, sharpened};
pub use study::{Studied, Study, codes, drawn, held_out};
pub use svm::LinearSvm;

pub use crate::sight::Role;
