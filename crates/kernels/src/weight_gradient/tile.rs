//! A tile of sums over the positions of a chunk.

use crate::lanes::{Lanes, Line};

/// Rows of sums in registers together.
pub(super) const ROWS: usize = 6;

/// Where the numbers of both sides stand.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    /// The numbers that are spread.
    pub(super) numbers: &'a [f32],
    /// Rows of positions, and positions of a row.
    pub(super) positions: [usize; 2],
    /// Numbers from a row of positions to the next; positions of a row are neighbours.
    pub(super) row: usize,
    /// Lines from a row of positions to the next, and from a position to the next.
    pub(super) lines: [usize; 2],
}

/// `sums[r][w] += Σ walk.numbers[firsts[r] + position] · lines[position + w]` for all of `firsts` and for
/// `width` lines; `sums` are `stride` lines apart.
#[inline(always)]
pub(super) fn tiles<L: Lanes>(
    lanes: L,
    walk: Walk<'_>,
    firsts: &[usize],
    lines: &[Line],
    width: usize,
    sums: &mut [Line],
    stride: usize,
) {
    let panels = width.div_ceil(L::PANEL);
    let panel = width.div_ceil(panels);
    let mut first = 0;
    while first < width {
        let (from, to) = (&lines[first..], &mut sums[first..]);
        match panel.min(width - first) {
            4 => rows::<L, 4>(lanes, walk, firsts, from, to, stride),
            3 => rows::<L, 3>(lanes, walk, firsts, from, to, stride),
            2 => rows::<L, 2>(lanes, walk, firsts, from, to, stride),
            _ => rows::<L, 1>(lanes, walk, firsts, from, to, stride),
        }
        first += panel;
    }
}

#[inline(always)]
fn rows<L: Lanes, const W: usize>(
    lanes: L,
    walk: Walk<'_>,
    firsts: &[usize],
    from: &[Line],
    to: &mut [Line],
    stride: usize,
) {
    match *firsts {
        [a, b, c, d, e, f] => tile::<L, _, W>(lanes, walk, [a, b, c, d, e, f], from, to, stride),
        [a, b, c, d, e] => tile::<L, _, W>(lanes, walk, [a, b, c, d, e], from, to, stride),
        [a, b, c, d] => tile::<L, _, W>(lanes, walk, [a, b, c, d], from, to, stride),
        [a, b, c] => tile::<L, _, W>(lanes, walk, [a, b, c], from, to, stride),
        [a, b] => tile::<L, _, W>(lanes, walk, [a, b], from, to, stride),
        [a] => tile::<L, _, W>(lanes, walk, [a], from, to, stride),
        _ => {}
    }
}

#[inline(always)]
fn tile<L: Lanes, const R: usize, const W: usize>(
    lanes: L,
    walk: Walk<'_>,
    firsts: [usize; R],
    from: &[Line],
    to: &mut [Line],
    stride: usize,
) {
    let mut sums = [[lanes.splat(0.0); W]; R];
    for r in 0..R {
        let line = &to[r * stride..][..W];
        for w in 0..W {
            sums[r][w] = lanes.load(&line[w]);
        }
    }
    let [height, width] = walk.positions;
    for y in 0..height {
        let mut rows = [walk.numbers; R];
        for r in 0..R {
            rows[r] = &walk.numbers[firsts[r] + y * walk.row..][..width];
        }
        let lines = &from[y * walk.lines[0]..];
        for x in 0..width {
            let mut right = [lanes.splat(0.0); W];
            let position = &lines[x * walk.lines[1]..][..W];
            for w in 0..W {
                right[w] = lanes.load(&position[w]);
            }
            for r in 0..R {
                let left = lanes.splat(rows[r][x]);
                for w in 0..W {
                    sums[r][w] = lanes.mul_add(left, right[w], sums[r][w]);
                }
            }
        }
    }
    for r in 0..R {
        let line = &mut to[r * stride..][..W];
        for w in 0..W {
            lanes.store(&mut line[w], sums[r][w]);
        }
    }
}
