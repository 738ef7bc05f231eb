//! Masks: regions of a picture that may change without anybody being told.
//!
//! Within a mask the candidate is given the reference's pixels before any metric sees it, so no
//! metric finds a difference there, however far its windows reach. The masked pixels stay part of
//! the picture: a mean counts them as equal. Only poolings of a map know of the mask
//! ([`Pooling`](crate::Pooling)).
//!
//! * A mask is a rectangle `x,y,width,height` in pixels from the top left corner, clipped to the
//!   picture, or a **picture of the reference's size whose bright pixels are masked**: those of
//!   which any channel is above half of full intensity. Black is compared. Transparent pixels of
//!   such a picture count as black.
//! * Masks lie on the reference as it was decoded. Under `--fit crop` they move with its centre,
//!   under `--fit pad` what was added is not masked.
//! * A rectangle wholly outside the picture, a mask picture of another size and masks that leave
//!   nothing to compare are errors: each would silently check something else than was meant.
//! * Pictures of different sample type are both brought to double precision on 0…1 where a mask is
//!   used, so that the masked pixels are equal to the bit.

use std::borrow::Cow;
use std::path::Path;

use lookalike_core::decode::{DecodeOptions, read};
use lookalike_core::{AlphaPolicy, Channels, FitPolicy, Picture, Samples};

use crate::error::{Error, Result};

/// A region that is left out of the comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    name: String,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Rectangle { x: i64, y: i64, width: u64, height: u64 },
    Pixels { width: usize, height: usize, covered: Vec<bool> },
}

impl Mask {
    /// Reads `x,y,width,height`, or the mask picture of that name in `folder`.
    ///
    /// # Errors
    /// [`Error::Mask`] for a rectangle that is malformed or empty, or a picture that cannot be
    /// read.
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let shape = match rectangle(text) {
            Some(shape) => shape.map_err(|reason| wrong(text, reason))?,
            None => picture(text, folder)?,
        };
        Ok(Self { name: text.to_owned(), shape })
    }

    /// The mask as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn wrong(mask: &str, reason: impl Into<String>) -> Error {
    Error::Mask { mask: mask.to_owned(), reason: reason.into() }
}

/// `None` when the text does not look like a rectangle.
fn rectangle(text: &str) -> Option<Result<Shape, String>> {
    let looks_like_numbers =
        text.contains(',') && text.chars().all(|c| c.is_ascii_digit() || " ,-+.".contains(c));
    if !looks_like_numbers {
        return None;
    }
    let expected =
        || Err("expected x,y,width,height in whole pixels, width and height at least 1".to_owned());
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let &[x, y, width, height] = parts.as_slice() else { return Some(expected()) };
    let place = x.parse().ok().zip(y.parse().ok());
    let size = width.parse().ok().zip(height.parse().ok());
    Some(match (place, size) {
        (Some((x, y)), Some((width @ 1.., height @ 1..))) => {
            Ok(Shape::Rectangle { x, y, width, height })
        }
        _ => expected(),
    })
}

fn picture(text: &str, folder: &Path) -> Result<Shape> {
    let options = DecodeOptions { alpha: AlphaPolicy::Black, ..DecodeOptions::default() };
    let path = folder.join(text);
    let picture = read(&path, &options).map_err(|error| {
        // A name that does not exist may have been meant as a rectangle.
        let hint = if path.exists() { "" } else { "; a rectangle is written x,y,width,height" };
        wrong(text, format!("{error}{hint}"))
    })?;
    let (width, height) = (picture.width(), picture.height());
    let mut covered = vec![false; width * height];
    for channel in 0..picture.channels().count() {
        for (covered, sample) in covered.iter_mut().zip(picture.plane(channel, 1.0)) {
            *covered |= sample > 0.5;
        }
    }
    if !covered.contains(&true) {
        return Err(wrong(text, "the picture is black, so it masks nothing; bright pixels mask"));
    }
    Ok(Shape::Pixels { width, height, covered })
}

