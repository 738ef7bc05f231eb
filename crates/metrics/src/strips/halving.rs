//! The way from one scale to the next: means of 2×2 samples of s and d, and the way back that
//! derivatives take.

use std::ops::Range;

use rayon::prelude::*;

use super::level::Shape;
use super::processor::Processor;
use crate::downsample::Halving;

/// From one scale to the next.
pub(super) struct Step {
    pub(super) finer: Shape,
    pub(super) coarser: Shape,
    /// Samples in front of the first, per axis: 0 or 1.
    in_front: (usize, usize),
    /// s of what lies beyond the edge; `None` repeats the edge sample.
    beyond: Option<f32>,
}

impl Step {
    /// All steps of so many scales, the finest first; `black` is s of two black samples.
    pub(super) fn all(finest: Shape, scales: usize, halving: Halving, black: f32) -> Vec<Self> {
        let first = (scales > 1).then(|| Self::new(finest, halving, black));
        let next = |step: &Self| Some(Self::new(step.coarser, halving, black));
        std::iter::successors(first, next).take(scales.saturating_sub(1)).collect()
    }

    fn new(finer: Shape, halving: Halving, black: f32) -> Self {
        let odd = (finer.width % 2, finer.height % 2);
        let (in_front, behind) = match halving {
            Halving::EdgeRepeated | Halving::ZeroBeyond => ((0, 0), odd),
            Halving::Floor => ((0, 0), (0, 0)),
            Halving::ZeroBothSides => (odd, odd),
            Halving::ReplicateInFront if odd == (0, 0) => ((0, 0), (0, 0)),
            Halving::ReplicateInFront => ((1, 1), (0, 0)),
        };
        let beyond = match halving {
            Halving::ZeroBeyond | Halving::ZeroBothSides => Some(black),
            _ => None,
        };
        let coarser = Shape {
            width: (finer.width + in_front.0 + behind.0) / 2,
            height: (finer.height + in_front.1 + behind.1) / 2,
            channels: finer.channels,
        };
        Self { finer, coarser, in_front, beyond }
    }

    /// The newest finer row that coarser row `y` needs.
    pub(super) fn newest_row(&self, y: usize) -> usize {
        (2 * y + 1 - self.in_front.1).min(self.finer.height - 1)
    }

    /// The finer rows that a range of coarser rows needs.
    pub(super) fn finer_rows(&self, coarser: &Range<usize>) -> Range<usize> {
        let start = (2 * coarser.start).saturating_sub(self.in_front.1);
        start..(2 * coarser.end - self.in_front.1).min(self.finer.height)
    }

