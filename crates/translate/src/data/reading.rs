//! A pair from its files: decoded, divided, brought to one size.
//!
//! Decoding applies Exif's orientation and colour profiles; transparency goes onto white, grey becomes RGB, deeper
//! samples are rounded to 8 bits. Sizes change by a convolution with the cubic of Keys, a = −½ (what Pillow calls
//! bicubic), whose support widens with the reduction so that nothing aliases: the convention of evaluations by FID
//! and of this project's training. Lanczos would be a little sharper, with rings around black lines.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use lookalike_core::decode::{DecodeOptions, decode, read};
use lookalike_core::{AlphaPolicy, Channels, Encoding, Picture, Samples};
use lookalike_train::sha256;
use serde::{Deserialize, Serialize};

use super::layout::{FoundPair, Place, Portion};
use crate::{Error, Result};

/// How pictures become squares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// The whole picture, stretched where it is no square.
    #[default]
    Resize,
    /// Its middle square.
    Crop,
}

/// Width over height of two pictures side by side, at least.
const TWO_WIDE: f64 = 1.6;
/// By how much proportions of source and target may differ.
const SAME_PROPORTIONS: f64 = 0.02;

/// A pair of squares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadPair {
    /// Three planes of the first picture, then three of the second.
    pub(super) planes: Vec<u8>,
    /// SHA-256 of size and samples as decoded, of both.
    pub(super) contents: [String; 2],
    /// Width and height of both as they were.
    pub(super) sizes: [[usize; 2]; 2],
}

/// Reads both pictures of a pair as planes of side × side; a message where a picture cannot be read, or is not what a
/// pair needs.
pub(super) fn read_pair(
    pair: &FoundPair,
    side: usize,
    fit: Fit,
) -> std::result::Result<ReadPair, String> {
    read_whole(pair, side, fit).map_err(|error| error.to_string())
}

fn read_whole(pair: &FoundPair, side: usize, fit: Fit) -> Result<ReadPair> {
    let [first, second] = &pair.places;
    let one = decoded(first)?;
    let [width, height] = [one.width(), one.height()];
    if pair.assumed && (width as f64) < TWO_WIDE * height as f64 {
        return Err(Error::Refused(format!(
            "expected two pictures side by side, {TWO_WIDE} times as wide as high, found {width}x{height}"
        )));
    }
    let two = if first.path == second.path { one.clone() } else { decoded(second)? };
    let pictures = [divided(one, first.part)?, divided(two, second.part)?];
    let sizes = pictures.each_ref().map(|picture| [picture.width(), picture.height()]);
    let [one, two] = sizes.map(|[width, height]| width as f64 / height as f64);
    // Halves of an odd width differ by a column, whatever that is in proportion.
    if first.part == Portion::Whole && (one / two - 1.0).abs() > SAME_PROPORTIONS {
        let [[a, b], [c, d]] = sizes;
        return Err(Error::Refused(format!(
            "expected two pictures of the same proportions, found {a}x{b} and {c}x{d}"
        )));
    }
    let mut planes = Vec::with_capacity(6 * side * side);
    for picture in &pictures {
        append_planes(&square(picture, side, fit)?, &mut planes);
    }
    let [first, second] = pictures;
    Ok(ReadPair { planes, contents: [content(&first)?, content(&second)?], sizes })
}

/// What a picture is known by: its samples and how wide it is.
fn content(picture: &Picture) -> Result<String> {
    let facts = format!("{} {}", picture.width(), sha256(bytes(picture)?));
    Ok(sha256(facts.as_bytes()))
}

/// A picture of RGB in 8 bits from a file, or from a table.
fn decoded(place: &Place) -> Result<Picture> {
    let options = DecodeOptions { alpha: AlphaPolicy::White, ..DecodeOptions::default() };
    eight_bits(&match &place.bytes {
        None => read(&place.path, &options)?,
        Some(bytes) => decode(bytes, &place.path.to_string_lossy(), &options)?,
    })
}

/// The same picture as RGB in 8 bits.
fn eight_bits(picture: &Picture) -> Result<Picture> {
    let picture = picture.to_rgb();
    if picture.encoding() == Encoding::SceneLinear {
        return Err(Error::Refused(
            "expected a picture as it is shown, found light; tone-map it first".to_owned(),
        ));
    }
    if matches!(picture.samples(), Samples::U8(_)) && picture.full_scale() == 255.0 {
        return Ok(picture);
    }
    let planes = [0, 1, 2].map(|channel| picture.plane(channel, 255.0));
    let [red, green, blue] = planes.each_ref().map(|plane| plane.iter().copied());
    let pixels = red.zip(green).zip(blue).map(|((r, g), b)| [r, g, b]);
    let samples = pixels.flatten().map(|sample| sample.round() as u8).collect();
    Ok(Picture::from_u8(picture.width(), picture.height(), Channels::Rgb, samples)?)
}

