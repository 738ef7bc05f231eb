//! LipSim from other metrics and from triplets, without a tensor engine.
//!
//! First the network learns the embeddings of a teacher on clean and jittered views of pictures
//! (distillation), then to decide triplets by a margin, which for the `plane` hinge is the certified radius
//! itself. Triplets are those of judgements and of a [synthetic observer](observer), which is arithmetic and
//! never a person.
//!
//! Source: Ghazanfari, Araujo, Krishnamurthy, Khorrami, Garg, "LipSim: A Provably Robust Perceptual Similarity
//! Metric", ICLR 2024, for the two stages; written from its description. Choices: directions are distilled, so that
//! lengths, which radii grow with, are free; the hinge is on the radius; space becomes channels early in place of
//! convolutions at full size; what ships is a running mean of the parameters. Derivatives are written out, those of
//! the normalisers included.
//!
//! Limits: convolutions of 3×3 and dense layers of the SDP-based kind; processors alone.

mod card;
mod data;
mod held_out;
mod lifting;
mod normaliser;
mod objective;
pub mod observer;
mod recipe;
mod run;
mod student;
mod views;

pub use held_out::{HeldOut, write_held_out};
pub use objective::{Distillation, Hinge};
pub use recipe::Recipe;
pub use run::{Outcome, Validation, train};
