//! SSIM, MS-SSIM and their gradients in single precision, strip by strip.
//!
//! The same formulas as the oracles in [`ssim`](crate::ssim) and [`ms_ssim`](crate::ms_ssim), in
//! terms of sum and difference (four filters), for the 11×11 Gaussian window:
//!
//! * **Vectors.** One kernel over any number of lanes, compiled for AVX-512, AVX2 and portable
//!   targets and chosen when the program runs ([`processor`]).
//! * **Strips.** Rows of samples are converted as they are needed and live in a ring of 16 rows;
//!   coarser scales have rings of their own. Memory grows with the width of a picture, not with
//!   its height.
//! * **Same parts.** Tiles and strips in which the pictures are the same are 0 without being
//!   computed ([`unchanged`]).
//! * **Threads.** Strips are computed side by side. Every row of a map gives one sum, sums are
//!   added row by row, and so the bits of a value depend neither on the height of the strips nor
//!   on the number of threads. AVX-512 and AVX2 give the same bits too.
//!
//! Values agree with the f64 oracle within 1e-6 and maps within 5e-5. Samples in double precision,
//! windows of more than 11 taps, and borders other than valid and mirrored are left to the oracles.
//!
//! Cost per pixel of an RGB pair: 310 multiply-adds as the formula stands, 170 as it is computed
//! (weights are symmetric), and six bytes of memory traffic for 8-bit samples.

mod ahead;
mod aligned;
#[cfg(feature = "ssimulacra2")]
pub(crate) mod artefacts;
mod box_sums;
mod gradient;
mod halving;
mod kernel;
mod level;
mod multi_scale;
mod multi_scale_gradient;
mod processor;
mod quotients;
mod rows;
mod single_scale;
#[cfg(test)]
mod tests;
mod unchanged;

pub(crate) use gradient::value_and_gradient;
pub(crate) use kernel::TAPS;
pub(crate) use multi_scale::{Scales, multi_scale};
pub(crate) use multi_scale_gradient::multi_scale_gradient;
pub(crate) use processor::Processor;
pub(crate) use quotients::margin_of;
pub(crate) use rows::PairRows;
pub(crate) use single_scale::{Similarity, similarity};

/// How the work is cut; values do not depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) processor: Processor,
    /// Rows of the finest map per strip; `None` cuts a few strips per thread.
    pub(crate) strip: Option<usize>,
}

impl Schedule {
    /// The best instruction set, strips by the number of threads.
    pub(crate) fn best() -> Self {
        Self { processor: Processor::best(), strip: None }
    }

    /// Rows per strip for a map of `rows`: at least `least`, so that the rows that neighbouring
    /// strips both read stay few.
    fn strip_of(self, rows: usize, least: usize) -> usize {
        let strip = self.strip.unwrap_or_else(|| {
            let threads = rayon::current_num_threads();
            if threads == 1 { rows } else { rows.div_ceil(4 * threads).max(least) }
        });
        strip.clamp(1, rows.max(1))
    }
}
