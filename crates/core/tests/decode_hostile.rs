//! Broken, cut and crafted files are errors: no panic, no partial picture, no huge allocation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod encoded;

use encoded::*;
use image::{DynamicImage, ExtendedColorType, ImageFormat};
use lookalike_core::Error;
use lookalike_core::decode::{DecodeOptions, decode, read};

/// One file of each format and some more of JPEG XL.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let source = dynamic_rgb8(rgb8());
    let light: DynamicImage = source.to_rgb32f().into();
    let mut files: Vec<_> = [
        ("png", ImageFormat::Png),
        ("jpeg", ImageFormat::Jpeg),
        ("webp", ImageFormat::WebP),
        ("tiff", ImageFormat::Tiff),
        ("bmp", ImageFormat::Bmp),
        ("gif", ImageFormat::Gif),
        ("ppm", ImageFormat::Pnm),
        ("qoi", ImageFormat::Qoi),
    ]
    .map(|(name, format)| (name, file(&source, format)))
    .into();
    files.push(("exr", file(&light, ImageFormat::OpenExr)));
    files.push(("hdr", file(&light, ImageFormat::Hdr)));
    for name in ["rgb8.jxl", "rgb8_container.jxl", "lossy.jxl", "rgba8.jxl", "p3_lossless.jxl"] {
        files.push((name, fixture(name)));
    }
    files
}

/// Bytes at the end that a file can lose without losing pixels: checksums and end markers.
fn expendable(name: &str) -> usize {
    match name {
        "png" => 12,
        "gif" => 1,
        "qoi" => 8,
        _ => 0,
    }
}

fn options() -> DecodeOptions {
    DecodeOptions { max_pixels: 1 << 16, ..DecodeOptions::default() }
}

#[test]
fn cut_files_are_errors() {
    for (name, bytes) in files() {
        assert!(decode(&bytes, name, &options()).is_ok() || name == "rgba8.jxl", "{name}");
        for length in 0..bytes.len() - expendable(name) {
            let result = decode(&bytes[..length], name, &options());
            assert!(result.is_err(), "{name} cut to {length} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn files_and_bytes_give_the_same_pictures_and_the_same_complaints() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files() {
        let path = folder.path().join(name);
        for length in [0, 1, 2, 20, 60, bytes.len() / 2, bytes.len() - 13, bytes.len()] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let streamed = read(&path, &options())
                .map(|picture| (picture.samples().clone(), picture.encoding()));
            let whole = decode(&bytes[..length], &path.display().to_string(), &options());
            match (streamed, whole) {
                (Ok((samples, encoding)), Ok(whole)) => {
                    assert_eq!((&samples, encoding), (whole.samples(), whole.encoding()), "{name}");
                }
                (Err(streamed), Err(whole)) => assert_eq!(streamed.to_string(), whole.to_string()),
                (streamed, whole) => panic!("{name} cut to {length}: {streamed:?}, {whole:?}"),
            }
        }
    }
}

/// A small generator (xorshift64) for reproducible damage.
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as usize
}

#[test]
fn damaged_files_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for (name, bytes) in files() {
        for _ in 0..300 {
            let mut damaged = bytes.clone();
            for _ in 0..=random(&mut state) % 4 {
                // Headers are short and decide the most, so half of the damage goes there.
                let reach = if random(&mut state).is_multiple_of(2) { 64 } else { damaged.len() };
                let at = random(&mut state) % reach.min(damaged.len());
                damaged[at] = random(&mut state) as u8;
            }
            if let Ok(picture) = decode(&damaged, name, &options()) {
                assert!(picture.width() * picture.height() <= 1 << 16, "{name}");
            }
        }
    }
}

#[test]
fn announced_sizes_beyond_the_limit_are_refused_before_decoding() {
    let too_large = |name: &str, bytes: &[u8]| {
        let error = decode(bytes, name, &DecodeOptions::default()).unwrap_err();
        assert!(matches!(error, Error::TooManyPixels { .. }), "{name}: {error}");
    };
    let mut png = png(&rgb8(), ExtendedColorType::Rgb8, None);
    png[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    too_large("png", &png);
    too_large("ppm", b"P6\n1000000 1000000\n255\n");
    let qoi = b"qoif\0\0\x10\0\0\0\x10\0\x03\0\0\0\0\0\0\0\0\x01";
    let error = decode(qoi, "qoi", &options()).unwrap_err();
    assert!(matches!(error, Error::TooManyPixels { width: 4096, .. }), "{error}");
    too_large("hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 100000 +X 100000\n");
    let mut jpeg = jpeg(&rgb8(), None);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    too_large("jpeg", &jpeg);
    let mut bmp = file(&dynamic_rgb8(rgb8()), ImageFormat::Bmp);
    bmp[18..26].copy_from_slice(&[0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]);
    too_large("bmp", &bmp);
    let mut gif = file(&dynamic_rgb8(rgb8()), ImageFormat::Gif);
    gif[6..10].fill(0xff);
    too_large("gif", &gif);
    let mut jxl = b"\xff\x0a\xfe\xff\x03\x00\xf0\xff\x1f\x00\x10".to_vec();
    jxl.resize(64, 0);
    too_large("32768x32768 jxl", &jxl);
    let light: DynamicImage = dynamic_rgb8(rgb8()).to_rgb32f().into();
    let mut exr = file(&light, ImageFormat::OpenExr);
    let window = exr.windows(10).position(|name| name == b"dataWindow").unwrap();
    exr[window + 29..window + 37].copy_from_slice(&[0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0]);
    too_large("exr", &exr);
}

#[test]
fn the_limit_is_the_callers() {
    let bytes = png(&rgb8(), ExtendedColorType::Rgb8, None);
    let limited =
        |max_pixels| decode(&bytes, "x", &DecodeOptions { max_pixels, ..DecodeOptions::default() });
    assert!(limited(13 * 9).is_ok());
    let error = limited(13 * 9 - 1).unwrap_err();
    assert!(matches!(error, Error::TooManyPixels { width: 13, height: 9, .. }), "{error}");
}

#[test]
fn openexr_of_other_primaries_is_refused() {
    let light: DynamicImage = dynamic_rgb8(rgb8()).to_rgb32f().into();
    let file = file(&light, ImageFormat::OpenExr);
    let primaries = [0.713_f32, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767];
    let mut attribute = b"chromaticities\0chromaticities\0\x20\0\0\0".to_vec();
    attribute.extend(primaries.iter().flat_map(|number| number.to_le_bytes()));
    let bytes = [&file[..8], &attribute, &file[8..]].concat();
    assert!(complaint(&bytes).contains("primaries"), "{}", complaint(&bytes));
}

#[test]
fn radiance_rgbe_is_read_and_xyze_refused() {
    let xyz = b"#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 1 +X 1\n\x80\x80\x80\x80";
    assert!(complaint(xyz).contains("xyze"), "{}", complaint(xyz));
    let rgb = b"#?RGBE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\x80\x80\x80\x80";
    assert_eq!(decoded(rgb).width(), 1);
}
