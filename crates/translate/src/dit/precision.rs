//! In which numbers a network on a graphics card multiplies matrices.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::losses::named;
use crate::{Error, Result};

/// Products of dense layers and of attention, forwards and backwards. Everything else, and what is kept of the
/// parameters, is in single precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// Single precision.
    #[default]
    #[serde(rename = "f32")]
    F32,
    /// 16 bits with the range of single precision and 8 bits of digits. Of `cuda`; WebGPU's language has no such
    /// numbers.
    #[serde(rename = "bf16")]
    Bf16,
    /// 16 bits with 11 bits of digits, from 6e-8 to 65504. Derivatives are scaled by a power of two on their way back.
    #[serde(rename = "f16")]
    F16,
}

impl Precision {
    /// All, in the order of their documentation.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F16];

    /// The 16 bits, where there are any.
    #[cfg(feature = "engine")]
    pub(super) fn half(self) -> Option<burn::tensor::FloatDType> {
        match self {
            Self::F32 => None,
            Self::Bf16 => Some(burn::tensor::FloatDType::BF16),
            Self::F16 => Some(burn::tensor::FloatDType::F16),
        }
    }

    /// Whether it is single precision.
    pub fn is_single(&self) -> bool {
        *self == Self::F32
    }
}

impl Display for Precision {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named("precision", text, &Self::ALL)
    }
}
