use super::*;
use crate::oracle::{
    assert_near, assert_same_for_any_threads, assert_spare_lanes_are_zero, blocks, convolve,
    convolve_back, noise,
};

struct Case {
    inputs: usize,
    outputs: usize,
    kernel: [usize; 2],
    stride: usize,
    padding: Padding,
    size: [usize; 2],
}

fn case(
    [inputs, outputs]: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
    size: [usize; 2],
) -> Case {
    let padding = Padding::each(padding);
    Case { inputs, outputs, kernel: [kernel; 2], stride, padding, size }
}

fn cases() -> Vec<Case> {
    let same = Padding { rows: [0, 1], columns: [1, 0] };
    vec![
        case([16, 64], 1, 1, 0, [5, 7]),
        case([24, 144], 1, 1, 0, [7, 7]),
        case([40, 24], 1, 1, 0, [6, 11]),
        case([48, 16], 1, 1, 0, [9, 9]),
        case([17, 112], 1, 1, 0, [1, 1]),
        case([16, 96], 1, 2, 0, [7, 8]),
        case([16, 192], 5, 1, 2, [7, 6]),
        case([33, 50], 3, 2, 1, [9, 8]),
        case([16, 16], 3, 2, 0, [10, 9]),
        case([3, 5], 3, 1, 4, [2, 3]),
        case([16, 16], 7, 3, 3, [1, 1]),
        case([4, 7], 2, 5, 0, [13, 12]),
        Case { padding: same, kernel: [3, 2], ..case([8, 16], 3, 2, 0, [6, 7]) },
    ]
}

#[test]
fn it_is_the_definition() {
    for case in cases() {
        let Case { inputs, outputs, kernel, stride, padding, size } = case;
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
                let direct = Direct::new(processor, &filters, stride, activation).unwrap();
                let mut output = blocks([1, 64, 20, 20], &noise(64 * 400, 4));
                direct.forward(&blocks(shape, &input), padding, &mut output).unwrap();
                assert_near(&output.to_planes(), expected, 1e-5);
                assert_spare_lanes_are_zero(&output);
            }
        }
    }
}

#[test]
fn the_derivative_is_the_transposed_definition() {
    for case in cases() {
        let Case { inputs, outputs, kernel, stride, padding, size } = case;
        let shape = [2, inputs, size[0], size[1]];
        let weights = noise(inputs * outputs * kernel[0] * kernel[1], 2);
        let bias = noise(outputs, 3);
        let filters =
            Filters { weights: &weights, bias: &bias, inputs, outputs, kernel, groups: 1 };
        for processor in Processor::available() {
            let direct = Direct::new(processor, &filters, stride, Activation::None).unwrap();
            let above = direct.output_shape(shape, padding).unwrap();
            let upstream = noise(above.iter().product(), 5);
            let expected = convolve_back(&filters, stride, padding, shape, &upstream);
            let mut gradient = blocks([1, 64, 20, 20], &noise(64 * 400, 4));
            let upstream = blocks(above, &upstream);
            direct.input_gradient(&upstream, padding, size, &mut gradient).unwrap();
            assert_near(&gradient.to_planes(), &expected, 1e-5);
            assert_spare_lanes_are_zero(&gradient);
        }
    }
}

fn small(inputs: usize, outputs: usize, kernel: usize) -> (Vec<f32>, Vec<f32>, [usize; 2]) {
    (noise(inputs * outputs * kernel * kernel, 6), noise(outputs, 7), [kernel; 2])
}

#[test]
fn bits_depend_on_neither_threads_nor_batch() {
    for (kernel, stride, padding, size) in
        [(1, 1, 0, [37, 41]), (5, 1, 2, [31, 30]), (3, 2, 1, [29, 32])]
    {
        let (inputs, outputs) = (48, 160);
        let (weights, bias, kernel) = small(inputs, outputs, kernel);
        let filters =
            Filters { weights: &weights, bias: &bias, inputs, outputs, kernel, groups: 1 };
        let direct = Direct::new(Processor::best(), &filters, stride, Activation::Relu).unwrap();
        let padding = Padding::each(padding);
        let shape = [3, inputs, size[0], size[1]];
        let planes = noise(shape.iter().product(), 8);
        let one = planes.len() / 3;
        let forward = |batch: usize, planes: &[f32]| {
            let mut output = Blocks::new();
            let input = blocks([batch, inputs, size[0], size[1]], planes);
            direct.forward(&input, padding, &mut output).unwrap();
            output
        };
        let backward = |output: &Blocks| {
            let mut gradient = Blocks::new();
            direct.input_gradient(output, padding, size, &mut gradient).unwrap();
            gradient.to_planes()
        };
        let all = forward(3, &planes);
        assert_same_for_any_threads(|| forward(3, &planes).to_planes());
        assert_same_for_any_threads(|| backward(&all));
        let alone = forward(1, &planes[one..2 * one]);
        assert_eq!(alone.lines(), all.lines_of(1));
        assert_eq!(backward(&alone), backward(&all)[one..2 * one]);
    }
}

