//! TIFF: the kind of alpha, and whether more pages follow (TIFF 6.0, sections 2 and 18; BigTIFF).

use super::Cursor;
use crate::decode::decoded::Alpha;

const EXTRA_SAMPLES: u16 = 338;
/// Values of `EXTRA_SAMPLES`.
const ASSOCIATED_ALPHA: u16 = 1;

/// What the first directory of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Directory {
    /// How a fourth (or second) sample is to be read.
    pub(in crate::decode) alpha: Alpha,
    /// Whether another page follows.
    pub(in crate::decode) more_pages: bool,
}

/// Numbers in the byte order and of the width of one file.
struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
    big_tiff: bool,
}

impl<'a> Reader<'a> {
    fn u16(&self, cursor: &mut Cursor<'a>) -> Option<u16> {
        let bytes = cursor.array()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, cursor: &mut Cursor<'a>) -> Option<u32> {
        let bytes = cursor.array()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// An offset or count: 4 bytes, 8 in BigTIFF.
    fn offset(&self, cursor: &mut Cursor<'a>) -> Option<u64> {
        if !self.big_tiff {
            return self.u32(cursor).map(u64::from);
        }
        let bytes = cursor.array()?;
        Some(if self.little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    }

    fn directory(&self) -> Option<Directory> {
        let mut start = Cursor::at(self.bytes, if self.big_tiff { 8 } else { 4 })?;
        let first = usize::try_from(self.offset(&mut start)?).ok()?;
        let mut cursor = Cursor::at(self.bytes, first)?;
        let entries = match self.big_tiff {
            true => self.offset(&mut cursor)?,
            false => self.u16(&mut cursor)?.into(),
        };
        let mut alpha = Alpha::Straight;
        for _ in 0..entries {
            let tag = self.u16(&mut cursor)?;
            let _kind = self.u16(&mut cursor)?;
            let count = self.offset(&mut cursor)?;
            // One or two 16-bit values lie in the entry itself, first value first.
            let mut value = Cursor { rest: cursor.take(if self.big_tiff { 8 } else { 4 })? };
            if tag == EXTRA_SAMPLES && count > 0 && self.u16(&mut value)? == ASSOCIATED_ALPHA {
                alpha = Alpha::Premultiplied;
            }
        }
        Some(Directory { alpha, more_pages: self.offset(&mut cursor)? != 0 })
    }
}

/// The first directory, or `None` when it is malformed, which the decoder then reports.
pub(in crate::decode) fn directory(bytes: &[u8]) -> Option<Directory> {
    let little = bytes.starts_with(b"II");
    let version = bytes.get(if little { 2 } else { 3 })?;
    Reader { bytes, little, big_tiff: *version == 43 }.directory()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_byte_orders() {
        let little = b"II*\0\x08\0\0\0\x01\0\x52\x01\x03\0\x01\0\0\0\x01\0\0\0\x09\0\0\0";
        let found = Directory { alpha: Alpha::Premultiplied, more_pages: true };
        assert_eq!(directory(little), Some(found));
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x52\0\x03\0\0\0\x01\0\x02\0\0\0\0\0\0";
        let found = Directory { alpha: Alpha::Straight, more_pages: false };
        assert_eq!(directory(big), Some(found));
        for length in 0..big.len() {
            assert_eq!(directory(&big[..length]), None, "{length}");
        }
    }
}
