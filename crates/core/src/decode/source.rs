//! What is being decoded, for messages and limits.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytemuck::Zeroable;
use bytemuck::allocation::try_zeroed_slice_box;

use crate::decode::signature::Format;
use crate::{Error, Result};

/// The name and format of the bytes at hand, and how many pixels they may hold.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) format: Format,
    pub(super) max_pixels: u64,
}

/// Room for metadata and for a decoder's own tables, beside the pixels.
const MEMORY_BESIDE_PIXELS: u64 = 64 << 20;

/// Room per pixel: four 32-bit samples, three times over for a decoder's working planes.
const MEMORY_PER_PIXEL: u64 = 48;

impl Source<'_> {
    /// The bytes break the rules of their format.
    pub(super) fn broken(&self, reason: impl ToString) -> Error {
        Error::Decode {
            name: self.name.to_owned(),
            format: self.format.name(),
            reason: reason.to_string(),
        }
    }

    /// The bytes may be sound, but hold something that is not read.
    pub(super) fn unsupported(&self, reason: impl ToString) -> Error {
        let reason = format!("{} with {}", self.format.name(), reason.to_string());
        Error::UnsupportedFormat { name: self.name.to_owned(), reason }
    }

    /// Refuses sizes beyond the limit and pictures without pixels.
    pub(super) fn check_size(&self, width: u64, height: u64) -> Result<()> {
        if width == 0 || height == 0 {
            return Err(self.broken(format!("the size {width}x{height} leaves no pixels")));
        }
        match width.checked_mul(height) {
            Some(pixels) if pixels <= self.max_pixels => Ok(()),
            _ => Err(Error::TooManyPixels {
                name: self.name.to_owned(),
                width,
                height,
                limit: self.max_pixels,
            }),
        }
    }

    /// The bytes of memory that a decoder may take for a picture of this size.
    pub(super) fn memory(&self, width: u64, height: u64) -> u64 {
        let pixels = width.saturating_mul(height).min(self.max_pixels);
        pixels.saturating_mul(MEMORY_PER_PIXEL).saturating_add(MEMORY_BESIDE_PIXELS)
    }

    /// Runs a decoder and turns a panic inside it into an error: decoders are large, and a crafted
    /// file that trips an assertion in one of them must not end the caller's batch. The process's
    /// panic hook still hears of it, which by default means a line on standard error.
    pub(super) fn guard<T>(&self, decode: impl FnOnce() -> Result<T>) -> Result<T> {
        catch_unwind(AssertUnwindSafe(decode))
            .unwrap_or_else(|_| Err(self.broken("the decoder gave up on an internal check")))
    }

    /// A zeroed buffer, or an error where memory is short. The zeros come from the system where it
    /// has them, so that pages are first touched by the decoder, and never where it fails before.
    pub(super) fn buffer<T: Zeroable>(&self, length: u64) -> Result<Vec<T>> {
        let zeroed = usize::try_from(length).ok().and_then(|n| try_zeroed_slice_box(n).ok());
        zeroed
            .map(<[T]>::into_vec)
            .ok_or_else(|| self.broken(format!("no memory for {length} samples")))
    }
}
