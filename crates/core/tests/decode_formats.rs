//! Every format gives back the samples that were written, at their depth.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod encoded;

use encoded::*;
use std::io::Cursor;

use image::{DynamicImage, ExtendedColorType, ImageFormat};
use lookalike_core::decode::{DecodeOptions, decode, read};
use lookalike_core::{Channels, Encoding, Error, Picture, Samples};

fn shape(picture: &Picture) -> (usize, usize, Channels, Encoding) {
    (picture.width(), picture.height(), picture.channels(), picture.encoding())
}

const RGB: (usize, usize, Channels, Encoding) = (13, 9, Channels::Rgb, Encoding::Srgb);
const GREY: (usize, usize, Channels, Encoding) = (13, 9, Channels::Grey, Encoding::Srgb);

#[test]
fn lossless_formats_keep_8_bit_colour() {
    let source = dynamic_rgb8(rgb8());
    let formats = [
        (ImageFormat::Png, "PNG"),
        (ImageFormat::WebP, "WebP"),
        (ImageFormat::Tiff, "TIFF"),
        (ImageFormat::Bmp, "BMP"),
        (ImageFormat::Pnm, "PNM"),
        (ImageFormat::Qoi, "QOI"),
    ];
    for (format, name) in formats {
        let picture = decoded(&file(&source, format));
        assert_eq!(shape(&picture), RGB, "{name}");
        assert_eq!(picture.samples(), &Samples::U8(rgb8()), "{name}");
        assert_eq!(picture.provenance().format, Some(name));
        assert!(picture.provenance().steps.is_empty(), "{name}");
        assert_eq!(picture.provenance().path, None);
    }
}

#[test]
fn grey_stays_grey_and_16_bits_stay_16_bits() {
    let (grey, wide_grey, wide_rgb) = (grey8(), wide(&grey8()), wide(&rgb8()));
    let grey8: DynamicImage =
        image::GrayImage::from_raw(WIDTH, HEIGHT, grey.clone()).unwrap().into();
    let grey16: DynamicImage =
        image::ImageBuffer::<image::Luma<u16>, _>::from_raw(WIDTH, HEIGHT, wide_grey.clone())
            .unwrap()
            .into();
    let rgb16: DynamicImage =
        image::ImageBuffer::<image::Rgb<u16>, _>::from_raw(WIDTH, HEIGHT, wide_rgb.clone())
            .unwrap()
            .into();
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Pnm] {
        let picture = decoded(&file(&grey8, format));
        assert_eq!(shape(&picture), GREY, "{format:?}");
        assert_eq!(picture.samples(), &Samples::U8(grey.clone()), "{format:?}");
        let picture = decoded(&file(&grey16, format));
        assert_eq!(shape(&picture), GREY, "{format:?}");
        assert_eq!(picture.samples(), &Samples::U16(wide_grey.clone()), "{format:?}");
        let picture = decoded(&file(&rgb16, format));
        assert_eq!(shape(&picture), RGB, "{format:?}");
        assert_eq!(picture.samples(), &Samples::U16(wide_rgb.clone()), "{format:?}");
    }
}

#[test]
fn gif_keeps_palette_colours() {
    let two_colours = pixels(|x, y| if (x + y) % 2 == 0 { [255, 0, 0] } else { [0, 0, 255] });
    let picture = decoded(&file(&dynamic_rgb8(two_colours.clone()), ImageFormat::Gif));
    assert_eq!(shape(&picture), RGB);
    assert_eq!(picture.samples(), &Samples::U8(two_colours));
}

#[test]
fn jpeg_comes_close_and_grey_jpeg_stays_grey() {
    let smooth = pixels(|x, y| [x * 9, y * 9, 100]);
    let picture = decoded(&jpeg(&smooth, None));
    assert_eq!(shape(&picture), RGB);
    let distance = |(i, &s): (usize, &u8)| (picture.samples().get(i) - f64::from(s)).abs();
    assert!(smooth.iter().enumerate().map(distance).fold(0.0, f64::max) <= 6.0);
    let grey: DynamicImage = image::GrayImage::from_raw(WIDTH, HEIGHT, grey8()).unwrap().into();
    assert_eq!(shape(&decoded(&file(&grey, ImageFormat::Jpeg))), GREY);
}

