//! Pools of two by two positions of planes, and their derivatives.
//!
//! The last row or column of an odd plane belongs to no window. The largest of a window is the first
//! where there are several; a window that holds what is no number has no largest number.

use rayon::prelude::*;

use crate::elementwise::check;
use crate::lanes::{LANES, Lanes};
use crate::processor::Kernel;
use crate::{Error, Processor, Result};

/// What becomes of the four numbers of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The largest.
    Largest,
    /// The mean.
    Mean,
}

/// `output[p][y][x]` of the windows of `input`, which is `planes` × height × width numbers; the output
/// has half the height and width, rounded down.
///
/// # Errors
/// [`Error::Shape`] where a dimension is zero, [`Error::TooSmall`] below 2 × 2, [`Error::Count`].
pub fn pool_planes(
    processor: Processor,
    pool: Pool,
    [planes, height, width]: [usize; 3],
    input: &[f32],
    output: &mut [f32],
) -> Result<()> {
    let size = halves([planes, height, width])?;
    check("input", input, planes * height * width)?;
    check("output", output, planes * size)?;
    input.par_chunks(height * width).zip(output.par_chunks_mut(size)).for_each(|(from, to)| {
        processor.run(Forward { pool, width, from, to });
    });
    Ok(())
}

/// The derivative of [`pool_planes`] for its input.
///
/// # Errors
/// As [`pool_planes`].
pub fn pool_planes_backward(
    processor: Processor,
    pool: Pool,
    [planes, height, width]: [usize; 3],
    input: &[f32],
    upstream: &[f32],
    gradient: &mut [f32],
) -> Result<()> {
    let size = halves([planes, height, width])?;
    check("input", input, planes * height * width)?;
    check("upstream gradient", upstream, planes * size)?;
    check("gradient", gradient, input.len())?;
    input
        .par_chunks(height * width)
        .zip(upstream.par_chunks(size))
        .zip(gradient.par_chunks_mut(height * width))
        .for_each(|((from, upstream), to)| {
            processor.run(Backward { pool, width, from, upstream, to });
        });
    Ok(())
}

/// Windows of a plane.
fn halves(shape: [usize; 3]) -> Result<usize> {
    if shape.contains(&0) {
        return Err(Error::Shape { what: "planes", shape: shape.to_vec() });
    }
    match shape[1].min(shape[2]) {
        found if found < 2 => Err(Error::TooSmall { window: 2, found }),
        _ => Ok((shape[1] / 2) * (shape[2] / 2)),
    }
}

struct Forward<'a> {
    pool: Pool,
    width: usize,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    // The compiler finds the vectors itself, for the instructions that the lanes stand for.
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let rows = self.from.chunks_exact(2 * self.width);
        for (pair, to) in rows.zip(self.to.chunks_exact_mut(self.width / 2)) {
            let (upper, lower) = pair.split_at(self.width);
            let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
            match self.pool {
                Pool::Largest => {
                    for ((to, &[a, b]), &[c, d]) in to.iter_mut().zip(upper).zip(lower) {
                        *to = larger(larger(larger(a, b), c), d);
                    }
                }
                Pool::Mean => {
                    for ((to, &[a, b]), &[c, d]) in to.iter_mut().zip(upper).zip(lower) {
                        *to = ((a + b) + (c + d)) * 0.25;
                    }
                }
            }
        }
    }
}

/// Whether `b` is taken after `a`.
#[inline(always)]
fn beats(b: f32, a: f32) -> bool {
    (b > a) | b.is_nan()
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if beats(b, a) { b } else { a }
}

