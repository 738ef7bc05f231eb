//! The part of an input that one task reads, with zeros around it.
//!
//! Windows at the edge reach beyond the input. A task copies the rows that it needs into scratch memory
//! with the zeros in place, so that no inner loop asks where the edge is; where nothing reaches beyond,
//! it reads the input itself.

use std::ops::Range;

use bytemuck::Zeroable;

use crate::lanes::Line;

/// Planes of an input as the windows of one task see them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a, T = Line> {
    /// A line, or a number, for each position.
    pub(crate) lines: &'a [T],
    /// Lines from one plane of channels to the next.
    pub(crate) plane: usize,
    /// Lines from one row to the next.
    pub(crate) row: usize,
    /// Row and column of the input at which the view begins.
    pub(crate) origin: [isize; 2],
}

impl<T> View<'_, T> {
    /// Where a position of the input stands in a plane.
    #[inline(always)]
    pub(crate) fn place(&self, row: isize, column: isize) -> usize {
        (row - self.origin[0]) as usize * self.row + (column - self.origin[1]) as usize
    }
}

/// Rows and columns of an input, possibly beyond its edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) rows: Range<isize>,
    pub(crate) columns: Range<isize>,
}

impl Region {
    /// Whether all of it lies in an input of this size.
    pub(crate) fn within(&self, [height, width]: [usize; 2]) -> bool {
        let fits =
            |range: &Range<isize>, length: usize| range.start >= 0 && range.end <= length as isize;
        fits(&self.rows, height) && fits(&self.columns, width)
    }

    /// Lines of one plane. They are odd in number, so that the same position of all planes does not
    /// fall into one set of the cache.
    pub(crate) fn plane(&self) -> usize {
        (self.rows.len() * self.columns.len()) | 1
    }

    /// Copies it from planes of `height` × `width`, with zeros where there is nothing.
    pub(crate) fn copy<'a, T: Copy + Zeroable>(
        &self,
        planes: &[T],
        [height, width]: [usize; 2],
        to: &'a mut [T],
    ) -> View<'a, T> {
        let (plane, row) = (self.plane(), self.columns.len());
        let inside = |range: &Range<isize>, length: usize| {
            let bound = |end: isize| end.clamp(0, length as isize);
            bound(range.start)..bound(range.end).max(bound(range.start))
        };
        let columns = inside(&self.columns, width);
        for (from, to) in planes.chunks_exact(height * width).zip(to.chunks_exact_mut(plane)) {
            for (y, to) in self.rows.clone().zip(to.chunks_exact_mut(row.max(1))) {
                if y < 0 || y >= height as isize || columns.is_empty() {
                    to.fill(T::zeroed());
                    continue;
                }
                let before = (columns.start - self.columns.start) as usize;
                let from =
                    &from[y as usize * width..][columns.start as usize..columns.end as usize];
                to[..before].fill(T::zeroed());
                to[before..before + from.len()].copy_from_slice(from);
                to[before + from.len()..].fill(T::zeroed());
            }
        }
        View { lines: to, plane, row, origin: [self.rows.start, self.columns.start] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_is_zero() {
        let planes: Vec<Line> = (1..=24).map(|n| Line([n as f32; 16])).collect();
        for (rows, columns) in [(-1..2, -2..5), (1..4, 0..3), (-3..-1, 0..2), (3..6, 5..7)] {
            let region = Region { rows, columns };
            let mut to = vec![Line([9.0; 16]); 2 * region.plane()];
            let view = region.copy(&planes, [3, 4], &mut to);
            for plane in 0..2 {
                for y in region.rows.clone() {
                    for x in region.columns.clone() {
                        let found = view.lines[plane * view.plane + view.place(y, x)].0[3];
                        let inside = (0..3).contains(&y) && (0..4).contains(&x);
                        let expected = plane as isize * 12 + y * 4 + x + 1;
                        assert_eq!(found, if inside { expected as f32 } else { 0.0 });
                    }
                }
            }
        }
        assert!(Region { rows: 0..3, columns: 1..4 }.within([3, 4]));
        assert!(!Region { rows: 0..4, columns: 1..4 }.within([3, 4]));
    }
}
