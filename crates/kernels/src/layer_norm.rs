//! Layer normalisation over the last dimension, with weight and bias, and its derivatives.
//!
//! Mean and variance (of the population) come from two passes over a row, which stays in the first
//! cache. The derivatives of weight and bias are sums over rows: fixed groups of rows are summed apart
//! and added in order, so that the bits do not depend on the number of threads.

use rayon::prelude::*;

use crate::elementwise::check;
use crate::lanes::{LANES, Lanes, Line};
use crate::processor::Kernel;
use crate::rows::{only_end, read_end, rows, write_end};
use crate::scratch::with_lines;
use crate::{Processor, Result};

/// Numbers of one task, at least.
const CHUNK: usize = 1 << 14;
/// Groups of rows whose sums are kept, at most.
const GROUPS: usize = 64;

/// What a layer normalisation has learnt.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// One factor per feature.
    pub weight: &'a [f32],
    /// One summand per feature.
    pub bias: &'a [f32],
    /// What is added to the variance.
    pub epsilon: f32,
}

/// Where the derivatives of a layer normalisation go.
#[derive(Debug)]
pub struct LayerNormGradients<'a> {
    /// Rows × features.
    pub input: &'a mut [f32],
    /// One number per feature.
    pub weight: &'a mut [f32],
    /// One number per feature.
    pub bias: &'a mut [f32],
}

/// `output = (input − mean)·rstd·weight + bias` for rows of as many features as there are weights;
/// `statistics` gets the mean and `rstd = 1/√(variance + ε)` of every row.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the numbers are no rows,
/// [`Error::Count`](crate::Error::Count).
pub fn layer_norm(
    processor: Processor,
    norm: LayerNorm<'_>,
    input: &[f32],
    output: &mut [f32],
    statistics: &mut [[f32; 2]],
) -> Result<()> {
    let length = norm.weight.len();
    let count = rows(length, input)?;
    check("bias", norm.bias, length)?;
    check("output", output, input.len())?;
    check("statistics", statistics.as_flattened(), 2 * count)?;
    let per_task = CHUNK.div_ceil(length);
    input
        .par_chunks(per_task * length)
        .zip(output.par_chunks_mut(per_task * length))
        .zip(statistics.par_chunks_mut(per_task))
        .for_each(|((input, output), statistics)| {
            processor.run(Forward { norm, input, output, statistics });
        });
    Ok(())
}

/// The derivatives for input, weight and bias from what [`layer_norm`] read and noted.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the numbers are no rows,
/// [`Error::Count`](crate::Error::Count).
pub fn layer_norm_backward(
    processor: Processor,
    weight: &[f32],
    input: &[f32],
    statistics: &[[f32; 2]],
    upstream: &[f32],
    gradients: LayerNormGradients<'_>,
) -> Result<()> {
    let length = weight.len();
    let count = rows(length, input)?;
    check("statistics", statistics.as_flattened(), 2 * count)?;
    check("upstream gradient", upstream, input.len())?;
    check("gradient of the input", gradients.input, input.len())?;
    check("gradient of the weight", gradients.weight, length)?;
    check("gradient of the bias", gradients.bias, length)?;
    let per_task = CHUNK.div_ceil(length).max(count.div_ceil(GROUPS));
    let width = length.div_ceil(LANES);
    with_lines(2 * width * count.div_ceil(per_task), |sums| {
        input
            .par_chunks(per_task * length)
            .zip(upstream.par_chunks(per_task * length))
            .zip(statistics.par_chunks(per_task))
            .zip(gradients.input.par_chunks_mut(per_task * length))
            .zip(sums.par_chunks_mut(2 * width))
            .for_each(|((((input, upstream), statistics), gradient), sums)| {
                processor.run(Backward { weight, input, upstream, statistics, gradient, sums });
            });
        for (half, to) in [gradients.weight, gradients.bias].into_iter().enumerate() {
            to.fill(0.0);
            for group in sums.chunks_exact(2 * width) {
                let group: &[f32] = bytemuck::cast_slice(&group[half * width..][..width]);
                // The last line is filled from its end.
                let (whole, end) = (length / LANES * LANES, length % LANES);
                let sums = group[..whole].iter().chain(&group[group.len() - end..]);
                for (to, sum) in to.iter_mut().zip(sums) {
                    *to += sum;
                }
            }
        }
    });
    Ok(())
}

