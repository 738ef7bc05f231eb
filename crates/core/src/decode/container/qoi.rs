//! QOI: the byte that says how samples relate to light (QOI specification 1.0, "Header").

use std::io::Read;

use super::read;

/// All channels are proportional to light.
const LINEAR: u8 = 1;

/// Whether samples are linear, read from the start of a file.
pub(in crate::decode) fn is_linear(file: &mut impl Read) -> bool {
    read::<14>(file).is_some_and(|header| header[13] == LINEAR)
}
