//! Weights of learned metrics: read strictly, kept under a name, fetched and verified.
//!
//! A plausible number from half-loaded weights is worse than an error, so nothing is filled in: every
//! expected tensor must be there in the expected shape, nothing else may be, all numbers must be
//! finite, and where the published hash of a file is known it must match before the file is parsed.
//! Nothing in a file is executed; a pickle is read as data.
//!
//! - [`read_file`] opens a checkpoint of any format; [`Checkpoint::into_weights`] checks it against a
//!   [`Specification`].
//! - [`Store`] keeps weights as safetensors and loads them by name.
//! - [`manifest`] lists what can be had, where, and under which licence.
//!
//! No tensor engine is needed here; numbers are handed over as `Vec<f32>`.

mod checkpoint;
mod conform;
mod error;
#[cfg(feature = "fetch")]
mod fetch;
mod manifest;
mod pytorch;
mod safetensors_file;
mod source;
mod specification;
mod store;
mod tensor;
mod weights;
mod whole_file;

pub use checkpoint::{Checkpoint, Format, read_bytes, read_file, read_file_key};
pub use conform::Mismatch;
pub use error::{Error, Result};
#[cfg(feature = "fetch")]
pub use fetch::{Event, FetchOptions, Fetched, fetch};
pub use manifest::{Commercial, Entry, Known, Part, PublishedFile, manifest};
pub use specification::Specification;
pub use store::{Kept, Place, Store};
pub use tensor::{DType, Tensor};
pub use weights::{SourceFile, Weights};
