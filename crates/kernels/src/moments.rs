//! Sums of two activations, their squares and their product, channel by channel: what means, variances
//! and the covariance of DISTS are made of. Sums are in double precision.

use std::ops::Range;

use rayon::prelude::*;

use crate::blocks::PictureBlocks;
use crate::lanes::{LANES, Lanes, Line};
use crate::processor::{Kernel, Processor};
use crate::{Error, Result};

/// Sums of one channel over positions, about nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Σ a
    pub a: f64,
    /// Σ b
    pub b: f64,
    /// Σ a²
    pub a_squares: f64,
    /// Σ b²
    pub b_squares: f64,
    /// Σ ab
    pub products: f64,
}

/// Sums of every channel of two pictures, over the positions of `runs`.
///
/// # Errors
/// [`Error::Dimension`] when shapes differ or a run reaches beyond the plane.
pub fn sums(
    processor: Processor,
    a: PictureBlocks<'_>,
    b: PictureBlocks<'_>,
    runs: &[Range<usize>],
) -> Result<Vec<Sums>> {
    let end = runs.iter().map(|run| run.end).max().unwrap_or(0);
    let ([channels, rows, columns], found) = (a.shape(), b.shape());
    for (what, expected, found) in [
        ("channels of the second activations", channels, found[0]),
        ("rows of the second activations", rows, found[1]),
        ("columns of the second activations", columns, found[2]),
        ("end of the last run", end.min(a.area()), end),
    ] {
        if expected != found {
            return Err(Error::Dimension { what, expected, found });
        }
    }
    let planes = a.lines().par_chunks(a.area()).zip(b.lines().par_chunks(a.area()));
    let sums: Vec<[Sums; LANES]> =
        planes.map(|(a, b)| processor.run(PlaneSums { a, b, runs })).collect();
    let mut sums: Vec<Sums> = sums.into_iter().flatten().collect();
    sums.truncate(channels);
    Ok(sums)
}

struct PlaneSums<'a> {
    a: &'a [Line],
    b: &'a [Line],
    runs: &'a [Range<usize>],
}

impl Kernel for PlaneSums<'_> {
    type Output = [Sums; LANES];

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> [Sums; LANES] {
        let mut totals = [[0.0_f64; LANES]; 5];
        for run in self.runs {
            let mut sums = [[0.0_f64; LANES]; 5];
            for position in run.clone() {
                let (x, y) = (&self.a[position].0, &self.b[position].0);
                for lane in 0..LANES {
                    let (x, y) = (f64::from(x[lane]), f64::from(y[lane]));
                    sums[0][lane] += x;
                    sums[1][lane] += y;
                    sums[2][lane] += x * x;
                    sums[3][lane] += y * y;
                    sums[4][lane] += x * y;
                }
            }
            for (total, sums) in totals.iter_mut().zip(&sums) {
                total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
            }
        }
        let mut all = [Sums::default(); LANES];
        for (lane, sums) in all.iter_mut().enumerate() {
            let [a, b, a_squares, b_squares, products] = totals.map(|total| total[lane]);
            *sums = Sums { a, b, a_squares, b_squares, products };
        }
        all
    }
}

// A run is a range, and one run is a slice of one.
#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;
    use crate::Blocks;

    #[test]
    fn they_are_the_sums_of_each_channel() {
        let shape = [1, 19, 4, 5];
        let numbers = |factor: usize| -> Vec<f32> {
            (0..19 * 20).map(|i| ((i * factor) % 41) as f32 / 8.0 - 2.0).collect()
        };
        let (x, y) = (numbers(7), numbers(11));
        let (mut a, mut b) = (Blocks::new(), Blocks::new());
        a.read_planes(shape, &x).unwrap();
        b.read_planes(shape, &y).unwrap();
        let (a, b) = (a.picture(0).unwrap(), b.picture(0).unwrap());
        for processor in Processor::available() {
            let found = sums(processor, a, b, &[2..5, 10..20]).unwrap();
            assert_eq!(found.len(), 19);
            for (channel, found) in found.into_iter().enumerate() {
                // Multiples of 1/64: all sums are exact.
                let mut expected = Sums::default();
                for at in (2..5).chain(10..20).map(|position| channel * 20 + position) {
                    let (x, y) = (f64::from(x[at]), f64::from(y[at]));
                    expected.a += x;
                    expected.b += y;
                    expected.a_squares += x * x;
                    expected.b_squares += y * y;
                    expected.products += x * y;
                }
                assert_eq!(found, expected);
            }
        }
        assert!(sums(Processor::best(), a, b, &[0..21]).is_err());
    }
}
