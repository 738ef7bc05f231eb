//! The factors of MS-SSIM: all scales of a pair in one walk over its rows.
//!
//! A row of the picture goes into the ring of the finest scale; every second row completes a row of
//! the next scale, and so on. s and d are halved, not the pictures: the mean is linear. Strips are
//! cut at multiples of 2^(M−1) rows, and each is responsible for the same share of every scale's map.
//!
//! SSIM of the pair itself needs the same moments as the contrast of the finest scale: it is one
//! quotient more, where it is wanted.

use std::ops::Range;

use lookalike_core::{ScoreMap, Want};
use rayon::prelude::*;

use super::kernel::{Tile, Wanted};
use super::level::{Level, Ring, RowSums, Shape, Work};
use super::quotients::Formula;
use super::single_scale::{Similarity, average_channels};
use super::{PairRows, Schedule, TAPS};
use crate::downsample::Halving;
use crate::ms_ssim::Factors;
use crate::ssim::{Constants, Window};

/// Fewest rows of a strip: the coarsest scale reads 160 rows beyond it.
const LEAST_STRIP: usize = 128;

/// What all scales of a pair give.
pub(crate) struct Scales {
    /// The factors of MS-SSIM, channel by channel.
    pub(crate) factors: Vec<Factors>,
    /// SSIM of the finest scale, when wanted: the same bits as
    /// [`similarity`](super::single_scale::similarity).
    pub(crate) finest: Option<Similarity>,
}

/// All scales, and SSIM of the finest where `finest` says what is wanted of it; `None` for windows
/// that the kernels do not know. The coarsest scale has at least [`TAPS`] rows and columns.
pub(crate) fn multi_scale(
    rows: &PairRows<'_>,
    window: &Window,
    constants: Constants,
    (scales, halving): (usize, Halving),
    finest: Option<Want>,
    schedule: Schedule,
) -> Option<Scales> {
    let formula = Formula::new(window, constants, rows.full_scale).filter(Formula::is_whole)?;
    let shape = rows.shape();
    let pyramid = Pyramid::new(shape, scales, halving, -rows.full_scale, finest.is_some());
    let share = schedule.strip_of(shape.map_height(), LEAST_STRIP) >> (scales - 1);
    let share = share.max(1);
    let strips = pyramid.coarsest().map_height().div_ceil(share);
    let plans = (0..strips).map(|strip| pyramid.plan(strip, strip + 1 == strips, share));
    let want_map = finest.is_some_and(|want| want.map);
    let (width, height) = (shape.width + 1 - TAPS, shape.map_height());
    let mut values = vec![0.0; if want_map { width * height } else { 0 }];
    let mut rest = &mut values[..];
    let strips: Vec<(Vec<Plan>, &mut [f32])> = plans
        .map(|plans| {
            let length = if want_map { plans[0].map.len() * width } else { 0 };
            let (map, below) = std::mem::take(&mut rest).split_at_mut(length);
            rest = below;
            (plans, map)
        })
        .collect();
    let combined = pyramid.wanted(0).combined();
    let sums: Vec<Vec<Vec<RowSums>>> = strips
        .into_par_iter()
        .map(|(plans, map)| {
            let mut tile = Tile::new(schedule.processor);
            let mut work =
                Work { processor: schedule.processor, formula: &formula, tile: &mut tile };
            let mut levels = pyramid.levels(&plans);
            let first = plans[0].map.start;
            for y in plans[0].samples.clone() {
                levels[0].push(
                    &mut work,
                    |sum, difference| rows.read(schedule.processor, y, sum, difference),
                    |row, x, kind, numbers| {
                        if want_map && Some(kind) == combined {
                            let row = &mut map[(row - first) * width..][..width];
                            average_channels(numbers, x, shape.channels, row);
                        }
                    },
                );
                cascade(&mut levels, &pyramid.steps, &plans, &mut work);
            }
            levels.into_iter().map(|level| level.sums).collect()
        })
        .collect();
    let finest = finest.zip(combined).map(|(want, kind)| Similarity {
        channels: (0..shape.channels)
            .map(|channel| pyramid.mean(&sums, 0, kind, channel))
            .collect(),
        map: want.map.then_some(ScoreMap { width, height, values, left: 0, top: 0, step: 1 }),
    });
    Some(Scales { factors: pyramid.factors(&sums), finest })
}

/// Hands rows on to the coarser scales as far as those before them have arrived.
fn cascade(levels: &mut [Level], steps: &[Step], plans: &[Plan], work: &mut Work<'_>) {
    let (Some((finer, levels)), Some((step, steps))) =
        (levels.split_first_mut(), steps.split_first())
    else {
        return;
    };
    let plans = &plans[1..];
    while let Some(coarser) = levels.first_mut() {
        let y = coarser.next;
        if y >= plans[0].samples.end || finer.next <= step.newest_row(y) {
            return;
        }
        let processor = work.processor;
        coarser.push(
            work,
            |sum, difference| {
                processor.run_closure(
                    #[inline(always)]
                    || step.halve(finer.ring(), y, sum, difference),
                );
            },
            |_, _, _, _| (),
        );
        cascade(levels, steps, plans, work);
    }
}

/// The scales of a pair.
struct Pyramid {
    shapes: Vec<Shape>,
    steps: Vec<Step>,
    /// Whether SSIM is wanted of the finest.
    similarity: bool,
}

