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

use super::halving::Step;
use super::kernel::{Tile, Wanted};
use super::level::{Level, RowSums, Shape, Work};
use super::quotients::Formula;
use super::rows::Rows;
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
            if formula.vanishes() && rows.unchanged(&plans[0].samples) {
                map.fill(1.0);
                let unchanged = |plan: &Plan| vec![RowSums::default(); plan.map.len()];
                return plans.iter().map(unchanged).collect();
            }
            let tile = &mut Tile::uncleared(schedule.processor);
            let mut work = Work { processor: schedule.processor, formula: &formula, tile };
            let mut levels = pyramid.levels(&plans);
            let first = plans[0].map.start;
            for y in plans[0].samples.clone() {
                levels[0].push(
                    &mut work,
                    |sum, difference| rows.read(schedule.processor, y, sum, difference),
                    |row, x, kind, numbers| {
                        if want_map && Some(kind) == combined {
                            let row = &mut map[(row - first) * width..][..width];
                            average_channels(numbers.results(), x, shape.channels, row);
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
                    || step.halve(|row| finer.ring().row(row), y, sum, difference),
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
        let steps = Step::all(finest, scales, halving, black);
        let coarser = steps.iter().map(|step| step.coarser);
        let shapes = std::iter::once(finest).chain(coarser).collect();
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
