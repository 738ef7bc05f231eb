//! JPEG XL, bare codestream or container, through `jxl-oxide`.
//!
//! * Up to 8 bits become 8-bit samples, up to 16 bits 16-bit samples, everything else floating
//!   point. Depths between are scaled to full range.
//! * Lossy (XYB) pictures have no profile of their own: they are asked for in sRGB. Lossless ones
//!   keep their samples, and their profile is applied like that of any other format.
//! * Linear transfer with sRGB primaries is scene-linear light in floating point. PQ and HLG are
//!   refused: their light is absolute, and tone mapping it is a choice the caller has to make.
//! * The orientation in the header is applied by the decoder, that in Exif metadata is not read,
//!   as the format demands.

use bytemuck::Zeroable;
use jxl_oxide::color::{
    ColourEncoding, ColourSpace, EnumColourEncoding, TransferFunction, WhitePoint,
};
use jxl_oxide::image::BitDepth;
use jxl_oxide::{
    AllocTracker, FrameBufferSample, HdrType, InitializeResult, JxlImage, PixelFormat, Render,
    RenderingIntent,
};

use crate::decode::colour_profile::Profile;
use crate::decode::decoded::{Alpha, Decoded};
use crate::decode::orientation::Orientation;
use crate::decode::raster::FIRST_OF_SEVERAL;
use crate::decode::source::Source;
use crate::{Channels, Encoding, Result, Samples};

/// Bytes handed over at first. Until the header is complete, which it may not be before a long
/// profile, the amount doubles; the rest follows when the size is known to be within limits.
const FIRST_BYTES: usize = 64;

/// Decodes the first frame.
pub(super) fn decode(bytes: &[u8], source: &Source<'_>) -> Result<Decoded> {
    let mut image = open(bytes, source)?;
    let colour = &image.image_header().metadata.colour_encoding;
    if colour.want_icc() && image.original_icc().is_none_or(<[u8]>::is_empty) {
        return Err(source.broken("its colour profile is missing"));
    }
    let named = match colour.colour_space() {
        ColourSpace::Rgb | ColourSpace::Grey => true,
        ColourSpace::Xyb => false,
        ColourSpace::Unknown => colour.want_icc(),
    };
    if !named {
        return Err(source.unsupported("an unnamed colour space; convert it to sRGB first"));
    }
    if let Some(kind) = image.hdr_type() {
        let name = match kind {
            HdrType::Pq => "PQ",
            HdrType::Hlg => "HLG",
        };
        return Err(source.unsupported(format!(
            "high dynamic range ({name}); tone-map it to sRGB or convert it to OpenEXR first"
        )));
    }
    let (channels, has_alpha) = match image.pixel_format() {
        PixelFormat::Gray => (Channels::Grey, false),
        PixelFormat::Graya => (Channels::Grey, true),
        PixelFormat::Rgb => (Channels::Rgb, false),
        PixelFormat::Rgba => (Channels::Rgb, true),
        PixelFormat::Cmyk | PixelFormat::Cmyka => {
            return Err(source.unsupported(
                "four inks (CMYK), whose colours depend on a profile; convert it to RGB first",
            ));
        }
    };
    let metadata = &image.image_header().metadata;
    let associated = metadata.ec_info.iter().find_map(|channel| channel.alpha_associated());
    let alpha = match (has_alpha, associated) {
        (false, _) => Alpha::None,
        (true, Some(true)) => Alpha::Premultiplied,
        (true, _) => Alpha::Straight,
    };
    let xyb = metadata.xyb_encoded;
    let encoding = encoding(&metadata.colour_encoding, channels, xyb, source)?;
    let profile = profile(&mut image, xyb, channels, encoding);

    let render = image.render_frame(0).map_err(|error| source.broken(error))?;
    let stride = channels.count() + usize::from(has_alpha);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let shape = [width, height, stride];
    let metadata = &image.image_header().metadata;
    let integer = matches!(metadata.bit_depth, BitDepth::IntegerSample { .. });
    let samples = match metadata.bit_depth.bits_per_sample() {
        1..=8 if integer && encoding == Encoding::Srgb => {
            Samples::U8(read(&render, shape, source)?)
        }
        9..=16 if integer && encoding == Encoding::Srgb => {
            Samples::U16(read(&render, shape, source)?)
        }
        _ => {
            let mut samples: Vec<f32> = read(&render, shape, source)?;
            if xyb && encoding == Encoding::Srgb {
                // Lossy coding rings beyond black and white.
                samples.iter_mut().for_each(|sample| *sample = sample.clamp(0.0, 1.0));
            }
            Samples::F32(samples)
        }
    };
    let mut steps = Vec::new();
    if metadata.animation.is_some() && image.num_loaded_keyframes() > 1 {
        steps.push(FIRST_OF_SEVERAL.to_owned());
    }
    if metadata.orientation != 1 {
        steps.push(format!("orientation={}", metadata.orientation));
    }
    let orientation = Orientation::UPRIGHT;
    Ok(Decoded { width, height, channels, alpha, samples, encoding, orientation, profile, steps })
}

