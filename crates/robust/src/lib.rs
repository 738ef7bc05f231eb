//! By how much a picture may change before a learned metric decides otherwise: proofs and attacks.
//!
//! * [`Certifier`]: certificates of LipSim, whose network has a proved Lipschitz constant: of decisions
//!   between two pictures, of values, of retrieval.
//! * [`certificate`]: the formulas, on embeddings.
//! * [`attack`]: gradient attacks, which a certificate has to withstand.
//!
//! A certificate says that a decision is stable, never that it is right. Radii are Euclidean, over all
//! samples of a picture in 0…1.

pub mod attack;
pub mod certificate;
mod certifier;
mod error;

pub use certifier::{
    Certifier, Compat, Decision, Embedded, Evidence, Pixels, Radius, Retrieval, Retrieved, Value,
};
pub use error::{Error, Result};
