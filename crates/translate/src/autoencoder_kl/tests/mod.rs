//! Recorded values, derivatives, determinism, files of every layout, and what is refused.

mod computed;
pub(crate) mod files;
mod recorded_values;
