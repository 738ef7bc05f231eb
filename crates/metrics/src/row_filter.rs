//! Separable filters row by row: the work behind [`filter`](crate::filter), and the way to filter
//! planes that only exist for a few rows at a time, such as squares and products.
//!
//! Strips of rows are independent tasks. The vertical kernel comes first, so a task needs the rows
//! around one row and a single line; sums run over the kernel in a fixed order and never over
//! neighbouring results, so no rounding is carried along.

use rayon::prelude::*;

use crate::dispatch::vectorised;
use crate::filter::{Border, Taps, source};
use crate::plane::Plane;

/// `width × height` planes that are made row by row, filtered and handed on row by row, so that
/// neither they nor the filtered planes are ever held as a whole.
pub(crate) struct RowFilter<'a> {
    horizontal: &'a Taps,
    vertical: &'a Taps,
    pub(crate) columns: Axis,
    pub(crate) rows: Axis,
}

/// Rows that one task filters.
pub(crate) const STRIP: usize = 32;

/// One axis under a kernel: where the samples around each position come from.
pub(crate) struct Axis {
    length: usize,
    before: usize,
    reach: usize,
    pub(crate) positions: usize,
    border: Border,
}

impl Axis {
    fn new(length: usize, taps: &Taps, border: Border) -> Self {
        let reach = taps.len() - 1;
        match border {
            Border::Valid => {
                let positions = length.saturating_sub(reach);
                Self { length, before: 0, reach, positions, border }
            }
            _ => Self { length, before: taps.before, reach, positions: length, border },
        }
    }

    /// The sample that a line, counted from the first that any position reads, shows.
    pub(crate) fn source(&self, line: usize) -> Option<usize> {
        source(line as isize - self.before as isize, self.length, self.border)
    }
}

impl<'a> RowFilter<'a> {
    /// A filter for planes of (width, height).
    pub(crate) fn new(
        (width, height): (usize, usize),
        horizontal: &'a Taps,
        vertical: &'a Taps,
        border: Border,
    ) -> Self {
        let columns = Axis::new(width, horizontal, border);
        let rows = Axis::new(height, vertical, border);
        Self { horizontal, vertical, columns, rows }
    }

    /// Filters `N` planes and makes `M` planes of them: `read` makes row y of each plane, `emit` takes
    /// row y of each filtered plane and fills row y of each result.
    pub(crate) fn run<const N: usize, const M: usize>(
        &self,
        read: impl Fn(usize, &mut [Vec<f64>; N]) + Sync,
        emit: impl Fn(usize, &[Vec<f64>; N], [&mut [f64]; M]) + Sync,
    ) -> [Plane; M] {
        let (width, height) = (self.columns.positions, self.rows.positions);
        let mut results = [(); M].map(|()| Plane::zeros(width, height));
        if width == 0 {
            return results;
        }
        let mut parts = results.each_mut().map(|plane| plane.data.chunks_mut(width * STRIP));
        let strips: Vec<[&mut [f64]; M]> = (0..height.div_ceil(STRIP))
            .map(|_| parts.each_mut().map(|part| part.next().unwrap_or_default()))
            .collect();
        let length = self.vertical.len();
        let buffers = || {
            let rows = |length: usize| -> [Vec<f64>; N] { [(); N].map(|()| vec![0.0; length]) };
            let ring: Vec<[Vec<f64>; N]> = (0..length).map(|_| rows(self.columns.length)).collect();
            (ring, rows(width), self.line())
        };
        strips.into_par_iter().enumerate().for_each_init(buffers, |buffers, (strip, mut to)| {
            let (ring, filtered, line) = buffers;
            let first = strip * STRIP;
            let last = (first + STRIP).min(height);
            vectorised(
                #[inline(always)]
                || {
                    for reached in first..last + length - 1 {
                        let slot = &mut ring[reached % length];
                        match self.rows.source(reached) {
                            Some(y) => read(y, slot),
                            None => slot.iter_mut().for_each(|row| row.fill(0.0)),
                        }
                        let Some(y) = (reached + 1).checked_sub(length).filter(|&y| y >= first)
                        else {
                            continue;
                        };
                        for (plane, row) in filtered.iter_mut().enumerate() {
                            self.one_row(row, line, |k| &ring[(y + k) % length][plane]);
                        }
                        let row = (y - first) * width..(y - first + 1) * width;
                        emit(y, filtered, to.each_mut().map(|plane| &mut plane[row.clone()]));
                    }
                },
            );
        });
        results
    }

