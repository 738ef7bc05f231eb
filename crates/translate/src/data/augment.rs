//! Augmentation of pairs: whatever happens to the source happens to the target.
//!
//! A frame of side × side is cut from a pair that is kept larger (pix2pix: 256 of 286), and mirrored left to right
//! with probability ½. Both pictures go through one frame; there is no way to draw one for each. Flips that were not
//! the same for both were a fault of diffusers' training script (pull request 2478).
//!
//! For edges2shoes the authors of pix2pix used neither (issue 999 of its repository); for faces mirroring helps.

use lookalike_train::random::Stream;
use serde::{Deserialize, Serialize};

/// What is done to pairs at random. Crops follow from the sizes at which they are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Whether half of the pairs are mirrored left to right.
    pub mirror: bool,
}

/// Which part of a pair is seen, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// Its first row.
    pub top: usize,
    /// Its first column.
    pub left: usize,
    /// Whether it is mirrored left to right.
    pub mirrored: bool,
}

impl Augmentation {
    /// A frame with up to `margin` rows above it and columns to its left. Three numbers are drawn, whatever is asked
    /// for, so that pairs that follow do not depend on it.
    pub fn draw(self, margin: usize, random: &mut Stream) -> Frame {
        let (top, left) = (random.below(margin + 1), random.below(margin + 1));
        let coin = random.below(2) == 1;
        Frame { top, left, mirrored: self.mirror && coin }
    }
}

impl Frame {
    /// Appends what the frame of side × side shows of planes of kept × kept, in 0…1. Rows and columns beyond the
    /// planes are left out.
    pub(super) fn append(self, planes: &[u8], kept: usize, side: usize, to: &mut Vec<f32>) {
        let value = |&sample: &u8| f32::from(sample) / 255.0;
        for plane in planes.chunks_exact((kept * kept).max(1)) {
            for row in plane.chunks_exact(kept.max(1)).skip(self.top).take(side) {
                let row = row.get(self.left..(self.left + side).min(kept)).unwrap_or_default();
                if self.mirrored {
                    to.extend(row.iter().rev().map(value));
                } else {
                    to.extend(row.iter().map(value));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lookalike_train::random::Purpose;

    use super::*;

    #[test]
    fn frames_cut_and_mirror() {
        let planes: Vec<u8> = (0..2 * 16).collect();
        let mut found = Vec::new();
        Frame { top: 1, left: 2, mirrored: false }.append(&planes, 4, 2, &mut found);
        let codes = |found: &[f32]| -> Vec<u8> {
            found.iter().map(|sample| (sample * 255.0).round() as u8).collect()
        };
        assert_eq!(codes(&found), [6, 7, 10, 11, 22, 23, 26, 27]);
        found.clear();
        Frame { top: 1, left: 2, mirrored: true }.append(&planes, 4, 2, &mut found);
        assert_eq!(codes(&found), [7, 6, 11, 10, 23, 22, 27, 26]);
        found.clear();
        Frame { top: 0, left: 0, mirrored: false }.append(&[], 0, 0, &mut found);
        assert!(found.is_empty());
    }

    #[test]
    fn every_frame_is_drawn_and_options_shift_nothing() {
        let drawn = |mirror, margin| -> Vec<Frame> {
            let mut random = Stream::new(5, Purpose::Augmentation, 0);
            (0..400).map(|_| Augmentation { mirror }.draw(margin, &mut random)).collect()
        };
        let all = drawn(true, 2);
        let count = |frame: &Frame| all.iter().filter(|&other| other == frame).count();
        for (top, left, mirrored) in (0..18).map(|at| (at / 6, at / 2 % 3, at % 2 == 0)) {
            assert!(count(&Frame { top, left, mirrored }) >= 5);
        }
        for (one, other) in all.iter().zip(drawn(false, 2)) {
            assert_eq!((one.top, one.left, false), (other.top, other.left, other.mirrored));
        }
        assert!(drawn(true, 0).iter().all(|frame| (frame.top, frame.left) == (0, 0)));
    }
}
