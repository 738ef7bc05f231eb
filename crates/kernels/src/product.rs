//! Products of matrices whose right side was packed before.
//!
//! Six rows by [`PANEL`](Lanes::PANEL) lines of sums stay in registers while the shared dimension runs
//! past them. Every number is summed in the same order whatever stands in the other rows, so a row has
//! the same bits alone and among others.

use crate::bfloat16::HasPairs;
use crate::lanes::{Lanes, Line};
use crate::prefetch::prefetch_for_later;

/// Rows whose sums are in registers together.
pub(crate) const ROWS: usize = 6;

/// A matrix of `depth` × 16·`lines` numbers, cut into panels of at most `panel` lines; in a panel, the
/// lines of one row after those of the row before.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) depth: usize,
    pub(crate) lines: usize,
    pub(crate) panel: usize,
}

impl Packed {
    /// Where the line `line` of row `row` stands.
    pub(crate) fn place(&self, row: usize, line: usize) -> usize {
        let first = line / self.panel * self.panel;
        let width = self.panel.min(self.lines - first);
        first * self.depth + row * width + (line - first)
    }

    /// Lines of the whole.
    pub(crate) fn len(&self) -> usize {
        self.depth * self.lines
    }
}

/// What is added to a sum for two numbers of 32 bits.
pub(crate) trait Terms: Copy {
    /// Makes a left side of what it is given as: of numbers in single precision.
    fn prepare<L: Lanes>(self, lanes: L, left: &mut [Line]);

    fn add<L: Lanes>(self, lanes: L, a: L::V, b: L::V, sum: L::V) -> L::V;
}

/// Their product.
#[derive(Clone, Copy)]
pub(crate) struct Singly;

impl Terms for Singly {
    #[inline(always)]
    fn prepare<L: Lanes>(self, _: L, _: &mut [Line]) {}

    #[inline(always)]
    fn add<L: Lanes>(self, lanes: L, a: L::V, b: L::V, sum: L::V) -> L::V {
        lanes.mul_add(a, b, sum)
    }
}

impl Terms for HasPairs {
    /// Pairs go to where their numbers stood, from the front.
    #[inline(always)]
    fn prepare<L: Lanes>(self, lanes: L, left: &mut [Line]) {
        let mut at = 0;
        while at < left.len() {
            let second = left.get(at + 1).map_or(lanes.splat(0.0), |line| lanes.load(line));
            let pairs = lanes.pairs(self, [lanes.load(&left[at]), second]);
            lanes.store(&mut left[at / 2], pairs);
            at += 2;
        }
    }

    #[inline(always)]
    fn add<L: Lanes>(self, lanes: L, a: L::V, b: L::V, sum: L::V) -> L::V {
        lanes.add_pairs(self, a, b, sum)
    }
}

/// `to[t] = Σ_k a[t][k]·b[k]` for rows of `a`, which are `shape.depth` numbers each, or pairs; `to` has
/// `shape.lines` lines per row. What follows in `b` is asked for ahead, panel by panel: filters of many channels come
/// from far away, and all at once in the first rows. So is `upcoming`, the left side of the next product, in the last.
#[inline(always)]
pub(crate) fn product<L: Lanes, T: Terms>(
    lanes: L,
    terms: T,
    shape: &Packed,
    a: &[f32],
    b: &[Line],
    to: &mut [Line],
    upcoming: &[Line],
) {
    let (depth, lines) = (shape.depth, shape.lines);
    let rows = to.len() / lines;
    let a = &a[..rows * depth];
    let mut first = 0;
    while first < lines {
        let width = L::PANEL.min(lines - first);
        let (panel, ahead) = b[first * depth..].split_at(width * depth);
        let ahead = &ahead[..ahead.len().min(panel.len())];
        let upcoming = if first + width < lines { &[] } else { upcoming };
        let (panels, to) = ([panel, ahead, upcoming], &mut to[first..]);
        match width {
            4 => panel_of::<L, T, 4>(lanes, terms, depth, a, panels, to, lines),
            3 => panel_of::<L, T, 3>(lanes, terms, depth, a, panels, to, lines),
            2 => panel_of::<L, T, 2>(lanes, terms, depth, a, panels, to, lines),
            _ => panel_of::<L, T, 1>(lanes, terms, depth, a, panels, to, lines),
        }
        first += width;
    }
}

