//! The comparison at the heart of LPIPS: activations of length one at every position, their squared
//! differences weighted per channel.
//!
//! With `u = f / (|f| + ε)` over the channels of a position, the distance there is
//! `Σ w·(u(a) − u(b))²`. The derivative with respect to `f` is `g/(n + ε) − f·(g·f)/(n(n + ε)²)` for
//! `n = |f|` and `g = −2w·(u(a) − u(f))`; where `n` is 0 the formula has none, and 0 is taken.
//!
//! Each position is read twice while it is in the first cache: for the lengths, then for the
//! differences. Sums over channels are in single precision, sixteen partial sums each; equal
//! activations give exactly 0.

use std::ops::Range;

use rayon::prelude::*;

use crate::blocks::PictureBlocks;
use crate::direct::channel_lines;
use crate::disjoint::Disjoint;
use crate::lanes::{LANES, Lanes, Line};
use crate::prefetch::prefetch_for_later;
use crate::processor::{Kernel, Processor};
use crate::{Error, Result};

/// Positions by which memory is asked for before it is read.
const AHEAD: usize = LANES;

/// Added to lengths, so that a position without activations has a direction of zeros.
const EPSILON: f32 = 1e-10;

/// The comparison under the weights of one tap.
#[derive(Clone, Debug)]
pub struct UnitDistance {
    processor: Processor,
    channels: usize,
    weights: Vec<Line>,
}

impl UnitDistance {
    /// Weights, one per channel.
    pub fn new(processor: Processor, weights: &[f32]) -> Self {
        Self { processor, channels: weights.len(), weights: channel_lines(weights) }
    }

    /// Channels that it weighs.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Distances at positions of two pictures, run after run.
    ///
    /// # Errors
    /// [`Error::Dimension`] when shapes differ, channels are not those of the weights, or a run reaches
    /// beyond the plane.
    pub fn distances(
        &self,
        a: PictureBlocks<'_>,
        b: PictureBlocks<'_>,
        runs: &[Range<usize>],
    ) -> Result<Vec<f32>> {
        self.check(a, b, runs)?;
        let mut all = vec![0.0; runs.iter().map(Range::len).sum()];
        let mut tasks = Vec::with_capacity(runs.len());
        let mut rest = all.as_mut_slice();
        for run in runs {
            let (to, after) = rest.split_at_mut(run.len());
            tasks.push((run.clone(), to));
            rest = after;
        }
        tasks.into_par_iter().for_each(|(positions, to)| {
            let pair = self.pair(a, b);
            self.processor.run(Distances { pair, positions, to });
        });
        Ok(all)
    }

    /// Writes `scale` times the derivatives of the sum of all distances with respect to `b`, at
    /// positions of runs that do not overlap, into lines like those of `b`.
    ///
    /// # Errors
    /// As [`distances`](Self::distances); [`Error::Dimension`] as well when `derivatives` has not as
    /// many lines as `b` or runs are not in order.
    pub fn derive(
        &self,
        a: PictureBlocks<'_>,
        b: PictureBlocks<'_>,
        runs: &[Range<usize>],
        scale: f32,
        derivatives: &mut [Line],
    ) -> Result<()> {
        self.check(a, b, runs)?;
        let (expected, found) = (b.lines().len(), derivatives.len());
        if expected != found {
            return Err(Error::Dimension { what: "lines of derivatives", expected, found });
        }
        let mut end = 0;
        for run in runs {
            if run.start < end {
                return Err(Error::Dimension {
                    what: "start of a run",
                    expected: end,
                    found: run.start,
                });
            }
            end = run.end;
        }
        let shared = Disjoint::new(derivatives);
        runs.into_par_iter().for_each(|run| {
            let (pair, positions) = (self.pair(a, b), run.clone());
            self.processor.run(Derivatives { pair, positions, scale, to: &shared });
        });
        Ok(())
    }

