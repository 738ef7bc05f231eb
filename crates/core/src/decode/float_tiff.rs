//! Greyscale TIFF in floating point, the format of scientific cameras and of many array libraries.
//!
//! The `image` crate reads floating-point TIFF in colour only, so these go to the `tiff` crate, on
//! which it builds.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{PhotometricInterpretation, Tag};
use tiff::{ColorType, TiffError, TiffResult};

use crate::decode::colour_profile::Profile;
use crate::decode::decoded::{Alpha, Decoded};
use crate::decode::orientation::Orientation;
use crate::decode::source::Source;
use crate::{Channels, Encoding, Result, Samples};

/// IEEE floating point as value of the tag `SampleFormat`.
const FLOATING_POINT: u16 = 3;

/// Decodes a greyscale floating-point TIFF; `None` when the file holds anything else, which is for
/// the caller to read or to refuse.
pub(super) fn decode(bytes: &[u8], source: &Source<'_>) -> Result<Option<Decoded>> {
    let Ok(mut decoder) = Decoder::new(Cursor::new(bytes)) else { return Ok(None) };
    if !is_grey_float(&mut decoder).unwrap_or(false) {
        return Ok(None);
    }
    let failed = |error: TiffError| source.broken(error);
    let (width, height) = decoder.dimensions().map_err(failed)?;
    source.check_size(width.into(), height.into())?;
    let mut limits = Limits::default();
    let memory = usize::try_from(source.memory(width.into(), height.into())).unwrap_or(usize::MAX);
    (limits.decoding_buffer_size, limits.intermediate_buffer_size) = (memory, memory);
    let mut decoder = decoder.with_limits(limits);
    let tag = |tag: Tag, decoder: &mut Decoder<_>| decoder.find_tag(tag).map_err(failed);
    let photometric = tag(Tag::PhotometricInterpretation, &mut decoder)?;
    let photometric = photometric.map(|value| value.into_u16()).transpose().map_err(failed)?;
    if photometric != Some(PhotometricInterpretation::BlackIsZero.to_u16()) {
        return Err(source.unsupported("floating-point samples of which zero is white"));
    }
    let orientation = tag(Tag::Orientation, &mut decoder)?;
    let orientation = orientation.map(|value| value.into_u16()).transpose().map_err(failed)?;
    let profile = tag(Tag::IccProfile, &mut decoder)?;
    let profile = profile.map(|value| value.into_u8_vec()).transpose().map_err(failed)?;
    let samples = match decoder.read_image().map_err(failed)? {
        DecodingResult::F32(samples) => samples,
        // Single precision is what every display-coded sample needs at most.
        DecodingResult::F64(samples) => samples.into_iter().map(|sample| sample as f32).collect(),
        _ => return Err(source.broken("its samples are not of the type its header announces")),
    };
    let orientation = orientation.and_then(|value| u8::try_from(value).ok()).unwrap_or(1);
    Ok(Some(Decoded {
        width: width as usize,
        height: height as usize,
        channels: Channels::Grey,
        alpha: Alpha::None,
        samples: Samples::F32(samples),
        encoding: Encoding::Srgb,
        orientation: Orientation(if (1..=8).contains(&orientation) { orientation } else { 1 }),
        profile: profile.map(Profile::Icc),
        steps: Vec::new(),
    }))
}

fn is_grey_float(decoder: &mut Decoder<Cursor<&[u8]>>) -> TiffResult<bool> {
    let grey = matches!(decoder.colortype()?, ColorType::Gray(32 | 64));
    let format = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat)?;
    Ok(grey && format.is_some_and(|formats| formats.first() == Some(&FLOATING_POINT)))
}
