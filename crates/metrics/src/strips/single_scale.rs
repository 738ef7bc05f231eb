//! SSIM of a pair at its own scale.

use lookalike_core::ScoreMap;
use rayon::prelude::*;

use super::kernel::{Tile, Wanted};
use super::level::{Level, RowSums, Work};
use super::quotients::Formula;
use super::rows::Rows;
use super::{PairRows, Schedule, TAPS};
use crate::ssim::{Constants, Window};

/// Fewest rows of a strip that is worth the ten rows it shares with the next.
const LEAST_STRIP: usize = 32;

/// SSIM and its map.
#[derive(Debug, PartialEq)]
pub(crate) struct Similarity {
    /// Mean over positions, channel by channel.
    pub(crate) channels: Vec<f64>,
    /// Mean over channels at every position, when wanted.
    pub(crate) map: Option<ScoreMap>,
}

/// SSIM of the rows of a pair; `None` for windows that the kernels do not know. The pair has at
/// least [`TAPS`] rows and columns.
pub(crate) fn similarity(
    rows: &PairRows<'_>,
    window: &Window,
    constants: Constants,
    want_map: bool,
    schedule: Schedule,
) -> Option<Similarity> {
    let formula = Formula::new(window, constants, rows.full_scale)?.over(rows.integers());
    let shape = rows.shape();
    let (width, height) = (shape.width + 1 - TAPS, shape.map_height());
    let strip = schedule.strip_of(height, LEAST_STRIP);
    let mut values = vec![0.0; if want_map { width * height } else { 0 }];
    let strips: Vec<(usize, &mut [f32])> = if want_map {
        values.chunks_mut(strip * width).enumerate().map(|(i, map)| (i * strip, map)).collect()
    } else {
        (0..height).step_by(strip).map(|first| (first, Default::default())).collect()
    };
    let sums: Vec<Vec<RowSums>> = strips
        .into_par_iter()
        .map(|(first, map)| {
            let todo = first..(first + strip).min(height);
            if formula.vanishes() && rows.unchanged(&(first..todo.end + TAPS - 1)) {
                map.fill(1.0);
                return vec![RowSums::default(); todo.len()];
            }
            let tile = &mut Tile::uncleared(schedule.processor);
            let mut work = Work { processor: schedule.processor, formula: &formula, tile };
            let mut level = Level::new(shape, first, todo.clone(), Wanted::Combined);
            for y in first..todo.end + TAPS - 1 {
                level.push(
                    &mut work,
                    |sum, difference| rows.read(schedule.processor, y, sum, difference),
                    |row, x, _, numbers| {
                        if want_map {
                            let row = &mut map[(row - first) * width..][..width];
                            average_channels(numbers.results(), x, shape.channels, row);
                        }
                    },
                );
            }
            level.sums
        })
        .collect();
    let channel = |channel: usize| shape.similarity(sums.iter().flatten(), 0, channel);
    let channels = (0..shape.channels).map(channel).collect();
    let map = want_map.then_some(ScoreMap { width, height, values, left: 0, top: 0, step: 1 });
    Some(Similarity { channels, map })
}

/// Writes 1 − the mean over channels of `numbers`, which begin at number `x` of a row, into `row`.
pub(super) fn average_channels(numbers: &[f32], x: usize, channels: usize, row: &mut [f32]) {
    // Tiles begin at whole pixels: their length is a multiple of three.
    let row = &mut row[x / channels..][..numbers.len() / channels];
    if channels == 1 {
        for (to, dissimilarity) in row.iter_mut().zip(numbers) {
            *to = 1.0 - dissimilarity;
        }
        return;
    }
    for (to, [red, green, blue]) in row.iter_mut().zip(numbers.as_chunks().0) {
        *to = 1.0 - (red + green + blue) / 3.0;
    }
}