    fn check(
        &self,
        a: PictureBlocks<'_>,
        b: PictureBlocks<'_>,
        runs: &[Range<usize>],
    ) -> Result<()> {
        let end = runs.iter().map(|run| run.end).max().unwrap_or(0);
        let ([channels, rows, columns], found) = (a.shape(), b.shape());
        for (what, expected, found) in [
            ("channels of the first activations", self.channels, channels),
            ("channels of the second activations", self.channels, found[0]),
            ("rows of the second activations", rows, found[1]),
            ("columns of the second activations", columns, found[2]),
            ("end of the last run", end.min(a.area()), end),
        ] {
            if expected != found {
                return Err(Error::Dimension { what, expected, found });
            }
        }
        Ok(())
    }

    fn pair<'a>(&'a self, a: PictureBlocks<'a>, b: PictureBlocks<'a>) -> Pair<'a> {
        Pair { a: a.lines(), b: b.lines(), area: a.area(), weights: &self.weights }
    }
}

#[derive(Clone, Copy)]
struct Pair<'a> {
    a: &'a [Line],
    b: &'a [Line],
    area: usize,
    weights: &'a [Line],
}

impl Pair<'_> {
    /// Sixteen partial sums each of the squares of both activations at a position.
    #[inline(always)]
    fn squares<L: Lanes>(&self, lanes: L, position: usize) -> [L::V; 2] {
        let mut squares = [lanes.splat(0.0); 2];
        for block in 0..self.weights.len() {
            let at = block * self.area + position;
            // There are more channels than a processor follows by itself.
            prefetch_for_later(self.a, at + AHEAD);
            prefetch_for_later(self.b, at + AHEAD);
            let (x, y) = (lanes.load(&self.a[at]), lanes.load(&self.b[at]));
            squares[0] = lanes.mul_add(x, x, squares[0]);
            squares[1] = lanes.mul_add(y, y, squares[1]);
        }
        squares
    }

    /// Sixteen partial sums of the weighted squared differences at a position.
    #[inline(always)]
    fn differences<L: Lanes>(&self, lanes: L, position: usize, factors: [f32; 2]) -> L::V {
        let [a, b] = factors.map(|factor| lanes.splat(factor));
        let mut sum = lanes.splat(0.0);
        for block in 0..self.weights.len() {
            let at = block * self.area + position;
            // Both are rounded, so that equal activations have no difference.
            let x = lanes.mul(lanes.load(&self.a[at]), a);
            let y = lanes.mul(lanes.load(&self.b[at]), b);
            let difference = lanes.sub(x, y);
            let weighted = lanes.mul(lanes.load(&self.weights[block]), difference);
            sum = lanes.mul_add(weighted, difference, sum);
        }
        sum
    }
}

impl Pair<'_> {
    /// The derivative of the distance at a position with respect to the unit vector of `b`, times a
    /// scale, and the activations of `b`, in one block. `factors` are one over both lengths and −2·scale.
    #[inline(always)]
    fn outer<L: Lanes>(
        &self,
        lanes: L,
        block: usize,
        position: usize,
        factors: [f32; 3],
    ) -> (L::V, L::V) {
        let at = block * self.area + position;
        let y = lanes.load(&self.b[at]);
        let x = lanes.mul(lanes.load(&self.a[at]), lanes.splat(factors[0]));
        let difference = lanes.sub(x, lanes.mul(y, lanes.splat(factors[1])));
        let weight = lanes.mul(lanes.load(&self.weights[block]), lanes.splat(factors[2]));
        (lanes.mul(weight, difference), y)
    }
}

/// The sums of sixteen times sixteen partial sums, in the order of [`Lanes::sum`].
#[inline(always)]
fn sums<L: Lanes>(lanes: L, parts: [L::V; LANES]) -> L::V {
    let mut parts = lanes.transpose(parts);
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            parts[i] = lanes.add(parts[i], parts[i + half]);
        }
        half /= 2;
    }
    parts[0]
}