#[test]
fn two_convolutions_stand_side_by_side() {
    let (size, inputs) = ([6, 5], 16);
    let shape = [2, inputs, size[0], size[1]];
    let input = blocks(shape, &noise(shape.iter().product(), 9));
    let mut both = blocks([2, 32 + 24, 6, 5], &noise(2 * 56 * 30, 10));
    let mut parts = Vec::new();
    for (outputs, kernel, first) in [(32, 1, 0), (24, 3, 32)] {
        let (weights, bias, kernel) = small(inputs, outputs, kernel);
        let filters =
            Filters { weights: &weights, bias: &bias, inputs, outputs, kernel, groups: 1 };
        let direct = Direct::new(Processor::best(), &filters, 1, Activation::None).unwrap();
        let padding = Padding::each(kernel[0] / 2);
        direct.forward_into(&input, padding, &mut both, first).unwrap();
        let mut alone = Blocks::new();
        direct.forward(&input, padding, &mut alone).unwrap();
        parts.push(alone.to_planes());
        assert!(direct.forward_into(&input, padding, &mut both, first + 8).is_err());
        assert!(direct.forward_into(&input, padding, &mut both, 48).is_err());
    }
    let both = both.to_planes();
    for picture in 0..2 {
        let found = &both[picture * 56 * 30..];
        assert_eq!(found[..32 * 30], parts[0][picture * 32 * 30..][..32 * 30]);
        assert_eq!(found[32 * 30..56 * 30], parts[1][picture * 24 * 30..][..24 * 30]);
    }
}

#[test]
fn no_number_stays_none_and_infinities_keep_to_their_channels() {
    let (inputs, outputs) = (3, 17);
    let (mut weights, bias, kernel) = small(inputs, outputs, 1);
    weights.iter_mut().for_each(|weight| *weight = weight.abs() + 0.1);
    let filters = Filters { weights: &weights, bias: &bias, inputs, outputs, kernel, groups: 1 };
    for processor in Processor::available() {
        for activation in [Activation::None, Activation::Relu] {
            let direct = Direct::new(processor, &filters, 1, activation).unwrap();
            for (number, holds) in [
                (f32::NAN, f32::is_nan as fn(f32) -> bool),
                (f32::INFINITY, |found| found == f32::INFINITY),
            ] {
                let mut planes = noise(3 * 9, 11);
                planes[4] = number;
                let mut output = Blocks::new();
                let input = blocks([1, 3, 3, 3], &planes);
                direct.forward(&input, Padding::default(), &mut output).unwrap();
                assert_spare_lanes_are_zero(&output);
                for (place, &found) in output.to_planes().iter().enumerate() {
                    assert_eq!(place % 9 == 4, holds(found));
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (weights, bias, kernel) = small(16, 16, 3);
    let filters =
        Filters { weights: &weights, bias: &bias, inputs: 16, outputs: 16, kernel, groups: 1 };
    let processor = Processor::best();
    assert!(Direct::new(processor, &filters, 0, Activation::None).is_err());
    let depthwise = Filters { inputs: 256, groups: 16, ..filters };
    assert!(Direct::new(processor, &depthwise, 1, Activation::None).is_err());
    let direct = Direct::new(processor, &filters, 1, Activation::None).unwrap();
    let (mut output, none) = (Blocks::new(), Padding::default());
    let other = blocks([1, 17, 4, 4], &[0.0; 17 * 16]);
    assert!(direct.forward(&other, none, &mut output).is_err());
    let tiny = blocks([1, 16, 2, 2], &[0.0; 64]);
    assert!(direct.forward(&tiny, none, &mut output).is_err());
    assert!(direct.input_gradient(&tiny, none, [5, 5], &mut output).is_err());
}
