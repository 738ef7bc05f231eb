//! LipSim: a distance between embeddings of a network that cannot stretch, so that a small change of a
//! picture changes the distance little, and provably so.
//!
//! d(x, y) = 1 − cos(f(x), f(y)) = ½‖φ(x) − φ(y)‖², φ = f/‖f‖, with f of Lipschitz constant 1 for the
//! Euclidean norm: channels filled up with zeros, SDP-based Lipschitz convolutions, sums over windows, dense
//! layers of the same kind, the first coordinates.
//!
//! Source: Ghazanfari, Araujo, Krishnamurthy, Khorrami, Garg, "LipSim: A Provably Robust Perceptual
//! Similarity Metric", ICLR 2024. Written from its description and from recorded values; nothing of the
//! authors' code, which has no licence, is used.
//!
//! Choices: the distance is taken as half a squared chord, since 1 − cos loses all below 1e-7; pictures are
//! resized in floating point (see [`Input`]); normalisers are computed when weights are loaded.
//! Reproduces recorded embeddings within 2e-5, distances within 2e-7.
//!
//! Limits: no map; on the processor; what the size of a picture means is lost in resizing to the network's.

mod architecture;
mod checkpoint;
mod file;
mod head;
mod initial;
mod input;
mod metric;
mod network;
mod plan;
mod resize;

pub use architecture::{Architecture, Size};
pub use file::model_file;
pub use head::Head;
pub use initial::{initial_file, initial_file_of};
pub use input::{Input, Scale};
pub use metric::LipSim;
pub use network::{Network, Trace};
pub use plan::{Extent, Plan, Stage, Tensor};

pub(crate) use input::Frame;
pub(crate) use metric::{CARDS, MINI_CARD};