/// `1 / (√squares + ε)`
#[inline(always)]
fn factors<L: Lanes>(lanes: L, squares: L::V) -> Line {
    let mut line = Line::ZERO;
    let length = lanes.add(lanes.sqrt(squares), lanes.splat(EPSILON));
    lanes.store(&mut line, lanes.div(lanes.splat(1.0), length));
    line
}

struct Distances<'a> {
    pair: Pair<'a>,
    positions: Range<usize>,
    to: &'a mut [f32],
}

impl Kernel for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { pair, positions, to } = self;
        let zero = lanes.splat(0.0);
        // Sixteen positions at a time, so that sums over lanes, roots and quotients are vectors.
        for (group, to) in to.chunks_mut(LANES).enumerate() {
            let first = positions.start + group * LANES;
            let mut squares = [[zero; LANES]; 2];
            for i in 0..to.len() {
                let [a, b] = pair.squares(lanes, first + i);
                squares[0][i] = a;
                squares[1][i] = b;
            }
            let a = factors(lanes, sums(lanes, squares[0]));
            let b = factors(lanes, sums(lanes, squares[1]));
            let mut parts = [zero; LANES];
            for i in 0..to.len() {
                parts[i] = pair.differences(lanes, first + i, [a.0[i], b.0[i]]);
            }
            let mut line = Line::ZERO;
            lanes.store(&mut line, sums(lanes, parts));
            to.copy_from_slice(&line.0[..to.len()]);
        }
    }
}

struct Derivatives<'a> {
    pair: Pair<'a>,
    positions: Range<usize>,
    scale: f32,
    to: &'a Disjoint<'a, Line>,
}

impl Kernel for Derivatives<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { pair, positions, scale, to } = self;
        for position in positions {
            let [of_a, of_b] = pair.squares(lanes, position);
            let length = lanes.sum(of_b).sqrt();
            let a = 1.0 / (lanes.sum(of_a).sqrt() + EPSILON);
            let b = 1.0 / (length + EPSILON);
            let factors = [a, b, -2.0 * scale];
            let mut along = lanes.splat(0.0);
            for block in 0..pair.weights.len() {
                let (g, y) = pair.outer(lanes, block, position, factors);
                along = lanes.mul_add(g, y, along);
            }
            let back = lanes.sum(along) / (length + EPSILON) / (length + EPSILON) / length;
            let back = lanes.splat(back);
            for block in 0..pair.weights.len() {
                let mut line = Line::ZERO;
                if length > 0.0 {
                    let (g, y) = pair.outer(lanes, block, position, factors);
                    lanes.store(
                        &mut line,
                        lanes.negate_mul_add(y, back, lanes.mul(g, lanes.splat(b))),
                    );
                }
                let at = block * pair.area + position;
                // SAFETY: runs are in order without overlap, and each is one task.
                #[allow(unsafe_code)]
                let to = unsafe { to.part(at..at + 1) };
                to[0] = line;
            }
        }
    }
}

