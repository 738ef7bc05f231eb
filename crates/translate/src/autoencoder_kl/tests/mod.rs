//! Recorded values, derivatives, determinism, files of every layout, and what is refused.

mod computed;
mod files;
mod recorded_values;
