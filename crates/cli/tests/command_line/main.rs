//! The `lookalike` command as its users meet it: the real binary, real files, real pipes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arguments;
mod folders;
mod formats;
mod gates;
mod hostile;
mod interrupts;
mod lists;
mod maps;
mod other_commands;
mod reports;
mod scores;
mod workplace;