/// What the masks of one pair cover together.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedArea {
    width: usize,
    height: usize,
    covered: Vec<bool>,
    names: Vec<String>,
}

impl MaskedArea {
    /// The union of masks on a reference of the given size; `None` when there are no masks.
    ///
    /// # Errors
    /// [`Error::Mask`] for a rectangle outside, a mask of another size, and masks that cover all.
    pub fn new(masks: &[&Mask], (width, height): (usize, usize)) -> Result<Option<Self>> {
        if masks.is_empty() {
            return Ok(None);
        }
        let mut area = Self { width, height, covered: vec![false; width * height], names: vec![] };
        for mask in masks {
            area.add(mask)?;
        }
        let area = area.unless_it_is_everything()?;
        Ok(Some(area))
    }

    fn add(&mut self, mask: &Mask) -> Result<()> {
        self.names.push(mask.name.clone());
        match &mask.shape {
            &Shape::Rectangle { x, y, width, height } => {
                let columns = clipped(x, width, self.width);
                let rows = clipped(y, height, self.height);
                let (Some((left, right)), Some((top, bottom))) = (columns, rows) else {
                    let size = format!("{}x{}", self.width, self.height);
                    return Err(wrong(
                        &mask.name,
                        format!("the rectangle lies outside the picture of {size} pixels"),
                    ));
                };
                for row in top..bottom {
                    self.covered[row * self.width + left..row * self.width + right].fill(true);
                }
            }
            Shape::Pixels { width, height, covered } => {
                if (*width, *height) != (self.width, self.height) {
                    return Err(wrong(
                        &mask.name,
                        format!(
                            "a mask has the size of the reference, {}x{} pixels, but this one has \
                             {width}x{height}",
                            self.width, self.height
                        ),
                    ));
                }
                for (covered, more) in self.covered.iter_mut().zip(covered) {
                    *covered |= more;
                }
            }
        }
        Ok(())
    }

    fn unless_it_is_everything(self) -> Result<Self> {
        if self.covered.contains(&false) {
            return Ok(self);
        }
        Err(wrong(&self.names.join(" "), "every pixel is masked, so nothing is left to compare"))
    }

    /// The area on the pair after [`lookalike_core::fit`] made it `to` pixels large.
    ///
    /// # Errors
    /// [`Error::Mask`] when what is left is masked as a whole.
    pub fn fitted(&self, policy: FitPolicy, to: (usize, usize)) -> Result<Self> {
        let (width, height) = to;
        let middle = |from: usize, to: usize| match policy {
            FitPolicy::Crop => from.saturating_sub(to) / 2,
            _ => 0,
        };
        let (left, top) = (middle(self.width, width), middle(self.height, height));
        let at = |i: usize| {
            let (x, y) = (left + i % width, top + i / width);
            x < self.width && y < self.height && self.covered[y * self.width + x]
        };
        let covered = (0..width * height).map(at).collect();
        Self { width, height, covered, names: self.names.clone() }.unless_it_is_everything()
    }

    /// Whether all pixels of a block are masked; pixels beyond the picture do not matter.
    pub fn covers(&self, x: usize, y: usize, width: usize, height: usize) -> bool {
        let (right, bottom) = ((x + width).min(self.width), (y + height).min(self.height));
        x < right
            && y < bottom
            && (y..bottom).all(|y| {
                self.covered[y * self.width + x..y * self.width + right].iter().all(|&c| c)
            })
    }

    /// The share of the picture that is masked, above 0 unless fitting cut the masks off, below 1.
    pub fn fraction(&self) -> f64 {
        self.covered.iter().filter(|&&covered| covered).count() as f64 / self.covered.len() as f64
    }

