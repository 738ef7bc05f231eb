//! Closed-form full-reference picture metrics.
//!
//! One file per published metric, each naming the definition it follows and the implementation it
//! reproduces. Where implementations disagree there are named profiles; a bare name stands for one
//! of them, and every score says which ([`metric`]).
//!
//! ```
//! use lookalike_core::{Channels, Picture, Want};
//! let reference = Picture::from_u8(16, 16, Channels::Grey, (0..=255).collect())?;
//! let candidate = Picture::from_u8(16, 16, Channels::Grey, (0..=255).rev().collect())?;
//! let ssim = lookalike_metrics::metric("ssim")?;
//! assert_eq!(ssim.compare(&reference, &reference, Want::default())?.value, 1.0);
//! assert!(ssim.compare(&reference, &candidate, Want::default())?.value < 0.0);
//! # Ok::<(), lookalike_core::Error>(())
//! ```
//!
//! Each file computes in f64 by the formula as printed. SSIM and MS-SSIM of 8-bit, 16-bit and
//! single-precision samples are computed in f32 by vector kernels, strip by strip, within 1e-6 of
//! that formula; samples in double precision get the formula itself. Values do not depend on the
//! number of threads.

mod bilinear;
mod closed_form;
mod derivatives;
mod dispatch;
pub mod downsample;
pub mod filter;
pub mod plane;
mod registry;
mod row_filter;

#[cfg(feature = "butteraugli")]
mod butteraugli;
mod ciede2000;
mod colour_axes;
mod colour_space;
mod cw_ssim;
mod flip;
mod fourier;
mod fsim;
mod gmsd;
mod haarpsi;
#[cfg(any(feature = "ssimulacra2", feature = "butteraugli", feature = "zensim"))]
mod interleaved;
mod iw_ssim;
mod mdsi;
pub mod mix;
mod ms_gmsd;
pub mod ms_ssim;
mod nlpd;
mod phase_congruency;
mod pixel_cosine;
mod pixel_error;
mod pixels;
mod pooling;
mod psnr_hvs;
mod saliency;
mod sample_differences;
mod samples;
mod similarity;
pub mod ssim;
#[cfg(feature = "ssimulacra2")]
mod ssimulacra2;
mod strips;
mod symmetric_eigen;
#[cfg(test)]
mod test_pictures;
mod uqi;
mod vifp;
mod vsi;
#[cfg(feature = "zensim")]
mod zensim;

pub use registry::{Definition, definitions, find, metric};
