//! Which format bytes are in, by their first bytes; names of files are not looked at.

use crate::{Error, Result};

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    Jpeg,
    WebP,
    Tiff,
    Bmp,
    Gif,
    Pnm,
    Qoi,
    OpenExr,
    RadianceHdr,
    JpegXl,
}

impl Format {
    /// Whether the decoder takes the file piece by piece, front to back, so that its bytes need not
    /// be held beside the samples. The others are looked at in several places, or are so small
    /// beside their samples that it does not matter.
    pub(super) fn is_read_forwards(self) -> bool {
        matches!(self, Self::Png | Self::Bmp | Self::Pnm | Self::Qoi | Self::RadianceHdr)
    }

    /// The name used in messages and in the provenance.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            Self::Pnm => "PNM",
            Self::Qoi => "QOI",
            Self::OpenExr => "OpenEXR",
            Self::RadianceHdr => "Radiance HDR",
            Self::JpegXl => "JPEG XL",
        }
    }
}

/// Bytes that are enough to tell every format from every other.
pub(super) const LONGEST: usize = 16;

const JPEG_XL_CONTAINER: &[u8] = b"\0\0\0\x0cJXL \r\n\x87\n";

const SIGNATURES: &[(&[u8], Format)] = &[
    (b"\x89PNG\r\n\x1a\n", Format::Png),
    (b"\xff\xd8\xff", Format::Jpeg),
    (b"GIF87a", Format::Gif),
    (b"GIF89a", Format::Gif),
    (b"II*\0", Format::Tiff),
    (b"MM\0*", Format::Tiff),
    (b"II+\0", Format::Tiff),
    (b"MM\0+", Format::Tiff),
    (b"BM", Format::Bmp),
    (b"qoif", Format::Qoi),
    (b"\x76\x2f\x31\x01", Format::OpenExr),
    (b"#?RADIANCE", Format::RadianceHdr),
    (b"#?RGBE", Format::RadianceHdr),
    (b"\xff\x0a", Format::JpegXl),
    (JPEG_XL_CONTAINER, Format::JpegXl),
];

/// Finds the format; [`LONGEST`] bytes are enough.
///
/// # Errors
/// [`Error::UnsupportedFormat`] for an empty file, for AVIF and HEIC, and for anything unknown.
pub(super) fn find(bytes: &[u8], name: &str) -> Result<Format> {
    let refuse = |reason: &str| {
        Err(Error::UnsupportedFormat { name: name.to_owned(), reason: reason.to_owned() })
    };
    if bytes.is_empty() {
        return refuse("the file is empty");
    }
    if let Some((_, format)) = SIGNATURES.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Ok(*format);
    }
    match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::WebP),
        [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => Ok(Format::Pnm),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4) {
            Some(b"avif" | b"avis") => {
                refuse("AVIF pictures are not read; convert it to PNG first")
            }
            Some(b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1") => {
                refuse("HEIC pictures are not read; convert it to PNG first")
            }
            _ => refuse("an MP4-like container that holds no picture format known here"),
        },
        _ => refuse(
            "not a picture in a known format; PNG, JPEG, WebP, TIFF, BMP, GIF, PNM, QOI, \
             OpenEXR, Radiance HDR and JPEG XL are read",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_formats_by_their_first_bytes() {
        let webp = b"RIFF\0\0\0\0WEBPVP8 ";
        assert_eq!(find(webp, "x.png").unwrap(), Format::WebP);
        assert_eq!(find(b"P5\n1 1\n255\n\0", "x").unwrap(), Format::Pnm);
        assert_eq!(find(b"\xff\x0a\0", "x").unwrap(), Format::JpegXl);
        assert_eq!(find(JPEG_XL_CONTAINER, "x").unwrap(), Format::JpegXl);
        assert_eq!(find(b"#?RGBE\n", "x").unwrap(), Format::RadianceHdr);
    }

    #[test]
    fn refuses_what_it_cannot_read_and_says_why() {
        let message = |bytes: &[u8]| find(bytes, "x").unwrap_err().to_string();
        assert!(message(b"").contains("empty"));
        assert!(message(b"\0\0\0\x20ftypavif").contains("AVIF"));
        assert!(message(b"\0\0\0\x20ftypheic").contains("convert it to PNG"));
        assert!(message(b"\0\0\0\x20ftyp").contains("MP4"));
        assert!(message(b"hello world").contains("not a picture"));
        assert!(message(b"P").contains("not a picture"));
    }
}
