//! One scale of a pair on its way through memory: the rows that the window reaches, and what the
//! positions that they complete add up to.

use super::light::Light;
use super::pass::Pass;
use super::positive_xyb::{OfOnePicture, SHIFT, SumAndDifference};
use super::window::{RADIUS, weights};
use super::{Plan, Range};
use crate::strips::kernel::{HALF, REACH, ROWS, TAPS, TILE, Tile, WIDEST};
use crate::strips::level::{Ring, Shape};
use crate::strips::processor::Processor;
use crate::strips::unchanged::is_unchanged;

/// Sums over one row: per colour and kind (structure, artefacts, lost detail) the values and their
/// fourth powers.
pub(super) type RowSums = [[[f64; 2]; 3]; 3];

pub(super) struct Scale {
    width: usize,
    height: usize,
    plan: Plan,
    weights: [f32; HALF],
    /// Rows from [`RADIUS`] above the picture to as many below; three colours one after the other.
    ring: Ring,
    /// Numbers from one colour of a row to the next.
    segment: usize,
    /// The row of the ring that arrives next.
    next: usize,
    /// Rows that are still to be added up.
    todo: Range<usize>,
    pub(super) sums: Vec<RowSums>,
    pub(super) maps: Option<[[Vec<f32>; 2]; 3]>,
    /// The upper of two rows that are halved together.
    above: Light,
    halved: Option<Light>,
}

impl Scale {
    pub(super) fn new(width: usize, height: usize, plan: Plan, want_maps: bool) -> Self {
        let segment = (width + TAPS - 1).next_multiple_of(WIDEST);
        let shape = Shape { width: 3 * segment, height: height + 2 * RADIUS, channels: 1 };
        let (next, todo) = (plan.rows.start, plan.rows.clone());
        Self {
            width,
            height,
            weights: weights(),
            ring: Ring::new(shape),
            segment,
            next,
            sums: Vec::with_capacity(todo.len()),
            todo,
            maps: want_maps.then(|| {
                let map = || vec![0.0; plan.rows.len() * width];
                std::array::from_fn(|_| std::array::from_fn(|_| map()))
            }),
            above: Light::new(width),
            halved: Some(Light::new(width.div_ceil(2))),
            plan,
        }
    }

