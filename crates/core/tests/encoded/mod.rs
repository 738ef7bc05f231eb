//! Picture files made in memory.
#![allow(dead_code, reason = "each test file uses some of these")]

use std::io::Cursor;

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat};
use lookalike_core::Picture;
use lookalike_core::decode::{DecodeOptions, decode};

pub(crate) const WIDTH: u32 = 13;
pub(crate) const HEIGHT: u32 = 9;

/// RGB samples of 8 bits, 13x9, no two neighbours alike.
pub(crate) fn rgb8() -> Vec<u8> {
    pixels(|x, y| [x * 19, y * 27, x * 7 + y * 11])
}

/// Calls `pixel` for every pixel, row by row.
pub(crate) fn pixels<const N: usize>(pixel: impl Fn(u32, u32) -> [u32; N]) -> Vec<u8> {
    let all = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    all.flat_map(|(x, y)| pixel(x, y).map(|sample| sample as u8)).collect()
}

pub(crate) fn grey8() -> Vec<u8> {
    pixels(|x, y| [x * 7 + y * 11])
}

pub(crate) fn rgba8() -> Vec<u8> {
    pixels(|x, y| [x * 19, y * 27, x * 7 + y * 11, (x + y) * 12])
}

/// 16-bit samples whose low byte matters.
pub(crate) fn wide(samples: &[u8]) -> Vec<u16> {
    (0_u16..).zip(samples).map(|(i, &sample)| (u16::from(sample) << 8) | ((i * 7) & 255)).collect()
}

pub(crate) fn dynamic_rgb8(samples: Vec<u8>) -> DynamicImage {
    image::RgbImage::from_raw(WIDTH, HEIGHT, samples).unwrap().into()
}

/// A file of one picture.
pub(crate) fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG with an ICC profile and samples of any kind, in the machine's byte order.
pub(crate) fn png(samples: &[u8], kind: ExtendedColorType, profile: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile.to_vec()).unwrap();
    }
    encoder.write_image(samples, WIDTH, HEIGHT, kind).unwrap();
    bytes
}

/// A JPEG of quality 100 with an Exif orientation.
pub(crate) fn jpeg(samples: &[u8], orientation: Option<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
    if let Some(orientation) = orientation {
        encoder.set_exif_metadata(exif(orientation)).unwrap();
    }
    encoder.write_image(samples, WIDTH, HEIGHT, ExtendedColorType::Rgb8).unwrap();
    bytes
}

/// Exif metadata that says nothing but the orientation.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    tiff
}

/// Adds a chunk after the header of a PNG.
pub(crate) fn with_chunk(png: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    chunk.extend([kind.as_slice(), data].concat());
    let checksum = crc32(&chunk[4..]);
    chunk.extend(checksum.to_be_bytes());
    let header = 8 + 25;
    [&png[..header], &chunk, &png[header..]].concat()
}

/// The checksum of PNG chunks.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Decodes with default options.
pub(crate) fn decoded(bytes: &[u8]) -> Picture {
    decode(bytes, "test", &DecodeOptions::default()).unwrap()
}

/// What decoding with default options complains of.
pub(crate) fn complaint(bytes: &[u8]) -> String {
    decode(bytes, "test", &DecodeOptions::default()).unwrap_err().to_string()
}

/// The bytes of samples, in the machine's byte order.
pub(crate) fn bytes_of_u16(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect()
}