struct Forward<'a> {
    norm: LayerNorm<'a>,
    input: &'a [f32],
    output: &'a mut [f32],
    statistics: &'a mut [[f32; 2]],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let length = self.norm.weight.len();
        let rows = self.input.chunks_exact(length).zip(self.output.chunks_exact_mut(length));
        for ((input, output), statistics) in rows.zip(self.statistics) {
            *statistics = forward(lanes, self.norm, input, output);
        }
    }
}

#[inline(always)]
fn forward<L: Lanes>(lanes: L, norm: LayerNorm<'_>, x: &[f32], y: &mut [f32]) -> [f32; 2] {
    let count = x.len() as f32;
    let (zero, has_end) = (lanes.splat(0.0), !x.len().is_multiple_of(LANES));
    let (end, length) = (read_end(lanes, x), x.len());
    let mut rest = zero;
    if has_end {
        rest = only_end(lanes, length, end, zero);
    }
    let lines = x.as_chunks::<LANES>().0;
    let (fours, ones) = lines.as_chunks::<4>();
    let mut sums = [rest, zero, zero, zero];
    for four in fours {
        for i in 0..4 {
            sums[i] = lanes.add(sums[i], lanes.read(&four[i]));
        }
    }
    for one in ones {
        sums[0] = lanes.add(sums[0], lanes.read(one));
    }
    let average = total(lanes, sums) / count;

    let mean = lanes.splat(average);
    let end = lanes.sub(end, mean);
    if has_end {
        rest = only_end(lanes, length, lanes.mul(end, end), zero);
    }
    let mut sums = [rest, zero, zero, zero];
    for four in fours {
        for i in 0..4 {
            let centred = lanes.sub(lanes.read(&four[i]), mean);
            sums[i] = lanes.mul_add(centred, centred, sums[i]);
        }
    }
    for one in ones {
        let centred = lanes.sub(lanes.read(one), mean);
        sums[0] = lanes.mul_add(centred, centred, sums[0]);
    }
    let deviation = 1.0 / (total(lanes, sums) / count + norm.epsilon).sqrt();

    let rstd = lanes.splat(deviation);
    let weight = norm.weight.as_chunks::<LANES>().0;
    let bias = norm.bias.as_chunks::<LANES>().0;
    for (((x, y), w), b) in lines.iter().zip(y.as_chunks_mut::<LANES>().0).zip(weight).zip(bias) {
        let normal = lanes.mul(lanes.sub(lanes.read(x), mean), rstd);
        lanes.write(y, lanes.mul_add(normal, lanes.read(w), lanes.read(b)));
    }
    if has_end {
        let (weight, bias) = (read_end(lanes, norm.weight), read_end(lanes, norm.bias));
        write_end(lanes, y, lanes.mul_add(lanes.mul(end, rstd), weight, bias));
    }
    [average, deviation]
}

#[inline(always)]
fn total<L: Lanes>(lanes: L, sums: [L::V; 4]) -> f32 {
    lanes.sum(lanes.add(lanes.add(sums[0], sums[1]), lanes.add(sums[2], sums[3])))
}

struct Backward<'a> {
    weight: &'a [f32],
    input: &'a [f32],
    upstream: &'a [f32],
    statistics: &'a [[f32; 2]],
    gradient: &'a mut [f32],
    /// Those of the weight, then those of the bias.
    sums: &'a mut [Line],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let length = self.weight.len();
        self.sums.fill(Line::ZERO);
        let rows = self.input.chunks_exact(length).zip(self.upstream.chunks_exact(length));
        let rows = rows.zip(self.gradient.chunks_exact_mut(length)).zip(self.statistics);
        for (((x, g), to), &statistics) in rows {
            backward(lanes, self.weight, statistics, x, g, to, self.sums);
        }
    }
}

