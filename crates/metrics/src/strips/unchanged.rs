//! Parts of a pair in which both pictures are the same: most of every page in visual regression.
//!
//! Where d is 0 as far as a window reaches, G∗d and G∗d² are 0, and with them every dissimilarity
//! (1 − l = 2μd²/…, 1 − cs = 2Vd/…), whatever s is. The kernels would compute that very 0, so what
//! is left out here changes no bit of any value. Derivatives are not left out.

use std::ops::Range;

use super::kernel::REACH;

/// Whether d is 0 in the first `length` numbers of all rows of a pass.
#[inline(always)]
pub(super) fn is_unchanged(difference: &[&[f32]; REACH], length: usize) -> bool {
    // Bits of several numbers are looked at together; where pictures differ, the first ones tell.
    const TOGETHER: usize = 32;
    for row in difference {
        let (whole, rest) = row[..length].as_chunks::<TOGETHER>();
        for numbers in whole {
            if numbers.iter().fold(0, |bits, number| bits | number.to_bits()) != 0 {
                return false;
            }
        }
        if rest.iter().any(|number| number.to_bits() != 0) {
            return false;
        }
    }
    true
}

/// The rows of a picture of `height` rows that the rows `rows` show, where the first of them lies
/// `margin` rows above the picture and what is beyond it is mirrored on the edge sample.
pub(super) fn behind_mirrors(rows: &Range<usize>, margin: usize, height: usize) -> Range<usize> {
    let (mut start, mut end) = (rows.start.saturating_sub(margin), rows.end.saturating_sub(margin));
    if rows.start < margin {
        end = end.max(margin - rows.start + 1);
    }
    if rows.end > margin + height {
        start = start.min((2 * height + margin).saturating_sub(rows.end + 1));
    }
    start.min(height)..end.min(height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Border, source};

    #[test]
    fn mirrored_rows_are_among_those_behind_them() {
        for height in 6..12 {
            for margin in 0..6 {
                let all = height + 2 * margin;
                for start in 0..all {
                    for end in start + 1..=all {
                        let behind = behind_mirrors(&(start..end), margin, height);
                        for row in start..end {
                            let y = row as isize - margin as isize;
                            let y = source(y, height, Border::Mirror).unwrap();
                            assert!(behind.contains(&y), "{height} {margin} {start}..{end}: {y}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn one_number_anywhere_is_a_change() {
        let rows = vec![0.0_f32; 75];
        let all = || -> [Vec<f32>; REACH] { std::array::from_fn(|_| rows.clone()) };
        let look = |rows: &[Vec<f32>; REACH], length| {
            is_unchanged(&rows.each_ref().map(Vec::as_slice), length)
        };
        assert!(look(&all(), 75));
        for row in 0..REACH {
            for x in [0, 31, 32, 63, 64, 74] {
                let mut rows = all();
                rows[row][x] = 1e-30;
                assert!(!look(&rows, 75), "{row} {x}");
                assert!(look(&rows, x), "{row} {x}");
            }
        }
    }
}
