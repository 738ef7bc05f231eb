//! Human judgements of pictures: a local web application that asks, and what it keeps.
//!
//! * [`Project`]: what is asked, of whom, and how often
//! * [`Studio`]: a project under way; [`Server`]: its pages
//! * [`Store`]: the votes on disk, to which rows are only added
//! * [`export`]: votes as files of judgements
//!
//! Everything stays on one machine: nothing is fetched from elsewhere and nothing is sent.

mod error;
pub mod export;
mod pictures;
mod plan;
mod project;
mod server;
mod store;
mod studio;

pub use error::{Error, Result};
pub use plan::{Plan, RaterState};
pub use project::{Answer, PROJECT_FILE, Project, ProjectItem, Scale, Task, Timing};
pub use server::Server;
pub use store::{NewVote, Store, Vote};
pub use studio::{Overview, RaterProgress, RaterToken, Studio};
