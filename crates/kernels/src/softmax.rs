//! Softmax over the last dimension, and its derivative from the output.
//!
//! A row whose largest number is infinite, and one that holds what is no number, has no softmax: all
//! of it becomes NaN. Sums run over lanes first, then across them; a row is one task's.

use rayon::prelude::*;

use crate::elementwise::check;
use crate::exponential::exp;
use crate::lanes::{LANES, Lanes};
use crate::processor::Kernel;
use crate::rows::{only_end, read_end, rows, write_end};
use crate::{Processor, Result};

/// Numbers of one task, at least.
const CHUNK: usize = 1 << 14;

/// `output[r][i] = exp(input[r][i]) / Σ_j exp(input[r][j])` for rows of `length` numbers.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the numbers are no rows of that length, [`Error::Count`](crate::Error::Count).
pub fn softmax(
    processor: Processor,
    length: usize,
    input: &[f32],
    output: &mut [f32],
) -> Result<()> {
    rows(length, input)?;
    check("output", output, input.len())?;
    let chunk = CHUNK.div_ceil(length) * length;
    input.par_chunks(chunk).zip(output.par_chunks_mut(chunk)).for_each(|(input, output)| {
        processor.run(Forward { length, input, output });
    });
    Ok(())
}

/// `gradient = output·(upstream − Σ output·upstream)`, row by row; `output` is what [`softmax`] gave.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the numbers are no rows of that length, [`Error::Count`](crate::Error::Count).
pub fn softmax_backward(
    processor: Processor,
    length: usize,
    output: &[f32],
    upstream: &[f32],
    gradient: &mut [f32],
) -> Result<()> {
    rows(length, output)?;
    check("upstream gradient", upstream, output.len())?;
    check("gradient", gradient, output.len())?;
    let chunk = CHUNK.div_ceil(length) * length;
    output
        .par_chunks(chunk)
        .zip(upstream.par_chunks(chunk))
        .zip(gradient.par_chunks_mut(chunk))
        .for_each(|((output, upstream), gradient)| {
            processor.run(Backward { length, output, upstream, gradient });
        });
    Ok(())
}

struct Forward<'a> {
    length: usize,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let rows = self.input.chunks_exact(self.length);
        for (input, output) in rows.zip(self.output.chunks_exact_mut(self.length)) {
            forward(lanes, input, output);
        }
    }
}

#[inline(always)]
fn forward<L: Lanes>(lanes: L, x: &[f32], y: &mut [f32]) {
    let has_end = !x.len().is_multiple_of(LANES);
    let lowest = lanes.splat(f32::NEG_INFINITY);
    let end = read_end(lanes, x);
    let mut largest = only_end(lanes, x.len(), end, lowest);
    for numbers in x.as_chunks::<LANES>().0 {
        largest = lanes.at_least(lanes.read(numbers), largest);
    }
    let largest = lanes.splat(lanes.largest(largest));
    let mut sum = lanes.splat(0.0);
    for (x, y) in x.as_chunks::<LANES>().0.iter().zip(y.as_chunks_mut::<LANES>().0) {
        let power = exp(lanes, lanes.sub(lanes.read(x), largest));
        sum = lanes.add(sum, power);
        lanes.write(y, power);
    }
    let mut end_power = sum;
    if has_end {
        end_power = exp(lanes, lanes.sub(end, largest));
        sum = lanes.add(sum, only_end(lanes, x.len(), end_power, lanes.splat(0.0)));
    }
    let inverse = lanes.splat(1.0 / lanes.sum(sum));
    for numbers in y.as_chunks_mut::<LANES>().0 {
        let power = lanes.read(numbers);
        lanes.write(numbers, lanes.mul(power, inverse));
    }
    if has_end {
        write_end(lanes, y, lanes.mul(end_power, inverse));
    }
}

struct Backward<'a> {
    length: usize,
    output: &'a [f32],
    upstream: &'a [f32],
    gradient: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let rows = self.output.chunks_exact(self.length);
        let rows = rows.zip(self.upstream.chunks_exact(self.length));
        for ((y, g), to) in rows.zip(self.gradient.chunks_exact_mut(self.length)) {
            backward(lanes, y, g, to);
        }
    }
}

