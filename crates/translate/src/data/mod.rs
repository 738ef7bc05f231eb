//! Pairs of pictures: where they lie, what is wrong with them, and how they are made.
//!
//! * [`Pairs`]: all pairs of a set in memory, from any of the layouts that public sets come in ([`Layout`]), with a
//!   role for each and a [`Report`] of everything that could not be used;
//! * [`Augmentation`]: crops and mirroring, the same for source and target;
//! * [`preview()`]: what training will see, as a sheet;
//! * [`doctor`]: checks before anybody trains;
//! * [`edges`]: line drawings, to make pairs from pictures alone;
//! * [`shapes`]: drawn shoes and their outlines, to need no pictures at all.

mod augment;
pub mod doctor;
mod domains;
pub mod edges;
mod layout;
mod listing;
mod manifest;
mod options;
mod pairs;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "no_parquet.rs"]
mod parquet;
mod preview;
mod reading;
mod report;
mod roles;
mod selection;
pub mod shapes;

pub use augment::{Augmentation, Frame};
pub use edges::{Method, MethodName, edge_map};
pub use layout::{Direction, Layout};
pub use options::PairOptions;
pub use pairs::Pairs;
pub use preview::{preview, spread};
pub use reading::{Fit, squared};
pub use report::{Moved, Problem, Recognised, Report};
pub use shapes::{Part, ShoePair, shoe};

#[cfg(test)]
mod tests;
