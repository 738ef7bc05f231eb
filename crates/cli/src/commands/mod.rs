//! One file per command.

#[cfg(feature = "deep")]
pub(crate) mod attack;
pub(crate) mod bapps;
#[cfg(feature = "deep")]
pub(crate) mod certify;
pub(crate) mod collection;
pub(crate) mod compare;
#[cfg(feature = "deep")]
pub(crate) mod dataset;
pub(crate) mod demo;
pub(crate) mod discover;
#[cfg(feature = "deep")]
mod drawn_pictures;
pub(crate) mod evaluation;
pub(crate) mod explain;
pub(crate) mod generation;
mod inputs;
pub(crate) mod manual;
mod maps;
pub(crate) mod metrics;
#[cfg(feature = "deep")]
pub(crate) mod optimise;
mod selection;
pub(crate) mod studio;
#[cfg(feature = "deep")]
pub(crate) mod study;
#[cfg(feature = "deep")]
pub(crate) mod train;
#[cfg(feature = "deep")]
pub(crate) mod translate;
pub(crate) mod update;
pub(crate) mod weights;
