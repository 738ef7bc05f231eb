//! Orientation is applied once, from Exif, TIFF tags and JPEG XL headers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod encoded;

use encoded::*;
use image::{ExtendedColorType, ImageFormat};
use lookalike_core::{Picture, Samples};

/// The marked corners of the upright picture for each orientation of `rgb8()`: the stored pixel
/// that its top left corner shows, and its size.
fn expected(orientation: u8) -> ((usize, usize), (usize, usize)) {
    let (right, bottom) = (WIDTH as usize - 1, HEIGHT as usize - 1);
    let (stored, lying) = ((WIDTH as usize, HEIGHT as usize), orientation < 5);
    let corner = match orientation {
        1 | 5 => (0, 0),
        2 | 8 => (right, 0),
        3 | 7 => (right, bottom),
        _ => (0, bottom),
    };
    (corner, if lying { stored } else { (stored.1, stored.0) })
}

fn check(picture: &Picture, orientation: u8, stored: &[u8]) {
    let ((x, y), size) = expected(orientation);
    assert_eq!((picture.width(), picture.height()), size, "orientation {orientation}");
    let start = (y * WIDTH as usize + x) * 3;
    let Samples::U8(samples) = picture.samples() else { panic!("8-bit samples") };
    assert_eq!(samples[..3], stored[start..start + 3], "orientation {orientation}");
    let steps = &picture.provenance().steps;
    match orientation {
        1 => assert!(steps.is_empty()),
        _ => assert_eq!(steps, &[format!("orientation={orientation}")]),
    }
}

#[test]
fn png_exif_orientations() {
    let upright = png(&rgb8(), ExtendedColorType::Rgb8, None);
    for orientation in 1..=8 {
        let bytes = with_chunk(&upright, b"eXIf", &exif(orientation));
        check(&decoded(&bytes), orientation, &rgb8());
    }
}

#[test]
fn jpeg_exif_orientations() {
    let stored = decoded(&jpeg(&rgb8(), None));
    let Samples::U8(stored) = stored.samples() else { panic!("8-bit samples") };
    for orientation in 1..=8 {
        check(&decoded(&jpeg(&rgb8(), Some(orientation))), orientation, stored);
    }
}

#[test]
fn tiff_orientation_tag() {
    // Turns the resolution unit, which the reader ignores, into the orientation.
    let mut bytes = file(&dynamic_rgb8(rgb8()), ImageFormat::Tiff);
    let unit = [0x28, 0x01, 3, 0, 1, 0, 0, 0];
    let at = bytes.windows(8).position(|entry| entry == unit).expect("a resolution unit");
    bytes[at..at + 2].copy_from_slice(&[0x12, 0x01]);
    bytes[at + 8] = 6;
    check(&decoded(&bytes), 6, &rgb8());
}

#[test]
fn an_orientation_that_exif_does_not_know_is_upright() {
    let upright = png(&rgb8(), ExtendedColorType::Rgb8, None);
    for orientation in [0, 9, 255] {
        let picture = decoded(&with_chunk(&upright, b"eXIf", &exif(orientation)));
        assert_eq!(picture.samples(), &Samples::U8(rgb8()));
    }
}

#[test]
fn jpeg_xl_orientation_is_applied_once() {
    let picture = decoded(&fixture("orientation6.jxl"));
    assert_eq!((picture.width(), picture.height()), (9, 13));
    let Samples::U16(samples) = picture.samples() else { panic!("16-bit samples") };
    assert_eq!(samples[..3], [0, 55511, 22615], "the stored bottom left corner");
    assert_eq!(picture.provenance().steps, ["orientation=6"]);
}
