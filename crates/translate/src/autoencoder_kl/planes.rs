//! Planes of one picture, checked, as blocks of channels.

use lookalike_kernels::Blocks;

use crate::{Error, Result};

/// Blocks of one picture of channels, height and width.
pub(super) fn blocks([channels, height, width]: [usize; 3], planes: &[f32]) -> Result<Blocks> {
    let mut blocks = Blocks::new();
    blocks.read_planes([1, channels, height, width], planes)?;
    Ok(blocks)
}

/// Channels, height and width.
pub(super) fn shape_of(blocks: &Blocks) -> [usize; 3] {
    let [_, channels, height, width] = blocks.shape();
    [channels, height, width]
}

/// # Errors
/// [`Error::Refused`] unless the numbers fill a shape of at least one and are finite.
pub(super) fn expect_finite(what: &str, shape: [usize; 3], numbers: &[f32]) -> Result<()> {
    let count = shape.iter().try_fold(1_usize, |count, &extent| count.checked_mul(extent));
    if count != Some(numbers.len()) || numbers.is_empty() {
        let [channels, height, width] = shape;
        return Err(Error::Refused(format!(
            "{what}: expected {channels} x {height} x {width} numbers, found {}",
            numbers.len()
        )));
    }
    match numbers.iter().position(|number| !number.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::Refused(format!(
            "{what}: expected finite numbers, found {} at place {at}",
            numbers[at]
        ))),
    }
}