/// What one strip does at one scale.
#[derive(Clone, Debug)]
struct Plan {
    /// Rows of the map that it computes.
    map: Range<usize>,
    /// Rows of samples that it needs for them and for the coarser scales.
    samples: Range<usize>,
}

impl Pyramid {
    fn new(finest: Shape, scales: usize, halving: Halving, black: f32, similarity: bool) -> Self {
        let mut shapes = vec![finest];
        let mut steps = Vec::new();
        for scale in 1..scales {
            let step = Step::new(shapes[scale - 1], halving, black);
            shapes.push(step.coarser);
            steps.push(step);
        }
        Self { shapes, steps, similarity }
    }

    fn coarsest(&self) -> Shape {
        self.shapes[self.shapes.len() - 1]
    }

    /// The share of strip number `strip`: `share` rows of the coarsest map and as many more at the
    /// finer scales; the last strip takes what is left.
    fn plan(&self, strip: usize, last: bool, share: usize) -> Vec<Plan> {
        let count = self.shapes.len();
        let mut plans: Vec<Plan> = Vec::with_capacity(count);
        for scale in (0..count).rev() {
            let height = self.shapes[scale].map_height();
            let share = share << (count - 1 - scale);
            let start = (strip * share).min(height);
            let end = if last { height } else { (start + share).min(height) };
            let mut samples = start..end + TAPS - 1;
            if let Some(coarser) = plans.last() {
                let needed = self.steps[scale].finer_rows(&coarser.samples);
                samples = samples.start.min(needed.start)..samples.end.max(needed.end);
            }
            plans.push(Plan { map: start..end, samples });
        }
        plans.reverse();
        plans
    }

    fn levels(&self, plans: &[Plan]) -> Vec<Level> {
        let level = |(scale, (shape, plan)): (usize, (&Shape, &Plan))| {
            Level::new(*shape, plan.samples.start, plan.map.clone(), self.wanted(scale))
        };
        self.shapes.iter().zip(plans).enumerate().map(level).collect()
    }

    /// What is wanted of a scale.
    fn wanted(&self, scale: usize) -> Wanted {
        match scale {
            _ if scale + 1 == self.shapes.len() => Wanted::Factors,
            0 if self.similarity => Wanted::StructureAndCombined,
            _ => Wanted::Structure,
        }
    }

    /// 1 − the mean over all strips' sums, added row by row.
    fn mean(&self, strips: &[Vec<Vec<RowSums>>], scale: usize, kind: usize, channel: usize) -> f64 {
        let rows = strips.iter().flat_map(|levels| &levels[scale]);
        self.shapes[scale].similarity(rows, kind, channel)
    }

    /// The factors of every channel.
    fn factors(&self, strips: &[Vec<Vec<RowSums>>]) -> Vec<Factors> {
        let last = self.shapes.len() - 1;
        let contrast = |scale: usize, channel: usize| {
            let kind = self.wanted(scale).structure().unwrap_or_default();
            self.mean(strips, scale, kind, channel)
        };
        let of_channel = |channel: usize| Factors {
            contrast: (0..=last).map(|scale| contrast(scale, channel)).collect(),
            luminance: self.mean(strips, last, 0, channel),
            coarsest: self.mean(strips, last, 2, channel),
        };
        (0..self.shapes[0].channels).map(of_channel).collect()
    }
}

/// From one scale to the next.
struct Step {
    finer: Shape,
    coarser: Shape,
    /// Samples in front of the first, per axis: 0 or 1.
    in_front: (usize, usize),
    /// s of what lies beyond the edge; `None` repeats the edge sample.
    beyond: Option<f32>,
}

impl Step {
    /// `black` is s of two black samples.
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
    fn newest_row(&self, y: usize) -> usize {
        (2 * y + 1 - self.in_front.1).min(self.finer.height - 1)
    }

    /// The finer rows that a range of coarser rows needs.
    fn finer_rows(&self, coarser: &Range<usize>) -> Range<usize> {
        let start = (2 * coarser.start).saturating_sub(self.in_front.1);
        start..(2 * coarser.end - self.in_front.1).min(self.finer.height)
    }

    /// Finer row number `index` counted from those in front, or the edge row, or none.
    fn row<'a>(&self, ring: &'a Ring, index: usize) -> Option<(&'a [f32], &'a [f32])> {
        let y = index as isize - self.in_front.1 as isize;
        let last = self.finer.height as isize - 1;
        let inside = y.clamp(0, last);
        (y == inside || self.beyond.is_none()).then(|| ring.row(inside as usize))
    }

    /// Means of 2×2 samples of s and d.
    #[inline(always)]
    fn halve(&self, ring: &Ring, y: usize, sum: &mut [f32], difference: &mut [f32]) {
        let black = self.beyond.unwrap_or(0.0);
        let (above, below) = (self.row(ring, 2 * y), self.row(ring, 2 * y + 1));
        let [s, d] = [(sum, 0, black), (difference, 1, 0.0)];
        for (out, which, beyond) in [s, d] {
            let rows = [above, below].map(|row| row.map(|(s, d)| if which == 0 { s } else { d }));
            match self.finer.channels {
                1 => self.halve_row::<1, 2>(rows, out, beyond),
                _ => self.halve_row::<3, 6>(rows, out, beyond),
            }
        }
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