    /// Leaves every row at 0, where both pictures are the same.
    pub(super) fn leave_unchanged(&mut self) {
        self.sums.extend(self.todo.clone().map(|_| RowSums::default()));
        self.todo.start = self.todo.end;
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes row `y` of light; rows arrive from above to below.
    pub(super) fn take(&mut self, processor: Processor, y: usize, light: &Light, tile: &mut Tile) {
        // Of the rows that only the coarser scales need, nothing is kept.
        if self.todo.is_empty() || y + RADIUS < self.plan.rows.start {
            return;
        }
        while self.next < y + RADIUS {
            self.arrive(processor, None, tile);
        }
        self.arrive(processor, Some(light), tile);
        if y + 1 == self.height {
            while !self.todo.is_empty() {
                self.arrive(processor, None, tile);
            }
        }
    }

    /// The next row of the ring, `None` for one beyond the picture, and what it completes.
    fn arrive(&mut self, processor: Processor, light: Option<&Light>, tile: &mut Tile) {
        let (sum, difference) = self.ring.row_mut(self.next);
        self.next += 1;
        for (row, shift) in sum.chunks_exact_mut(self.segment).zip(SHIFT) {
            let inside = if light.is_some() { RADIUS..RADIUS + self.width } else { 0..0 };
            row[..inside.start].fill(-shift);
            row[inside.end..].fill(-shift);
        }
        match light {
            None => difference.fill(0.0),
            Some(light) => {
                let inside = RADIUS..RADIUS + self.width;
                let [sum, difference]: [[&mut [f32]; 3]; 2] = [sum, difference].map(|row| {
                    let mut colours = row.chunks_exact_mut(self.segment);
                    std::array::from_fn(|_| match colours.next() {
                        Some(colour) => &mut colour[inside.clone()],
                        None => &mut [],
                    })
                });
                let [reference, candidate] =
                    [0, 1].map(|i| light.of[i].each_ref().map(Vec::as_slice));
                let colours = SumAndDifference { reference, candidate, sum, difference };
                if light.unchanged {
                    processor.run(OfOnePicture(colours));
                } else {
                    processor.run(colours);
                }
            }
        }
        while !self.todo.is_empty() {
            let rows = self.todo.len().min(ROWS);
            if self.next < self.todo.start + rows + TAPS - 1 {
                return;
            }
            self.compute(processor, rows, tile);
            self.todo.start += rows;
        }
    }

    fn compute(&mut self, processor: Processor, rows: usize, tile: &mut Tile) {
        let mut sums = [RowSums::default(); ROWS];
        let numbers = 2 * self.segment + self.width;
        for x in (0..numbers).step_by(TILE) {
            let length = TILE.min(numbers - x);
            let mut pair: [[&[f32]; REACH]; 2] = [[&[]; REACH]; 2];
            self.ring.pass_rows(self.todo.start, x, self.next - 1, &mut pair);
            let [sum, difference] = &pair;
            if is_unchanged(difference, length + TAPS - 1) {
                continue;
            }
            let weights = self.weights;
            processor.run(Pass { sum, difference, length, weights, tile });
            for (row, sums) in sums.iter_mut().enumerate().take(rows) {
                for (colour, sums) in sums.iter_mut().enumerate() {
                    // The part of the tile that lies in this colour.
                    let first = colour * self.segment;
                    let from = first.max(x);
                    let to = (first + self.width).min(x + length);
                    if from >= to {
                        continue;
                    }
                    let part = from - x..to - x;
                    let structure = &tile.result(0, row)[part.clone()];
                    let edges = &tile.result(1, row)[part];
                    processor.run_closure(
                        #[inline(always)]
                        || add_up(structure, edges, sums),
                    );
                    if let Some(maps) = &mut self.maps {
                        let line = self.todo.start + row - self.plan.rows.start;
                        let span = line * self.width + from - first..;
                        let [of_structure, of_edges] = &mut maps[colour];
                        of_structure[span.clone()][..structure.len()].copy_from_slice(structure);
                        of_edges[span][..edges.len()].copy_from_slice(edges);
                    }
                }
            }
        }
        self.sums.extend(&sums[..rows]);
    }

    /// Keeps row `y` of light if it is the upper of two, or halves it with the one above it.
    ///
    /// The row of the next scale, when it is `wanted` and complete; it is to be given back.
    pub(super) fn halve(
        &mut self,
        processor: Processor,
        y: usize,
        light: &mut Light,
        wanted: bool,
    ) -> Option<Light> {
        if !wanted {
            return None;
        }
        let upper = y.is_multiple_of(2);
        if upper && y + 1 < self.height {
            std::mem::swap(&mut self.above, light);
            return None;
        }
        let mut halved = self.halved.take()?;
        let above = if upper { &*light } else { &self.above };
        processor.run_closure(
            #[inline(always)]
            || halved.halve(above, light),
        );
        Some(halved)
    }

    /// Takes back what [`halve`](Self::halve) gave, to be used again.
    pub(super) fn give_back(&mut self, halved: Light) {
        self.halved = Some(halved);
    }
}

/// Adds the positions of one colour: running sums of at most 31 numbers in f32, which is exact to a
/// few units in the last place, and the rest in f64.
#[inline(always)]
fn add_up(structure: &[f32], edges: &[f32], sums: &mut [[f64; 2]; 3]) {
    let mut lanes = [[0.0_f32; WIDEST]; 6];
    let (structure, rest) = structure.as_chunks::<WIDEST>();
    let (edges, rest_of_edges) = edges.as_chunks::<WIDEST>();
    for (structure, edges) in structure.iter().zip(edges) {
        add_lanes(structure, edges, &mut lanes);
    }
    let mut last = [[0.0; WIDEST]; 2];
    last[0][..rest.len()].copy_from_slice(rest);
    last[1][..rest.len()].copy_from_slice(rest_of_edges);
    add_lanes(&last[0], &last[1], &mut lanes);
    for (sum, lanes) in sums.iter_mut().flatten().zip(lanes) {
        for lane in lanes {
            *sum += f64::from(lane);
        }
    }
}

#[inline(always)]
fn add_lanes(structure: &[f32; WIDEST], edges: &[f32; WIDEST], sums: &mut [[f32; WIDEST]; 6]) {
    for lane in 0..WIDEST {
        let (v, e) = (structure[lane], edges[lane]);
        let (artefact, lost) = (e.max(0.0), (-e).max(0.0));
        let (v2, a2, l2) = (v * v, artefact * artefact, lost * lost);
        sums[0][lane] += v;
        sums[1][lane] += v2 * v2;
        sums[2][lane] += artefact;
        sums[3][lane] += a2 * a2;
        sums[4][lane] += lost;
        sums[5][lane] += l2 * l2;
    }
}
