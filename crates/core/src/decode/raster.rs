//! The formats that the `image` crate decodes.

use std::io::{BufRead, Cursor, Seek};

use bytemuck::Pod;
use image::codecs::hdr::HdrDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, ExtendedColorType, ImageDecoder, ImageError, Limits};

use crate::decode::colour_profile::Profile;
use crate::decode::container::{gif, jpeg, open_exr, png, qoi, tiff};
use crate::decode::decoded::{Alpha, Decoded};
use crate::decode::float_tiff;
use crate::decode::orientation::Orientation;
use crate::decode::signature::Format;
use crate::decode::source::Source;
use crate::{Channels, Encoding, Error, Result, Samples};

/// The step recorded for animations and documents of several pages.
pub(super) const FIRST_OF_SEVERAL: &str = "first of several frames";

/// Decodes every format except JPEG XL.
pub(super) fn decode(bytes: &[u8], source: &Source<'_>) -> Result<Decoded> {
    match source.format {
        Format::Jpeg => decode_jpeg(bytes, source),
        Format::WebP => decode_webp(bytes, source),
        Format::Gif => decode_gif(bytes, source),
        Format::Tiff => decode_tiff(bytes, source),
        Format::OpenExr => decode_open_exr(bytes, source),
        _ => decode_forwards(Cursor::new(bytes), source),
    }
}

/// Decodes the formats that are [read forwards](Format::is_read_forwards), from the start of a file.
pub(super) fn decode_forwards(file: impl BufRead + Seek, source: &Source<'_>) -> Result<Decoded> {
    match source.format {
        Format::Png => decode_png(file, source),
        Format::Bmp => finish(image::codecs::bmp::BmpDecoder::new(file), source),
        Format::Pnm => finish(image::codecs::pnm::PnmDecoder::new(file), source),
        Format::Qoi => decode_qoi(file, source),
        Format::RadianceHdr => decode_radiance(file, source),
        _ => Err(source.unsupported("another decoder")),
    }
}

fn decode_png(mut file: impl BufRead + Seek, source: &Source<'_>) -> Result<Decoded> {
    let head = png::head(&mut file).ok_or_else(|| source.broken("the header is cut off"))?;
    rewind(&mut file, source)?;
    let (width, height) = head.size;
    source.check_size(width, height)?;
    let decoder = PngDecoder::with_limits(file, limits(source, width, height));
    let decoder = decoder.map_err(|error| translate(&error, source))?;
    let animated = decoder.is_apng().map_err(|error| translate(&error, source))?;
    let mut decoded = finish(Ok(decoder), source)?;
    if animated {
        decoded.steps.push(FIRST_OF_SEVERAL.to_owned());
    }
    if let Some(code_points) = head.code_points {
        decoded.profile = Some(Profile::CodePoints(code_points));
    }
    Ok(decoded)
}

fn decode_jpeg(bytes: &[u8], source: &Source<'_>) -> Result<Decoded> {
    if jpeg::components(bytes).map_err(|reason| source.broken(reason))? == 4 {
        return Err(source.unsupported(
            "four components (CMYK), whose colours depend on inks; convert it to RGB first",
        ));
    }
    finish(image::codecs::jpeg::JpegDecoder::new(Cursor::new(bytes)), source)
}

fn decode_webp(bytes: &[u8], source: &Source<'_>) -> Result<Decoded> {
    // The decoder fills what a truncated lossy stream lacks; the container knows its length.
    let announced = bytes
        .get(4..8)
        .map_or(0, |size| u64::from(u32::from_le_bytes([size[0], size[1], size[2], size[3]])));
    if announced + 8 > bytes.len() as u64 {
        return Err(source.broken("the file ends before the picture does"));
    }
    let decoder = WebPDecoder::new(Cursor::new(bytes));
    let animated = decoder.as_ref().is_ok_and(WebPDecoder::has_animation);
    let mut decoded = finish(decoder, source)?;
    if animated {
        decoded.steps.push(FIRST_OF_SEVERAL.to_owned());
    }
    Ok(decoded)
}

fn decode_gif(bytes: &[u8], source: &Source<'_>) -> Result<Decoded> {
    let frames = gif::frames(bytes).map_err(|reason| source.broken(reason))?;
    let mut decoded = finish(image::codecs::gif::GifDecoder::new(Cursor::new(bytes)), source)?;
    if frames > 1 {
        decoded.steps.push(FIRST_OF_SEVERAL.to_owned());
    }
    Ok(decoded)
}

fn decode_tiff(bytes: &[u8], source: &Source<'_>) -> Result<Decoded> {
    if let Some(mut decoded) = float_tiff::decode(bytes, source)? {
        if tiff::directory(bytes).is_some_and(|directory| directory.more_pages) {
            decoded.steps.push(FIRST_OF_SEVERAL.to_owned());
        }
        return Ok(decoded);
    }
    let decoder = image::codecs::tiff::TiffDecoder::new(Cursor::new(bytes));
    let inks = |decoder: &image::codecs::tiff::TiffDecoder<_>| {
        use ExtendedColorType::{Cmyk8, Cmyk16};
        matches!(decoder.original_color_type(), Cmyk8 | Cmyk16)
    };
    if decoder.as_ref().is_ok_and(inks) {
        return Err(source.unsupported(
            "four inks (CMYK), whose colours depend on a profile; convert it to RGB first",
        ));
    }
    let mut decoded = finish(decoder, source)?;
    if let Some(directory) = tiff::directory(bytes) {
        if decoded.alpha != Alpha::None {
            decoded.alpha = directory.alpha;
        }
        if directory.more_pages {
            decoded.steps.push(FIRST_OF_SEVERAL.to_owned());
        }
    }
    Ok(decoded)
}

