//! The pool behind a first convolution: windows within the rows of a task while these are in the second cache, those
//! across the rows of two tasks when both are there.

use std::ops::Range;

use rayon::prelude::*;

use crate::blocks::Blocks;
use crate::disjoint::Disjoint;
use crate::lanes::Line;
use crate::max_pool::MaxPool;
use crate::processor::Processor;

/// A pool without padding, and what it gives.
pub(super) struct Pooling<'a> {
    pool: MaxPool,
    /// Height and width of what is pooled.
    size: [usize; 2],
    /// Rows and columns of windows.
    windows: [usize; 2],
    to: Disjoint<'a, Line>,
}

impl<'a> Pooling<'a> {
    /// `pooled` has the shape that follows from `size`.
    pub(super) fn new(pool: &MaxPool, size: [usize; 2], pooled: &'a mut Blocks) -> Self {
        let [_, _, rows, columns] = pooled.shape();
        Self { pool: *pool, size, windows: [rows, columns], to: Disjoint::new(pooled.lines_mut()) }
    }

    /// Rows of windows that need nothing but some rows.
    fn windows_within(&self, rows: &Range<usize>) -> Range<usize> {
        let Range { start, end } = self.pool.windows_within(rows, self.size[0]);
        start.min(self.windows[0])..end.min(self.windows[0])
    }

    /// Pools what `rows` of a plane, `from`, are enough for. To be called once for any rows of a plane.
    pub(super) fn within(
        &self,
        processor: Processor,
        plane: usize,
        rows: &Range<usize>,
        from: &[Line],
    ) {
        let windows = self.windows_within(rows);
        if windows.is_empty() {
            return;
        }
        let above = windows.start * self.pool.stride - rows.start;
        self.pool_windows(processor, plane, windows, &from[above * self.size[1]..]);
    }

    /// Pools what is left when the rows of all tasks are there.
    pub(super) fn between(self, processor: Processor, tasks: &[Range<usize>], from: &Blocks) {
        let within: Vec<Range<usize>> =
            tasks.iter().map(|rows| self.windows_within(rows)).filter(|w| !w.is_empty()).collect();
        let begins = std::iter::once(0).chain(within.iter().map(|windows| windows.end));
        let ends = within.iter().map(|windows| windows.start).chain([self.windows[0]]);
        let left: Vec<Range<usize>> =
            begins.zip(ends).map(|(begin, end)| begin..end).filter(|w| !w.is_empty()).collect();
        let [height, width] = self.size;
        let planes = from.lines().par_chunks_exact(height * width).enumerate();
        planes.for_each(|(plane, from)| {
            for windows in &left {
                let above = windows.start * self.pool.stride;
                self.pool_windows(processor, plane, windows.clone(), &from[above * width..]);
            }
        });
    }

    fn pool_windows(
        &self,
        processor: Processor,
        plane: usize,
        windows: Range<usize>,
        from: &[Line],
    ) {
        let [rows, columns] = self.windows;
        let first = (plane * rows + windows.start) * columns;
        // SAFETY: windows are pooled once, by the task whose rows they are within or after all tasks, and each row of
        // them is a part of its own.
        #[allow(unsafe_code)]
        let to = unsafe { self.to.part(first..first + windows.len() * columns) };
        self.pool.rows(processor, self.size[1], from, columns, to);
    }
}
