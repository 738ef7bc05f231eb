use super::*;
use crate::oracle::{
    assert_near, assert_same_for_any_threads, assert_spare_lanes_are_zero, blocks, convolve,
    convolve_back, noise,
};

/// Inputs, outputs, kernel, stride, padding, height and width.
type Case = (usize, usize, [usize; 2], usize, Padding, [usize; 2]);

fn cases() -> Vec<Case> {
    let same = Padding { rows: [0, 1], columns: [1, 0] };
    let each = Padding::each;
    vec![
        (3, 64, [11, 11], 4, each(2), [37, 29]),
        (3, 64, [3, 3], 2, each(0), [17, 12]),
        (3, 64, [3, 3], 1, each(1), [9, 14]),
        (3, 64, [7, 7], 2, each(3), [13, 10]),
        (3, 32, [3, 3], 2, same, [8, 15]),
        (1, 100, [3, 2], 1, each(0), [3, 2]),
        (4, 48, [1, 1], 1, each(0), [5, 5]),
        (2, 17, [5, 5], 3, each(4), [1, 1]),
    ]
}

#[test]
fn it_is_the_definition() {
    for (inputs, outputs, kernel, stride, padding, size) in cases() {
        let shape = [2, inputs, size[0], size[1]];
        let input = noise(shape.iter().product(), 1);
        let weights = noise(inputs * outputs * kernel[0] * kernel[1], 2);
        let bias = noise(outputs, 3);
        let filters =
            Filters { weights: &weights, bias: &bias, inputs, outputs, kernel, groups: 1 };
        let expected = convolve(&filters, stride, padding, shape, &input);
        let rectified: Vec<f64> = expected.iter().map(|&number| number.max(0.0)).collect();
        let clipped: Vec<f64> = expected.iter().map(|&number| number.clamp(0.0, 6.0)).collect();
        for processor in Processor::available() {
            for (activation, expected) in [
                (Activation::None, &expected),
                (Activation::Relu, &rectified),
                (Activation::Relu6, &clipped),
            ] {
                let first = First::new(processor, &filters, stride, activation).unwrap();
                let mut output = blocks([1, 64, 20, 20], &noise(64 * 400, 4));
                first.forward(shape, &input, padding, &mut output).unwrap();
                assert_near(&output.to_planes(), expected, 1e-5);
                assert_spare_lanes_are_zero(&output);
            }
        }
    }
}

#[test]
fn the_derivative_is_the_transposed_definition() {
    let each = Padding::each;
    // Taller than a task, wider than a batch of windows, and windows that leave rows unread.
    let long = [(3, 16, [3, 3], 1, each(1), [61, 53]), (3, 20, [5, 2], 7, each(0), [90, 8])];
    for (inputs, outputs, kernel, stride, padding, size) in cases().into_iter().chain(long) {
        let shape = [2, inputs, size[0], size[1]];
        let weights = noise(inputs * outputs * kernel[0] * kernel[1], 2);
        let bias = noise(outputs, 3);
        let filters =
            Filters { weights: &weights, bias: &bias, inputs, outputs, kernel, groups: 1 };
        for processor in Processor::available() {
            let first = First::new(processor, &filters, stride, Activation::Relu).unwrap();
            let above = first.output_shape(shape, padding).unwrap();
            let upstream = noise(above.iter().product(), 5);
            let expected = convolve_back(&filters, stride, padding, shape, &upstream);
            let mut gradient = vec![9.0; expected.len()];
            let upstream = blocks(above, &upstream);
            first.input_gradient(&upstream, padding, size, &mut gradient).unwrap();
            assert_near(&gradient, &expected, 1e-5);
            assert!(first.input_gradient(&upstream, padding, size, &mut gradient[1..]).is_err());
        }
    }
}

#[test]
fn bits_depend_on_neither_threads_nor_batch() {
    let (weights, bias) = (noise(64 * 27, 5), noise(64, 6));
    let filters = Filters {
        weights: &weights,
        bias: &bias,
        inputs: 3,
        outputs: 64,
        kernel: [3, 3],
        groups: 1,
    };
    let first = First::new(Processor::best(), &filters, 1, Activation::Relu).unwrap();
    let planes = noise(3 * 3 * 61 * 47, 7);
    let one = planes.len() / 3;
    let forward = |batch: usize, planes: &[f32]| {
        let mut output = Blocks::new();
        first.forward([batch, 3, 61, 47], planes, Padding::each(1), &mut output).unwrap();
        output
    };
    assert_same_for_any_threads(|| forward(3, &planes).to_planes());
    let alone = forward(1, &planes[one..2 * one]);
    let all = forward(3, &planes);
    assert_eq!(alone.lines(), all.lines_of(1));
    let backward = |output: &Blocks| {
        let mut gradient = vec![0.0; output.shape()[0] * one];
        first.input_gradient(output, Padding::each(1), [61, 47], &mut gradient).unwrap();
        gradient
    };
    assert_same_for_any_threads(|| backward(&all));
    assert_eq!(backward(&alone), backward(&all)[one..2 * one]);
}

