//! Turning and mirroring pictures as their Exif orientation says.

use crate::Samples;
use crate::decode::decoded::Decoded;

/// An Exif orientation, 1…8; 1 is upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orientation(pub(super) u8);

impl Orientation {
    pub(super) const UPRIGHT: Self = Self(1);

    /// Whether width and height change places.
    fn swaps_sides(self) -> bool {
        self.0 >= 5
    }

    /// Where the upright picture's pixel (x, y) lies in a stored picture of `width × height`.
    fn stored(self, x: usize, y: usize, width: usize, height: usize) -> (usize, usize) {
        match self.0 {
            2 => (width - 1 - x, y),
            3 => (width - 1 - x, height - 1 - y),
            4 => (x, height - 1 - y),
            5 => (y, x),
            6 => (y, height - 1 - x),
            7 => (width - 1 - y, height - 1 - x),
            8 => (width - 1 - y, x),
            _ => (x, y),
        }
    }
}

/// The picture upright; `orientation=N` is recorded when it was not.
pub(super) fn apply(mut decoded: Decoded) -> Decoded {
    let orientation = decoded.orientation;
    if orientation == Orientation::UPRIGHT {
        return decoded;
    }
    let (stride, stored) = (decoded.stride(), (decoded.width, decoded.height));
    decoded.samples = match &decoded.samples {
        Samples::U8(samples) => Samples::U8(turned(samples, orientation, stride, stored)),
        Samples::U16(samples) => Samples::U16(turned(samples, orientation, stride, stored)),
        Samples::F32(samples) => Samples::F32(turned(samples, orientation, stride, stored)),
        Samples::F64(samples) => Samples::F64(turned(samples, orientation, stride, stored)),
    };
    if orientation.swaps_sides() {
        (decoded.width, decoded.height) = (decoded.height, decoded.width);
    }
    decoded.orientation = Orientation::UPRIGHT;
    decoded.steps.push(format!("orientation={}", orientation.0));
    decoded
}

fn turned<T: Copy>(
    samples: &[T],
    orientation: Orientation,
    stride: usize,
    (width, height): (usize, usize),
) -> Vec<T> {
    let (columns, rows) = if orientation.swaps_sides() { (height, width) } else { (width, height) };
    let mut upright = Vec::with_capacity(samples.len());
    for y in 0..rows {
        for x in 0..columns {
            let (from_x, from_y) = orientation.stored(x, y, width, height);
            let start = (from_y * width + from_x) * stride;
            upright.extend_from_slice(&samples[start..start + stride]);
        }
    }
    upright
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stored picture is
    /// ```text
    /// 0 1 2
    /// 3 4 5
    /// ```
    #[test]
    fn every_orientation_puts_the_corners_where_exif_says() {
        let expected: [&[u8]; 8] = [
            &[0, 1, 2, 3, 4, 5],
            &[2, 1, 0, 5, 4, 3],
            &[5, 4, 3, 2, 1, 0],
            &[3, 4, 5, 0, 1, 2],
            &[0, 3, 1, 4, 2, 5],
            &[3, 0, 4, 1, 5, 2],
            &[5, 2, 4, 1, 3, 0],
            &[2, 5, 1, 4, 0, 3],
        ];
        for (number, expected) in (1..).zip(expected) {
            let upright = turned(&[0_u8, 1, 2, 3, 4, 5], Orientation(number), 1, (3, 2));
            assert_eq!(upright, expected, "orientation {number}");
        }
    }

    #[test]
    fn pixels_stay_whole() {
        let upright = turned(&[1_u16, 2, 3, 4], Orientation(2), 2, (2, 1));
        assert_eq!(upright, [3, 4, 1, 2]);
    }
}