#[test]
fn low_bit_depths_and_odd_maxima_expand_to_full_range() {
    let picture = decoded(b"P2\n3 1\n4\n0 1 4\n");
    assert_eq!(picture.samples(), &Samples::U8(vec![0, 64, 255]));
    let picture = decoded(b"P5\n2 1\n4095\n\x0f\xff\x08\0");
    assert_eq!(picture.samples(), &Samples::U16(vec![65535, 32776]));
    let picture = decoded(b"P4\n3 1\n\xa0");
    assert_eq!(
        (picture.channels(), picture.samples()),
        (Channels::Grey, &Samples::U8(vec![0, 255, 0]))
    );
    let picture =
        decoded(b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n\x01\x02\x03");
    assert_eq!(picture.samples(), &Samples::U8(vec![1, 2, 3]));
}

#[test]
fn scene_linear_formats_keep_light_beyond_white() {
    let light: Vec<f32> = rgb8().iter().map(|&sample| f32::from(sample) / 64.0).collect();
    let source: DynamicImage =
        image::Rgb32FImage::from_raw(WIDTH, HEIGHT, light.clone()).unwrap().into();
    let picture = decoded(&file(&source, ImageFormat::OpenExr));
    assert_eq!(shape(&picture), (13, 9, Channels::Rgb, Encoding::SceneLinear));
    assert_eq!(picture.samples(), &Samples::F32(light.clone()));
    let picture = decoded(&file(&source, ImageFormat::Hdr));
    assert_eq!(picture.encoding(), Encoding::SceneLinear);
    for (i, pixel) in light.chunks(3).enumerate() {
        let largest = f64::from(pixel.iter().copied().fold(0.0, f32::max));
        for (j, &expected) in pixel.iter().enumerate() {
            let difference = (picture.samples().get(3 * i + j) - f64::from(expected)).abs();
            assert!(difference <= largest / 128.0, "8-bit mantissa of the largest channel");
        }
    }
}

#[test]
fn negative_light_is_cut_off_and_recorded_and_bad_numbers_are_named() {
    let exr = |change: fn(&mut Vec<f32>)| {
        let mut light = vec![0.5_f32; 13 * 9 * 3];
        change(&mut light);
        let source: DynamicImage =
            image::Rgb32FImage::from_raw(WIDTH, HEIGHT, light).unwrap().into();
        file(&source, ImageFormat::OpenExr)
    };
    let picture = decoded(&exr(|light| light[..2].copy_from_slice(&[-1e-4, -0.25])));
    assert_eq!(picture.provenance().steps, ["negative light clamped: 2 samples"]);
    assert_eq!(picture.plane(0, 1.0)[0], 0.0);
    let bytes = exr(|light| light[13 * 3 + 4] = f32::NAN);
    let error = decode(&bytes, "scene.exr", &DecodeOptions::default()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { x: 1, y: 1, channel: 1, .. }), "{error}");
    assert!(error.to_string().starts_with("scene.exr"), "{error}");
}

#[test]
fn floating_point_tiff_is_display_coded() {
    let tiff = |largest: f32| {
        let mut samples = vec![0.25_f32; 13 * 9 * 3];
        samples[5] = largest;
        let source: DynamicImage =
            image::Rgb32FImage::from_raw(WIDTH, HEIGHT, samples).unwrap().into();
        file(&source, ImageFormat::Tiff)
    };
    let picture = decoded(&tiff(1.0));
    assert_eq!(shape(&picture), RGB);
    assert_eq!(picture.samples().type_name(), "f32");
    let error = decode(&tiff(1.5), "x", &DecodeOptions::default()).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { x: 1, y: 0, channel: 2, .. }), "{error}");
}

#[test]
fn grey_floating_point_tiff_keeps_its_samples() {
    use tiff::encoder::{TiffEncoder, colortype};
    use tiff::tags::Tag;
    let samples: Vec<f32> = (0..13 * 9).map(|i| i as f32 / 200.0).collect();
    let file = |samples: &[f32], orientation: u16| {
        let mut bytes = Vec::new();
        let mut encoder = TiffEncoder::new(Cursor::new(&mut bytes)).unwrap();
        let mut image = encoder.new_image::<colortype::Gray32Float>(WIDTH, HEIGHT).unwrap();
        image.encoder().write_tag(Tag::Orientation, orientation).unwrap();
        image.write_data(samples).unwrap();
        bytes
    };
    let bytes = file(&samples, 1);
    let picture = decoded(&bytes);
    assert_eq!((shape(&picture), picture.samples()), (GREY, &Samples::F32(samples.clone())));
    for length in 0..bytes.len() {
        // The directory stands at the end, so nothing can be missing.
        assert!(decode(&bytes[..length], "cut", &DecodeOptions::default()).is_err(), "{length}");
    }
    let turned = decoded(&file(&samples, 3));
    assert_eq!(turned.samples().get(0), f64::from(samples[13 * 9 - 1]));
    assert_eq!(turned.provenance().steps, ["orientation=3"]);
    let mut wrong = samples;
    wrong[14] = f32::INFINITY;
    let error = decode(&file(&wrong, 1), "x", &DecodeOptions::default()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { x: 1, y: 1, channel: 0, .. }), "{error}");

    let mut bytes = Vec::new();
    let mut encoder = TiffEncoder::new(Cursor::new(&mut bytes)).unwrap();
    encoder.write_image::<colortype::Gray64Float>(2, 1, &[0.25, 1.0]).unwrap();
    assert_eq!(decoded(&bytes).samples(), &Samples::F32(vec![0.25, 1.0]));
}

#[test]
fn linear_qoi_is_scene_linear() {
    let mut bytes = file(&dynamic_rgb8(rgb8()), ImageFormat::Qoi);
    bytes[13] = 1;
    assert_eq!(decoded(&bytes).encoding(), Encoding::SceneLinear);
}

