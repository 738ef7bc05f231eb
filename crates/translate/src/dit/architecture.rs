//! What a diffusion transformer consists of: its sizes, what it is shown, and which of two conventions holds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The code whose arithmetic is followed. The same parameters give outputs that differ by a tenth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// The authors' (facebookresearch/DiT): frequencies exp(−ln 10⁴·i/h), ε = 10⁻⁶ everywhere.
    #[default]
    Original,
    /// Hugging Face diffusers': exp(−ln 10⁴·i/(h − 1)), and ε = 10⁻⁵ before the dense layers of a block.
    Diffusers,
}

/// The published sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Blocks.
    pub depth: usize,
    /// Features of a token.
    pub width: usize,
    /// Heads of attention.
    pub heads: usize,
}

impl FromStr for Size {
    type Err = Error;

    /// `S`, `B`, `L`, `XL` (Peebles and Xie 2023, table 1), or `D96-N4`, features and blocks, with heads of 32.
    fn from_str(text: &str) -> Result<Self> {
        let size = |depth, width, heads| Ok(Self { depth, width, heads });
        match text {
            "S" => return size(12, 384, 6),
            "B" => return size(12, 768, 12),
            "L" => return size(24, 1024, 16),
            "XL" => return size(28, 1152, 16),
            _ => {}
        }
        let parts = text.strip_prefix('D').and_then(|rest| rest.split_once("-N"));
        let parts =
            parts.and_then(|(width, depth)| Some((width.parse().ok()?, depth.parse().ok()?)));
        match parts {
            Some((width, depth)) if depth > 0 && width >= 32 && width % 32 == 0 => {
                size(depth, width, width / 32)
            }
            _ => Err(Error::Refused(format!(
                "a transformer's size: expected S, B, L, XL or such as D96-N4 (96 features, a multiple of 32, in 4 blocks), found '{text}'"
            ))),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.depth, self.width, self.heads) {
            (12, 384, 6) => f.write_str("S"),
            (12, 768, 12) => f.write_str("B"),
            (24, 1024, 16) => f.write_str("L"),
            (28, 1152, 16) => f.write_str("XL"),
            (depth, width, _) => write!(f, "D{width}-N{depth}"),
        }
    }
}

/// Sizes and inputs of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Height and width of what is drawn, in samples.
    pub side: usize,
    /// Samples of a patch, on each side.
    pub patch: usize,
    /// Channels of what is drawn.
    pub channels: usize,
    /// Channels of the output: as many, or twice that where variances are learned.
    pub outputs: usize,
    /// Channels of a source that is read beside what is drawn; 0 for none.
    pub beside: usize,
    /// Channels of a source whose patches are tokens of their own; 0 for none.
    pub sequence: usize,
    /// Numbers of a vector that is added to the embedding of time; 0 for none.
    pub vector: usize,
    /// Classes, one of them for none; 0 without classes.
    pub classes: usize,
    /// Features of a token.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Whose arithmetic it is.
    pub convention: Convention,
}

impl Architecture {
    /// Patches along a side.
    pub fn along(&self) -> usize {
        self.side / self.patch.max(1)
    }

    /// Tokens of what is drawn.
    pub fn tokens(&self) -> usize {
        self.along() * self.along()
    }

    /// Numbers of a token's patch with that many channels.
    pub(super) fn of_patch(&self, channels: usize) -> usize {
        channels * self.patch * self.patch
    }

    /// # Errors
    /// [`Error::Refused`] where parts do not fit each other, or are without measure.
    pub fn check(&self) -> Result<()> {
        let Self { side, patch, channels, outputs, width, depth, heads, .. } = *self;
        let whole = |a: usize, b: usize| a > 0 && b > 0 && a.is_multiple_of(b);
        let fits = whole(side, patch)
            && whole(width, heads)
            && width.is_multiple_of(4)
            && channels > 0
            && [channels, 2 * channels].contains(&outputs)
            && depth > 0;
        let most = |n: usize, most: usize| n <= most;
        let measured = most(side, 4096)
            && most(self.tokens(), 1 << 16)
            && most(width, 1 << 14)
            && most(depth, 1 << 10)
            && most(channels.max(self.beside).max(self.sequence), 1 << 10)
            && most(self.vector, 1 << 16)
            && most(self.classes, 1 << 20);
        if fits && measured {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "a diffusion transformer has whole patches, as many features for every head, a width that is a multiple of 4 and as many output channels as input channels or twice that; found {self:?}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_their_published_numbers() {
        for name in ["S", "B", "L", "XL", "D96-N4"] {
            assert_eq!(name.parse::<Size>().unwrap().to_string(), name);
        }
        for wrong in ["", "M", "D100-N4", "D96-N0", "D96", "D0-N2"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
