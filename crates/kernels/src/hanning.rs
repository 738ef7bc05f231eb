//! The pooling of DISTS: the root of the mean square under a 3×3 Hanning window at every second
//! position, with zeros around.

use rayon::prelude::*;

use crate::Result;
use crate::blocks::Blocks;
use crate::convolution::Padding;
use crate::direct::expect_shape;
use crate::lanes::{LANES, Lanes, Line};
use crate::processor::{Kernel, Processor};

/// The inner values of a Hanning window of five along one axis, scaled to sum to one.
const WINDOW: [f32; 3] = [0.25, 0.5, 0.25];
/// The root keeps a distance from 0, where its derivative is infinite.
const EPSILON: f32 = 1e-12;

/// Pools batch × channels × height × width to ⌈height / 2⌉ × ⌈width / 2⌉.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where there is no input.
pub fn hanning_pool(processor: Processor, input: &Blocks, output: &mut Blocks) -> Result<()> {
    let [batch, channels, height, width] = input.shape();
    let [rows, columns] = size(height, width)?;
    output.reshape([batch, channels, rows, columns])?;
    let depth = input.depth();
    output
        .lines_mut()
        .par_chunks_exact_mut(rows * columns)
        .zip(input.lines().par_chunks_exact(height * width))
        .enumerate()
        .for_each(|(block, (to, from))| {
            let present = LANES.min(channels - block % depth * LANES);
            processor.run(Forward { size: [height, width], columns, present, from, to });
        });
    Ok(())
}

/// The derivative with respect to the input of [`hanning_pool`], given that with respect to `output`,
/// which it wrote.
///
/// # Errors
/// [`Error::Dimension`](crate::Error::Dimension) where `output` or `upstream` has not the shape that
/// `input` gives, and as [`hanning_pool`].
pub fn hanning_pool_gradient(
    processor: Processor,
    input: &Blocks,
    output: &Blocks,
    upstream: &Blocks,
    gradient: &mut Blocks,
) -> Result<()> {
    let [batch, channels, height, width] = input.shape();
    let [rows, columns] = size(height, width)?;
    let expected = [batch, channels, rows, columns];
    expect_shape(expected, output.shape())?;
    expect_shape(expected, upstream.shape())?;
    gradient.reshape(input.shape())?;
    let depth = input.depth();
    gradient
        .lines_mut()
        .par_chunks_exact_mut(height * width)
        .zip(input.lines().par_chunks_exact(height * width))
        .zip(output.lines().par_chunks_exact(rows * columns))
        .zip(upstream.lines().par_chunks_exact(rows * columns))
        .enumerate()
        .for_each(|(block, (((to, from), output), upstream))| {
            let present = LANES.min(channels - block % depth * LANES);
            let pooled = [output, upstream];
            processor.run(Backward { width, columns, present, from, pooled, to });
        });
    Ok(())
}

fn size(height: usize, width: usize) -> Result<[usize; 2]> {
    Padding::each(1).output([height, width], [3, 3], 2)
}

struct Forward<'a> {
    size: [usize; 2],
    columns: usize,
    /// Lanes with a channel.
    present: usize,
    from: &'a [Line],
    to: &'a mut [Line],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let [height, width] = self.size;
        for (row, to) in self.to.chunks_exact_mut(self.columns).enumerate() {
            for (column, to) in to.iter_mut().enumerate() {
                let mut sum = lanes.splat(EPSILON);
                for (a, down) in WINDOW.into_iter().enumerate() {
                    let y = (2 * row + a).wrapping_sub(1);
                    if y >= height {
                        continue;
                    }
                    let line = &self.from[y * width..][..width];
                    for (b, across) in WINDOW.into_iter().enumerate() {
                        let x = (2 * column + b).wrapping_sub(1);
                        if x < width {
                            let value = lanes.load(&line[x]);
                            let weight = lanes.splat(down * across);
                            sum = lanes.mul_add(lanes.mul(value, value), weight, sum);
                        }
                    }
                }
                lanes.store(to, lanes.sqrt(sum));
                to.0[self.present..].fill(0.0);
            }
        }
    }
}