fn decode_open_exr(bytes: &[u8], source: &Source<'_>) -> Result<Decoded> {
    let headers = open_exr::headers(bytes)
        .ok_or_else(|| source.broken("the header is cut off or malformed"))?;
    for header in &headers {
        let sizes = [header.data_window, header.display_window, header.tile];
        for (width, height) in sizes.into_iter().flatten() {
            source.check_size(width, height)?;
        }
        if !header.is_srgb() {
            return Err(source.unsupported(
                "primaries other than those of sRGB (BT.709); convert it to BT.709 first",
            ));
        }
    }
    let decoder = image::codecs::openexr::OpenExrDecoder::new(Cursor::new(bytes));
    let mut decoded = finish(decoder, source)?;
    decoded.encoding = Encoding::SceneLinear;
    if decoded.alpha != Alpha::None {
        decoded.alpha = Alpha::Premultiplied;
    }
    Ok(decoded)
}

fn decode_radiance(file: impl BufRead, source: &Source<'_>) -> Result<Decoded> {
    // Strictness asks for "#?RADIANCE", and "#?RGBE" is as common.
    let decoder = HdrDecoder::new_nonstrict(file);
    let mut decoded = finish(decoder, source)?;
    decoded.encoding = Encoding::SceneLinear;
    Ok(decoded)
}

fn decode_qoi(mut file: impl BufRead + Seek, source: &Source<'_>) -> Result<Decoded> {
    let linear = qoi::is_linear(&mut file);
    rewind(&mut file, source)?;
    let mut decoded = finish(image::codecs::qoi::QoiDecoder::new(file), source)?;
    if linear {
        decoded.encoding = Encoding::SceneLinear;
    }
    Ok(decoded)
}

fn rewind(file: &mut impl Seek, source: &Source<'_>) -> Result<()> {
    file.rewind().map_err(|error| source.broken(error))
}

fn limits(source: &Source<'_>, width: u64, height: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(source.memory(width, height));
    limits
}

/// Reads pixels and what the decoder knows about them.
fn finish<D: ImageDecoder>(decoder: Result<D, ImageError>, source: &Source<'_>) -> Result<Decoded> {
    let failed = |error: ImageError| translate(&error, source);
    let mut decoder = decoder.map_err(failed)?;
    let (width, height) = decoder.dimensions();
    source.check_size(width.into(), height.into())?;
    decoder.set_limits(limits(source, width.into(), height.into())).map_err(failed)?;
    let (channels, alpha) = match decoder.color_type() {
        ColorType::L8 | ColorType::L16 => (Channels::Grey, Alpha::None),
        ColorType::La8 | ColorType::La16 => (Channels::Grey, Alpha::Straight),
        ColorType::Rgb8 | ColorType::Rgb16 | ColorType::Rgb32F => (Channels::Rgb, Alpha::None),
        ColorType::Rgba8 | ColorType::Rgba16 | ColorType::Rgba32F => {
            (Channels::Rgb, Alpha::Straight)
        }
        other => return Err(source.unsupported(format!("samples of kind {other:?}"))),
    };
    let depth = decoder.color_type().bytes_per_pixel() / decoder.color_type().channel_count();
    let orientation = Orientation(decoder.orientation().map_err(failed)?.to_exif());
    let profile = decoder.icc_profile().map_err(failed)?.map(Profile::Icc);
    let samples = match depth {
        1 => Samples::U8(read_samples(decoder, source)?),
        2 => Samples::U16(read_samples(decoder, source)?),
        _ => Samples::F32(read_samples(decoder, source)?),
    };
    Ok(Decoded {
        width: width as usize,
        height: height as usize,
        channels,
        alpha,
        samples,
        encoding: Encoding::Srgb,
        orientation,
        profile,
        steps: Vec::new(),
    })
}

/// Samples in the machine's byte order, decoded into their place.
fn read_samples<T: Pod>(decoder: impl ImageDecoder, source: &Source<'_>) -> Result<Vec<T>> {
    let mut samples = source.buffer(decoder.total_bytes() / size_of::<T>() as u64)?;
    let bytes = bytemuck::cast_slice_mut::<T, u8>(&mut samples);
    decoder.read_image(bytes).map_err(|error| translate(&error, source))?;
    Ok(samples)
}

fn translate(error: &ImageError, source: &Source<'_>) -> Error {
    match error {
        ImageError::Unsupported(unsupported) => Error::UnsupportedFormat {
            name: source.name.to_owned(),
            reason: format!("this kind of {} is not read: {unsupported}", source.format.name()),
        },
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            source.broken("the file ends before the picture does")
        }
        other => source.broken(other),
    }
}