/// A decoder that has been fed the whole file.
fn open(bytes: &[u8], source: &Source<'_>) -> Result<JxlImage> {
    const TRUNCATED: &str = "the file ends before the picture does";
    let tracker = AllocTracker::with_limit(memory(source, 0, 0));
    let mut waiting = JxlImage::builder().alloc_tracker(tracker.clone()).build_uninit();
    let (mut fed, mut available) = (0, 0_usize);
    let mut image = loop {
        if available == bytes.len() {
            return Err(source.broken(TRUNCATED));
        }
        available = (2 * available).max(FIRST_BYTES).min(bytes.len());
        fed += waiting.feed_bytes(&bytes[fed..available]).map_err(|error| source.broken(error))?;
        match waiting.try_init().map_err(|error| source.broken(error))? {
            InitializeResult::NeedMoreData(more) => waiting = more,
            InitializeResult::Initialized(image) => break image,
        }
    };
    let (width, height) = (u64::from(image.width()), u64::from(image.height()));
    source.check_size(width, height)?;
    tracker.expand_limit(memory(source, width, height) - memory(source, 0, 0));
    while fed < bytes.len() && !image.is_loading_done() {
        match image.feed_bytes(&bytes[fed..]).map_err(|error| source.broken(error))? {
            0 => break,
            count => fed += count,
        }
    }
    if !image.is_loading_done() || image.num_loaded_keyframes() == 0 {
        return Err(source.broken(TRUNCATED));
    }
    Ok(image)
}

fn memory(source: &Source<'_>, width: u64, height: u64) -> usize {
    usize::try_from(source.memory(width, height)).unwrap_or(usize::MAX)
}

/// Display-coded, or scene-linear where the transfer is linear.
fn encoding(
    colour: &ColourEncoding,
    channels: Channels,
    xyb: bool,
    source: &Source<'_>,
) -> Result<Encoding> {
    match colour {
        ColourEncoding::Enum(colour) if colour.tf == TransferFunction::Linear => {
            let srgb = match channels {
                Channels::Grey => matches!(colour.white_point, WhitePoint::D65),
                Channels::Rgb => colour.is_srgb_gamut(),
            };
            if srgb || xyb {
                return Ok(Encoding::SceneLinear);
            }
            Err(source.unsupported(
                "linear light of primaries other than those of sRGB; convert it to BT.709 first",
            ))
        }
        _ => Ok(Encoding::Srgb),
    }
}

/// Asks for sRGB where the decoder makes the colours, and for the profile where it keeps them.
fn profile(
    image: &mut JxlImage,
    xyb: bool,
    channels: Channels,
    encoding: Encoding,
) -> Option<Profile> {
    if xyb {
        let intent = RenderingIntent::Relative;
        let mut wanted = match channels {
            Channels::Grey => EnumColourEncoding::gray_srgb(intent),
            Channels::Rgb => EnumColourEncoding::srgb(intent),
        };
        if encoding == Encoding::SceneLinear {
            wanted.tf = TransferFunction::Linear;
        }
        image.request_color_encoding(wanted);
        return None;
    }
    let own = encoding == Encoding::SceneLinear
        || image.image_header().metadata.colour_encoding.is_srgb();
    (!own).then(|| Profile::Icc(image.rendered_icc()))
}

fn read<T: FrameBufferSample + Zeroable>(
    render: &Render,
    [width, height, stride]: [usize; 3],
    source: &Source<'_>,
) -> Result<Vec<T>> {
    let mut stream = render.stream();
    let found = [stream.width() as usize, stream.height() as usize, stream.channels() as usize];
    if found != [width, height, stride] {
        return Err(source.broken("the first frame has another shape than the picture"));
    }
    let mut samples: Vec<T> = source.buffer((width * height * stride) as u64)?;
    if stream.write_to_buffer(&mut samples) != samples.len() {
        return Err(source.broken("the first frame lacks samples"));
    }
    Ok(samples)
}
