//! Pictures made by arithmetic: scenes from a seed, and distortions of graded strength.
//!
//! Everything is made of integers, of the four operations and of square roots in double precision,
//! and of the ChaCha8 generator, so equal seeds give equal samples on every machine. JPEG alone
//! depends on its encoder and decoder.
//!
//! ```
//! use lookalike_core::procedural::{Distortion, scene};
//! let reference = scene(7, 64, 48);
//! let candidate = Distortion::Blur.apply(&reference, 0.5, 0)?;
//! assert_eq!(Distortion::Blur.apply(&reference, 0.0, 0)?, reference);
//! assert_ne!(candidate, reference);
//! # Ok::<(), lookalike_core::Error>(())
//! ```

mod distortion;
mod scene;

pub use distortion::Distortion;
pub use scene::scene;