struct Backward<'a> {
    pool: Pool,
    width: usize,
    from: &'a [f32],
    upstream: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let width = self.width;
        let windows = self.upstream.len() / (width / 2);
        self.to[2 * windows * width..].fill(0.0);
        let rows = self.from.chunks_exact(2 * width).zip(self.upstream.chunks_exact(width / 2));
        for ((from, upstream), to) in rows.zip(self.to.chunks_exact_mut(2 * width)) {
            let (upper, lower) = from.split_at(width);
            let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
            let (to_upper, to_lower) = to.split_at_mut(width);
            let (to_upper, upper_rest) = to_upper.as_chunks_mut::<2>();
            let (to_lower, lower_rest) = to_lower.as_chunks_mut::<2>();
            upper_rest.fill(0.0);
            lower_rest.fill(0.0);
            match self.pool {
                Pool::Largest => {
                    let mut done = 0;
                    if !from.iter().fold(false, |any, number| any | number.is_nan()) {
                        done = upstream.len() / HALF * HALF;
                        let to = [&mut to_upper[..done], &mut to_lower[..done]];
                        largest_of_rows(lanes, [&upper[..done], &lower[..done]], upstream, to);
                    }
                    for i in done..upstream.len() {
                        [to_upper[i], to_lower[i]] = largest(upper[i], lower[i], upstream[i]);
                    }
                }
                Pool::Mean => {
                    for ((upper_to, lower_to), &g) in
                        to_upper.iter_mut().zip(to_lower).zip(upstream)
                    {
                        *upper_to = [g * 0.25; 2];
                        *lower_to = [g * 0.25; 2];
                    }
                }
            }
        }
    }
}

/// Windows of a vector.
const HALF: usize = LANES / 2;

/// As [`largest`] for windows of two rows, as many as fill vectors, without a number that is none.
#[inline(always)]
fn largest_of_rows<L: Lanes>(
    lanes: L,
    from: [&[[f32; 2]]; 2],
    upstream: &[f32],
    to: [&mut [[f32; 2]]; 2],
) {
    let [upper, lower] = from.map(|row| row.as_flattened().as_chunks::<LANES>().0);
    let [to_upper, to_lower] = to.map(|row| row.as_flattened_mut().as_chunks_mut::<LANES>().0);
    let upstream = &upstream.as_chunks::<HALF>().0[..upper.len()];
    let lower = &lower[..upper.len()];
    let (to_upper, to_lower) = (&mut to_upper[..upper.len()], &mut to_lower[..upper.len()]);
    let (zero, half) = (lanes.splat(0.0), lanes.splat(0.5));
    let is_odd = lanes.read(&std::array::from_fn(|lane| (lane % 2) as f32));
    for i in 0..upstream.len() {
        let g = lanes.read_twice(&upstream[i]);
        let (upper, lower) = (lanes.read(&upper[i]), lanes.read(&lower[i]));
        let (beside, beside_lower) = (lanes.swap_neighbours(upper), lanes.swap_neighbours(lower));
        let (largest, largest_lower) =
            (lanes.larger(upper, beside), lanes.larger(lower, beside_lower));
        // Of equal numbers the first is taken: the upper row, and in a row the even lane.
        let above = lanes.where_less(largest, largest_lower, zero, g);
        let below = lanes.where_less(largest, largest_lower, g, zero);
        let even = lanes.where_less(upper, beside, zero, above);
        let odd = lanes.where_less(beside, upper, above, zero);
        lanes.write(&mut to_upper[i], lanes.where_less(is_odd, half, even, odd));
        let even = lanes.where_less(lower, beside_lower, zero, below);
        let odd = lanes.where_less(beside_lower, lower, below, zero);
        lanes.write(&mut to_lower[i], lanes.where_less(is_odd, half, even, odd));
    }
}

