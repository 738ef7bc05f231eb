//! pix2pix, the baseline of the comparison of translations: a U-Net draws the picture of a source, and a discriminator
//! of patches says of pairs whether the picture is the true one.
//!
//! G minimises −ln D(x, G(x)) + 100·|y − G(x)|, D minimises ½·(−ln D(x, y) − ln(1 − D(x, G(x)))), with x the source
//! and y its picture, by turns, with Adam.
//!
//! Source: Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017,
//! sections 3.1 to 3.3 and 6.1. Kept are the losses and their weights, G's form that does not saturate, the halved
//! loss of D, the 4×4 filters of stride 2, the skips to mirrored levels, the level of one position, the patches of D,
//! and rate and betas of Adam.
//!
//! Choices, where the paper does otherwise: the generator's planes are normalised one by one, which is the paper's batch
//! normalisation for a batch of one, so that a picture does not depend on its batch; the discriminator has no
//! normalisation layers; hence He's start in place of normal numbers of deviation 0.02. ReLU everywhere in place of leaky
//! ReLU, which [`Network`](lookalike_train::network::Network) does not have. Nearest neighbours and 3×3 filters in place
//! of transposed 4×4 filters, against checkerboards (Odena, Dumoulin and Olah 2016). No more than four times the first
//! width in the generator, not eight. No dropout, which is the paper's only noise, so that a source has one picture.
//! Pictures end in 0…1 by a sigmoid, where the paper has tanh.
//!
//! Reproduces the definition in double precision: outputs within 10⁻⁵, derivatives within 2·10⁻³ of differences.
//!
//! Limits: square pictures whose side is a power of two, three channels, the processor alone. Turning and cropping are
//! left to the data.

mod concatenation;
mod losses;
mod normalisation;
mod patch_gan;
mod run;
mod stage;
#[cfg(test)]
mod tests;
mod unet;

pub use losses::{absolute_error, binary_cross_entropy, discriminator_loss, generator_loss};
pub use patch_gan::PatchGan;
pub use run::{ABSOLUTE_WEIGHT, BETAS, Losses, Pix2Pix, RATE, State, States};
pub use unet::{Trace, Unet};

use crate::{Error, Result};

/// Channels of sources and of pictures.
const CHANNELS: usize = 3;
/// Sides of pictures: below, a discriminator has hardly any patches; above, nothing fits the memory.
const SIDES: std::ops::RangeInclusive<usize> = 16..=1024;
/// The widest first layer of a network.
const WIDEST: usize = 1024;

/// # Errors
/// [`Error::Refused`] for sides and widths that the networks cannot have.
fn check_sizes(what: &str, side: usize, width: usize) -> Result<()> {
    if !side.is_power_of_two() || !SIDES.contains(&side) {
        let [least, most] = [SIDES.start(), SIDES.end()];
        return Err(Error::Refused(format!(
            "{what}: expected a side that is a power of two from {least} to {most}, found {side}; scale the pictures"
        )));
    }
    if !(1..=WIDEST).contains(&width) {
        return Err(Error::Refused(format!(
            "{what}: expected a width from 1 to {WIDEST}, found {width}"
        )));
    }
    Ok(())
}

/// # Errors
/// [`Error::Refused`] where the counts differ.
fn expect(what: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Refused(format!("{what}: expected {expected}, found {found}")))
}

/// How many whole pictures there are, at least one, of samples in a range.
///
/// # Errors
/// [`Error::Refused`] where they are none, or a sample is NaN or outside.
fn pictures(what: &str, samples: &[f32], size: usize, [least, most]: [f32; 2]) -> Result<usize> {
    if samples.is_empty() || !samples.len().is_multiple_of(size) {
        return Err(Error::Refused(format!(
            "{what}: expected whole pictures of {size} numbers, found {} numbers",
            samples.len()
        )));
    }
    // A rectified layer would take what is no number for 0.
    match samples.iter().find(|sample| !(least..=most).contains(*sample)) {
        None => Ok(samples.len() / size),
        Some(found) => Err(Error::Refused(format!(
            "{what}: expected samples from {least} to {most}, found {found}"
        ))),
    }
}
