//! A 3×3 convolution behind a doubling, and what of its derivatives is cheaper for it.
//!
//! Of the outputs at (2y + p, 2x + q) every tap reads one of 2 × 2 small positions: tap t of a row reads ⌊(p + t − 1)/2⌋,
//! which is −1, 0, 0 for p = 0 and 0, 0, 1 for p = 1. So the derivatives of the filters are those of four convolutions of
//! 2 × 2 on the small input, one for each remainder of the outputs, and each tap is the sum of four: 16 products in place
//! of 36, and the doubled input need not be laid out again.

use lookalike_kernels::{Padding, PlaneConvolution, Processor, weight_gradient};
use rayon::prelude::*;

use super::convolve::Slopes;
use crate::Result;

/// Which of the two small positions a tap reads, by remainder.
const READS: [[usize; 3]; 2] = [[0, 1, 1], [0, 0, 1]];

/// The derivatives of 3×3 filters `[output][input][row][column]` with a zero around the doubled input, and of their
/// biases, given the small input and the derivatives of all outputs.
pub(super) fn doubled_weight_gradient(
    input: ([usize; 4], &[f32]),
    outputs: usize,
    upstream: &[f32],
    slopes: &mut Slopes<'_>,
) -> Result<()> {
    let (shape, planes) = input;
    let [batch, inputs, height, width] = shape;
    slopes.weights.fill(0.0);
    slopes.bias.fill(0.0);
    let mut of_phase = vec![0.0; outputs * inputs * 4];
    let mut of_bias = vec![0.0; outputs];
    let mut phase = vec![0.0; batch * outputs * height * width];
    for (p, rows) in READS.iter().enumerate() {
        for (q, columns) in READS.iter().enumerate() {
            let large = upstream.par_chunks(4 * height * width);
            phase.par_chunks_mut(height * width).zip(large).for_each(|(to, from)| {
                for (y, to) in to.chunks_exact_mut(width).enumerate() {
                    let row = &from[(2 * y + p) * 2 * width..][..2 * width];
                    let (pairs, _) = row.as_chunks::<2>();
                    to.iter_mut().zip(pairs).for_each(|(to, pair)| *to = pair[q]);
                }
            });
            let around = |remainder: usize| [1 - remainder, remainder];
            let small = PlaneConvolution {
                input: shape,
                outputs,
                kernel: [2; 2],
                stride: 1,
                padding: Padding { rows: around(p), columns: around(q) },
            };
            let processor = Processor::best();
            weight_gradient(processor, &small, planes, &phase, &mut of_phase, &mut of_bias)?;
            for (to, from) in slopes.weights.chunks_exact_mut(9).zip(of_phase.chunks_exact(4)) {
                for (t, to) in to.chunks_exact_mut(3).enumerate() {
                    for (u, to) in to.iter_mut().enumerate() {
                        *to += from[2 * rows[t] + columns[u]];
                    }
                }
            }
            slopes.bias.iter_mut().zip(&of_bias).for_each(|(to, from)| *to += from);
        }
    }
    Ok(())
}
