//! Translation of pictures into pictures: a diffusion transformer that is shown a picture and draws another.
//!
//! | module | what |
//! |---|---|
//! | [`dit`] | the transformer (Peebles and Xie 2023), in the authors' and in diffusers' arithmetic |
//! | [`diffusion`] | schedules, predictions, losses, samplers, guidance |
//! | [`condition`], [`embedder`] | how the source is shown |
//! | [`autoencoder_kl`] | the autoencoder of latent diffusion |
//! | [`losses`] | metrics and embeddings of the picture that the network has in mind |
//! | [`data`] | pairs: layouts, augmentation, edges, drawn shoes, checks |
//! | [`recipe`], [`run`] | training |
//! | [`model`], [`drawing`] | files of models, and drawing with them |
//! | [`pix2pix`] | the adversarial baseline |
//! | [`study`] | what each part buys |
//!
//! Source: Zhu et al., "Image-to-Image Translation with Diffusion Transformers and CLIP-Based Image Conditioning",
//! arXiv 2505.16001, whose text could not be had: what its summaries state is the recipe `paper`, what they leave
//! open and what is better since is the default (`docs/translation.md`).
//!
//! Limits: square pictures.

pub mod autoencoder_kl;
mod card;
pub mod condition;
pub mod data;
pub mod dependence;
pub mod diffusion;
pub mod dit;
pub mod drawing;
pub mod embedder;
mod error;
pub mod examples;
mod kept_vectors;
pub mod losses;
pub mod model;
pub mod noised;
pub mod objective;
mod order;
pub mod pix2pix;
pub mod process;
pub mod recipe;
pub mod run;
pub mod study;

pub use error::{Error, Result};
pub use model::Model;
pub use recipe::Recipe;
pub use run::{Outcome, train};
