//! Rows of any length: their last lanes.
//!
//! Where a row is no multiple of sixteen numbers, its end is read and written as the last sixteen
//! numbers, of which the first were treated already. Shorter rows stand at the end of a line.

use crate::lanes::{LANES, Lanes, Line};
use crate::{Error, Result};

/// How many rows of `length` numbers there are.
pub(crate) fn rows(length: usize, numbers: &[f32]) -> Result<usize> {
    if length == 0 || !numbers.len().is_multiple_of(length) {
        return Err(Error::Shape { what: "rows", shape: vec![numbers.len(), length] });
    }
    Ok(numbers.len() / length)
}

/// The last sixteen numbers; zeros before them where there are fewer.
#[inline(always)]
pub(crate) fn read_end<L: Lanes>(lanes: L, row: &[f32]) -> L::V {
    if let Some(end) = row.last_chunk::<LANES>() {
        return lanes.read(end);
    }
    let mut line = [0.0; LANES];
    line[LANES - row.len()..].copy_from_slice(row);
    lanes.read(&line)
}

/// Stores what [`read_end`] reads.
#[inline(always)]
pub(crate) fn write_end<L: Lanes>(lanes: L, row: &mut [f32], v: L::V) {
    if let Some(end) = row.last_chunk_mut::<LANES>() {
        return lanes.write(end, v);
    }
    let mut line = [0.0; LANES];
    lanes.write(&mut line, v);
    row.copy_from_slice(&line[LANES - row.len()..]);
}

/// The lanes of the end of a row of `length` numbers that whole lines before it do not hold; `other`
/// in the rest.
#[inline(always)]
pub(crate) fn only_end<L: Lanes>(lanes: L, length: usize, v: L::V, other: L::V) -> L::V {
    const PLACES: Line = {
        let mut places = [0.0; LANES];
        let mut i = 0;
        while i < LANES {
            places[i] = i as f32;
            i += 1;
        }
        Line(places)
    };
    let first = lanes.splat((LANES - length % LANES) as f32);
    lanes.where_less(lanes.load(&PLACES), first, other, v)
}
