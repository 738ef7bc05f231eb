//! Poolings of a map other than the mean: the worst window and the worst percentiles.
//!
//! A mean hides what is small: a button that vanishes from a page moves the mean SSIM by less than
//! a slightly different rendering of its text. A pooling looks at the map where it is worst.
//!
//! * **`worstN`**: the worst mean over any window of N×N picture pixels. Windows lie wholly inside
//!   the map; along an axis on which the map is shorter than N, the whole axis is one window. Of a
//!   map with a sample every `step` pixels, a window holds ⌈N / step⌉ samples a side. Among equal
//!   windows the topmost, then leftmost is named.
//! * **`pN`**: the value that N percent of the map are worse than (or equal to), 0 < N < 100, with
//!   linear interpolation between order statistics. Counted from the bad side whatever the metric:
//!   of a map on which higher is better `p1` is the 1st percentile, of one on which lower is better
//!   the 99th.
//!
//! What is better is the *map's* direction, that from "different" to "same" on the card's scale.
//! It need not be the metric's: PSNR's map holds squared errors, GMSD's similarities.
//!
//! In a masked pair a map position all of whose pixels are masked is left out of percentiles, and
//! counts as equal in windows, so that a mask never makes a window worse.

use std::fmt;

use lookalike_core::{Direction, DisplayScale, ScoreMap};

use crate::mask::MaskedArea;

/// Longest side of a window.
const MAX_SIDE: usize = 4096;

/// A way to make one number of a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pooling {
    /// `worstN`: the worst mean over any window of N×N picture pixels.
    WorstWindow(usize),
    /// `pN`: the Nth percentile from the bad side, 0 < N < 100.
    Percentile(f64),
}

impl Pooling {
    /// Splits `ID.worstN` or `ID.pN` into the id and the pooling; text without a pooling comes back
    /// whole.
    ///
    /// # Errors
    /// What is wrong with the number of a pooling.
    pub fn split(text: &str) -> Result<(&str, Option<Self>), String> {
        if let Some((id, side)) = text.rsplit_once(".worst") {
            return match side.parse::<usize>() {
                Ok(side @ 1..=MAX_SIDE) if !id.is_empty() => {
                    Ok((id, Some(Self::WorstWindow(side))))
                }
                _ => Err(format!(
                    "expected ID.worstN with N from 1 to {MAX_SIDE} pixels, found '{}'",
                    shortened(text)
                )),
            };
        }
        match text.rsplit_once(".p") {
            Some((id, share)) if is_decimal(share) => match share.parse::<f64>() {
                Ok(share) if share > 0.0 && share < 100.0 && !id.is_empty() => {
                    Ok((id, Some(Self::Percentile(share))))
                }
                _ => Err(format!(
                    "expected ID.pN with N above 0 and below 100 percent, found '{}'",
                    shortened(text)
                )),
            },
            // A profile may be a path: `lpips:alex@heads.pth`.
            _ => Ok((text, None)),
        }
    }

    /// Pools a map that belongs to a picture of the given size. `None` when the map has no sample
    /// outside the mask.
    pub fn of(
        self,
        map: &ScoreMap,
        scale: DisplayScale,
        size: (usize, usize),
        masked: Option<&MaskedArea>,
    ) -> Option<Pooled> {
        let left_out = left_out(map, masked);
        let counted = left_out.as_ref().map_or(map.values.len(), |out| {
            map.values.len() - out.iter().filter(|&&left_out| left_out).count()
        });
        if counted == 0 {
            return None;
        }
        match self {
            Self::WorstWindow(side) => Some(worst_window(map, scale, size, &left_out, side)),
            Self::Percentile(share) => {
                let value = percentile(map, scale, &left_out, share)?;
                Some(Pooled { value, window: None })
            }
        }
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorstWindow(side) => write!(f, "worst{side}"),
            Self::Percentile(share) => write!(f, "p{share}"),
        }
    }
}

/// What a pooling gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pooled {
    /// The value, in the unit and direction of the map.
    pub value: f64,
    /// The worst window.
    pub window: Option<Window>,
}