    /// Finer row number `index` counted from those in front, or the edge row, or none.
    #[inline(always)]
    fn row<'a>(
        &self,
        row_of: impl Fn(usize) -> (&'a [f32], &'a [f32]),
        index: usize,
    ) -> Option<(&'a [f32], &'a [f32])> {
        let y = index as isize - self.in_front.1 as isize;
        let last = self.finer.height as isize - 1;
        let inside = y.clamp(0, last);
        (y == inside || self.beyond.is_none()).then(|| row_of(inside as usize))
    }

    /// Row `y` of the next scale: means of 2×2 samples of s and d, whose finer rows `row_of` gives.
    #[inline(always)]
    pub(super) fn halve<'a>(
        &self,
        row_of: impl Fn(usize) -> (&'a [f32], &'a [f32]),
        y: usize,
        sum: &mut [f32],
        difference: &mut [f32],
    ) {
        let black = self.beyond.unwrap_or(0.0);
        let (above, below) = (self.row(&row_of, 2 * y), self.row(&row_of, 2 * y + 1));
        let [s, d] = [(sum, 0, black), (difference, 1, 0.0)];
        for (out, which, beyond) in [s, d] {
            let rows = [above, below].map(|row| row.map(|(s, d)| if which == 0 { s } else { d }));
            match self.finer.channels {
                1 => self.halve_row::<1, 2>(rows, out, beyond),
                _ => self.halve_row::<3, 6>(rows, out, beyond),
            }
        }
    }

    /// Adds to `own` times a finer plane what the derivative by a coarser one contributes: each
    /// number is shared by the samples of which it is the mean, and a repeated edge counts twice.
    /// For halvings with neither samples in front nor zeros beyond.
    pub(super) fn spread_back(
        &self,
        processor: Processor,
        coarser: &[f32],
        finer: &mut [f32],
        own: f32,
    ) {
        let Shape { width, height, .. } = self.finer;
        finer.par_chunks_exact_mut(width).enumerate().with_min_len(LEAST_ROWS).for_each(
            |(y, row)| {
                let from = y / 2 * self.coarser.width;
                let above = coarser.get(from..from + self.coarser.width).unwrap_or_default();
                let share = if y + 1 == height && y % 2 == 0 { 0.5 } else { 0.25 };
                processor.run_closure(
                    #[inline(always)]
                    || spread_back_row(above, share, row, own),
                );
            },
        );
    }

    /// One row of `CHANNELS` interleaved numbers, `BOTH` of which make two pixels.
    #[inline(always)]
    fn halve_row<const CHANNELS: usize, const BOTH: usize>(
        &self,
        rows: [Option<&[f32]>; 2],
        out: &mut [f32],
        beyond: f32,
    ) {
        let in_front = self.in_front.0;
        let width = self.finer.width;
        // One pixel of the next scale from columns that may lie beyond the edge.
        let at_edge = |x: usize, channel: usize| {
            let column = |index: usize| {
                let x = index as isize - in_front as isize;
                let inside = x.clamp(0, width as isize - 1);
                (x == inside || self.beyond.is_none()).then_some(inside as usize)
            };
            let sample = |row: Option<&[f32]>, index: usize| {
                let found = row.zip(column(index)).map(|(row, x)| row[x * CHANNELS + channel]);
                found.unwrap_or(beyond)
            };
            let of = |row| sample(row, 2 * x) + sample(row, 2 * x + 1);
            (of(rows[0]) + of(rows[1])) / 4.0
        };
        let (pixels, _) = out.as_chunks_mut::<CHANNELS>();
        let first = in_front;
        let inside = ((width - in_front) / 2).min(pixels.len() - first);
        if let [Some(above), Some(below)] = rows {
            let [above, below] = [above, below].map(|row| &row[in_front * CHANNELS..]);
            let both = above.as_chunks::<BOTH>().0.iter().zip(below.as_chunks::<BOTH>().0);
            for (to, (a, b)) in pixels[first..first + inside].iter_mut().zip(both) {
                for channel in 0..CHANNELS {
                    let of = |two: &[f32; BOTH]| two[channel] + two[CHANNELS + channel];
                    to[channel] = (of(a) + of(b)) / 4.0;
                }
            }
        } else {
            for (x, to) in pixels.iter_mut().enumerate() {
                *to = core::array::from_fn(|channel| at_edge(x, channel));
            }
            return;
        }
        for x in (0..first).chain(first + inside..pixels.len()) {
            pixels[x] = core::array::from_fn(|channel| at_edge(x, channel));
        }
    }
}

/// Rows of a plane that are worth a thread of their own.
const LEAST_ROWS: usize = 16;

/// One row of [`spread_back`](Step::spread_back); beyond the end of `coarser` nothing is added.
#[inline(always)]
fn spread_back_row(coarser: &[f32], share: f32, finer: &mut [f32], own: f32) {
    let (pairs, last) = finer.as_chunks_mut::<2>();
    let inside = pairs.len().min(coarser.len());
    for (two, &number) in pairs.iter_mut().zip(coarser) {
        *two = [own * two[0] + share * number, own * two[1] + share * number];
    }
    for two in &mut pairs[inside..] {
        *two = two.map(|v| own * v);
    }
    if let Some(last) = last.first_mut() {
        *last = own * *last + 2.0 * share * coarser.get(inside).copied().unwrap_or_default();
    }
}
