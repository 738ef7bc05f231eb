//! The samplers by name.

use serde::{Deserialize, Serialize};

use super::super::linear::expect_within;
use crate::{Error, Result};

/// How a picture is drawn from noise. In recipes a text, see [`Method::from_str`].
///
/// [`Method::from_str`]: std::str::FromStr::from_str
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Method {
    /// Ancestral sampling of the discrete process (Ho et al. 2020): `ddpm`.
    Ddpm,
    /// Of the discrete process, without noise at η = 0 (Song et al. 2021): `ddim`, `ddim:0.5`.
    Ddim {
        /// The share of DDPM's noise that is added, 0 to 1.
        eta: f64,
    },
    /// First order, of a rectified flow: `euler`.
    Euler,
    /// Second order with two evaluations a step, of a rectified flow: `heun`.
    Heun,
    /// DPM-Solver++(2M), second order with one evaluation a step, of either process: `dpm++`.
    DpmSolverPlusPlus,
}

impl Method {
    /// Refuses an η outside [0, 1].
    pub(super) fn checked(self) -> Result<Self> {
        if let Self::Ddim { eta } = self {
            expect_within("η of ddim", eta, 0.0, 1.0)?;
        }
        Ok(self)
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ddpm => f.write_str("ddpm"),
            Self::Ddim { eta: 0.0 } => f.write_str("ddim"),
            Self::Ddim { eta } => write!(f, "ddim:{eta}"),
            Self::Euler => f.write_str("euler"),
            Self::Heun => f.write_str("heun"),
            Self::DpmSolverPlusPlus => f.write_str("dpm++"),
        }
    }
}

impl std::str::FromStr for Method {
    type Err = Error;

    /// `ddpm`, `ddim` (η = 0), `ddim:0.5` (another η), `euler`, `heun` or `dpm++`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "ddpm" => return Ok(Self::Ddpm),
            "ddim" => return Ok(Self::Ddim { eta: 0.0 }),
            "euler" => return Ok(Self::Euler),
            "heun" => return Ok(Self::Heun),
            "dpm++" => return Ok(Self::DpmSolverPlusPlus),
            _ => {}
        }
        match text.strip_prefix("ddim:").map(str::parse) {
            Some(Ok(eta)) => Self::Ddim { eta }.checked(),
            _ => Err(Error::Refused(format!(
                "no sampler is called {text:?}: use ddpm, ddim, ddim:0.5, euler, heun or dpm++"
            ))),
        }
    }
}

impl TryFrom<String> for Method {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Method> for String {
    fn from(method: Method) -> Self {
        method.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for text in ["ddpm", "ddim", "ddim:0.5", "euler", "heun", "dpm++"] {
            let method: Method = text.parse().unwrap();
            assert_eq!(method.to_string(), text);
            let written = serde_json::to_string(&method).unwrap();
            assert_eq!(serde_json::from_str::<Method>(&written).unwrap(), method);
        }
        assert_eq!("ddim:0".parse::<Method>().unwrap(), Method::Ddim { eta: 0.0 });
    }

    #[test]
    fn others_are_refused() {
        for wrong in ["", "ddim:", "ddim:2", "ddim:NaN", "ddim:-0.1", "DDIM", "dpm"] {
            assert!(wrong.parse::<Method>().is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Method>("\"rk45\"").is_err());
    }
}
