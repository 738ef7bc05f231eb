//! Colour profiles and code points become sRGB, and sRGB stays as it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod encoded;

use encoded::*;
use image::ExtendedColorType;
use lookalike_core::decode::{DecodeOptions, decode};
use lookalike_core::{AlphaPolicy, Channels, Picture, Samples};
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, MatrixCoefficients, TransferCharacteristics,
};

/// sRGB of a Display P3 colour, 0…1, by the published matrices (both with D65).
fn srgb_of_p3(p3: [f64; 3]) -> [f64; 3] {
    const MATRIX: [[f64; 3]; 3] = [
        [1.224_940_2, -0.224_940_2, 0.0],
        [-0.042_056_9, 1.042_056_9, 0.0],
        [-0.019_637_6, -0.078_636_1, 1.098_273_6],
    ];
    let decode = |v: f64| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
    let encode = |v: f64| {
        let v = v.clamp(0.0, 1.0);
        if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
    };
    let light = p3.map(decode);
    MATRIX.map(|row| encode(row.iter().zip(light).map(|(m, l)| m * l).sum()))
}

/// The largest difference, in codes of the picture, from a Display P3 original converted exactly.
fn distance_from_p3(picture: &Picture, original: &[f64]) -> f64 {
    let full = picture.full_scale();
    let expected = original.chunks_exact(3).flat_map(|p| srgb_of_p3([p[0], p[1], p[2]]));
    let difference = |(i, e): (usize, f64)| (picture.samples().get(i) - e * full).abs();
    expected.enumerate().map(difference).fold(0.0, f64::max)
}

fn unit(samples: &[u8]) -> Vec<f64> {
    samples.iter().map(|&sample| f64::from(sample) / 255.0).collect()
}

/// A Display P3 profile whose matrix is derived from the primaries.
fn p3() -> Vec<u8> {
    let mut profile = ColorProfile::new_display_p3();
    profile.update_rgb_colorimetry_from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::Smpte432,
        transfer_characteristics: TransferCharacteristics::Srgb,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    profile.encode().unwrap()
}

#[test]
fn display_p3_becomes_srgb_at_8_and_16_bits() {
    let picture = decoded(&png(&rgb8(), ExtendedColorType::Rgb8, Some(&p3())));
    assert_eq!(picture.provenance().steps, ["icc=Display P3"]);
    assert!(distance_from_p3(&picture, &unit(&rgb8())) <= 0.55);

    let wide: Vec<u16> = rgb8().iter().map(|&sample| u16::from(sample) * 257).collect();
    let bytes = png(&bytes_of_u16(&wide), ExtendedColorType::Rgb16, Some(&p3()));
    let picture = decoded(&bytes);
    assert_eq!(picture.samples().type_name(), "u16");
    let distance = distance_from_p3(&picture, &unit(&rgb8()));
    // Profiles store matrices to 1/65536, and the curve is thirteen times steeper at black.
    assert!(distance <= 13.0, "{distance} of 65535");
}

#[test]
fn srgb_profiles_leave_samples_alone_bit_for_bit() {
    let mut without_code_points = ColorProfile::new_srgb();
    without_code_points.cicp = None;
    let profiles = [
        ColorProfile::new_srgb().encode().unwrap(),
        without_code_points.encode().unwrap(),
        fixture("srgb_lcms.icc"),
    ];
    for profile in profiles {
        let wide = wide(&rgb8());
        let bytes = png(&bytes_of_u16(&wide), ExtendedColorType::Rgb16, Some(&profile));
        let picture = decoded(&bytes);
        assert_eq!(picture.samples(), &Samples::U16(wide));
        assert!(picture.provenance().steps.is_empty());
        let picture = decoded(&png(&rgb8(), ExtendedColorType::Rgb8, Some(&profile)));
        assert_eq!(picture.samples(), &Samples::U8(rgb8()));
        let picture = decoded(&png(&grey8(), ExtendedColorType::L8, Some(&profile)));
        assert_eq!(
            (picture.channels(), picture.samples()),
            (Channels::Grey, &Samples::U8(grey8()))
        );
    }
}

