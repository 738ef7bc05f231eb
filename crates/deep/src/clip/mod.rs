//! CLIP's image tower: embeddings of what a picture shows, and their distance.
//!
//! e(x) = v/‖v‖ of the [vision transformer](lookalike_nn::vision_transformer)'s embedding v,
//! d(x, y) = 1 − cos = ½‖e(x) − e(y)‖².
//!
//! Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021,
//! section 2.4; the names and the preprocessing of OpenAI's code and of Hugging Face's, described, not copied.
//!
//! Reproduces recorded embeddings of a small tower under both names within 2e-5, its derivatives within 1e-4,
//! and both preprocessings of five pictures to the last bit of 8. Published weights were not at hand.
//!
//! A ConvNeXt that was learned as such a tower (OpenCLIP's base size, the robust one of R-CLIP) is read as well.
//!
//! Limits: no text; towers of 64 features a head where no number of heads is given; OpenAI's own files are
//! TorchScript archives, which are refused: take those of Hugging Face.

mod conv_next_names;
mod input;
mod metric;
mod names;
mod tower;

pub use input::{Crop, Input};
pub use tower::{Activation, Clip};

pub(crate) use metric::{CARDS, make};
