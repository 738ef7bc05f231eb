//! Bytes to pictures.
//!
//! The format is found by its first bytes: PNG, JPEG, WebP, TIFF, BMP, GIF, PNM, QOI, OpenEXR,
//! Radiance HDR and JPEG XL are read; AVIF and HEIC are recognised and refused.
//!
//! * **Samples.** 8 bits stay 8 bits, 16 bits stay 16, fewer are expanded to full range; grey stays
//!   grey, palettes become RGB. Floating-point TIFF is display-coded in 0…1; OpenEXR, Radiance HDR,
//!   linear JPEG XL and linear QOI are [`Encoding::SceneLinear`](crate::Encoding), 1 being
//!   diffuse white.
//! * **Then**, in this order and recorded in [`Provenance::steps`] where samples changed: the
//!   Exif orientation is applied, negative light cut off, the colour profile converted to sRGB, and
//!   transparency resolved by the [`AlphaPolicy`].
//! * **Several frames or pages**: the first is read, and that is recorded.
//! * **Refused rather than guessed**: CMYK, PQ and HLG, OpenEXR of other primaries, truncated files.
//!
//! Memory is bounded by the size that a header announces, and that size by
//! [`DecodeOptions::max_pixels`]. Samples are decoded into their place and changed there: beside them
//! there are a few rows. Exceptions: files other than PNG, BMP, PNM, QOI and Radiance HDR are held
//! while they are decoded, WebP, JPEG XL, OpenEXR and progressive JPEG are so by nature, and
//! turning a picture upright takes a second one.

mod colour_profile;
mod container;
mod decoded;
mod float_tiff;
mod jpeg_xl;
mod orientation;
mod raster;
mod signature;
mod source;
mod transparency;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::shorter_side::size_for;
use crate::{AlphaPolicy, Error, Picture, Provenance, Result, resize_shorter_side};
use decoded::Decoded;
use signature::Format;
use source::Source;

/// Bytes that are asked of the system at a time.
const READ_AHEAD: usize = 64 << 10;

/// What the reader may do and how far it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// What to do with transparent pixels.
    pub alpha: AlphaPolicy,
    /// Largest number of pixels that is decoded; a header that announces more is an error before
    /// anything is allocated.
    pub max_pixels: u64,
    /// The length to which the shorter side is brought, by [`resize_shorter_side`]; `None` keeps it.
    pub shorter_side: Option<usize>,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { alpha: AlphaPolicy::Error, max_pixels: 512 << 20, shorter_side: None }
    }
}

/// Reads a picture from a file. The format is found from the bytes, not from the name.
///
/// # Errors
/// [`Error::Read`], and all of [`decode`].
pub fn read(path: &Path, options: &DecodeOptions) -> Result<Picture> {
    let failed = |reason| Error::Read { path: path.to_owned(), reason };
    let name = path.display().to_string();
    let file = File::open(path).map_err(failed)?;
    // Pipes cannot be rewound.
    let is_regular = file.metadata().map_err(failed)?.is_file();
    let mut file = BufReader::with_capacity(READ_AHEAD, file);
    let mut bytes = Vec::new();
    file.by_ref().take(signature::LONGEST as u64).read_to_end(&mut bytes).map_err(failed)?;
    let format = signature::find(&bytes, &name)?;
    let picture = if is_regular && format.is_read_forwards() {
        file.seek_relative(-(bytes.len() as i64)).map_err(failed)?;
        finish(format, &name, options, |source| raster::decode_forwards(file, source))?
    } else {
        file.read_to_end(&mut bytes).map_err(failed)?;
        decode(&bytes, &name, options)?
    };
    let provenance = Provenance { path: Some(path.to_owned()), ..picture.provenance().clone() };
    Ok(picture.with_provenance(provenance))
}

/// Reads a picture from bytes; `name` is used in messages.
///
/// # Errors
/// [`Error::UnsupportedFormat`] for formats and features that are not read, [`Error::Decode`] for
/// broken and truncated files and unreadable colour profiles, [`Error::TooManyPixels`],
/// [`Error::Transparent`] under [`AlphaPolicy::Error`], [`Error::NotFinite`] and
/// [`Error::OutOfRange`] for floating-point samples.
pub fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Picture> {
    let format = signature::find(bytes, name)?;
    finish(format, name, options, |source| match format {
        Format::JpegXl => jpeg_xl::decode(bytes, source),
        _ => raster::decode(bytes, source),
    })
}

/// A picture from what a decoder makes.
fn finish(
    format: Format,
    name: &str,
    options: &DecodeOptions,
    decode: impl FnOnce(&Source<'_>) -> Result<Decoded>,
) -> Result<Picture> {
    let source = Source { name, format, max_pixels: options.max_pixels };
    let decoded = source.guard(|| {
        let mut upright = orientation::apply(decode(&source)?);
        upright.check_floats(&source)?;
        colour_profile::to_srgb(upright, &source)
    })?;
    let decoded = transparency::resolve(decoded, options.alpha, &source)?;
    let provenance = Provenance {
        // Names the picture in the messages of its constructor.
        path: Some(PathBuf::from(name)),
        format: Some(format.name()),
        steps: decoded.steps,
    };
    let (width, height) = (decoded.width, decoded.height);
    let (channels, encoding) = (decoded.channels, decoded.encoding);
    let mut picture = Picture::new(width, height, channels, decoded.samples, encoding, provenance)?;
    if let Some(side) = options.shorter_side {
        let (width, height) = size_for(width, height, side);
        source.check_size(width as u64, height as u64)?;
        picture = resize_shorter_side(&picture, side)?;
    }
    let provenance = Provenance { path: None, ..picture.provenance().clone() };
    Ok(picture.with_provenance(provenance))
}
