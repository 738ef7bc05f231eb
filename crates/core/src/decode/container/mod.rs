//! What files say around their pixels and decoders do not pass on: colour code points of PNG,
//! component counts and completeness of JPEG, frame counts of GIF, the light of QOI, alpha and pages of TIFF, windows
//! and primaries of OpenEXR.
//!
//! These readers look at structure only, never allocate by what a file announces, and leave
//! malformed structure to the decoder unless nobody else would notice.

pub(super) mod gif;
pub(super) mod jpeg;
pub(super) mod open_exr;
pub(super) mod png;
pub(super) mod qoi;
pub(super) mod tiff;

/// The next bytes of a file, or `None` where it ends.
fn read<const N: usize>(file: &mut impl std::io::Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// A position in bytes that is read forwards; every read ends in `None` beyond the last byte.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn at(bytes: &'a [u8], offset: usize) -> Option<Self> {
        Some(Self { rest: bytes.get(offset..)? })
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// The bytes before the next NUL, which is passed over.
    fn until_nul(&mut self) -> Option<&'a [u8]> {
        let length = self.rest.iter().position(|&byte| byte == 0)?;
        let text = self.take(length)?;
        self.byte()?;
        Some(text)
    }
}
