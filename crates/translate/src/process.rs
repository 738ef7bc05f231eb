//! How noise comes into a picture, if it does at all.

use serde::{Deserialize, Serialize};

use crate::diffusion::Betas;
use crate::{Error, Result};

/// The way from a picture to noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Process {
    /// In a straight line (rectified flow); in training, the clean fraction is the logistic function of a normal
    /// number.
    Flow {
        /// Its mean; below 0 for more noise than picture.
        mean: f64,
        /// Its deviation.
        deviation: f64,
    },
    /// In steps (Ho et al. 2020), each as likely.
    Discrete {
        /// How much noise each adds.
        betas: Betas,
        /// How many.
        steps: usize,
    },
    /// None: the network draws the target from the source at once, by regression.
    None,
}

impl Process {
    /// PixelGen's flow.
    pub const FLOW: Self = Self::Flow { mean: -0.8, deviation: 0.8 };

    /// # Errors
    /// [`Error::Refused`] for numbers without measure.
    pub fn check(&self) -> Result<()> {
        let fits = match *self {
            Self::Flow { mean, deviation } => {
                mean.is_finite() && deviation.is_finite() && deviation > 0.0
            }
            Self::Discrete { steps, .. } => (2..=100_000).contains(&steps),
            Self::None => true,
        };
        if fits {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "a process: expected a finite mean, a deviation above 0, and 2 to 100000 steps, found {self:?}"
        )))
    }
}
