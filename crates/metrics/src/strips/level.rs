//! One scale of a pair on its way through memory: a ring of the last rows of s and d, and what the
//! positions that they complete contribute.

use std::ops::Range;

use super::aligned::Aligned;
use super::kernel::{Pass, REACH, ROWS, TAPS, TILE, Tile, WIDEST, Wanted};
use super::processor::Processor;
use super::quotients::Formula;
use super::unchanged::is_unchanged;

/// Rows in the ring: enough for a pass, and a power of two.
const RING: usize = REACH.next_power_of_two();

/// Sums over one row of a map: what is [wanted](Wanted), per channel.
pub(super) type RowSums = [[f64; 3]; 3];

/// The size of a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Columns of samples.
    pub(super) width: usize,
    /// Rows of samples.
    pub(super) height: usize,
    /// Numbers per column.
    pub(super) channels: usize,
}

impl Shape {
    /// Numbers in a row of samples.
    pub(super) fn row_length(self) -> usize {
        self.width * self.channels
    }

    /// Rows of the map.
    pub(super) fn map_height(self) -> usize {
        (self.height + 1).saturating_sub(TAPS)
    }

    /// Numbers in a row of the map.
    pub(super) fn map_row_length(self) -> usize {
        (self.width + 1).saturating_sub(TAPS) * self.channels
    }

    /// Positions of the map.
    pub(super) fn positions(self) -> usize {
        self.map_height() * self.map_row_length() / self.channels
    }

    /// 1 − the mean over the map of result `kind`, for one channel, from the sums over its rows in
    /// their order.
    pub(super) fn similarity<'a>(
        self,
        rows: impl Iterator<Item = &'a RowSums>,
        kind: usize,
        channel: usize,
    ) -> f64 {
        1.0 - rows.map(|row| row[kind][channel]).sum::<f64>() / self.positions() as f64
    }
}

/// The last rows of s and d.
pub(super) struct Ring {
    length: usize,
    stride: usize,
    sum: Aligned,
    difference: Aligned,
}

impl Ring {
    #[cfg(feature = "ssimulacra2")]
    pub(super) fn new(shape: Shape) -> Self {
        Self::of(shape, Aligned::zeros)
    }

    /// For passes that use nothing of what lies beyond a row.
    fn uncleared(shape: Shape) -> Self {
        Self::of(shape, Aligned::anything)
    }

    fn of(shape: Shape, room: impl Fn(usize) -> Aligned) -> Self {
        let length = shape.row_length();
        // A pass reads whole vectors, and those of its last tile may reach beyond the row.
        let stride = (length + 2 * WIDEST).next_multiple_of(WIDEST);
        let [sum, difference] = [(); 2].map(|()| room(RING * stride));
        Self { length, stride, sum, difference }
    }

    fn span(&self, y: usize) -> Range<usize> {
        let start = y % RING * self.stride;
        start..start + self.stride
    }

    /// Row `y` of s and d, to be filled.
    pub(super) fn row_mut(&mut self, y: usize) -> (&mut [f32], &mut [f32]) {
        let (span, length) = (self.span(y), self.length);
        (&mut self.sum[span.clone()][..length], &mut self.difference[span][..length])
    }

    /// Row `y` of s and d; it must be among the last that were filled.
    pub(super) fn row(&self, y: usize) -> (&[f32], &[f32]) {
        let span = self.span(y);
        (&self.sum[span.clone()][..self.length], &self.difference[span][..self.length])
    }

    /// From number `x` on, the rows of s and d that the positions `y …` of the map look at. Below
    /// `last`, which no position that counts looks at, it is repeated.
    /// They are written in place: lists as long as these take longer to move than to make.
    #[inline(always)]
    pub(super) fn pass_rows<'a>(
        &'a self,
        y: usize,
        x: usize,
        last: usize,
        [sum, difference]: &mut [[&'a [f32]; REACH]; 2],
    ) {
        for (k, (sum, difference)) in sum.iter_mut().zip(difference).enumerate() {
            let span = self.span((y + k).min(last));
            (*sum, *difference) = (&self.sum[span.clone()][x..], &self.difference[span][x..]);
        }
    }
}

/// One scale.
pub(super) struct Level {
    shape: Shape,
    ring: Ring,
    /// The row of samples that arrives next.
    pub(super) next: usize,
    /// Rows of the map that are still to be computed.
    todo: Range<usize>,
    wanted: Wanted,
    /// Sums over the rows of the map that are done.
    pub(super) sums: Vec<RowSums>,
}

impl Level {
    /// A scale whose first row of samples to arrive is `first`, and which is responsible for the
    /// rows `todo` of its map.
    pub(super) fn new(shape: Shape, first: usize, todo: Range<usize>, wanted: Wanted) -> Self {
        let sums = Vec::with_capacity(todo.len());
        Self { shape, ring: Ring::uncleared(shape), next: first, todo, wanted, sums }
    }