#[inline(always)]
fn panel_of<L: Lanes, T: Terms, const W: usize>(
    lanes: L,
    terms: T,
    depth: usize,
    mut a: &[f32],
    [b, mut asked @ ..]: [&[Line]; 3],
    mut to: &mut [Line],
    stride: usize,
) {
    let rows = a.len() / depth;
    let tiles = rows.div_ceil(ROWS);
    let shares = asked.map(|lines| lines.len().div_ceil(tiles.max(1)));
    for index in 0..tiles {
        // As even as they can be: few rows would wait for their filters.
        let count = rows / tiles + usize::from(index < rows % tiles);
        let mut now = [b, &[], &[]];
        for n in 0..2 {
            (now[n + 1], asked[n]) = asked[n].split_at(shares[n].min(asked[n].len()));
        }
        match count {
            ROWS => tile::<L, T, ROWS, W>(lanes, terms, depth, a, now, to, stride),
            5 => tile::<L, T, 5, W>(lanes, terms, depth, a, now, to, stride),
            4 => tile::<L, T, 4, W>(lanes, terms, depth, a, now, to, stride),
            3 => tile::<L, T, 3, W>(lanes, terms, depth, a, now, to, stride),
            2 => tile::<L, T, 2, W>(lanes, terms, depth, a, now, to, stride),
            _ => tile::<L, T, 1, W>(lanes, terms, depth, a, now, to, stride),
        }
        a = &a[count * depth..];
        to = std::mem::take(&mut to).get_mut(count * stride..).unwrap_or_default();
    }
}

#[inline(always)]
fn tile<L: Lanes, T: Terms, const R: usize, const W: usize>(
    lanes: L,
    terms: T,
    depth: usize,
    a: &[f32],
    [b, asked @ ..]: [&[Line]; 3],
    to: &mut [Line],
    stride: usize,
) {
    let (b, _) = b.as_chunks::<W>();
    let b = &b[..depth];
    let mut rows = [a; R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &a[r * depth..][..depth];
    }
    let mut sums = [[lanes.splat(0.0); W]; R];
    for k in 0..depth {
        for lines in asked {
            prefetch_for_later(lines, 2 * k);
            prefetch_for_later(lines, 2 * k + 1);
        }
        let mut right = [lanes.splat(0.0); W];
        for w in 0..W {
            right[w] = lanes.load(&b[k][w]);
        }
        for r in 0..R {
            let left = lanes.splat(rows[r][k]);
            for w in 0..W {
                sums[r][w] = terms.add(lanes, left, right[w], sums[r][w]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processor::{Kernel, Processor};

    struct Run<'a>(&'a Packed, &'a [f32], &'a [Line], &'a mut [Line]);

    impl Kernel for Run<'_> {
        type Output = ();

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) {
            product(lanes, Singly, self.0, self.1, self.2, self.3, &[]);
        }
    }

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let next = |state: &mut u32| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some((*state >> 8) as f32 / (1 << 23) as f32 - 1.0)
        };
        std::iter::successors(Some(seed), |_| None)
            .flat_map(|mut state| std::iter::repeat_with(move || next(&mut state)))
            .flatten()
            .take(count)
            .collect()
    }

    #[test]
    fn it_is_the_product_and_rows_do_not_see_each_other() {
        for (rows, depth, lines) in [(1, 1, 1), (6, 16, 4), (13, 37, 7), (29, 64, 2), (5, 3, 11)] {
            let a = numbers(rows * depth, 1);
            let plain = numbers(depth * lines * 16, 2);
            for processor in Processor::available() {
                let shape = Packed { depth, lines, panel: processor.panel() };
                let mut b = vec![Line::ZERO; shape.len()];
                for k in 0..depth {
                    for line in 0..lines {
                        let from = &plain[(k * lines + line) * 16..][..16];
                        b[shape.place(k, line)].0.copy_from_slice(from);
                    }
                }
                let mut to = vec![Line::ZERO; rows * lines];
                processor.run(Run(&shape, &a, &b, &mut to));
                for t in 0..rows {
                    for n in 0..lines * 16 {
                        let terms = (0..depth).map(|k| {
                            f64::from(a[t * depth + k]) * f64::from(plain[k * lines * 16 + n])
                        });
                        let expected: f64 = terms.sum();
                        let found = f64::from(to[t * lines + n / 16].0[n % 16]);
                        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
                    }
                    let mut alone = vec![Line::ZERO; lines];
                    processor.run(Run(&shape, &a[t * depth..][..depth], &b, &mut alone));
                    assert_eq!(alone, to[t * lines..][..lines]);
                }
            }
        }
    }
}