// A run is a range, and one run is a slice of one.
#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;
    use crate::blocks::Blocks;

    fn blocks(shape: [usize; 4], number: impl Fn(usize) -> f32) -> Blocks {
        let mut blocks = Blocks::new();
        let planes: Vec<f32> = (0..shape.iter().product()).map(number).collect();
        blocks.read_planes(shape, &planes).unwrap();
        blocks
    }

    fn first(blocks: &Blocks) -> PictureBlocks<'_> {
        blocks.picture(0).unwrap()
    }

    #[test]
    fn distances_are_weighted_squares_of_unit_vectors() {
        // Two channels, three positions: equal directions, right angles, one without activations.
        let a = [3.0, 1.0, 0.0, 4.0, 0.0, 0.0];
        let b = [6.0, 0.0, 0.0, 8.0, 2.0, 5.0];
        let [a, b] = [a, b].map(|numbers| blocks([1, 2, 1, 3], |i| numbers[i]));
        for processor in Processor::available() {
            let distance = UnitDistance::new(processor, &[2.0, 10.0]);
            let found = distance.distances(first(&a), first(&b), &[0..1, 1..3]).unwrap();
            for (found, expected) in found.iter().zip([0.0, 12.0, 10.0]) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
            assert_eq!(distance.distances(first(&a), first(&a), &[0..3]).unwrap(), [0.0; 3]);
        }
    }

    #[test]
    fn many_channels_are_as_in_double_precision() {
        let shape = [1, 70, 5, 7];
        let a = |i: usize| ((i * 37) % 101) as f32 / 50.0;
        let b = |i: usize| ((i * 53) % 97) as f32 / 40.0;
        let weights: Vec<f32> = (0..70).map(|c| (c % 7) as f32 / 3.0).collect();
        for processor in Processor::available() {
            let distance = UnitDistance::new(processor, &weights);
            let (x, y) = (blocks(shape, a), blocks(shape, b));
            let found = distance.distances(first(&x), first(&y), &[3..35]).unwrap();
            for (index, found) in found.into_iter().enumerate() {
                let of = |number: &dyn Fn(usize) -> f32| -> Vec<f64> {
                    let f: Vec<f64> =
                        (0..70).map(|c| f64::from(number(c * 35 + index + 3))).collect();
                    let length = f.iter().map(|f| f * f).sum::<f64>().sqrt();
                    f.into_iter().map(|f| f / length).collect()
                };
                let terms = of(&a).into_iter().zip(of(&b)).zip(&weights);
                let expected: f64 =
                    terms.map(|((x, y), &w)| f64::from(w) * (x - y) * (x - y)).sum();
                assert!((f64::from(found) - expected).abs() < 1e-6 * expected);
            }
        }
    }

    #[test]
    fn derivatives_are_slopes_and_zero_where_there_is_no_direction() {
        let shape = [1, 3, 2, 2];
        let a = blocks(shape, |i| ((i * 5) % 7) as f32 / 3.0);
        let number = |i: usize| if i % 4 == 2 { 0.0 } else { ((i * 4) % 9) as f32 / 4.0 + 0.5 };
        for processor in Processor::available() {
            let distance = UnitDistance::new(processor, &[0.5, 2.0, 1.0]);
            let mut derivatives = blocks(shape, |_| f32::NAN);
            let runs = [0..3, 3..4];
            let b = blocks(shape, number);
            distance.derive(first(&a), first(&b), &runs, 0.25, derivatives.lines_mut()).unwrap();
            for (at, found) in derivatives.to_planes().into_iter().enumerate() {
                if at % 4 == 2 {
                    assert_eq!(found, 0.0);
                    continue;
                }
                let sum = |step: f32| {
                    let b = blocks(shape, |i| if i == at { number(i) + step } else { number(i) });
                    let all = distance.distances(first(&a), first(&b), &runs).unwrap();
                    0.25 * all.iter().map(|&d| f64::from(d)).sum::<f64>()
                };
                let step = 1.0 / 128.0;
                let slope = (sum(step) - sum(-step)) / (2.0 * f64::from(step));
                assert!((f64::from(found) - slope).abs() < 1e-4, "{at}: {found} {slope}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let distance = UnitDistance::new(Processor::best(), &[1.0; 3]);
        let a = blocks([1, 3, 2, 2], |_| 1.0);
        for shape in [[1, 3, 2, 3], [1, 4, 2, 2]] {
            let other = blocks(shape, |_| 1.0);
            assert!(distance.distances(first(&a), first(&other), &[]).is_err());
        }
        assert!(distance.distances(first(&a), first(&a), &[0..5]).is_err());
        let mut derivatives = a.clone();
        for (runs, lines) in [([0..2, 1..3], 4), ([0..2, 2..4], 3)] {
            let derivatives = &mut derivatives.lines_mut()[..lines];
            assert!(distance.derive(first(&a), first(&a), &runs, 1.0, derivatives).is_err());
        }
    }
}