struct Backward<'a> {
    width: usize,
    columns: usize,
    /// Lanes with a channel.
    present: usize,
    from: &'a [Line],
    /// The output and what is upstream of it.
    pooled: [&'a [Line]; 2],
    to: &'a mut [Line],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let [output, upstream] = self.pooled;
        let rows = output.len() / self.columns;
        let lines = self.to.chunks_exact_mut(self.width).zip(self.from.chunks_exact(self.width));
        for (y, (to, from)) in lines.enumerate() {
            for (x, (to, from)) in to.iter_mut().zip(from).enumerate() {
                // Windows around every second position: an odd one lies under two, at weight ¼ each.
                let (mut sum, value) = (lanes.splat(0.0), lanes.load(from));
                for row in y / 2..(y.div_ceil(2) + 1).min(rows) {
                    for column in x / 2..(x.div_ceil(2) + 1).min(self.columns) {
                        let weight = WINDOW[y + 1 - 2 * row] * WINDOW[x + 1 - 2 * column];
                        let place = row * self.columns + column;
                        let root = lanes.load(&output[place]);
                        let slope = lanes.div(lanes.load(&upstream[place]), root);
                        sum = lanes.mul_add(slope, lanes.splat(weight), sum);
                    }
                }
                lanes.store(to, lanes.mul(sum, value));
                to.0[self.present..].fill(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{
        assert_near, assert_same_for_any_threads, assert_spare_lanes_are_zero, blocks, noise,
    };

    /// Outputs in double precision, and the products that each is the root of.
    fn definition(
        shape: [usize; 4],
        input: &[f32],
        mut act: impl FnMut(usize, usize, f64),
    ) -> Vec<f64> {
        let [batch, channels, height, width] = shape;
        let [rows, columns] = size(height, width).unwrap();
        let mut squares = vec![f64::from(EPSILON); batch * channels * rows * columns];
        for (place, square) in squares.iter_mut().enumerate() {
            let (plane, row, column) =
                (place / rows / columns, place / columns % rows, place % columns);
            for (a, b) in (0..3).flat_map(|a| (0..3).map(move |b| (a, b))) {
                let (y, x) = ((2 * row + a).wrapping_sub(1), (2 * column + b).wrapping_sub(1));
                if y < height && x < width {
                    let from = (plane * height + y) * width + x;
                    let weight = f64::from(WINDOW[a] * WINDOW[b]);
                    *square += weight * f64::from(input[from]).powi(2);
                    act(place, from, weight);
                }
            }
        }
        squares.iter().map(|square| square.sqrt()).collect()
    }

    #[test]
    fn values_and_derivatives_are_the_definition() {
        for shape in [[1, 16, 8, 6], [2, 19, 7, 9], [1, 3, 1, 1], [2, 33, 2, 5]] {
            let mut planes = noise(shape.iter().product(), 1);
            let half = planes.len() / 2;
            planes[..half].fill(0.0);
            let mut products = Vec::new();
            let expected = definition(shape, &planes, |to, from, weight| {
                products.push((to, from, weight));
            });
            let upstream = noise(expected.len(), 2);
            let mut slopes = vec![0.0; planes.len()];
            for (to, from, weight) in products {
                slopes[from] +=
                    weight * f64::from(upstream[to]) / expected[to] * f64::from(planes[from]);
            }
            let input = blocks(shape, &planes);
            for processor in Processor::available() {
                let (mut output, mut gradient) = (Blocks::new(), Blocks::new());
                hanning_pool(processor, &input, &mut output).unwrap();
                assert_near(&output.to_planes(), &expected, 1e-6);
                let upstream = blocks(output.shape(), &upstream);
                hanning_pool_gradient(processor, &input, &output, &upstream, &mut gradient)
                    .unwrap();
                assert_near(&gradient.to_planes(), &slopes, 1e-5);
                assert_spare_lanes_are_zero(&output);
                assert_spare_lanes_are_zero(&gradient);
            }
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads_and_shapes_are_checked() {
        let processor = Processor::best();
        let mut planes = noise(2 * 40 * 23 * 30, 3);
        planes[5] = f32::NAN;
        let input = blocks([2, 40, 23, 30], &planes);
        assert_same_for_any_threads(|| {
            let (mut output, mut gradient) = (Blocks::new(), Blocks::new());
            hanning_pool(processor, &input, &mut output).unwrap();
            hanning_pool_gradient(processor, &input, &output, &output, &mut gradient).unwrap();
            assert!(output.to_planes()[2].is_nan());
            [output.to_planes(), gradient.to_planes()].concat()
        });
        let mut other = Blocks::new();
        assert!(hanning_pool_gradient(processor, &input, &input, &input, &mut other).is_err());
    }
}