    /// The row of the map that comes next; all before it are done.
    pub(super) fn done(&self) -> usize {
        self.todo.start
    }

    /// The ring, of which row [`next`](Self::next) − 1 is the newest.
    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Takes the next row, written by `fill`, and computes the rows of the map that it completes.
    /// `emit` gets every result as (row of the map, first number, kind, numbers); behind the numbers stands what fills
    /// whole vectors.
    pub(super) fn push(
        &mut self,
        work: &mut Work<'_>,
        fill: impl FnOnce(&mut [f32], &mut [f32]),
        mut emit: impl FnMut(usize, usize, usize, Numbers<'_>),
    ) {
        let (sum, difference) = self.ring.row_mut(self.next);
        fill(sum, difference);
        self.next += 1;
        while !self.todo.is_empty() {
            let rows = self.todo.len().min(ROWS);
            if self.next < self.todo.start + rows + TAPS - 1 {
                return;
            }
            self.compute(rows, work, &mut emit);
            self.todo.start += rows;
        }
    }

    fn compute(
        &mut self,
        rows: usize,
        work: &mut Work<'_>,
        emit: &mut impl FnMut(usize, usize, usize, Numbers<'_>),
    ) {
        let mut sums = [RowSums::default(); ROWS];
        let row_length = self.shape.map_row_length();
        let summed = self.wanted.summed();
        for x in (0..row_length).step_by(TILE) {
            let length = TILE.min(row_length - x);
            let mut pair: [[&[f32]; REACH]; 2] = [[&[]; REACH]; 2];
            self.ring.pass_rows(self.todo.start, x, self.next - 1, &mut pair);
            let [sum, difference] = &pair;
            let (formula, wanted, tile) = (work.formula, self.wanted, &mut *work.tile);
            let read = length + self.shape.channels * (TAPS - 1);
            let vanishes = wanted.vanishes() && formula.vanishes();
            let unchanged = vanishes && is_unchanged(difference, read);
            if unchanged {
                tile.clear(wanted.count(), length);
            } else if self.shape.channels == 1 {
                let pass = Pass::<1> { sum, difference, length, formula, wanted, tile };
                work.processor.run(pass);
            } else {
                let pass = Pass::<3> { sum, difference, length, formula, wanted, tile };
                work.processor.run(pass);
            }
            for (row, sums) in sums.iter_mut().enumerate().take(rows) {
                for kind in 0..self.wanted.count() {
                    let vectors = work.tile.result(kind, row);
                    let numbers = &vectors[..length];
                    let counts = kind < summed && !unchanged;
                    if let Some(sums) = sums.get_mut(kind).filter(|_| counts) {
                        work.processor.run_closure(
                            #[inline(always)]
                            || add_up(numbers, self.shape.channels, sums),
                        );
                    }
                    emit(self.todo.start + row, x, kind, Numbers { vectors, length });
                }
            }
        }
        self.sums.extend(&sums[..rows]);
    }
}

/// Some results of a row.
pub(super) struct Numbers<'a> {
    /// Whole vectors, of which the first `length` numbers are results.
    pub(super) vectors: &'a [f32],
    /// How many there are.
    pub(super) length: usize,
}

impl<'a> Numbers<'a> {
    /// The results alone.
    pub(super) fn results(self) -> &'a [f32] {
        &self.vectors[..self.length]
    }
}

/// What all scales of a strip share.
pub(super) struct Work<'a> {
    pub(super) processor: Processor,
    pub(super) formula: &'a Formula,
    pub(super) tile: &'a mut Tile,
}

/// Adds the numbers of a tile to the sums of their channels: 48 running sums of at most ten
/// numbers in f32, which is exact to a few units in the last place, and the rest in f64.
#[inline(always)]
fn add_up(numbers: &[f32], channels: usize, sums: &mut [f64; 3]) {
    const LANES: usize = 48;
    let mut lanes = [0.0_f32; LANES];
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, number) in lanes.iter_mut().zip(chunk) {
            *lane += number;
        }
    }
    for (lane, number) in lanes.iter_mut().zip(rest) {
        *lane += number;
    }
    // Written out for three channels: the remainder of a division would take longer than the sums.
    if channels == 3 {
        let mut parts = [[0.0; 12]; 4];
        for (part, lanes) in parts.iter_mut().zip(lanes.as_chunks::<12>().0) {
            for (to, &lane) in part.iter_mut().zip(lanes) {
                *to = f64::from(lane);
            }
        }
        let [a, b, c, d] = parts;
        let parts: [f64; 12] = core::array::from_fn(|i| (a[i] + b[i]) + (c[i] + d[i]));
        for (channel, sum) in sums.iter_mut().enumerate() {
            let of = |pixel: usize| parts[3 * pixel + channel];
            *sum += (of(0) + of(1)) + (of(2) + of(3));
        }
        return;
    }
    for (index, lane) in lanes.into_iter().enumerate() {
        sums[index % channels] += f64::from(lane);
    }
}
