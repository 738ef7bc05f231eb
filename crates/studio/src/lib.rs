//! A local web application: searches in stores of pictures, and human judgements: what asks, and what it keeps.
//!
//! * [`Project`]: what is asked, of whom, and how often
//! * [`Studio`]: a project under way; [`Server`]: its pages
//! * [`Store`]: the votes on disk, to which rows are only added
//! * [`export`]: votes as files of judgements; [`label_votes`]: as votes on pairs of a store
//! * [`Workbench`]: stores to search, with a project of pairs, its agreement and its evaluation
//!
//! Everything stays on one machine: nothing is fetched from elsewhere and nothing is sent.

mod collecting;
mod error;
pub mod export;
mod guard;
mod labels;
mod pages;
mod pictures;
mod plan;
mod project;
mod respond;
mod server;
mod store;
mod studio;
mod workbench;

pub use error::{Error, Result};
pub use labels::label_votes;
pub use plan::{Plan, RaterState};
pub use project::{Answer, PROJECT_FILE, Project, ProjectItem, Scale, Task, Timing};
pub use server::Server;
pub use store::{NewVote, Store, Vote};
pub use studio::{Overview, RaterProgress, RaterToken, Studio};
pub use workbench::{Access, Catalogue, Workbench};
