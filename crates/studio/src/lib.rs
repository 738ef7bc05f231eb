//! Human judgements of pictures: a local web application that asks, and what it keeps.
//!
//! * [`Project`]: what is asked, of whom, and how often
//! * [`Store`]: the votes on disk, to which rows are only added
//!
//! Everything stays on one machine: nothing is fetched from elsewhere and nothing is sent.

mod error;
mod project;
mod store;

pub use error::{Error, Result};
pub use project::{Answer, PROJECT_FILE, Project, ProjectItem, Scale, Task, Timing};
pub use store::{NewVote, Store, Vote};
