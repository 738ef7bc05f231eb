//! Lookalike: how alike two pictures look to a person.
//!
//! The façade of the workspace: every metric by its id ([`metric`]), folders of pictures paired and
//! scored on all cores ([`pairing`], [`Comparison`]), rules that fail a build ([`Gate`],
//! [`GatesFile`]), regions that may change ([`Mask`]), maps of where pictures differ
//! ([`heat_map()`]).
//!
//! ```
//! use lookalike::prelude::*;
//! let reference = lookalike::procedural::scene(1, 64, 48);
//! let candidate = lookalike::procedural::Distortion::Blur.apply(&reference, 0.3, 0)?;
//! let score = lookalike::metric("ssim")?.compare(&reference, &candidate, Want::default())?;
//! assert_eq!(score.id.to_string(), "ssim@wang");
//! assert!(score.value < 1.0);
//! # Ok::<(), lookalike::Error>(())
//! ```

mod check;
mod choice;
mod comparison;
mod error;
mod gate;
mod gates_file;
mod heat_map;
mod limits;
mod mask;
pub mod pairing;
mod pooling;
mod registry;
mod shared;
mod summary;
pub mod update;

pub use check::{Check, MapPooling};
pub use choice::{Choice, default_metrics};
pub use comparison::{
    Comparison, Failure, NotFitted, PairOutcome, PairScores, SizesDiffer, preprocessing,
};
pub use error::{Error, Result};
pub use gate::{Comparator, Gate, GateSyntax};
pub use gates_file::{FileRule, GatesFile};
pub use heat_map::{bare_heat_map, heat_map, scale_colour};
pub use limits::{Limit, Limits, PairLimits};
pub use lookalike_core::Error as CoreError;
pub use lookalike_core::{
    AlphaPolicy, Channels, ColourUse, Definition, Direction, DisplayScale, Encoding, FitPolicy,
    Gradient, Luma, Metric, MetricCard, MetricId, Part, Picture, PictureOptions, Prepared,
    Provenance, Samples, Score, ScoreMap, ScoreProvenance, Tonemap, ValueRange, Want, decode,
    encode, fit, procedural,
};
#[cfg(feature = "deep")]
pub use lookalike_deep as deep;
pub use lookalike_judge as judge;
#[cfg(feature = "deep")]
pub use lookalike_robust as robust;
pub use mask::{Mask, MaskedArea};
pub use pooling::{Pooled, Pooling, Window, map_direction};
pub use registry::{definitions, find, look_up, metric};
pub use summary::Summary;

/// What nearly every program that uses this crate needs.
pub mod prelude {
    pub use crate::{Direction, Metric, MetricId, Picture, Prepared, Score, Want};
}

/// The example of the README is compiled with the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
