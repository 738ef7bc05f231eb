use super::*;
use crate::oracle::{
    assert_near, assert_same_for_any_threads, assert_spare_lanes_are_zero, blocks, convolve,
    convolve_back, noise,
};

/// Channels, kernel, stride, padding, height and width.
type Case = (usize, [usize; 2], usize, Padding, [usize; 2]);

fn cases() -> Vec<Case> {
    let same = Padding { rows: [0, 1], columns: [1, 0] };
    let each = Padding::each;
    vec![
        (24, [3, 3], 1, each(1), [7, 9]),
        (32, [3, 3], 2, each(1), [9, 8]),
        (16, [3, 3], 2, same, [8, 6]),
        (5, [3, 3], 1, each(0), [3, 3]),
        (48, [5, 2], 1, each(1), [6, 6]),
        (17, [1, 1], 3, each(0), [7, 4]),
        (16, [3, 3], 1, each(1), [1, 1]),
    ]
}

#[test]
fn values_and_derivatives_are_the_definition() {
    for (channels, kernel, stride, padding, size) in cases() {
        let shape = [2, channels, size[0], size[1]];
        let mut input = noise(shape.iter().product(), 1);
        let weights = noise(channels * kernel[0] * kernel[1], 2);
        let bias = noise(channels, 3);
        let (inputs, outputs) = (channels, channels);
        let filters =
            Filters { weights: &weights, bias: &bias, inputs, outputs, kernel, groups: channels };
        input[0] = f32::NAN;
        let expected = convolve(&filters, stride, padding, shape, &input);
        let clipped: Vec<f64> = expected.iter().map(|&number| number.clamp(0.0, 6.0)).collect();
        for processor in Processor::available() {
            for (activation, expected) in
                [(Activation::None, &expected), (Activation::Relu6, &clipped)]
            {
                let depthwise = Depthwise::new(processor, &filters, stride, activation).unwrap();
                let mut output = blocks([1, 64, 9, 9], &noise(64 * 81, 4));
                depthwise.forward(&blocks(shape, &input), padding, &mut output).unwrap();
                assert_near(&output.to_planes(), expected, 1e-6);
                assert_spare_lanes_are_zero(&output);
                let upstream = noise(expected.len(), 5);
                let slopes = convolve_back(&filters, stride, padding, shape, &upstream);
                let upstream = blocks(output.shape(), &upstream);
                let mut gradient = blocks([1, 64, 9, 9], &noise(64 * 81, 6));
                depthwise.input_gradient(&upstream, padding, size, &mut gradient).unwrap();
                assert_near(&gradient.to_planes(), &slopes, 1e-6);
                assert_spare_lanes_are_zero(&gradient);
            }
        }
    }
}

#[test]
fn bits_depend_on_neither_threads_nor_batch() {
    let (channels, kernel) = (40, [3, 3]);
    let (weights, bias) = (noise(channels * 9, 7), noise(channels, 8));
    let (inputs, outputs) = (channels, channels);
    let filters =
        Filters { weights: &weights, bias: &bias, inputs, outputs, kernel, groups: channels };
    let depthwise = Depthwise::new(Processor::best(), &filters, 2, Activation::Relu).unwrap();
    let planes = noise(3 * channels * 61 * 90, 9);
    let one = planes.len() / 3;
    let run = |batch: usize, planes: &[f32]| {
        let (mut output, mut gradient) = (Blocks::new(), Blocks::new());
        let input = blocks([batch, channels, 61, 90], planes);
        depthwise.forward(&input, Padding::each(1), &mut output).unwrap();
        depthwise.input_gradient(&output, Padding::each(1), [61, 90], &mut gradient).unwrap();
        (output.to_planes(), gradient.to_planes())
    };
    assert_same_for_any_threads(|| run(3, &planes).0);
    assert_same_for_any_threads(|| run(3, &planes).1);
    let (all, alone) = (run(3, &planes), run(1, &planes[one..2 * one]));
    assert_eq!(alone.0, all.0[alone.0.len()..][..alone.0.len()]);
    assert_eq!(alone.1, all.1[alone.1.len()..][..alone.1.len()]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (weights, bias, kernel) = (noise(16 * 9, 1), noise(16, 2), [3, 3]);
    let filters =
        Filters { weights: &weights, bias: &bias, inputs: 16, outputs: 16, kernel, groups: 16 };
    let processor = Processor::best();
    assert!(Depthwise::new(processor, &filters, 0, Activation::None).is_err());
    let one = Filters { weights: &weights[..9 * 16], inputs: 1, groups: 1, ..filters };
    assert!(Depthwise::new(processor, &one, 1, Activation::None).is_err());
    let depthwise = Depthwise::new(processor, &filters, 1, Activation::None).unwrap();
    let mut output = Blocks::new();
    let tiny = blocks([1, 16, 2, 2], &[0.0; 64]);
    assert!(depthwise.forward(&tiny, Padding::default(), &mut output).is_err());
    assert!(depthwise.input_gradient(&tiny, Padding::default(), [5, 5], &mut output).is_err());
}