#[test]
fn no_number_stays_none_and_what_does_not_fit_is_refused() {
    let (weights, bias) = (noise(20 * 3, 8), noise(20, 9));
    let kernel = [1, 1];
    let filters =
        Filters { weights: &weights, bias: &bias, inputs: 3, outputs: 20, kernel, groups: 1 };
    let none = Padding::default();
    let mut output = Blocks::new();
    for processor in Processor::available() {
        let first = First::new(processor, &filters, 1, Activation::Relu6).unwrap();
        let mut planes = noise(12, 10);
        planes[2] = f32::NAN;
        first.forward([1, 3, 2, 2], &planes, none, &mut output).unwrap();
        assert_spare_lanes_are_zero(&output);
        for (place, number) in output.to_planes().iter().enumerate() {
            assert_eq!(number.is_nan(), place % 4 == 2);
        }
        assert!(first.forward([1, 3, 2, 2], &planes[1..], none, &mut output).is_err());
        assert!(first.forward([1, 4, 1, 3], &planes, none, &mut output).is_err());
        assert!(first.forward([0, 3, 2, 2], &[], none, &mut output).is_err());
    }
    assert!(First::new(Processor::best(), &filters, 0, Activation::None).is_err());
}

#[test]
fn what_is_pooled_on_the_way_is_what_the_pool_gives() {
    let (inputs, outputs, kernel) = (3, 70, [11, 11]);
    let (weights, bias) = (noise(inputs * outputs * 121, 7), noise(outputs, 8));
    let filters = Filters { weights: &weights, bias: &bias, inputs, outputs, kernel, groups: 1 };
    // Some tasks; fewer rows than a task has.
    for size in [[45, 31], [13, 14]] {
        let shape = [2, inputs, size[0], size[1]];
        let input = noise(shape.iter().product(), 9);
        for processor in Processor::available() {
            let first = First::new(processor, &filters, 1, Activation::Relu).unwrap();
            let mut expected = [Blocks::new(), Blocks::new()];
            for (kernel, stride, ceil) in [
                (3, 2, true),
                (3, 2, false),
                (2, 2, false),
                (3, 1, false),
                (9, 4, true),
                (1, 3, true),
            ] {
                let pool = MaxPool { kernel, stride, padding: 0, ceil };
                let [output, pooled] = &mut expected;
                first.forward(shape, &input, Padding::each(5), output).unwrap();
                pool.forward(processor, output, pooled).unwrap();
                let [mut output, mut pooled] = [Blocks::new(), Blocks::new()];
                let to = (&pool, &mut pooled);
                first.forward_pooled(shape, &input, Padding::each(5), &mut output, to).unwrap();
                for (found, expected) in [&output, &pooled].into_iter().zip(&expected) {
                    assert_eq!(found.shape(), expected.shape());
                    assert_eq!(found.lines(), expected.lines(), "{pool:?} of {size:?}");
                }
            }
        }
    }
    let first = First::new(Processor::best(), &filters, 1, Activation::Relu).unwrap();
    let refused = |pool: MaxPool, size: [usize; 2]| {
        let input = noise(inputs * size[0] * size[1], 9);
        let [mut output, mut pooled] = [Blocks::new(), Blocks::new()];
        let to = (&pool, &mut pooled);
        let shape = [1, inputs, size[0], size[1]];
        first.forward_pooled(shape, &input, Padding::each(5), &mut output, to).unwrap_err()
    };
    let pool = MaxPool { kernel: 3, stride: 2, padding: 1, ceil: false };
    assert!(matches!(refused(pool, [9, 9]), Error::Dimension { expected: 0, found: 1, .. }));
    let pool = MaxPool { kernel: 3, stride: 2, padding: 0, ceil: false };
    assert!(matches!(refused(pool, [9, 2]), Error::TooSmall { window: 3, found: 2 }));
}
