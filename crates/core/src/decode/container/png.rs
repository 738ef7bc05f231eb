//! PNG: the size before a decoder exists, and the `cICP` chunk (PNG third edition, 11.3.2.6).

use std::io::{Read, Seek};

use super::read;

/// What a file says before its pixels.
pub(in crate::decode) struct Head {
    /// Width and height.
    pub(in crate::decode) size: (u64, u64),
    /// Colour primaries, transfer, matrix and range (ITU-T H.273), where the file gives them.
    pub(in crate::decode) code_points: Option<[u8; 4]>,
}

/// Reads from the start of a file, and leaves the reader somewhere else.
pub(in crate::decode) fn head(file: &mut (impl Read + Seek)) -> Option<Head> {
    let _signature_and_kind: [u8; 16] = read(file)?;
    let width = u32::from_be_bytes(read(file)?);
    let height = u32::from_be_bytes(read(file)?);
    let _depth_and_checksum: [u8; 9] = read(file)?;
    Some(Head { size: (width.into(), height.into()), code_points: code_points(file) })
}

/// Looks through the chunks up to the pixels.
fn code_points(file: &mut (impl Read + Seek)) -> Option<[u8; 4]> {
    loop {
        let length = u32::from_be_bytes(read(file)?);
        let kind: [u8; 4] = read(file)?;
        match &kind {
            b"cICP" => return (length == 4).then(|| read(file)).flatten(),
            b"IDAT" | b"IEND" => return None,
            _ => file.seek_relative(i64::from(length) + 4).ok()?,
        }
    }
}