/// Any picture as a square that pairs were learned as: three planes of side × side in 0…1, the whole picture, made
/// RGB of 8 bits and resampled as [`Pairs::read`](super::Pairs::read) does under [`Fit::Resize`].
///
/// # Errors
/// [`Error::Refused`] for scene-linear light and a side of 0.
pub fn squared(picture: &Picture, side: usize) -> Result<Vec<f32>> {
    if side == 0 {
        return Err(Error::Refused("expected a side of at least 1, found 0".to_owned()));
    }
    let mut planes = Vec::with_capacity(3 * side * side);
    append_planes(&square(&eight_bits(picture)?, side, Fit::Resize)?, &mut planes);
    Ok(planes.into_iter().map(|sample| f32::from(sample) / 255.0).collect())
}

/// The half that is meant: [0, ⌊w/2⌋) or [⌊w/2⌋, w).
fn divided(picture: Picture, part: Portion) -> Result<Picture> {
    let (width, height) = (picture.width(), picture.height());
    let middle = width / 2;
    if part != Portion::Whole && middle == 0 {
        return Err(Error::Refused(format!(
            "expected two pictures side by side, found {width}x{height}"
        )));
    }
    Ok(match part {
        Portion::Whole => picture,
        Portion::LeftHalf => picture.crop(0, 0, middle, height)?,
        Portion::RightHalf => picture.crop(middle, 0, width - middle, height)?,
    })
}

fn bytes(picture: &Picture) -> Result<&[u8]> {
    match picture.samples() {
        Samples::U8(samples) => Ok(samples),
        other => Err(Error::Refused(format!("expected 8 bits, found {}", other.type_name()))),
    }
}