#[inline(always)]
fn backward<L: Lanes>(
    lanes: L,
    weight: &[f32],
    [mean, deviation]: [f32; 2],
    x: &[f32],
    g: &[f32],
    to: &mut [f32],
    sums: &mut [Line],
) {
    let share = 1.0 / x.len() as f32;
    let (mean_line, rstd) = (lanes.splat(mean), lanes.splat(deviation));
    let (zero, length) = (lanes.splat(0.0), x.len());
    let has_end = !length.is_multiple_of(LANES);
    let (weight_sums, bias_sums) = sums.split_at_mut(sums.len() / 2);

    let end_normal = lanes.mul(lanes.sub(read_end(lanes, x), mean_line), rstd);
    let end_g = read_end(lanes, g);
    let end_scaled = lanes.mul(end_g, read_end(lanes, weight));
    let (mut plain, mut along) = (zero, zero);
    if has_end {
        plain = only_end(lanes, length, end_scaled, zero);
        along = only_end(lanes, length, lanes.mul(end_scaled, end_normal), zero);
    }
    let (x, g) = (x.as_chunks::<LANES>().0, g.as_chunks::<LANES>().0);
    let w = weight.as_chunks::<LANES>().0;
    for (((x, g), w), (weight_sum, bias_sum)) in
        x.iter().zip(g).zip(w).zip(weight_sums.iter_mut().zip(bias_sums.iter_mut()))
    {
        let normal = lanes.mul(lanes.sub(lanes.read(x), mean_line), rstd);
        let g = lanes.read(g);
        let scaled = lanes.mul(g, lanes.read(w));
        plain = lanes.add(plain, scaled);
        along = lanes.mul_add(scaled, normal, along);
        lanes.store(weight_sum, lanes.mul_add(g, normal, lanes.load(weight_sum)));
        lanes.store(bias_sum, lanes.add(g, lanes.load(bias_sum)));
    }
    let plain = lanes.splat(lanes.sum(plain) * share);
    let along = lanes.splat(lanes.sum(along) * share);
    for (((x, g), w), to) in x.iter().zip(g).zip(w).zip(to.as_chunks_mut::<LANES>().0) {
        let normal = lanes.mul(lanes.sub(lanes.read(x), mean_line), rstd);
        let scaled = lanes.mul(lanes.read(g), lanes.read(w));
        let inner = lanes.sub(lanes.negate_mul_add(normal, along, scaled), plain);
        lanes.write(to, lanes.mul(inner, rstd));
    }
    if has_end {
        let inner = lanes.sub(lanes.negate_mul_add(end_normal, along, end_scaled), plain);
        write_end(lanes, to, lanes.mul(inner, rstd));
        if let (Some(weight_sum), Some(bias_sum)) = (weight_sums.last_mut(), bias_sums.last_mut()) {
            // Sums of the last numbers stand at the end of their line as well.
            let new = only_end(lanes, length, lanes.mul(end_g, end_normal), zero);
            lanes.store(weight_sum, lanes.add(lanes.load(weight_sum), new));
            let new = only_end(lanes, length, end_g, zero);
            lanes.store(bias_sum, lanes.add(lanes.load(bias_sum), new));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, scale: f32, shift: f32) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 % 1013) as f32 / 506.5 - 1.0) * scale + shift).collect()
    }

    struct Case {
        length: usize,
        input: Vec<f32>,
        weight: Vec<f32>,
        bias: Vec<f32>,
        upstream: Vec<f32>,
    }

    impl Case {
        fn new(count: usize, length: usize) -> Self {
            Self {
                length,
                input: numbers(count * length, 3.0, 5.0),
                weight: numbers(length, 0.5, 1.0),
                bias: numbers(length, 0.7, 0.1),
                upstream: numbers(count * length, 1.0, 0.2),
            }
        }

        /// Output, then the gradients of input, weight and bias.
        fn run(&self, processor: Processor) -> [Vec<f32>; 4] {
            let count = self.input.len() / self.length;
            let mut statistics = vec![[0.0; 2]; count];
            let mut output = vec![9.0; self.input.len()];
            let norm = LayerNorm { weight: &self.weight, bias: &self.bias, epsilon: 1e-5 };
            layer_norm(processor, norm, &self.input, &mut output, &mut statistics).unwrap();
            let mut input = vec![9.0; self.input.len()];
            let (mut weight, mut bias) = (vec![9.0; self.length], vec![9.0; self.length]);
            let to = LayerNormGradients { input: &mut input, weight: &mut weight, bias: &mut bias };
            layer_norm_backward(
                processor,
                &self.weight,
                &self.input,
                &statistics,
                &self.upstream,
                to,
            )
            .unwrap();
            [output, input, weight, bias]
        }

        fn row(&self, x: &[f64]) -> Vec<f64> {
            let count = x.len() as f64;
            let mean = x.iter().sum::<f64>() / count;
            let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
            let normal = x.iter().map(|x| (x - mean) / (variance + 1e-5).sqrt());
            normal
                .zip(self.weight.iter().zip(&self.bias))
                .map(|(x, (&w, &b))| x * f64::from(w) + f64::from(b))
                .collect()
        }
    }

    fn near(found: f32, exact: f64, tolerance: f64) {
        assert!((f64::from(found) - exact).abs() < tolerance, "{found} {exact}");
    }

    #[test]
    fn value_and_finite_differences() {
        for (count, length) in [(3, 2), (2, 16), (3, 37), (2, 100)] {
            let case = Case::new(count, length);
            for processor in Processor::available() {
                let [output, input, weight, bias] = case.run(processor);
                let (mut by_weight, mut by_bias) = (vec![0.0; length], vec![0.0; length]);
                for row in 0..count {
                    let at = row * length;
                    let x: Vec<f64> =
                        case.input[at..at + length].iter().map(|&x| x.into()).collect();
                    let g = |i: usize| f64::from(case.upstream[at + i]);
                    let loss = |x: &[f64]| -> f64 {
                        case.row(x).iter().enumerate().map(|(i, y)| y * g(i)).sum()
                    };
                    let y = case.row(&x);
                    for i in 0..length {
                        near(output[at + i], y[i], 4e-6);
                        let normal = (y[i] - f64::from(case.bias[i])) / f64::from(case.weight[i]);
                        by_weight[i] += g(i) * normal;
                        by_bias[i] += g(i);
                        let h = 1e-4;
                        let (mut more, mut less) = (x.clone(), x.clone());
                        more[i] += h;
                        less[i] -= h;
                        near(input[at + i], (loss(&more) - loss(&less)) / (2.0 * h), 1e-5);
                    }
                }
                for i in 0..length {
                    near(weight[i], by_weight[i], 1e-5);
                    near(bias[i], by_bias[i], 1e-5);
                }
            }
        }
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let case = Case::new(700, 84);
        for processor in Processor::available() {
            let expected = case.run(processor);
            for threads in [1, 2, 3, 7] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                assert_eq!(pool.install(|| case.run(processor)), expected);
            }
            let alone = Case { input: case.input[84 * 5..84 * 6].to_vec(), ..Case::new(1, 84) };
            assert_eq!(alone.run(processor)[0], expected[0][84 * 5..84 * 6]);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nan_stays_in_its_row() {
        let mut case = Case::new(3, 40);
        case.input[41] = f32::NAN;
        for processor in Processor::available() {
            let [output, input, ..] = case.run(processor);
            for numbers in [output, input] {
                assert!(numbers[40..80].iter().all(|y| y.is_nan()));
                assert!(numbers[..40].iter().chain(&numbers[80..]).all(|y| y.is_finite()));
            }
            let norm = LayerNorm { weight: &[1.0; 3], bias: &[0.0; 3], epsilon: 0.0 };
            let mut statistics = [[0.0; 2]; 2];
            assert!(
                layer_norm(processor, norm, &[0.0; 7], &mut [0.0; 7], &mut statistics).is_err()
            );
            assert!(
                layer_norm(processor, norm, &[0.0; 6], &mut [0.0; 5], &mut statistics).is_err()
            );
        }
    }
}
