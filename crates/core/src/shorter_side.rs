//! Bringing the shorter side of a picture to a length, as data sets of judgements prescribe it.
//!
//! By Pillow's bilinear filter ([`PillowFilter`]); the longer side becomes ⌊side · longer / shorter⌋.
//!
//! Source: `Image.resize` of Pillow and `Resize` of torchvision, by which the loader of BAPPS (Zhang et al.
//! 2018) reduces its pictures to 64 pixels. Reproduces the bits of Pillow 13.
//!
//! Limits: pictures of 8 bits; others are refused, as no such set has them.

use crate::{Error, Picture, PillowFilter, Result, Samples};

/// Width and height of a picture whose shorter side becomes `side`.
pub(crate) fn size_for(width: usize, height: usize, side: usize) -> (usize, usize) {
    let longer = |longer: usize, shorter: usize| {
        let length = side as u128 * longer as u128 / shorter.max(1) as u128;
        usize::try_from(length).unwrap_or(usize::MAX)
    };
    if width <= height { (side, longer(height, width)) } else { (longer(width, height), side) }
}

/// The picture with a shorter side of `side` pixels; as it is where it has that already.
///
/// # Errors
/// [`Error::UnsupportedFormat`] for a picture of other than 8 bits, or a side of 0.
pub fn resize_shorter_side(picture: &Picture, side: usize) -> Result<Picture> {
    if picture.shorter_side() == side {
        return Ok(picture.clone());
    }
    let refused =
        |reason: &str| Error::UnsupportedFormat { name: picture.name(), reason: reason.to_owned() };
    if side == 0 {
        return Err(refused("expected at least 1 pixel as its shorter side, found 0"));
    }
    let Samples::U8(samples) = picture.samples() else {
        return Err(refused("only pictures of 8 bits are resized by their shorter side"));
    };
    let (from_width, from_height) = (picture.width(), picture.height());
    let (width, height) = size_for(from_width, from_height, side);
    let channels = picture.channels().count();
    let size = [from_height, from_width, channels];
    let samples = PillowFilter::Bilinear.resize_8_bits(samples, size, [height, width]);
    let provenance = picture.provenance().clone();
    let resized = Picture::new(
        width,
        height,
        picture.channels(),
        Samples::U8(samples),
        picture.encoding(),
        provenance,
    )?;
    Ok(resized.with_full_scale(picture.full_scale())?.with_step(format!("resize={side}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Channels;

    fn picture(width: usize, height: usize, channels: Channels) -> Picture {
        let mut samples = Vec::new();
        for y in 0..height {
            for x in 0..width {
                for k in 0..channels.count() {
                    samples.push(((x * 37 + y * 59 + k * 101) ^ (x * y * 7)) as u8);
                }
            }
        }
        Picture::from_u8(width, height, channels, samples).unwrap()
    }

    fn resized(picture: &Picture, side: usize) -> (usize, usize, Vec<u8>) {
        let resized = resize_shorter_side(picture, side).unwrap();
        assert_eq!(resized.provenance().steps, [format!("resize={side}")]);
        let Samples::U8(samples) = resized.samples() else { panic!() };
        (resized.width(), resized.height(), samples.clone())
    }

    /// Expected samples are those of Pillow 13.0.
    #[test]
    fn samples_are_those_of_pillow() {
        let found = resized(&picture(9, 7, Channels::Rgb), 3);
        assert_eq!(
            found,
            (
                3,
                3,
                vec![
                    100, 145, 98, 154, 121, 127, 79, 138, 125, 139, 94, 146, 94, 157, 129, 101,
                    155, 92, 118, 141, 114, 133, 155, 79, 150, 161, 53
                ]
            )
        );
        let found = resized(&picture(5, 8, Channels::Grey), 2);
        assert_eq!(found, (2, 3, vec![103, 147, 130, 107, 146, 159]));
        let found = resized(&picture(3, 2, Channels::Grey), 4);
        assert_eq!(
            found,
            (
                6,
                4,
                vec![
                    0, 9, 28, 46, 65, 74, 15, 24, 44, 63, 81, 90, 44, 55, 76, 96, 114, 123, 59, 70,
                    92, 112, 130, 139
                ]
            )
        );
    }

    /// Expected samples are those of Pillow 13.0.
    #[test]
    fn high_pictures_get_lower_first() {
        let found = resized(&picture(3, 9, Channels::Grey), 2);
        assert_eq!(found, (2, 6, vec![37, 85, 118, 172, 167, 139, 101, 71, 140, 188, 202, 143]));
    }

    #[test]
    fn a_side_that_fits_changes_nothing() {
        let picture = picture(9, 7, Channels::Rgb);
        assert_eq!(resize_shorter_side(&picture, 7).unwrap(), picture);
        assert!(resize_shorter_side(&picture, 0).is_err());
        let deep = Picture::from_u16(2, 2, Channels::Grey, vec![0; 4]).unwrap();
        let message = resize_shorter_side(&deep, 1).unwrap_err().to_string();
        assert!(message.contains("8 bits"), "{message}");
    }
}
