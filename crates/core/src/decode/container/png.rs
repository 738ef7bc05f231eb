//! PNG: the size before a decoder exists, and the `cICP` chunk (PNG third edition, 11.3.2.6).

use super::Cursor;

/// Width and height from the header chunk.
pub(in crate::decode) fn size(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut cursor = Cursor::at(bytes, 16)?;
    let width = u32::from_be_bytes(cursor.array()?);
    let height = u32::from_be_bytes(cursor.array()?);
    Some((width.into(), height.into()))
}

/// Colour primaries, transfer, matrix and range (ITU-T H.273), where the file gives them.
pub(in crate::decode) fn code_points(bytes: &[u8]) -> Option<[u8; 4]> {
    let mut cursor = Cursor::at(bytes, 8)?;
    loop {
        let length = u32::from_be_bytes(cursor.array()?);
        let kind: [u8; 4] = cursor.array()?;
        let data = cursor.take(usize::try_from(length).ok()?)?;
        let _checksum: [u8; 4] = cursor.array()?;
        match &kind {
            b"cICP" => return data.try_into().ok(),
            b"IDAT" | b"IEND" => return None,
            _ => {}
        }
    }
}
