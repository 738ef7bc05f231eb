//! Transparent pixels under every policy, at every depth.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod encoded;

use encoded::*;
use image::{DynamicImage, ExtendedColorType, ImageFormat};
use lookalike_core::decode::{DecodeOptions, decode};
use lookalike_core::{AlphaPolicy, Channels, Encoding, Error, Picture, Samples};

fn with_policy(bytes: &[u8], alpha: AlphaPolicy) -> Result<Picture, Error> {
    decode(bytes, "test", &DecodeOptions { alpha, ..DecodeOptions::default() })
}

fn flat(bytes: &[u8], alpha: AlphaPolicy) -> Samples {
    let picture = with_policy(bytes, alpha).unwrap();
    assert_eq!(picture.provenance().steps, [format!("alpha={}", alpha.as_str())]);
    picture.samples().clone()
}

#[test]
fn eight_bit_colours_over_white_and_black() {
    let source: DynamicImage = image::RgbaImage::from_raw(WIDTH, HEIGHT, rgba8()).unwrap().into();
    let over = |background: f64| {
        let pixel = |pixel: &[u8]| {
            let alpha = f64::from(pixel[3]) / 255.0;
            [0, 1, 2].map(|c| (f64::from(pixel[c]) * alpha + background * (1.0 - alpha)).round())
        };
        let samples = rgba8().chunks_exact(4).flat_map(pixel).map(|v| v as u8).collect();
        Samples::U8(samples)
    };
    let files = [
        file(&source, ImageFormat::Png),
        file(&source, ImageFormat::WebP),
        file(&source, ImageFormat::Tiff),
        file(&source, ImageFormat::Bmp),
        file(&source, ImageFormat::Qoi),
        fixture("rgba8.jxl"),
    ];
    for bytes in files {
        assert_eq!(flat(&bytes, AlphaPolicy::White), over(255.0));
        assert_eq!(flat(&bytes, AlphaPolicy::Black), over(0.0));
        let kept = rgba8().chunks_exact(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
        assert_eq!(flat(&bytes, AlphaPolicy::Ignore), Samples::U8(kept));
        let error = with_policy(&bytes, AlphaPolicy::Error).unwrap_err();
        assert!(matches!(error, Error::Transparent { .. }), "{error}");
    }
}

#[test]
fn opaque_alpha_is_dropped_without_a_step() {
    let opaque = pixels(|x, y| [x * 19, y * 27, x * 7 + y * 11, 255]);
    let bytes = png(&opaque, ExtendedColorType::Rgba8, None);
    for policy in [AlphaPolicy::Error, AlphaPolicy::White, AlphaPolicy::Black, AlphaPolicy::Ignore]
    {
        let picture = with_policy(&bytes, policy).unwrap();
        assert_eq!(picture.samples(), &Samples::U8(rgb8()));
        assert!(picture.provenance().steps.is_empty(), "{policy:?}");
    }
}

#[test]
fn grey_and_16_bit_alpha() {
    let grey: Vec<u8> = [100, 51].repeat(13 * 9);
    let bytes = png(&grey, ExtendedColorType::La8, None);
    let picture = with_policy(&bytes, AlphaPolicy::White).unwrap();
    assert_eq!(picture.channels(), Channels::Grey);
    // 100 * 0.2 + 255 * 0.8
    assert_eq!(picture.samples(), &Samples::U8(vec![224; 13 * 9]));

    let wide = bytes_of_u16(&[1000, 2000, 3000, 6553].repeat(13 * 9));
    let bytes = png(&wide, ExtendedColorType::Rgba16, None);
    let Samples::U16(samples) = flat(&bytes, AlphaPolicy::White) else { panic!("16 bits") };
    let alpha = 6553.0 / 65535.0;
    let exact = [1000.0, 2000.0, 3000.0].map(|c: f64| c * alpha + 65535.0 * (1.0 - alpha));
    assert_eq!(samples[..3], exact.map(|value| value.round() as u16));
}

#[test]
fn palettes_with_transparency() {
    let transparent = image::RgbaImage::from_fn(WIDTH, HEIGHT, |x, _| match x % 2 {
        0 => image::Rgba([255, 0, 0, 255]),
        _ => image::Rgba([0, 0, 0, 0]),
    });
    let bytes = file(&transparent.into(), ImageFormat::Gif);
    let Samples::U8(samples) = flat(&bytes, AlphaPolicy::White) else { panic!("8 bits") };
    assert_eq!(samples[..6], [255, 0, 0, 255, 255, 255]);
}

#[test]
fn light_is_premultiplied_in_open_exr() {
    let pixel = [0.25_f32, 0.5, 0.0, 0.5];
    let source: DynamicImage =
        image::Rgba32FImage::from_raw(WIDTH, HEIGHT, pixel.repeat(13 * 9)).unwrap().into();
    let bytes = file(&source, ImageFormat::OpenExr);
    let first = |policy| match flat(&bytes, policy) {
        Samples::F32(samples) => samples[..3].to_vec(),
        other => panic!("{}", other.type_name()),
    };
    assert_eq!(first(AlphaPolicy::White), [0.75, 1.0, 0.5]);
    assert_eq!(first(AlphaPolicy::Black), [0.25, 0.5, 0.0]);
    assert_eq!(first(AlphaPolicy::Ignore), [0.25, 0.5, 0.0]);
    let picture = with_policy(&bytes, AlphaPolicy::White).unwrap();
    assert_eq!(picture.encoding(), Encoding::SceneLinear);
}

#[test]
fn associated_alpha_of_tiff_is_not_multiplied_again() {
    let premultiplied = flat(&one_pixel_tiff([100, 50, 0, 100], 1), AlphaPolicy::White);
    assert_eq!(premultiplied, Samples::U8(vec![255, 205, 155]));
    let straight = flat(&one_pixel_tiff([100, 50, 0, 100], 2), AlphaPolicy::White);
    assert_eq!(straight, Samples::U8(vec![194, 175, 155]));
}

/// A TIFF of one RGBA pixel; `extra` is the kind of alpha.
fn one_pixel_tiff(pixel: [u8; 4], extra: u16) -> Vec<u8> {
    // Tag, type (3 = 16 bits), count, value.
    let entries: [(u16, u32, u32); 10] = [
        (256, 1, 1),
        (257, 1, 1),
        (258, 4, 140),
        (259, 1, 1),
        (262, 1, 2),
        (273, 1, 148),
        (277, 1, 4),
        (278, 1, 1),
        (279, 1, 4),
        (338, 1, extra.into()),
    ];
    let mut bytes = b"II*\0\x08\0\0\0\x0a\0".to_vec();
    for (tag, count, value) in entries {
        bytes.extend([tag, 3].map(u16::to_le_bytes).concat());
        bytes.extend([count, value].map(u32::to_le_bytes).concat());
    }
    bytes.extend([0; 4]);
    bytes.resize(140, 0);
    bytes.extend([8_u16; 4].map(u16::to_le_bytes).concat());
    bytes.extend(pixel);
    bytes
}
