//! What samples mean, and what was done to them on the way.

use std::path::PathBuf;

/// How samples relate to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Display-coded with the sRGB curve and primaries; what nearly every metric is defined on.
    Srgb,
    /// Proportional to light with sRGB primaries, 1.0 being diffuse white; may exceed 1.
    SceneLinear,
}

/// What to do with transparent pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlphaPolicy {
    /// Refuse pictures with transparent pixels; a fully opaque alpha channel is dropped.
    #[default]
    Error,
    /// Composite over white, in display-coded samples as browsers do.
    White,
    /// Composite over black, in display-coded samples.
    Black,
    /// Drop the alpha channel and keep the colours stored under it.
    Ignore,
}

impl AlphaPolicy {
    /// The policy's name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::White => "white",
            Self::Black => "black",
            Self::Ignore => "ignore",
        }
    }
}

/// Where a picture came from and what was done to it on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The file it was read from.
    pub path: Option<PathBuf>,
    /// The format it was decoded from, such as `PNG`.
    pub format: Option<&'static str>,
    /// What changed the samples after decoding, in order: `orientation=6`, `icc=Display P3`,
    /// `alpha=white`, `first of several frames`.
    pub steps: Vec<String>,
}
