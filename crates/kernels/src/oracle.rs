//! The definitions that kernels are tested against, in double precision, and numbers to test with.

use crate::{Blocks, Filters, Padding};

/// Numbers in −1…1.
pub(crate) fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed * 2 + 1;
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

pub(crate) fn blocks(shape: [usize; 4], planes: &[f32]) -> Blocks {
    let mut blocks = Blocks::new();
    blocks.read_planes(shape, planes).unwrap();
    blocks
}

/// Calls `act` for every product of a convolution: output, input and weight by their places in planes
/// and filters.
pub(crate) fn products(
    filters: &Filters<'_>,
    stride: usize,
    padding: Padding,
    input: [usize; 4],
    mut act: impl FnMut(usize, usize, usize),
) -> [usize; 4] {
    let [rows, columns] = filters.kernel;
    let [batch, inputs, h, w] = input;
    let [oh, ow] = padding.output([h, w], filters.kernel, stride).unwrap();
    let (outputs, group) = (filters.outputs, inputs / filters.groups);
    for n in 0..batch {
        for o in 0..outputs {
            for (y, x) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
                for c in 0..group {
                    let input = o / (outputs / filters.groups) * group + c;
                    for (a, b) in (0..rows).flat_map(|a| (0..columns).map(move |b| (a, b))) {
                        let at = (y * stride + a).checked_sub(padding.rows[0]);
                        let across = (x * stride + b).checked_sub(padding.columns[0]);
                        let (Some(at), Some(across)) = (at, across) else { continue };
                        if at < h && across < w {
                            act(
                                ((n * outputs + o) * oh + y) * ow + x,
                                ((n * inputs + input) * h + at) * w + across,
                                ((o * group + c) * rows + a) * columns + b,
                            );
                        }
                    }
                }
            }
        }
    }
    [batch, outputs, oh, ow]
}

/// A convolution with bias.
pub(crate) fn convolve(
    filters: &Filters<'_>,
    stride: usize,
    padding: Padding,
    shape: [usize; 4],
    input: &[f32],
) -> Vec<f64> {
    let size = padding.output([shape[2], shape[3]], filters.kernel, stride).unwrap();
    let area = size[0] * size[1];
    let count = shape[0] * filters.outputs * area;
    let mut output: Vec<f64> =
        (0..count).map(|place| f64::from(filters.bias[place / area % filters.outputs])).collect();
    products(filters, stride, padding, shape, |o, i, w| {
        output[o] += f64::from(input[i]) * f64::from(filters.weights[w]);
    });
    output
}

/// Its derivative with respect to the input.
pub(crate) fn convolve_back(
    filters: &Filters<'_>,
    stride: usize,
    padding: Padding,
    shape: [usize; 4],
    upstream: &[f32],
) -> Vec<f64> {
    let mut gradient = vec![0.0; shape.iter().product()];
    products(filters, stride, padding, shape, |o, i, w| {
        gradient[i] += f64::from(upstream[o]) * f64::from(filters.weights[w]);
    });
    gradient
}

/// Differences are measured by the largest number.
pub(crate) fn assert_near(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let finite = expected.iter().copied().filter(|number| number.is_finite());
    let tolerance = tolerance * finite.fold(1.0, |largest, number| number.abs().max(largest));
    for (place, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let found = f64::from(found);
        let near = found == expected || (found - expected).abs() <= tolerance;
        assert!(near || found.is_nan() && expected.is_nan(), "{place}: {found} {expected}");
    }
}

/// Whether the lanes without a channel are zero.
pub(crate) fn assert_spare_lanes_are_zero(blocks: &Blocks) {
    let rest = blocks.shape()[1] % 16;
    if rest == 0 {
        return;
    }
    let (area, depth) = (blocks.area(), blocks.depth());
    for block in blocks.lines().chunks(area).skip(depth - 1).step_by(depth) {
        assert!(block.iter().all(|line| line.0[rest..].iter().all(|&number| number == 0.0)));
    }
}

/// The same bits with any number of threads.
pub(crate) fn assert_same_for_any_threads(act: impl Fn() -> Vec<f32> + Sync) {
    let bits = |threads: usize| -> Vec<u32> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(&act).into_iter().map(f32::to_bits).collect()
    };
    let one = bits(1);
    for threads in [2, 3, 7] {
        assert!(bits(threads) == one, "{threads} threads");
    }
}
