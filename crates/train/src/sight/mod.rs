//! `sight`: a small network and channel weights of our own, learned from other metrics.
//!
//! Pictures that anybody may use (and scenes made by arithmetic) are damaged in graded ways
//! ([`BANK`]); other metrics, the [`Teacher`]s, say how far each damaged picture is from its reference;
//! network and channel weights are fitted to their blended ranks by Adam. The formula is that of LPIPS, so the
//! distance of equal pictures is 0, both ways are the same, and no distance is negative.
//!
//! Choices: ranks, not values, are blended, as teachers have no common scale; the order of severities is
//! known without a teacher and counts beside them; pictures are 64 pixels large, as those of BAPPS, from
//! squares of all sizes; every example is turned or mirrored anew each time.
//!
//! Limits: nobody was asked; what all teachers are blind to is not learned.

mod bank;
mod card;
mod dataset;
mod examples;
mod held_out;
mod objective;
mod pictures;
mod projection;
mod recipe;
mod run;
mod teachers;

pub use bank::{BANK, Distortion, Group};
pub use held_out::{HeldOut, write_held_out};
pub use pictures::{HELD_OUT_SCENES, Role, Source, Sources};
pub(crate) use pictures::{collect, crop, folder_role, middle_square};
pub use projection::{Projected, write_projection};
pub use recipe::Recipe;
pub use run::{Outcome, Validation, train};
pub use teachers::Teacher;