#[inline(always)]
fn backward<L: Lanes>(lanes: L, y: &[f32], g: &[f32], to: &mut [f32]) {
    let zero = lanes.splat(0.0);
    let (end_y, end_g) = (read_end(lanes, y), read_end(lanes, g));
    let mut sum = zero;
    if !y.len().is_multiple_of(LANES) {
        sum = only_end(lanes, y.len(), lanes.mul(end_y, end_g), zero);
    }
    let (lines, upstream) = (y.as_chunks::<LANES>().0, g.as_chunks::<LANES>().0);
    for (y, g) in lines.iter().zip(upstream) {
        sum = lanes.mul_add(lanes.read(y), lanes.read(g), sum);
    }
    let sum = lanes.splat(lanes.sum(sum));
    for ((y, g), to) in lines.iter().zip(upstream).zip(to.as_chunks_mut::<LANES>().0) {
        lanes.write(to, lanes.mul(lanes.read(y), lanes.sub(lanes.read(g), sum)));
    }
    if !y.len().is_multiple_of(LANES) {
        write_end(lanes, to, lanes.mul(end_y, lanes.sub(end_g, sum)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(row: &[f32]) -> Vec<f64> {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f64> = row.iter().map(|&x| f64::from(x - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|power| power / sum).collect()
    }

    fn numbers(count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 % 1013) as f32 / 506.5 - 1.0) * scale).collect()
    }

    #[test]
    fn rows_of_any_length() {
        for processor in Processor::available() {
            for (count, length) in [(3, 1), (5, 3), (4, 16), (3, 33), (2, 197), (1, 5000)] {
                let input = numbers(count * length, 6.0);
                let upstream = numbers(count * length, 1.5);
                let mut output = vec![9.0; input.len()];
                let mut gradient = output.clone();
                softmax(processor, length, &input, &mut output).unwrap();
                softmax_backward(processor, length, &output, &upstream, &mut gradient).unwrap();
                for row in 0..count {
                    let at = row * length..(row + 1) * length;
                    let y = exact(&input[at.clone()]);
                    let g: Vec<f64> = upstream[at.clone()].iter().map(|&g| g.into()).collect();
                    let sum: f64 = y.iter().zip(&g).map(|(y, g)| y * g).sum();
                    for (i, place) in at.enumerate() {
                        assert!((f64::from(output[place]) - y[i]).abs() < 1e-6 * y[i] + 1e-12);
                        let exact = y[i] * (g[i] - sum);
                        assert!((f64::from(gradient[place]) - exact).abs() < 3e-6 * y[i] + 1e-12);
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_among_others_and_for_any_number_of_threads() {
        let (count, length) = (400, 197);
        let input = numbers(count * length, 4.0);
        for processor in Processor::available() {
            let mut output = vec![0.0; input.len()];
            softmax(processor, length, &input, &mut output).unwrap();
            for threads in [1, 2, 3, 7] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut again = vec![0.0; input.len()];
                pool.install(|| softmax(processor, length, &input, &mut again)).unwrap();
                assert_eq!(output, again);
            }
            let mut alone = vec![0.0; length];
            softmax(processor, length, &input[length * 9..length * 10], &mut alone).unwrap();
            assert_eq!(alone, output[length * 9..length * 10]);
        }
    }

    #[test]
    fn what_is_not_finite() {
        for processor in Processor::available() {
            for bad in [f32::NAN, f32::INFINITY] {
                for place in [0, 17, 33] {
                    let mut input = numbers(34, 1.0);
                    input[place] = bad;
                    let mut output = vec![0.0; 34];
                    softmax(processor, 34, &input, &mut output).unwrap();
                    assert!(output.iter().all(|y| y.is_nan()));
                }
            }
            let mut output = [9.0; 2];
            softmax(processor, 2, &[f32::NEG_INFINITY, 3.0], &mut output).unwrap();
            assert_eq!(output, [0.0, 1.0]);
            assert!(softmax(processor, 3, &[0.0; 4], &mut [0.0; 4]).is_err());
            assert!(softmax(processor, 0, &[], &mut []).is_err());
        }
    }
}