/// A picture of RGB in 8 bits as a square.
///
/// # Errors
/// [`Error::Refused`] for other samples and sides that are too long.
pub(super) fn square(picture: &Picture, side: usize, fit: Fit) -> Result<Picture> {
    let [width, height] = [picture.width(), picture.height()];
    if [width, height] == [side; 2] {
        return Ok(picture.clone());
    }
    let taken = picture.shorter_side();
    let [left, top, wide, high] = match fit {
        Fit::Resize => [0, 0, width, height],
        Fit::Crop => [(width - taken) / 2, (height - taken) / 2, taken, taken],
    };
    let failed = |error: String| Error::Refused(format!("cannot be resized: {error}"));
    let length = |side: usize| u32::try_from(side).map_err(|error| failed(error.to_string()));
    let samples = bytes(picture)?.to_vec();
    let from = Image::from_vec_u8(length(width)?, length(height)?, samples, PixelType::U8x3)
        .map_err(|error| failed(error.to_string()))?;
    let mut to = Image::new(length(side)?, length(side)?, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .use_alpha(false)
        .crop(left as f64, top as f64, wide as f64, high as f64);
    Resizer::new().resize(&from, &mut to, &options).map_err(|error| failed(error.to_string()))?;
    Ok(Picture::from_u8(side, side, Channels::Rgb, to.into_vec())?)
}

/// Appends the three planes of a picture of RGB in 8 bits.
pub(super) fn append_planes(picture: &Picture, to: &mut Vec<u8>) {
    for channel in 0..3 {
        to.extend(picture.plane(channel, 255.0).into_iter().map(|sample| sample as u8));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lookalike_core::encode::png;

    use super::*;

    fn pair(folder: &Path, pictures: [&Picture; 2]) -> FoundPair {
        let places = [0, 1].map(|at| {
            let path = folder.join(format!("{at}.png"));
            std::fs::write(&path, png(pictures[at]).unwrap()).unwrap();
            Place::file(path, Portion::Whole)
        });
        FoundPair { name: "x".into(), stem: "x".into(), role: None, places, assumed: false }
    }

    fn plain(width: usize, height: usize, colour: [u8; 3]) -> Picture {
        Picture::from_u8(width, height, Channels::Rgb, colour.repeat(width * height)).unwrap()
    }

    #[test]
    fn grey_and_sixteen_bits_become_rgb() {
        let folder = tempfile::tempdir().unwrap();
        let grey = Picture::from_u8(6, 4, Channels::Grey, vec![77; 24]).unwrap();
        let deep = Picture::from_u16(3, 2, Channels::Rgb, [65535, 0, 32896].repeat(6)).unwrap();
        let read = read_pair(&pair(folder.path(), [&grey, &deep]), 2, Fit::Resize).unwrap();
        let expected = [[77_u8; 4]; 3].concat();
        assert_eq!(read.planes[..12], expected);
        assert_eq!(read.planes[12..], [[255_u8; 4], [0; 4], [128; 4]].concat());
        assert_eq!(read.sizes, [[6, 4], [3, 2]]);
    }

    #[test]
    fn transparency_goes_onto_white() {
        // A pixel of PNG with alpha 0, and one with alpha 255, by hand: stored deflate blocks.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.png");
        std::fs::write(&path, rgba_png(&[[9, 9, 9, 0], [1, 2, 3, 255]])).unwrap();
        let picture = decoded(&Place::file(path, Portion::Whole)).unwrap();
        assert_eq!(bytes(&picture).unwrap(), [255, 255, 255, 1, 2, 3]);
    }

    /// A PNG of one row.
    fn rgba_png(pixels: &[[u8; 4]]) -> Vec<u8> {
        fn crc(bytes: &[u8]) -> u32 {
            !bytes.iter().fold(!0_u32, |crc, &byte| {
                (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                    if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
                })
            })
        }
        let chunk = |kind: &[u8], data: &[u8]| {
            let body = [kind, data].concat();
            [&(data.len() as u32).to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
        };
        let raw = [&[0_u8][..], pixels.as_flattened()].concat();
        let (a, b) = raw.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
            let a = (a + u32::from(byte)) % 65521;
            (a, (a + b) % 65521)
        });
        let length = raw.len() as u16;
        let deflated = [
            &[0x78, 1, 1][..],
            &length.to_le_bytes(),
            &(!length).to_le_bytes(),
            &raw,
            &(b << 16 | a).to_be_bytes(),
        ]
        .concat();
        let width = (pixels.len() as u32).to_be_bytes();
        let header = [&width[..], &1_u32.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
        [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            chunk(b"IHDR", &header),
            chunk(b"IDAT", &deflated),
            chunk(b"IEND", &[]),
        ]
        .concat()
    }

    #[test]
    fn halves_of_odd_widths() {
        let mut samples = Vec::new();
        for _ in 0..2 {
            samples.extend([[10_u8; 3], [10; 3], [200; 3], [200; 3], [200; 3]].as_flattened());
        }
        let folder = tempfile::tempdir().unwrap();
        let both = Picture::from_u8(5, 2, Channels::Rgb, samples).unwrap();
        let path = folder.path().join("0.png");
        std::fs::write(&path, png(&both).unwrap()).unwrap();
        let place = |part| Place::file(path.clone(), part);
        let mut pair = FoundPair {
            name: "x".into(),
            stem: "x".into(),
            role: None,
            places: [place(Portion::LeftHalf), place(Portion::RightHalf)],
            assumed: true,
        };
        let read = read_pair(&pair, 2, Fit::Resize).unwrap();
        assert_eq!(read.planes, [[10; 12], [200; 12]].concat());
        assert_eq!(read.sizes, [[2, 2], [3, 2]]);
        std::fs::write(&path, png(&plain(3, 2, [9; 3])).unwrap()).unwrap();
        let message = read_pair(&pair, 2, Fit::Resize).unwrap_err();
        assert!(message.contains("3x2"), "{message}");
        pair.assumed = false;
        assert!(read_pair(&pair, 2, Fit::Resize).is_ok());
    }

    #[test]
    fn proportions_must_agree_and_files_be_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (small, large, tall) = (plain(4, 4, [1; 3]), plain(8, 8, [2; 3]), plain(4, 8, [3; 3]));
        let mut found = pair(folder.path(), [&small, &tall]);
        let message = read_pair(&found, 4, Fit::Resize).unwrap_err();
        assert!(message.contains("4x4") && message.contains("4x8"), "{message}");
        found = pair(folder.path(), [&small, &large]);
        let one = read_pair(&found, 4, Fit::Resize).unwrap();
        assert_eq!(one.contents, read_pair(&found, 8, Fit::Crop).unwrap().contents);
        std::fs::write(&found.places[1].path, b"\x89PNG\r\n\x1a\nno").unwrap();
        assert!(read_pair(&found, 4, Fit::Resize).is_err());
        std::fs::remove_file(&found.places[1].path).unwrap();
        assert!(read_pair(&found, 4, Fit::Resize).is_err());
    }

    #[test]
    fn fits_take_the_whole_or_the_middle() {
        let mut samples = vec![0_u8; 3 * 8 * 4];
        for (at, pixel) in samples.chunks_exact_mut(3).enumerate() {
            pixel.fill(if (2..6).contains(&(at % 8)) { 250 } else { 50 });
        }
        let picture = Picture::from_u8(8, 4, Channels::Rgb, samples).unwrap();
        let cropped = square(&picture, 4, Fit::Crop).unwrap();
        assert!(bytes(&cropped).unwrap().iter().all(|&sample| sample == 250));
        let resized = square(&picture, 4, Fit::Resize).unwrap();
        let row: Vec<u8> =
            bytes(&resized).unwrap().chunks(3).take(4).map(|pixel| pixel[0]).collect();
        assert!(row[0] < 80 && row[1] > 220 && row[2] > 220 && row[3] < 80, "{row:?}");
    }
}