/// An upstream number at the largest of its window, for the upper and the lower row.
#[inline(always)]
fn largest([a, b]: [f32; 2], [c, d]: [f32; 2], g: f32) -> [[f32; 2]; 2] {
    let second = beats(b, a);
    let best = if second { b } else { a };
    let third = beats(c, best);
    let best = if third { c } else { best };
    if beats(d, best) {
        [[0.0; 2], [0.0, g]]
    } else if third {
        [[0.0; 2], [g, 0.0]]
    } else if second {
        [[0.0, g], [0.0; 2]]
    } else {
        [[g, 0.0], [0.0; 2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        // Few values, so that windows have several largest numbers.
        (0..count).map(|i| (i * 7919 % 13) as f32 - 6.0).collect()
    }

    #[test]
    fn values_and_derivatives_of_all_sizes() {
        for [planes, height, width] in [[1, 2, 2], [2, 3, 5], [3, 7, 66], [5, 64, 33]] {
            let shape = [planes, height, width];
            let x = numbers(planes * height * width);
            let (rows, columns) = (height / 2, width / 2);
            let g: Vec<f32> = (0..planes * rows * columns).map(|i| i as f32 + 1.0).collect();
            for processor in Processor::available() {
                for pool in [Pool::Largest, Pool::Mean] {
                    let mut y = vec![9.0; g.len()];
                    let mut slope = vec![9.0; x.len()];
                    pool_planes(processor, pool, shape, &x, &mut y).unwrap();
                    pool_planes_backward(processor, pool, shape, &x, &g, &mut slope).unwrap();
                    let mut exact = vec![0.0; x.len()];
                    for (window, &g) in g.iter().enumerate() {
                        let (plane, at) = (window / (rows * columns), window % (rows * columns));
                        let corner = (plane * height + at / columns * 2) * width + at % columns * 2;
                        let places = [corner, corner + 1, corner + width, corner + width + 1];
                        if pool == Pool::Mean {
                            let sum: f32 = places.iter().map(|&place| x[place]).sum();
                            assert_eq!(y[window], sum / 4.0);
                            places.iter().for_each(|&place| exact[place] = g / 4.0);
                        } else {
                            let first = places.into_iter().reduce(|best, place| {
                                if x[place] > x[best] { place } else { best }
                            });
                            assert_eq!(y[window], x[first.unwrap()]);
                            exact[first.unwrap()] = g;
                        }
                    }
                    assert_eq!(slope, exact);
                }
            }
        }
    }

    #[test]
    fn nan_is_kept_and_shapes_are_checked() {
        for processor in Processor::available() {
            for place in 0..4 {
                let mut x = [1.0, 2.0, 3.0, 4.0];
                x[place] = f32::NAN;
                let (mut y, mut slope) = ([0.0], [9.0; 4]);
                let shape = [1, 2, 2];
                pool_planes(processor, Pool::Largest, shape, &x, &mut y).unwrap();
                assert!(y[0].is_nan());
                pool_planes_backward(processor, Pool::Largest, shape, &x, &[1.0], &mut slope)
                    .unwrap();
                assert_eq!(slope.iter().sum::<f32>(), 1.0);
                assert!(pool_planes(processor, Pool::Mean, [1, 1, 4], &x, &mut y).is_err());
                assert!(pool_planes(processor, Pool::Mean, [0, 2, 2], &x, &mut y).is_err());
                assert!(pool_planes(processor, Pool::Mean, [1, 2, 3], &x, &mut y).is_err());
            }
        }
    }
    #[test]
    fn one_nan_among_many_windows_takes_its_own() {
        let (mut x, g) = (numbers(2 * 40), [1.0; 20]);
        for processor in Processor::available() {
            let (mut plain, mut slope) = ([9.0; 80], [9.0; 80]);
            let pool = Pool::Largest;
            x[47] = 0.0;
            pool_planes_backward(processor, pool, [1, 2, 40], &x, &g, &mut plain).unwrap();
            x[47] = f32::NAN;
            pool_planes_backward(processor, pool, [1, 2, 40], &x, &g, &mut slope).unwrap();
            for place in [6, 7, 46, 47] {
                plain[place] = if place == 47 { 1.0 } else { 0.0 };
            }
            assert_eq!(slope, plain);
        }
    }
}