#[test]
fn jpeg_xl_is_read_bare_and_boxed_at_its_depth() {
    for name in ["rgb8.jxl", "rgb8_container.jxl"] {
        let picture = decoded(&fixture(name));
        assert_eq!(shape(&picture), RGB, "{name}");
        assert_eq!(picture.samples(), &Samples::U8(rgb8()), "{name}");
        assert_eq!(picture.provenance().format, Some("JPEG XL"));
        assert!(picture.provenance().steps.is_empty(), "{:?}", picture.provenance());
    }
    let picture = decoded(&fixture("grey8.jxl"));
    assert_eq!((shape(&picture), picture.samples()), (GREY, &Samples::U8(grey8())));
    let expected: Vec<u16> =
        rgb8().iter().map(|&s| u16::from(s) * 257 - u16::from(s > 0)).collect();
    assert_eq!(decoded(&fixture("rgb16.jxl")).samples(), &Samples::U16(expected));
    let grey: Vec<u16> = (0..).zip(grey8()).map(|(i, s)| u16::from(s) * 256 + i % 13).collect();
    assert_eq!(decoded(&fixture("grey16.jxl")).samples(), &Samples::U16(grey));
}

#[test]
fn lossy_jpeg_xl_comes_close() {
    let smooth = pixels(|x, y| [x * 3 + 60, y * 4 + 40, x * 2 + y * 3 + 90]);
    let picture = decoded(&fixture("lossy.jxl"));
    assert_eq!((shape(&picture), picture.samples().type_name()), (RGB, "u8"));
    let distance = |(i, &s): (usize, &u8)| (picture.samples().get(i) - f64::from(s)).abs();
    assert!(smooth.iter().enumerate().map(distance).fold(0.0, f64::max) <= 6.0);
}

#[test]
fn linear_floating_point_jpeg_xl_is_scene_linear() {
    let picture = decoded(&fixture("float.jxl"));
    assert_eq!(shape(&picture), (13, 9, Channels::Rgb, Encoding::SceneLinear));
    for (i, &sample) in rgb8().iter().enumerate() {
        assert!((picture.samples().get(i) - f64::from(sample) / 255.0).abs() < 1e-6);
    }
}

#[test]
fn linear_16_bit_jpeg_xl_is_scene_linear_and_pq_is_refused() {
    let picture = decoded(&fixture("linear16.jxl"));
    assert_eq!(picture.encoding(), Encoding::SceneLinear);
    assert!((picture.plane(0, 65535.0)[1] - 4882.0).abs() < 0.01);
    let message = complaint(&fixture("pq16.jxl"));
    assert!(message.contains("high dynamic range (PQ)"), "{message}");
}

#[test]
fn smallest_and_thinnest_pictures_are_read() {
    for (width, height) in [(1, 1), (1, 7), (7, 1)] {
        let source: DynamicImage = image::RgbImage::new(width, height).into();
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::WebP,
            ImageFormat::Tiff,
            ImageFormat::Bmp,
            ImageFormat::Gif,
            ImageFormat::Pnm,
            ImageFormat::Qoi,
        ] {
            let picture = decoded(&file(&source, format));
            let size = (picture.width() as u32, picture.height() as u32);
            assert_eq!(size, (width, height), "{format:?}");
        }
    }
}

#[test]
fn the_first_of_several_frames_is_read_and_that_is_recorded() {
    let mut bytes = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        for colour in [[255, 0, 0, 255], [0, 255, 0, 255]] {
            let frame = image::RgbaImage::from_pixel(4, 4, image::Rgba(colour));
            encoder.encode_frame(image::Frame::new(frame)).unwrap();
        }
    }
    let picture = decoded(&bytes);
    assert_eq!(picture.provenance().steps, ["first of several frames"]);
    assert_eq!(picture.samples(), &Samples::U8([255, 0, 0].repeat(16)));

    let still = png(&rgb8(), ExtendedColorType::Rgb8, None);
    let animated = with_chunk(&still, b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    assert_eq!(decoded(&animated).provenance().steps, ["first of several frames"]);
}

#[test]
fn files_are_read_whatever_their_extension() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("really_a.png.jpg");
    std::fs::write(&path, png(&rgb8(), ExtendedColorType::Rgb8, None)).unwrap();
    let picture = read(&path, &DecodeOptions::default()).unwrap();
    assert_eq!(picture.provenance().path.as_deref(), Some(path.as_path()));
    assert_eq!(picture.provenance().format, Some("PNG"));
    let missing = read(&folder.path().join("none"), &DecodeOptions::default()).unwrap_err();
    assert!(matches!(missing, Error::Read { .. }), "{missing}");
    assert!(read(folder.path(), &DecodeOptions::default()).is_err());
}

#[test]
fn inks_are_refused() {
    let mut bytes = jpeg(&rgb8(), None);
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    bytes[frame + 9] = 4;
    assert!(complaint(&bytes).contains("CMYK"), "{}", complaint(&bytes));
}