    /// The candidate with the reference's pixels under the mask, and the reference where it had to
    /// be converted for that. What was done is recorded with the candidate.
    ///
    /// # Errors
    /// [`Error::Mask`] when one picture is display-coded and the other scene-linear;
    /// [`Error::Core`] as [`Picture::new`].
    pub fn apply(
        &self,
        reference: &Picture,
        candidate: &Picture,
    ) -> Result<(Option<Picture>, Picture)> {
        if reference.encoding() != candidate.encoding() {
            return Err(wrong(
                &self.names.join(" "),
                "one picture is display-coded and the other scene-linear, so pixels cannot be \
                 carried over",
            ));
        }
        let alike = std::mem::discriminant(reference.samples())
            == std::mem::discriminant(candidate.samples())
            && reference.full_scale() == candidate.full_scale();
        let converted = if alike {
            None
        } else {
            Some((in_double_precision(reference)?, in_double_precision(candidate)?))
        };
        let (reference, candidate) = converted
            .as_ref()
            .map_or((reference, candidate), |(reference, candidate)| (reference, candidate));
        // A grey picture can only take grey pixels.
        let (source, target) = if reference.channels() == candidate.channels() {
            (Cow::Borrowed(reference), Cow::Borrowed(candidate))
        } else {
            (Cow::Owned(reference.to_rgb()), Cow::Owned(candidate.to_rgb()))
        };
        let stride = target.channels().count();
        let samples = match (source.samples(), target.samples()) {
            (Samples::U8(from), Samples::U8(to)) => Samples::U8(self.carry(from, to, stride)),
            (Samples::U16(from), Samples::U16(to)) => Samples::U16(self.carry(from, to, stride)),
            (Samples::F32(from), Samples::F32(to)) => Samples::F32(self.carry(from, to, stride)),
            (Samples::F64(from), Samples::F64(to)) => Samples::F64(self.carry(from, to, stride)),
            // Unlike types were converted above.
            (_, same) => same.clone(),
        };
        let masked = target
            .with_samples(target.channels(), samples, target.encoding())?
            .with_full_scale(target.full_scale())?;
        let masked = self
            .names
            .iter()
            .fold(masked, |picture, name| picture.with_step(format!("mask={name}")));
        Ok((converted.map(|(reference, _)| reference), masked))
    }

    fn carry<T: Copy>(&self, from: &[T], to: &[T], stride: usize) -> Vec<T> {
        let mut carried = to.to_vec();
        for (pixel, _) in self.covered.iter().enumerate().filter(|&(_, &covered)| covered) {
            let at = pixel * stride..(pixel + 1) * stride;
            carried[at.clone()].copy_from_slice(&from[at]);
        }
        carried
    }
}

/// The part of `start..start + length` inside `0..side`.
fn clipped(start: i64, length: u64, side: usize) -> Option<(usize, usize)> {
    let side = i128::try_from(side).ok()?;
    let (from, to) = (i128::from(start), i128::from(start) + i128::from(length));
    let (from, to) = (from.clamp(0, side), to.clamp(0, side));
    let index = |position: i128| usize::try_from(position).ok();
    index(from).zip(index(to)).filter(|(from, to)| from < to)
}

