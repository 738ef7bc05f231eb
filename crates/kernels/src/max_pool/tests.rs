use super::*;
use crate::oracle::{assert_near, assert_same_for_any_threads, blocks, noise};

const POOLS: [MaxPool; 7] = [
    MaxPool { kernel: 2, stride: 2, padding: 0, ceil: false },
    MaxPool { kernel: 2, stride: 2, padding: 0, ceil: true },
    MaxPool { kernel: 3, stride: 2, padding: 0, ceil: false },
    MaxPool { kernel: 3, stride: 2, padding: 0, ceil: true },
    MaxPool { kernel: 3, stride: 2, padding: 1, ceil: false },
    MaxPool { kernel: 3, stride: 2, padding: 1, ceil: true },
    MaxPool { kernel: 3, stride: 1, padding: 1, ceil: false },
];

/// Outputs, and for each the place of the first largest input.
fn definition(pool: MaxPool, shape: [usize; 4], input: &[f32]) -> Vec<usize> {
    let [batch, channels, height, width] = shape;
    let [rows, columns] = pool.output([height, width]).unwrap();
    let mut places = Vec::new();
    for plane in 0..batch * channels {
        for (row, column) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            let mut best: Option<usize> = None;
            for (a, b) in (0..pool.kernel).flat_map(|a| (0..pool.kernel).map(move |b| (a, b))) {
                let y = (row * pool.stride + a).checked_sub(pool.padding);
                let x = (column * pool.stride + b).checked_sub(pool.padding);
                let (Some(y), Some(x)) = (y, x) else { continue };
                if y < height && x < width {
                    let place = (plane * height + y) * width + x;
                    let better = best.is_none_or(|best| {
                        !input[best].is_nan()
                            && (input[place] > input[best] || input[place].is_nan())
                    });
                    if better {
                        best = Some(place);
                    }
                }
            }
            places.push(best.unwrap());
        }
    }
    places
}

/// Numbers of which many are equal.
fn coarse(count: usize, seed: u64) -> Vec<f32> {
    noise(count, seed).into_iter().map(|number| (number * 3.0).round()).collect()
}

#[test]
fn values_and_derivatives_are_the_definition() {
    for pool in POOLS {
        for (channels, height, width) in [(16, 7, 8), (19, 10, 9), (33, 3, 3), (5, 12, 5)] {
            let shape = [2, channels, height, width];
            let mut planes = coarse(shape.iter().product(), 1);
            let middle = planes.len() / 2;
            planes[middle] = f32::NAN;
            planes[1] = f32::INFINITY;
            planes[2] = f32::NEG_INFINITY;
            let places = definition(pool, shape, &planes);
            let upstream = noise(places.len(), 2);
            let mut expected = vec![0.0; planes.len()];
            for (&place, &number) in places.iter().zip(&upstream) {
                expected[place] += f64::from(number);
            }
            let input = blocks(shape, &planes);
            for processor in Processor::available() {
                let mut output = blocks([1, 64, 9, 9], &noise(64 * 81, 3));
                pool.forward(processor, &input, &mut output).unwrap();
                for (found, &place) in output.to_planes().iter().zip(&places) {
                    assert!(*found == planes[place] || found.is_nan() && planes[place].is_nan());
                }
                let upstream = blocks(output.shape(), &upstream);
                let mut gradient = blocks([1, 64, 9, 9], &noise(64 * 81, 4));
                pool.gradient(processor, &input, &upstream, &mut gradient).unwrap();
                assert_near(&gradient.to_planes(), &expected, 1e-6);
                crate::oracle::assert_spare_lanes_are_zero(&gradient);
                crate::oracle::assert_spare_lanes_are_zero(&output);
            }
        }
    }
}

#[test]
fn the_last_window_begins_in_the_input_or_before() {
    let pool = |kernel, stride, padding, ceil| MaxPool { kernel, stride, padding, ceil };
    for (pool, length, expected) in [
        (pool(3, 2, 0, true), 127, 63),
        (pool(3, 2, 0, true), 128, 64),
        (pool(3, 2, 0, false), 128, 63),
        (pool(2, 3, 0, true), 6, 2),
        (pool(2, 2, 1, true), 2, 2),
        (pool(2, 2, 1, true), 3, 2),
        (pool(3, 2, 1, false), 128, 64),
        (pool(1, 3, 0, true), 3, 1),
    ] {
        assert_eq!(pool.output([length; 2]).unwrap(), [expected; 2], "{pool:?} {length}");
    }
    // One window larger than the input counts where the next would begin behind it, as in PyTorch.
    assert_eq!(pool(3, 2, 0, true).output([2, 5]).unwrap(), [1, 2]);
    assert_eq!(pool(3, 3, 0, true).output([1, 5]).unwrap(), [1, 2]);
    assert!(pool(3, 2, 0, true).output([1, 5]).is_err());
    assert!(pool(3, 2, 0, false).output([2, 5]).is_err());
    assert!(pool(3, 2, 2, true).output([9, 9]).is_err());
    assert!(pool(0, 2, 0, true).output([9, 9]).is_err());
    assert!(pool(2, 0, 0, true).output([9, 9]).is_err());
}

#[test]
fn bits_do_not_depend_on_threads_and_shapes_are_checked() {
    let (pool, processor) = (POOLS[3], Processor::best());
    let input = blocks([3, 40, 90, 31], &noise(3 * 40 * 90 * 31, 5));
    let run = || {
        let (mut output, mut gradient) = (Blocks::new(), Blocks::new());
        pool.forward(processor, &input, &mut output).unwrap();
        pool.gradient(processor, &input, &output, &mut gradient).unwrap();
        [output.to_planes(), gradient.to_planes()].concat()
    };
    assert_same_for_any_threads(run);
    assert!(pool.gradient(processor, &input, &input, &mut Blocks::new()).is_err());
}

#[test]
fn derivatives_through_an_activation_are_added_and_masked() {
    for pool in POOLS {
        for (channels, height, width) in [(16, 8, 12), (19, 10, 9), (33, 7, 6), (5, 5, 5)] {
            let shape = [2, channels, height, width];
            // Many positions are 0, as behind an activation, and many at its ceiling.
            let planes = coarse(shape.iter().product(), 1).into_iter();
            let mut planes: Vec<f32> =
                planes.map(|number| (3.0 * number).clamp(0.0, 6.0)).collect();
            (planes[3], planes[4]) = (f32::NAN, -0.0);
            let (input, own) = (blocks(shape, &planes), blocks(shape, &noise(planes.len(), 6)));
            for processor in Processor::available() {
                let mut pooled = Blocks::new();
                pool.forward(processor, &input, &mut pooled).unwrap();
                let count = pooled.shape().iter().product();
                let upstream = blocks(pooled.shape(), &noise(count, 7));
                for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
                    for own in [None, Some(&own)] {
                        let mut expected = Blocks::new();
                        pool.gradient(processor, &input, &upstream, &mut expected).unwrap();
                        if let Some(own) = own {
                            add(processor, &mut expected, own, Activation::None).unwrap();
                        }
                        mask(processor, activation, &input, &mut expected).unwrap();
                        let mut found = blocks([1, 64, 9, 9], &noise(64 * 81, 4));
                        pool.gradient_through(
                            processor, &input, &upstream, own, activation, &mut found,
                        )
                        .unwrap();
                        assert_eq!(found.to_planes(), expected.to_planes(), "{pool:?} {shape:?}");
                        crate::oracle::assert_spare_lanes_are_zero(&found);
                    }
                }
            }
        }
    }
}
