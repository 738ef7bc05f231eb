//! Pictures in the form in which other crates take them: interleaved red, green and blue.

use std::borrow::Cow;

use lookalike_core::{Channels, Encoding, Picture, Samples};

use crate::closed_form::Reason;
use crate::colour_space::srgb_decode;

/// Width and height as the 32-bit numbers that pixel buffers are described by.
pub(crate) fn sides(picture: &Picture) -> Result<(u32, u32), Reason> {
    let side = |length: usize| {
        u32::try_from(length).map_err(|_| Reason(format!("a side of {length} pixels is too long")))
    };
    Ok((side(picture.width())?, side(picture.height())?))
}

/// The 8-bit codes of a display-coded picture all of whose samples are such codes; otherwise `None`.
///
/// The type of the samples does not matter: a 16-bit or floating-point copy of an 8-bit picture
/// takes the same path through a metric as the picture itself, and is therefore equal to it.
pub(crate) fn rgb_u8(picture: &Picture) -> Option<Vec<u8>> {
    /// Beyond what single precision does to a code divided by 255, far below half a 16-bit step.
    const TOLERANCE: f64 = 5e-5;
    if picture.encoding() != Encoding::Srgb {
        return None;
    }
    let picture = match picture.channels() {
        Channels::Rgb => Cow::Borrowed(picture),
        Channels::Grey => Cow::Owned(picture.to_rgb()),
    };
    if let (Samples::U8(samples), 255.0) = (picture.samples(), picture.full_scale()) {
        return Some(samples.clone());
    }
    let codes = (0..picture.samples().len()).map(|index| {
        let code = picture.samples().get(index) / picture.full_scale() * 255.0;
        ((code - code.round()).abs() <= TOLERANCE).then(|| code.round() as u8)
    });
    codes.collect()
}

/// Samples from 0 to 1, in the encoding of the picture.
pub(crate) fn rgb_f64(picture: &Picture) -> impl Iterator<Item = f64> {
    let [red, green, blue] = [0, 1, 2].map(|channel| picture.plane(channel, 1.0));
    red.into_iter().zip(green).zip(blue).flat_map(|((r, g), b)| [r, g, b])
}

/// Light, proportional to it, 1 being white; rounded to `f32` only after decoding.
pub(crate) fn linear_rgb(picture: &Picture) -> Vec<f32> {
    match picture.encoding() {
        Encoding::Srgb => rgb_f64(picture).map(|code| srgb_decode(code) as f32).collect(),
        Encoding::SceneLinear => rgb_f64(picture).map(|light| light as f32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_samples_on_the_8_bit_grid_are_8_bit_codes() {
        let expected = Some(vec![7, 7, 7, 200, 200, 200]);
        let picture = Picture::from_u8(2, 1, Channels::Grey, vec![7, 200]).unwrap();
        assert_eq!(rgb_u8(&picture), expected);
        assert_eq!(rgb_u8(&picture.with_full_scale(240.0).unwrap()), None);
        let copy = Picture::from_u16(2, 1, Channels::Grey, vec![7 * 257, 200 * 257]).unwrap();
        assert_eq!(rgb_u8(&copy), expected);
        let samples = (0..=255).map(|code| f32::from(code as u8) / 255.0).collect();
        let copy = Picture::from_f32(256, 1, Channels::Grey, samples).unwrap();
        let codes: Vec<u8> = (0..=255).flat_map(|code| [code; 3]).collect();
        assert_eq!(rgb_u8(&copy), Some(codes));
        let deep = Picture::from_u16(1, 1, Channels::Rgb, vec![257, 514, 772]).unwrap();
        assert_eq!(rgb_u8(&deep), None);
    }

    #[test]
    fn light_is_decoded_only_where_samples_are_coded() {
        let coded = Picture::from_f32(1, 1, Channels::Rgb, vec![0.0, 0.5, 1.0]).unwrap();
        let light = linear_rgb(&coded);
        assert_eq!((light[0], light[2]), (0.0, 1.0));
        assert!((light[1] - 0.214_041_14).abs() < 1e-7, "{}", light[1]);
        let scene = coded
            .with_samples(Channels::Grey, Samples::F32(vec![4.0]), Encoding::SceneLinear)
            .unwrap();
        assert_eq!(linear_rgb(&scene), [4.0; 3]);
    }
}
