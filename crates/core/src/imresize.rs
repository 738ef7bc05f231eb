//! Bicubic resizing as super-resolution papers do it: MATLAB's `imresize`.
//!
//! Keys' kernel with a = −½; made smaller by a factor, the kernel is as much wider (against aliasing); centres of
//! pixels correspond; beyond the border the picture is mirrored, its outermost samples included; the weights of an
//! output are divided by their sum; rows first, then columns, the axis with the smaller scale before the other, which
//! for equal scales is the vertical one.
//!
//! Source: the published description of the function and of Keys 1981. Nothing is rounded here.
//!
//! Limits: scales are the ratio of the sizes.

use crate::pillow::PillowFilter;

/// Keys' cubic with a = −½, which Pillow has as well.
fn cubic(x: f64) -> f64 {
    PillowFilter::Bicubic.kernel(x)
}

/// Places and weights of every output of an axis.
fn axis(from: usize, to: usize) -> Vec<Vec<(usize, f64)>> {
    let scale = to as f64 / from as f64;
    let shrink = scale.min(1.0);
    let reach = 2.0 / shrink;
    let mirrored = |place: i64| {
        let period = 2 * from as i64;
        let place = place.rem_euclid(period);
        (if place < from as i64 { place } else { period - 1 - place }) as usize
    };
    let of = |output: usize| {
        let centre = (output as f64 + 0.5) / scale - 0.5;
        let (first, last) = ((centre - reach).floor() as i64, (centre + reach).ceil() as i64);
        let taps = (first..=last).map(|place| (place, cubic(shrink * (centre - place as f64))));
        let taps: Vec<(i64, f64)> = taps.filter(|&(_, weight)| weight != 0.0).collect();
        let sum: f64 = taps.iter().map(|(_, weight)| weight).sum();
        taps.into_iter().map(|(place, weight)| (mirrored(place), weight / sum)).collect()
    };
    (0..to).map(of).collect()
}

/// A plane of height and width `from`, row by row, brought to the height and width `to`. Nothing comes of nothing.
///
/// ```
/// let same = lookalike_core::imresize(&[0.0, 1.0, 0.5, 0.25], [2, 2], [2, 2]);
/// assert_eq!(same, [0.0, 1.0, 0.5, 0.25]);
/// ```
pub fn imresize(plane: &[f64], from: [usize; 2], to: [usize; 2]) -> Vec<f64> {
    let ([height, width], [rows, columns]) = (from, to);
    if plane.len() != height * width || plane.is_empty() {
        return Vec::new();
    }
    let down = |plane: &[f64], width: usize| -> Vec<f64> {
        let taps = axis(height, rows);
        let row = |taps: &Vec<(usize, f64)>| {
            let mut sums = vec![0.0; width];
            for &(place, weight) in taps {
                let row = &plane[place * width..][..width];
                sums.iter_mut().zip(row).for_each(|(sum, sample)| *sum += weight * sample);
            }
            sums
        };
        taps.iter().flat_map(row).collect()
    };
    let across = |plane: &[f64]| -> Vec<f64> {
        let taps = axis(width, columns);
        let of_row = |row: &[f64]| -> Vec<f64> {
            let sum = |taps: &Vec<(usize, f64)>| {
                taps.iter().map(|&(place, weight)| weight * row[place]).sum::<f64>()
            };
            taps.iter().map(sum).collect()
        };
        plane.chunks(width).flat_map(of_row).collect()
    };
    if rows * width <= columns * height {
        across(&down(plane, width))
    } else {
        down(&across(plane), columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_kernel() {
        // Half as large: the kernel at ±¼, ±¾, ±5/4, ±7/4 of a pixel that is twice as wide.
        let taps = &axis(16, 8)[4];
        let places: Vec<usize> = taps.iter().map(|tap| tap.0).collect();
        assert_eq!(places, (5..13).collect::<Vec<_>>());
        for at in 0..4 {
            let found = taps[at].1;
            assert!((found - taps[7 - at].1).abs() < 1e-15);
            let kernel = 0.5 * cubic(0.5 * (3.5 - at as f64));
            assert!((found - kernel).abs() < 1e-12, "{found} {kernel}");
        }
        let up = &axis(4, 8)[3];
        let found: Vec<f64> = up.iter().map(|tap| tap.1).collect();
        for (found, x) in found.iter().zip([1.25, 0.25, 0.75, 1.75]) {
            assert!((found - cubic(x)).abs() < 1e-15);
        }
    }

    #[test]
    fn ramps_stay_ramps_inside_and_constants_everywhere() {
        let ramp: Vec<f64> =
            (0..24 * 36).map(|at| (at % 36) as f64 + 2.0 * (at / 36) as f64).collect();
        for to in [[8, 12], [48, 72], [12, 72]] {
            let found = imresize(&ramp, [24, 36], to);
            let scale = [24.0 / to[0] as f64, 36.0 / to[1] as f64];
            for (at, found) in found.iter().enumerate() {
                let (row, column) = (at / to[1], at % to[1]);
                if (3..to[0] - 3).contains(&row) && (3..to[1] - 3).contains(&column) {
                    let place = |at: usize, scale: f64| (at as f64 + 0.5) * scale - 0.5;
                    let expected = place(column, scale[1]) + 2.0 * place(row, scale[0]);
                    assert!((found - expected).abs() < 1e-9);
                }
            }
            let flat = imresize(&[0.3; 24 * 36], [24, 36], to);
            assert!(flat.iter().all(|sample| (sample - 0.3).abs() < 1e-12));
        }
        assert!(imresize(&[], [0, 0], [2, 2]).is_empty());
        assert!(imresize(&[1.0], [2, 2], [2, 2]).is_empty());
    }
}
