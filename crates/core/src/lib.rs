//! Pictures with meaning, and the contract that every metric of Lookalike keeps.
//!
//! * [`Picture`]: samples as they were decoded, together with what they mean (size, channels,
//!   full scale, transfer), so that no caller can get a range wrong.
//! * [`Metric`] → [`Prepared`] → [`Score`]: a metric prepares a reference once and scores many
//!   candidates against it; a score knows its full id and which direction is better.
//! * [`MetricCard`]: what a metric computes, where it comes from, what it reproduces and what it
//!   is blind to, as data.
//! * [`Definition`]: a metric that can be made, by card; lists of them answer ids.
//! * [`MetricId`]: `family[:variant][@profile][+option=value]`, frozen: a score of one id never
//!   changes between releases.
//!
//! Reference first, candidate second, everywhere. Nothing here prints, exits or panics on user
//! data; every failure is an [`Error`] that says what was expected, what was found and what to do.

mod card;
#[cfg(feature = "decode")]
pub mod decode;
#[cfg(feature = "decode")]
pub mod encode;
mod error;
mod features;
#[cfg(feature = "fit")]
mod fit;
mod id;
mod imresize;
mod luma;
mod metric;
mod picture;
mod pillow;
mod preprocess;
#[cfg(feature = "procedural")]
pub mod procedural;
mod provenance;
mod registry;
mod samples;
mod score;
mod shorter_side;

pub use card::{ColourUse, DisplayScale, MetricCard, ValueRange};
pub use error::{Error, Result};
pub use features::Features;
#[cfg(feature = "fit")]
pub use fit::{FitPolicy, fit};
pub use id::MetricId;
pub use imresize::imresize;
pub use luma::Luma;
pub use metric::{Gradient, Metric, Prepared, Want, check_same_size};
pub use picture::Picture;
pub use pillow::{PillowFilter, PillowTaps};
pub use preprocess::{PictureOptions, Preprocessed, Tonemap};
pub use provenance::{AlphaPolicy, Encoding, Provenance};
pub use registry::{Definition, find_among, look_up_among, metric_among, metric_made_by};
pub use samples::{Channels, Samples};
pub use score::{Direction, Part, Score, ScoreMap, ScoreProvenance};
pub use shorter_side::resize_shorter_side;