    /// A line with room for what the horizontal kernel reads.
    pub(crate) fn line(&self) -> Vec<f64> {
        vec![0.0; self.columns.positions + self.columns.reach]
    }

    /// One filtered row of the rows around it, the vertical kernel first.
    #[inline(always)]
    pub(crate) fn one_row<'r>(
        &self,
        out: &mut [f64],
        line: &mut [f64],
        row: impl Fn(usize) -> &'r [f64],
    ) {
        let Axis { length, before, .. } = self.columns;
        let inside = before..before + length;
        weigh(&mut line[inside.clone()], &self.vertical.weights, row);
        for i in (0..before).chain(inside.end..line.len()) {
            line[i] = self.columns.source(i).map_or(0.0, |x| line[before + x]);
        }
        weigh(out, &self.horizontal.weights, |k| &line[k..]);
    }
}

/// Σ_k weights[k] · row(k), sample by sample.
#[inline(always)]
pub(crate) fn weigh<'a>(out: &mut [f64], weights: &[f64], row: impl Fn(usize) -> &'a [f64]) {
    // Samples in the two rows that share a weight are added first, which saves a multiplication.
    let symmetric = weights.iter().eq(weights.iter().rev());
    let mut done = 0;
    weigh_blocks::<32>(out, &mut done, weights, symmetric, &row);
    weigh_blocks::<8>(out, &mut done, weights, symmetric, &row);
    weigh_blocks::<1>(out, &mut done, weights, symmetric, &row);
}

/// As many blocks of `B` samples as are left; their sums stay in registers over all rows.
#[inline(always)]
fn weigh_blocks<'a, const B: usize>(
    out: &mut [f64],
    done: &mut usize,
    weights: &[f64],
    symmetric: bool,
    row: &impl Fn(usize) -> &'a [f64],
) {
    let (length, first) = (weights.len(), *done);
    for to in out[first..].chunks_exact_mut(B) {
        let block = |k: usize| row(k)[*done..].first_chunk::<B>();
        let mut sums = [0.0; B];
        if symmetric {
            for (k, &weight) in weights[..length / 2].iter().enumerate() {
                let (Some(a), Some(b)) = (block(k), block(length - 1 - k)) else { continue };
                for i in 0..B {
                    sums[i] += weight * (a[i] + b[i]);
                }
            }
        }
        let rest = if symmetric { length / 2..length.div_ceil(2) } else { 0..length };
        for k in rest {
            let Some(samples) = block(k) else { continue };
            for i in 0..B {
                sums[i] += weights[k] * samples[i];
            }
        }
        to.copy_from_slice(&sums);
        *done += B;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::blur;

    #[test]
    fn made_rows_are_filtered_as_whole_planes_are() {
        let plane = Plane::from_fn(45, 71, |x, y| ((x * 7 + y * 13) % 11) as f64);
        let taps = Taps::gaussian(7, 1.3);
        for border in [Border::Valid, Border::Zero, Border::Mirror, Border::Symmetric] {
            let filter = RowFilter::new((45, 71), &taps, &taps, border);
            let [means, squares] = filter.run(
                |y, [to, squares]| {
                    to.copy_from_slice(plane.row(y));
                    squares.iter_mut().zip(plane.row(y)).for_each(|(s, v)| *s = v * v);
                },
                |_, [means, filtered], [to, squares]| {
                    to.copy_from_slice(means);
                    squares.copy_from_slice(filtered);
                },
            );
            assert_eq!(means, blur(&plane, &taps, border), "{border:?}");
            assert_eq!(squares, blur(&plane.map(|v| v * v), &taps, border), "{border:?}");
        }
    }

    #[test]
    fn weights_are_added_up_at_every_length() {
        let rows: Vec<Vec<f64>> =
            (0..5).map(|k| (0..90).map(|x| (x * k) as f64).collect()).collect();
        for weights in [vec![1.0, 2.0, 4.0, 2.0, 1.0], vec![3.0, 1.0, 0.5, 2.0, 7.0]] {
            for width in [0, 1, 7, 8, 31, 32, 41, 90] {
                let mut out = vec![0.0; width];
                weigh(&mut out, &weights, |k| &rows[k]);
                let sum: f64 = weights.iter().enumerate().map(|(k, w)| k as f64 * w).sum();
                assert!(out.iter().enumerate().all(|(x, &v)| v == x as f64 * sum), "{out:?}");
            }
        }
    }
}
