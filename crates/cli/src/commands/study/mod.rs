//! `lookalike study`: an experiment of a paper as one command.

pub(crate) mod features;
mod features_record;
pub(crate) mod losses;
pub(crate) mod preference;