fn in_double_precision(picture: &Picture) -> Result<Picture> {
    let channels = picture.channels();
    let planes: Vec<Vec<f64>> = (0..channels.count()).map(|c| picture.plane(c, 1.0)).collect();
    let samples = match (channels, planes.as_slice()) {
        (Channels::Rgb, [red, green, blue]) => {
            let pixels = red.iter().zip(green).zip(blue);
            pixels.flat_map(|((&r, &g), &b)| [r, g, b]).collect()
        }
        _ => planes.concat(),
    };
    Ok(picture.with_samples(channels, Samples::F64(samples), picture.encoding())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(text: &str) -> Mask {
        Mask::parse(text, "".as_ref()).unwrap()
    }

    fn area(text: &str, size: (usize, usize)) -> Result<MaskedArea> {
        MaskedArea::new(&[&mask(text)], size).map(Option::unwrap)
    }

    #[test]
    fn rectangles_are_clipped_to_the_picture() {
        assert_eq!(area("0,0,2,2", (4, 4)).unwrap().fraction(), 0.25);
        assert_eq!(area("-1, -1, 3, 3", (4, 4)).unwrap().fraction(), 0.25);
        assert_eq!(area("2,2,18446744073709551615,9", (4, 4)).unwrap().fraction(), 0.25);
        for outside in ["4,0,1,1", "0,9,1,1", "-2,0,2,2", "9223372036854775807,0,9,9"] {
            let message = area(outside, (4, 4)).unwrap_err().to_string();
            assert!(message.contains("outside the picture of 4x4"), "{message}");
        }
        let message = area("0,0,4,4", (4, 4)).unwrap_err().to_string();
        assert!(message.contains("nothing is left to compare"), "{message}");
    }

    #[test]
    fn malformed_rectangles_are_not_taken_for_files() {
        for text in ["1,2,3", "1,2,3,4,5", "1,2,0,4", "1,2,3,-4", "1.5,2,3,4", ",,,", "1,,2,3"] {
            let message = Mask::parse(text, "".as_ref()).unwrap_err().to_string();
            assert!(message.contains("expected x,y,width,height"), "{text}: {message}");
        }
        let message = Mask::parse("nowhere.png", "".as_ref()).unwrap_err().to_string();
        assert!(message.contains("a rectangle is written"), "{message}");
    }

    #[test]
    fn masked_pixels_become_the_references() {
        let grey = |samples| Picture::from_u8(2, 1, Channels::Grey, samples).unwrap();
        let area = area("1,0,1,1", (2, 1)).unwrap();
        let (converted, masked) = area.apply(&grey(vec![1, 2]), &grey(vec![3, 4])).unwrap();
        assert_eq!((converted, masked.samples()), (None, &Samples::U8(vec![3, 2])));
        assert_eq!(masked.provenance().steps, ["mask=1,0,1,1"]);
        let colour = Picture::from_u8(2, 1, Channels::Rgb, vec![9, 8, 7, 6, 5, 4]).unwrap();
        let (_, masked) = area.apply(&colour, &grey(vec![3, 4])).unwrap();
        assert_eq!(masked.samples(), &Samples::U8(vec![3, 3, 3, 6, 5, 4]));
        let (_, masked) = area.apply(&grey(vec![3, 4]), &colour).unwrap();
        assert_eq!(masked.samples(), &Samples::U8(vec![9, 8, 7, 4, 4, 4]));
    }

    #[test]
    fn unlike_samples_become_equal_to_the_bit() {
        let reference = Picture::from_u8(2, 1, Channels::Grey, vec![10, 77]).unwrap();
        let candidate = Picture::from_u16(2, 1, Channels::Rgb, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let area = area("1,0,1,1", (2, 1)).unwrap();
        let (reference, candidate) = area.apply(&reference, &candidate).unwrap();
        let reference = reference.unwrap().to_rgb();
        for channel in 0..3 {
            let planes = (reference.plane(channel, 255.0), candidate.plane(channel, 255.0));
            assert_eq!(planes.0[1].to_bits(), planes.1[1].to_bits());
            assert_ne!(planes.0[0], planes.1[0]);
        }
    }

    #[test]
    fn fitting_moves_the_mask_with_the_reference() {
        let area = area("2,0,2,1", (6, 1)).unwrap();
        let cropped = area.fitted(FitPolicy::Crop, (4, 1)).unwrap();
        assert_eq!(cropped.covered, [false, true, true, false]);
        let padded = area.fitted(FitPolicy::Pad, (7, 2)).unwrap();
        assert_eq!(padded.covered[..7], [false, false, true, true, false, false, false]);
        assert!(!padded.covered[7..].contains(&true));
        assert!(area.fitted(FitPolicy::Crop, (2, 1)).is_err());
    }
}
