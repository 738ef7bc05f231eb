//! The `lookalike` command as its users meet it: the real binary, real files, real pipes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arguments;
#[cfg(feature = "deep")]
mod attack;
#[cfg(feature = "deep")]
mod certify;
#[cfg(feature = "deep")]
mod devices;
mod discovery;
mod discovery_tasks;
mod expert_pairs;
mod folders;
mod formats;
mod gates;
mod gates_file;
mod generation;
mod hostile;
mod interrupts;
mod judgements;
#[cfg(feature = "deep")]
mod learned;
#[cfg(feature = "deep")]
mod lipsim;
mod lists;
mod maps;
mod masks;
#[cfg(feature = "deep")]
mod optimisation;
mod other_commands;
mod pages;
#[cfg(feature = "deep")]
mod reconstruction;
mod reports;
mod scores;
#[cfg(unix)]
#[allow(dead_code)]
#[path = "../browser/server.rs"]
mod server;
#[cfg(feature = "deep")]
mod sight;
mod sizes;
#[cfg(feature = "deep")]
mod studies;
#[cfg(unix)]
mod studio;
#[cfg(feature = "deep")]
mod training;
#[cfg(feature = "deep")]
mod translation;
#[cfg(feature = "deep")]
mod translation_study;
#[cfg(all(unix, feature = "deep"))]
mod tutorial;
mod update;
mod visual_regression;
mod weights;
mod workplace;
