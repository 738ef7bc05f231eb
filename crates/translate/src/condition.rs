//! How a network is shown the picture that it is to translate.
//!
//! | mode | what |
//! |---|---|
//! | `vector` | an embedding of the source, by a matrix, added to the embedding of time (Zhu et al. 2025) |
//! | `concat` | the source's channels beside those of what is drawn (InstructPix2Pix, Palette) |
//! | `tokens` | the source's patches behind those of what is drawn (FLUX.1 Kontext) |
//!
//! and `concat+vector`, `tokens+vector`. A single vector cannot say where things are; the others can.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Where a source's samples go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourcePlace {
    /// Beside the channels of what is drawn.
    Beside,
    /// Behind its patches.
    Sequence,
}

/// A mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mode {
    /// Where the source's samples go, if anywhere.
    pub source: Option<SourcePlace>,
    /// Whether there is a vector.
    pub vector: bool,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 5] = [
        Self { source: None, vector: true },
        Self { source: Some(SourcePlace::Beside), vector: false },
        Self { source: Some(SourcePlace::Beside), vector: true },
        Self { source: Some(SourcePlace::Sequence), vector: false },
        Self { source: Some(SourcePlace::Sequence), vector: true },
    ];
    /// The source's channels beside those of what is drawn.
    pub const CONCAT: Self = Self::ALL[1];
    /// The same with a vector: the default.
    pub const CONCAT_AND_VECTOR: Self = Self::ALL[2];
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.source, self.vector) {
            (None, _) => "vector",
            (Some(SourcePlace::Beside), false) => "concat",
            (Some(SourcePlace::Beside), true) => "concat+vector",
            (Some(SourcePlace::Sequence), false) => "tokens",
            (Some(SourcePlace::Sequence), true) => "tokens+vector",
        })
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|mode| mode.to_string() == text).ok_or_else(|| {
            Error::Refused(format!(
                "a condition: expected vector, concat, concat+vector, tokens or tokens+vector, found '{text}'"
            ))
        })
    }
}

impl TryFrom<String> for Mode {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_have_names() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse::<Mode>().unwrap(), mode);
        }
        assert_eq!(Mode::CONCAT.to_string(), "concat");
        assert!("clip".parse::<Mode>().is_err());
    }
}