#[test]
fn grey_profiles_are_converted_along_the_grey_axis() {
    let gamma = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let picture = decoded(&png(&grey8(), ExtendedColorType::L8, Some(&gamma)));
    assert_eq!(picture.channels(), Channels::Grey);
    for (i, &sample) in grey8().iter().enumerate() {
        let light = f64::from(sample) / 255.0;
        let display = if light <= 0.003_130_8 {
            12.92 * light
        } else {
            1.055 * light.powf(1.0 / 2.4) - 0.055
        };
        let difference = (picture.samples().get(i) - 255.0 * display).abs();
        assert!(difference <= 0.55, "sample {sample}: off by {difference}");
    }
}

#[test]
fn alpha_survives_the_conversion_and_is_resolved_after_it() {
    let pixel = [200, 60, 30, 51];
    let bytes = png(&pixel.repeat(13 * 9), ExtendedColorType::Rgba8, Some(&p3()));
    let options = DecodeOptions { alpha: AlphaPolicy::White, ..DecodeOptions::default() };
    let picture = decode(&bytes, "test", &options).unwrap();
    assert_eq!(picture.provenance().steps, ["icc=Display P3", "alpha=white"]);
    let colour = srgb_of_p3([200.0, 60.0, 30.0].map(|v| v / 255.0));
    for (i, colour) in colour.into_iter().enumerate() {
        let expected = 255.0 * (colour * 0.2 + 0.8);
        assert!((picture.samples().get(i) - expected).abs() <= 0.7);
    }
}

#[test]
fn png_code_points_win_and_high_dynamic_range_is_refused() {
    let plain = png(&rgb8(), ExtendedColorType::Rgb8, None);
    let srgb = decoded(&with_chunk(&plain, b"cICP", &[1, 13, 0, 1]));
    assert_eq!(srgb.samples(), &Samples::U8(rgb8()));
    let p3_by_code = decoded(&with_chunk(&plain, b"cICP", &[12, 13, 0, 1]));
    assert!(distance_from_p3(&p3_by_code, &unit(&rgb8())) <= 0.55);
    assert_eq!(p3_by_code.provenance().steps, ["icc=code points 12/13"]);
    for (transfer, name) in [(16, "PQ"), (18, "HLG")] {
        let message = complaint(&with_chunk(&plain, b"cICP", &[9, transfer, 0, 1]));
        assert!(message.contains(name), "{message}");
    }
    let message = complaint(&with_chunk(&plain, b"cICP", &[1, 13, 0, 0]));
    assert!(message.contains("code points"), "{message}");
    let profile = ColorProfile::new_bt2020_pq().encode().unwrap();
    let message = complaint(&png(&rgb8(), ExtendedColorType::Rgb8, Some(&profile)));
    assert!(message.contains("PQ"), "{message}");
}

#[test]
fn unreadable_and_mismatched_profiles_are_errors() {
    let message = complaint(&png(&rgb8(), ExtendedColorType::Rgb8, Some(b"not a profile")));
    assert!(message.contains("colour profile is unreadable"), "{message}");
    let grey = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
    let message = complaint(&png(&rgb8(), ExtendedColorType::Rgb8, Some(&grey)));
    assert!(message.contains("for Gray pictures"), "{message}");
}

#[test]
fn jpeg_xl_profiles_are_applied() {
    let picture = decoded(&fixture("p3_lossless.jxl"));
    assert_eq!(picture.provenance().steps.len(), 1, "{:?}", picture.provenance());
    assert!(picture.provenance().steps[0].starts_with("icc="), "{:?}", picture.provenance());
    assert!(distance_from_p3(&picture, &unit(&rgb8())) <= 0.55);
    // Lossy coding keeps colours, not the profile they came with.
    let smooth = unit(&pixels(|x, y| [x * 3 + 60, y * 4 + 40, x * 2 + y * 3 + 90]));
    let distance = distance_from_p3(&decoded(&fixture("p3_lossy.jxl")), &smooth);
    assert!(distance <= 6.0, "{distance}");
}
