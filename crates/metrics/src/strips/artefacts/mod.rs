//! SSIMULACRA2's sums: structure, artefacts and lost detail in positive XYB on six scales, all in
//! one walk over the rows of a pair.
//!
//! A row of linear light becomes a row of the finest scale's ring as sum s and difference d of the
//! two pictures' colours; every second row completes a row of linear light of the next scale, and
//! so on. Colours lie one after the other in a row, each with a margin on both sides, so that the
//! kernels see one long row of one channel; what is computed across a seam is left out.
//!
//! With the window G, whose weights add up to 1, V = G∗v² − (G∗v)² and h = v − G∗v, a position has
//!
//! * structure = max(0, (Vd + (G∗d)²·N) / D), N = (Vs − Vd)/2 + C2, D = (Vs + Vd)/2 + C2, which is
//!   1 − (1 − (μ1 − μ2)²)·(2σ12 + C2)/(σ1² + σ2² + C2);
//! * edges = (|h2| − |h1|) / (1 + |h1|), h1 = (hs − hd)/2, h2 = (hs + hd)/2, which is
//!   (1 + |h2|)/(1 + |h1|) − 1: artefacts where positive, lost detail where negative.
//!
//! Beyond the picture both pictures are 0, as in the recursive filter of the original.

mod light;
#[cfg(test)]
pub(crate) mod oracle;
mod pass;
mod positive_xyb;
mod scale;
#[cfg(test)]
mod tests;
mod window;

use std::ops::Range;

use rayon::prelude::*;

use light::Light;
pub(crate) use light::LightRows;
use scale::{RowSums, Scale};

use super::Schedule;
use super::kernel::Tile;
use window::RADIUS;

/// Scales of the metric.
const SCALES: usize = 6;
/// A picture whose shorter side is below this has no coarser scale.
pub(crate) const LEAST_SIDE: usize = 8;
/// Fewest rows of a strip: the coarsest scale reads 160 rows beyond it.
const LEAST_STRIP: usize = 256;

/// What one scale adds up to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aggregates {
    /// Columns.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
    /// Per colour (X, Y, B) the means over all positions of structure, artefacts and lost detail,
    /// and of their fourth powers.
    pub(crate) means: [[Mean; 3]; 3],
    /// Structure and edges of every position, per colour, when wanted.
    pub(crate) maps: Option<[[Vec<f32>; 2]; 3]>,
}

/// The means of one kind of error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Mean {
    pub(crate) first: f64,
    /// Of fourth powers; its fourth root is the 4-norm.
    pub(crate) fourth: f64,
}

/// The scales of a pair, the finest first.
pub(crate) fn aggregates(
    rows: &LightRows<'_>,
    want_maps: bool,
    schedule: Schedule,
) -> Vec<Aggregates> {
    let sizes = sizes(rows.width(), rows.height());
    let coarsest = sizes.len() - 1;
    let share = (schedule.strip_of(rows.height(), LEAST_STRIP) >> coarsest).max(1);
    let strips = sizes[coarsest].1.div_ceil(share);
    let done: Vec<Vec<Scale>> = (0..strips)
        .into_par_iter()
        .map(|strip| {
            let plans = plans(&sizes, strip, strip + 1 == strips, share);
            let of_plan = |(&(width, height), plan): (&(usize, usize), &Plan)| {
                Scale::new(width, height, plan.clone(), want_maps)
            };
            let mut scales: Vec<Scale> = sizes.iter().zip(&plans).map(of_plan).collect();
            if rows.unchanged(&plans[0].light) {
                scales.iter_mut().for_each(Scale::leave_unchanged);
                return scales;
            }
            let mut tile = Tile::new(schedule.processor);
            let mut light = Light::new(rows.width());
            for y in plans[0].light.clone() {
                rows.read(y, &mut light);
                push(&mut scales, y, &mut light, schedule, &mut tile);
            }
            scales
        })
        .collect();
    let mut parts: Vec<_> = done.into_iter().map(Vec::into_iter).collect();
    sizes
        .iter()
        .map(|&(width, height)| {
            let strips = parts.iter_mut().filter_map(Iterator::next);
            gathered(width, height, want_maps, strips)
        })
        .collect()
}

/// Width and height of every scale. A scale follows when the one before the last is large enough:
/// the original looks at the size before it halves.
fn sizes(width: usize, height: usize) -> Vec<(usize, usize)> {
    let mut sizes = vec![(width, height)];
    let (mut width, mut height) = (width, height);
    while sizes.len() < SCALES && width.min(height) >= LEAST_SIDE {
        (width, height) = (width.div_ceil(2), height.div_ceil(2));
        sizes.push((width, height));
    }
    sizes
}

/// What one strip does at one scale.
#[derive(Clone, Debug)]
struct Plan {
    /// Rows that it adds up.
    rows: Range<usize>,
    /// Rows of light that it needs for them and for the coarser scales.
    light: Range<usize>,
}

/// The share of strip number `strip`: `share` rows of the coarsest scale and as many more of the
/// finer ones; the last strip takes what is left.
fn plans(sizes: &[(usize, usize)], strip: usize, last: bool, share: usize) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::with_capacity(sizes.len());
    for (scale, &(_, height)) in sizes.iter().enumerate().rev() {
        let share = share << (sizes.len() - 1 - scale);
        let start = (strip * share).min(height);
        let end = if last { height } else { (start + share).min(height) };
        let mut light = start.saturating_sub(RADIUS)..(end + RADIUS).min(height);
        if start == end {
            light = start..start;
        }
        if let Some(coarser) = plans.last().filter(|coarser| !coarser.light.is_empty()) {
            let (from, to) = (2 * coarser.light.start, (2 * coarser.light.end).min(height));
            light =
                if light.is_empty() { from..to } else { light.start.min(from)..light.end.max(to) };
        }
        plans.push(Plan { rows: start..end, light });
    }
    plans.reverse();
    plans
}

/// Hands row `y` of light to the finest of `scales`, and what it completes to the coarser ones.
fn push(scales: &mut [Scale], y: usize, light: &mut Light, schedule: Schedule, tile: &mut Tile) {
    let Some((finest, coarser)) = scales.split_first_mut() else { return };
    finest.take(schedule.processor, y, light, tile);
    let Some(next) = coarser.first() else { return };
    let wanted = next.plan().light.contains(&(y / 2));
    let Some(mut halved) = finest.halve(schedule.processor, y, light, wanted) else { return };
    push(coarser, y / 2, &mut halved, schedule, tile);
    finest.give_back(halved);
}

/// One scale from its strips, in their order.
fn gathered(
    width: usize,
    height: usize,
    want_maps: bool,
    strips: impl Iterator<Item = Scale>,
) -> Aggregates {
    let mut sums = RowSums::default();
    let mut maps: [[Vec<f32>; 2]; 3] = Default::default();
    for strip in strips {
        for row in &strip.sums {
            for (sums, row) in
                sums.iter_mut().flatten().flatten().zip(row.iter().flatten().flatten())
            {
                *sums += row;
            }
        }
        let parts = strip.maps.into_iter().flatten().flatten();
        for (map, part) in maps.iter_mut().flatten().zip(parts) {
            map.extend(part);
        }
    }
    let positions = (width * height) as f64;
    let mean =
        |[first, fourth]: [f64; 2]| Mean { first: first / positions, fourth: fourth / positions };
    Aggregates {
        width,
        height,
        means: sums.map(|kinds| kinds.map(mean)),
        maps: want_maps.then_some(maps),
    }
}
