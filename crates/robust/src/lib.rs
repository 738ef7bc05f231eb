//! By how much a picture may change before a learned metric decides otherwise: proofs and attacks.
//!
//! * [`Certifier`]: certificates of LipSim, whose network has a proved Lipschitz constant: of decisions
//!   between two pictures, of values, of retrieval.
//! * [`certificate`]: the formulas, on embeddings.
//! * [`attack`]: attacks on any metric, which a certificate has to withstand.
//! * [`Robustness`]: answers about triplets that are right, stay right under attack, are proved to stay right.
//!
//! A certificate says that a decision is stable, never that it is right. Radii are Euclidean, over all
//! samples of a picture in 0…1.

pub mod attack;
pub mod certificate;
mod certifier;
mod decision_certifier;
mod error;
mod robustness;

pub use certifier::{
    Certifier, Compat, Decision, Embedded, Evidence, Pixels, Radius, Retrieval, Retrieved, Value,
};
pub use decision_certifier::{CertifiedDecision, DecisionCertifier};
pub use error::{Error, Result};
pub use robustness::{Answered, Robustness, Threat, Withstood, eps_value};