/// A rectangle of the compared pictures, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First column.
    pub x: usize,
    /// First row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Which way the values of a map with this scale are better.
pub fn map_direction(scale: DisplayScale) -> Direction {
    if scale.same > scale.different { Direction::HigherIsBetter } else { Direction::LowerIsBetter }
}

fn is_decimal(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && text.bytes().filter(|&b| b == b'.').count() <= 1
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// For every map position, whether the mask covers all its pixels.
fn left_out(map: &ScoreMap, masked: Option<&MaskedArea>) -> Option<Vec<bool>> {
    let masked = masked?;
    let step = map.step.max(1);
    let mut out = Vec::with_capacity(map.values.len());
    for row in 0..map.height {
        for column in 0..map.width {
            let (x, y) = (map.left + column * step, map.top + row * step);
            out.push(masked.covers(x, y, step, step));
        }
    }
    Some(out)
}

fn worst_window(
    map: &ScoreMap,
    scale: DisplayScale,
    (width, height): (usize, usize),
    left_out: &Option<Vec<bool>>,
    side: usize,
) -> Pooled {
    let step = map.step.max(1);
    let columns = side.div_ceil(step).min(map.width);
    let rows = side.div_ceil(step).min(map.height);
    // How far a position is on the bad side of "same": zero where nothing differs, so that equal
    // surroundings add nothing, not even rounding.
    let sign = if map_direction(scale) == Direction::HigherIsBetter { 1.0 } else { -1.0 };
    let badness = |index: usize| {
        let counts = left_out.as_ref().is_none_or(|out| !out[index]);
        if counts { sign * (scale.same - f64::from(map.values[index])) } else { 0.0 }
    };
    // sums[(y, x)] is the badness of all positions above and to the left.
    let stride = map.width + 1;
    let mut sums = vec![0.0_f64; stride * (map.height + 1)];
    for row in 0..map.height {
        let mut line = 0.0;
        for column in 0..map.width {
            line += badness(row * map.width + column);
            sums[(row + 1) * stride + column + 1] = sums[row * stride + column + 1] + line;
        }
    }
    let (mut worst, mut found) = (f64::NEG_INFINITY, (0, 0));
    for top in 0..=map.height - rows {
        for left in 0..=map.width - columns {
            let corner = |row: usize, column: usize| sums[row * stride + column];
            let sum = corner(top + rows, left + columns)
                - corner(top, left + columns)
                - corner(top + rows, left)
                + corner(top, left);
            if sum > worst {
                (worst, found) = (sum, (left, top));
            }
        }
    }
    // Summed anew, so that the value does not depend on what lies outside the window.
    let (left, top) = found;
    let inside = (top..top + rows)
        .flat_map(|row| (left..left + columns).map(move |column| row * map.width + column));
    let mean = inside.map(badness).sum::<f64>() / (rows * columns) as f64;
    let (x, y) = (map.left + left * step, map.top + top * step);
    let extent = |count: usize, start: usize, whole: usize| {
        (count * step).min(side).min(whole.saturating_sub(start))
    };
    let window = Window { x, y, width: extent(columns, x, width), height: extent(rows, y, height) };
    Pooled { value: scale.same - sign * mean, window: Some(window) }
}

fn percentile(
    map: &ScoreMap,
    scale: DisplayScale,
    left_out: &Option<Vec<bool>>,
    share: f64,
) -> Option<f64> {
    let direction = map_direction(scale);
    let counts = |index: usize| left_out.as_ref().is_none_or(|out| !out[index]);
    let mut values: Vec<f32> = map
        .values
        .iter()
        .enumerate()
        .filter(|&(index, _)| counts(index))
        .map(|(_, &value)| value)
        .collect();
    let position = share / 100.0 * values.len().checked_sub(1)? as f64;
    let (index, fraction) = (position.floor() as usize, position.fract());
    let worse_first = |a: &f32, b: &f32| direction.compare(f64::from(*a), f64::from(*b));
    let (_, &mut at, better) = values.select_nth_unstable_by(index, worse_first);
    let next = better.iter().copied().min_by(worse_first).unwrap_or(at);
    let (at, next) = (f64::from(at), f64::from(next));
    Some(if fraction == 0.0 { at } else { at + (next - at) * fraction })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Mask;

    const SIMILARITY: DisplayScale = DisplayScale { same: 1.0, different: 0.0 };
    const DIFFERENCE: DisplayScale = DisplayScale { same: 0.0, different: 1.0 };

    fn map(width: usize, height: usize, value: impl Fn(usize, usize) -> f32) -> ScoreMap {
        let values = (0..width * height).map(|i| value(i % width, i / width)).collect();
        ScoreMap { width, height, values, left: 0, top: 0, step: 1 }
    }

    fn worst(map: &ScoreMap, scale: DisplayScale, side: usize, size: (usize, usize)) -> Pooled {
        Pooling::WorstWindow(side).of(map, scale, size, None).unwrap()
    }

    fn share(map: &ScoreMap, scale: DisplayScale, share: f64) -> f64 {
        Pooling::Percentile(share).of(map, scale, (map.width, map.height), None).unwrap().value
    }

    #[test]
    fn poolings_are_read_from_the_end_of_an_id() {
        for (text, id, pooling) in [
            ("ssim@wang.worst32", "ssim@wang", Some(Pooling::WorstWindow(32))),
            ("psnr+shave=4.p5", "psnr+shave=4", Some(Pooling::Percentile(5.0))),
            ("flip+ppd=67.5.p0.5", "flip+ppd=67.5", Some(Pooling::Percentile(0.5))),
            ("zensim@preview-v0.2", "zensim@preview-v0.2", None),
            ("lpips:alex@heads.pth", "lpips:alex@heads.pth", None),
            ("ssim", "ssim", None),
        ] {
            assert_eq!(Pooling::split(text), Ok((id, pooling)), "{text}");
        }
        for text in
            ["ssim.worst", "ssim.worst0", "ssim.worst4097", "ssim.worst-1", ".worst8", "a.worst8.5"]
        {
            assert!(Pooling::split(text).unwrap_err().contains("1 to 4096"), "{text}");
        }
        for text in ["ssim.p0", "ssim.p100", "ssim.p1000", ".p5"] {
            assert!(Pooling::split(text).unwrap_err().contains("below 100"), "{text}");
        }
    }

    #[test]
    fn the_worst_window_is_found_where_it_is() {
        let similar = map(40, 30, |x, y| if (21..25).contains(&x) && y == 7 { 0.0 } else { 1.0 });
        let found = worst(&similar, SIMILARITY, 4, (40, 30));
        assert_eq!(found.value, 0.75);
        assert_eq!(found.window, Some(Window { x: 21, y: 4, width: 4, height: 4 }));
        let different = map(40, 30, |x, y| 1.0 - similar.at_pixel(x, y));
        let found = worst(&different, DIFFERENCE, 4, (40, 30));
        assert_eq!((found.value, found.window.unwrap().x), (0.25, 21));
    }

    #[test]
    fn it_agrees_with_the_plain_sum_over_every_window() {
        let noise = |x: usize, y: usize| ((x * 7919 + y * 104_729) % 1009) as f32 / 1009.0;
        let (width, height, side) = (23, 17, 5);
        let map = map(width, height, noise);
        let mean = |left: usize, top: usize| {
            let values = (0..side * side).map(|i| noise(left + i % side, top + i / side));
            values.map(f64::from).sum::<f64>() / (side * side) as f64
        };
        let all: Vec<f64> = (0..=height - side)
            .flat_map(|top| (0..=width - side).map(move |left| mean(left, top)))
            .collect();
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!((worst(&map, SIMILARITY, side, (width, height)).value - least).abs() < 1e-12);
        assert!((worst(&map, DIFFERENCE, side, (width, height)).value - most).abs() < 1e-12);
    }

    #[test]
    fn equal_pictures_are_exactly_equal_and_windows_of_one_pixel_are_the_extreme() {
        let same = map(9, 9, |_, _| 1.0);
        assert_eq!(worst(&same, SIMILARITY, 3, (9, 9)).value, 1.0);
        let one = map(9, 9, |x, y| if (x, y) == (4, 2) { 0.25 } else { 1.0 });
        let found = worst(&one, SIMILARITY, 1, (9, 9));
        assert_eq!(found.value, 0.25);
        assert_eq!(found.window, Some(Window { x: 4, y: 2, width: 1, height: 1 }));
    }

    #[test]
    fn small_maps_are_one_window_along_the_short_axis() {
        let wide = map(50, 3, |x, _| if x == 40 { 0.0 } else { 1.0 });
        let found = worst(&wide, SIMILARITY, 10, (50, 3));
        assert_eq!(
            (found.value, found.window),
            (0.9, Some(Window { x: 31, y: 0, width: 10, height: 3 }))
        );
        let tiny = map(1, 1, |_, _| 0.5);
        assert_eq!(worst(&tiny, SIMILARITY, 4096, (1, 1)).value, 0.5);
    }

    #[test]
    fn steps_and_offsets_become_picture_pixels() {
        let mut coarse = map(10, 10, |x, y| if (x, y) == (6, 3) { 1.0 } else { 0.0 });
        (coarse.left, coarse.top, coarse.step) = (4, 2, 8);
        let found = worst(&coarse, DIFFERENCE, 8, (90, 90));
        assert_eq!(found.window, Some(Window { x: 52, y: 26, width: 8, height: 8 }));
        // Nine pixels need two samples; the last sample's pixels may reach beyond the picture.
        let found = worst(&coarse, DIFFERENCE, 9, (90, 90));
        assert_eq!((found.value, found.window.unwrap().width), (0.25, 9));
        let whole = worst(&coarse, DIFFERENCE, 4000, (79, 90)).window.unwrap();
        assert_eq!(whole, Window { x: 4, y: 2, width: 75, height: 80 });
    }

    #[test]
    fn percentiles_count_from_the_bad_side() {
        let ramp = map(101, 1, |x, _| x as f32);
        assert_eq!(share(&ramp, SIMILARITY, 5.0), 5.0);
        assert_eq!(share(&ramp, DIFFERENCE, 5.0), 95.0);
        assert!((share(&ramp, SIMILARITY, 0.25) - 0.25).abs() < 1e-12);
        assert!((share(&ramp, DIFFERENCE, 99.75) - 0.25).abs() < 1e-12);
        assert_eq!(share(&map(1, 1, |_, _| 3.0), DIFFERENCE, 50.0), 3.0);
        assert_eq!(share(&map(2, 1, |x, _| x as f32), SIMILARITY, 50.0), 0.5);
    }

    #[test]
    fn masked_positions_are_not_counted() {
        let bad_left = map(10, 10, |x, _| if x < 5 { 0.0 } else { 1.0 });
        let pool = |pooling: Pooling, mask: &str| {
            let mask = Mask::parse(mask, "".as_ref()).unwrap();
            let area = MaskedArea::new(&[&mask], (10, 10)).unwrap().unwrap();
            pooling.of(&bad_left, SIMILARITY, (10, 10), Some(&area)).map(|pooled| pooled.value)
        };
        assert_eq!(pool(Pooling::Percentile(10.0), "0,0,5,10"), Some(1.0));
        assert_eq!(pool(Pooling::Percentile(10.0), "0,0,4,10"), Some(0.0));
        assert_eq!(pool(Pooling::WorstWindow(2), "0,0,5,10"), Some(1.0));
        // One of the window's two columns is masked and counts as equal.
        assert_eq!(pool(Pooling::WorstWindow(2), "0,0,4,10"), Some(0.5));
    }

    #[test]
    fn a_block_is_left_out_only_when_all_its_pixels_are_masked() {
        let mut blocks = map(2, 1, |x, _| if x == 0 { 0.0 } else { 1.0 });
        blocks.step = 8;
        let value = |mask: &str| {
            let mask = Mask::parse(mask, "".as_ref()).unwrap();
            let area = MaskedArea::new(&[&mask], (16, 8)).unwrap().unwrap();
            Pooling::Percentile(1.0).of(&blocks, SIMILARITY, (16, 8), Some(&area)).unwrap().value
        };
        assert!(value("0,0,7,8") < 0.1);
        assert_eq!(value("0,0,8,8"), 1.0);
    }
}
