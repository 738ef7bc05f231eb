use super::*;

/// Numbers in −1…1 that look random.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

struct Case {
    /// Rows and columns of a filter.
    side: usize,
    shape: [usize; 4],
    outputs: usize,
    padding: Padding,
    input: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new(side: usize, shape: [usize; 4], outputs: usize, padding: Padding) -> Self {
        let input = numbers(shape.iter().product(), 1).iter().map(|n| n.max(0.0)).collect();
        let area = side * side;
        let scale = (2.0 / (area * shape[1]) as f32).sqrt();
        let weights = numbers(outputs * shape[1] * area, 2).iter().map(|n| n * scale).collect();
        Self { side, shape, outputs, padding, input, weights, bias: numbers(outputs, 3) }
    }

    fn filters(&self) -> Filters<'_> {
        Filters {
            weights: &self.weights,
            bias: &self.bias,
            inputs: self.shape[1],
            outputs: self.outputs,
            kernel: [self.side; 2],
            groups: 1,
        }
    }

    fn result(&self) -> [usize; 2] {
        self.padding.output([self.shape[2], self.shape[3]], [self.side; 2], 1).unwrap()
    }

    /// The definition, in f64.
    fn expected(&self, activation: Activation) -> Vec<f64> {
        let [batch, channels, height, width] = self.shape;
        let [rows, columns] = self.result();
        let (side, area) = (self.side, self.side * self.side);
        let mut all = Vec::new();
        for (picture, output) in (0..batch).flat_map(|p| (0..self.outputs).map(move |o| (p, o))) {
            for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                let mut sum = f64::from(self.bias[output]);
                for (c, tap) in (0..channels).flat_map(|c| (0..area).map(move |tap| (c, tap))) {
                    let from_y = (y + tap / side).wrapping_sub(self.padding.rows[0]);
                    let from_x = (x + tap % side).wrapping_sub(self.padding.columns[0]);
                    if from_y < height && from_x < width {
                        let at = ((picture * channels + c) * height + from_y) * width + from_x;
                        let weight = self.weights[(output * channels + c) * area + tap];
                        sum += f64::from(self.input[at]) * f64::from(weight);
                    }
                }
                all.push(match activation {
                    Activation::None => sum,
                    Activation::Relu => sum.max(0.0),
                    Activation::Relu6 => sum.clamp(0.0, 6.0),
                });
            }
        }
        all
    }

    fn found(&self, convolution: &Winograd) -> Vec<f32> {
        let (mut input, mut output) = (Blocks::new(), Blocks::new());
        input.read_planes(self.shape, &self.input).unwrap();
        convolution.forward(&input, self.padding, &mut output).unwrap();
        output.to_planes()
    }
}

fn on_threads<T: Send>(threads: usize, act: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(act)
}

#[test]
fn it_is_the_convolution() {
    let unequal = Padding { rows: [0, 1], columns: [2, 0] };
    for (side, shape, outputs, padding) in [
        (3, [1, 16, 8, 8], 16, Padding::each(1)),
        (3, [2, 32, 13, 18], 64, Padding::each(1)),
        (3, [1, 64, 3, 3], 80, Padding::each(0)),
        (3, [1, 16, 1, 1], 32, Padding::each(1)),
        (3, [3, 20, 5, 7], 37, unequal),
        (3, [1, 256, 6, 9], 48, Padding::each(1)),
        (5, [2, 64, 15, 8], 48, Padding::each(2)),
        (5, [1, 16, 5, 5], 16, Padding::each(0)),
        (5, [1, 16, 1, 1], 32, Padding::each(2)),
        (5, [3, 20, 6, 9], 37, unequal),
    ] {
        let case = Case::new(side, shape, outputs, padding);
        for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
            let expected = case.expected(activation);
            let largest = expected.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            for processor in Processor::available() {
                let convolution = Winograd::new(processor, &case.filters(), activation).unwrap();
                let found = on_threads(1, || case.found(&convolution));
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(&expected) {
                    let error = (f64::from(*found) - expected).abs() / largest;
                    assert!(error < 3e-6, "{side}: {error:e} on {}", processor.name());
                }
            }
        }
    }
}

#[test]
fn products_in_bfloat16_are_near_on_every_processor() {
    for (side, shape, outputs) in [
        (3, [2, 32, 13, 18], 64),
        (3, [3, 20, 5, 7], 37),
        (3, [1, 256, 6, 9], 48),
        (5, [2, 64, 15, 8], 48),
    ] {
        let case = Case::new(side, shape, outputs, Padding::each(side / 2));
        let expected = case.expected(Activation::Relu);
        let largest = expected.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let mut all: Vec<Vec<f32>> = Vec::new();
        for processor in Processor::available() {
            let filters = case.filters();
            let convolution = Winograd::in_bfloat16(processor, &filters, Activation::Relu).unwrap();
            // Few tiles go through the phases together on two threads.
            let found = on_threads(1, || case.found(&convolution));
            assert!(on_threads(2, || case.found(&convolution)) == found);
            let errors = found.iter().zip(&expected).map(|(f, e)| (f64::from(*f) - e) / largest);
            let worst = errors.clone().fold(0.0_f64, |m, e| m.max(e.abs()));
            let mean = (errors.map(|e| e * e).sum::<f64>() / found.len() as f64).sqrt();
            println!("{side} {shape:?} {}: {worst:e} {mean:e}", processor.name());
            assert!(worst < 0.02 && mean < 0.004, "{worst} {mean}");
            // It is no other product under another name.
            assert!(mean > 1e-4, "{mean}");
            all.push(found);
        }
        for other in &all[1..] {
            // Where transforms differ in their last bits, a few of their numbers are rounded the other way.
            let apart = all[0].iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2));
            let apart = (apart.sum::<f64>() / other.len() as f64).sqrt() / largest;
            assert!(apart < 1e-4, "{apart}");
        }
    }
}

#[test]
fn threads_and_batches_do_not_change_bits() {
    for (side, shape, outputs) in [
        (3, [3, 32, 13, 18], 64),
        (3, [2, 48, 40, 36], 16),
        (3, [2, 16, 90, 90], 16),
        (5, [2, 32, 27, 31], 48),
    ] {
        let case = Case::new(side, shape, outputs, Padding::each(side / 2));
        for processor in Processor::available() {
            let convolution = Winograd::new(processor, &case.filters(), Activation::Relu).unwrap();
            let first = on_threads(1, || case.found(&convolution));
            for threads in [2, 3, 7] {
                let again = on_threads(threads, || case.found(&convolution));
                assert!(again == first, "{threads} threads on {}", processor.name());
            }
            let single = shape[1..].iter().product::<usize>();
            let alone = Case {
                shape: [1, shape[1], shape[2], shape[3]],
                input: case.input[single..2 * single].to_vec(),
                weights: case.weights.clone(),
                bias: case.bias.clone(),
                ..case
            };
            let size = outputs * shape[2] * shape[3];
            assert!(on_threads(2, || alone.found(&convolution)) == first[size..2 * size]);
        }
    }
}

#[test]
fn the_transposed_one_takes_derivatives_back() {
    // ⟨y, conv(x)⟩ = ⟨convᵀ(y), x⟩ for every x and y.
    for side in [3, 5] {
        let case = Case::new(side, [2, 24, 9, 14], 40, Padding::each(side / 2));
        let bare = vec![0.0; case.outputs];
        let filters = Filters { bias: &bare, ..case.filters() };
        for processor in Processor::available() {
            let plain = Winograd::new(processor, &filters, Activation::None).unwrap();
            let back = Winograd::transposed(processor, &filters).unwrap();
            assert_eq!(back.channels(), [40, 24]);
            let outputs = case.found(&plain);
            let upstream = numbers(outputs.len(), 9);
            let (mut input, mut gradient) = (Blocks::new(), Blocks::new());
            input.read_planes([2, 40, 9, 14], &upstream).unwrap();
            back.forward(&input, Padding::each(side / 2), &mut gradient).unwrap();
            let inner = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let left = inner(&outputs, &upstream);
            let right = inner(&case.input, &gradient.to_planes());
            assert!((left - right).abs() < 1e-4 * left.abs().max(1.0), "{left} {right}");
        }
    }
}

#[test]
fn what_is_no_number_stays_none_and_reaches_its_tile() {
    let mut case = Case::new(3, [1, 16, 12, 12], 16, Padding::each(1));
    case.input[5 * 12 + 5] = f32::NAN;
    for processor in Processor::available() {
        let convolution = Winograd::new(processor, &case.filters(), Activation::Relu).unwrap();
        let found = case.found(&convolution);
        assert!(found[5 * 12 + 5].is_nan());
        assert!(found[11 * 12 + 11].is_finite());
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let case = Case::new(3, [1, 16, 4, 4], 16, Padding::each(1));
    let processor = Processor::best();
    for kernel in [[1, 9], [9, 1], [3, 5], [5, 3]] {
        let weights = vec![0.0; 16 * 16 * kernel[0] * kernel[1]];
        let wide = Filters { kernel, weights: &weights, ..case.filters() };
        assert!(Winograd::new(processor, &wide, Activation::None).is_err());
        assert!(Winograd::transposed(processor, &wide).is_err());
    }
    let convolution = Winograd::new(processor, &case.filters(), Activation::None).unwrap();
    let (mut input, mut output) = (Blocks::new(), Blocks::new());
    input.read_planes([1, 17, 4, 4], &[0.0; 17 * 16]).unwrap();
    assert!(convolution.forward(&input, Padding::each(1), &mut output).is_err());
    input.read_planes([1, 16, 2, 2], &[0.0; 64]).unwrap();
    assert!(convolution.forward(&input, Padding::each(0), &mut output).is_err());
    // Twenty outputs would end amid a block of others, and overwrite them.
    let case = Case::new(3, [1, 16, 4, 4], 20, Padding::each(1));
    let convolution = Winograd::new(processor, &case.filters(), Activation::None).unwrap();
    input.read_planes([1, 16, 4, 4], &case.input).unwrap();
    output.reshape([1, 40, 4, 4]).unwrap();
    assert!(convolution.forward_into(&input, Padding::each(1), &mut output, 0).is_err());
    assert!(convolution.forward_into(&input, Padding::each(1), &mut output, 8).is_err());
    output.reshape([1, 36, 4, 4]).unwrap();
    assert!(convolution.forward_into(&input, Padding::each(1), &mut output, 16).is_ok());
}

#[test]
fn what_is_pooled_on_the_way_is_what_a_pool_gives() {
    let pool = crate::MaxPool { kernel: 2, stride: 2, padding: 0, ceil: false };
    let around = Padding { rows: [1, 1], columns: [1, 1] };
    for (side, [height, width]) in
        [(3, [8, 12]), (3, [5, 7]), (3, [13, 2]), (5, [9, 6]), (3, [40, 36])]
    {
        let mut case = Case::new(side, [2, 17, height, width], 35, around);
        // What is no number is in all lanes of its tiles, those of no channel among them.
        let spoilt = height == 8;
        if spoilt {
            case.input[9] = f32::NAN;
        }
        let input = crate::oracle::blocks(case.shape, &case.input);
        for processor in Processor::available() {
            let winograd = Winograd::new(processor, &case.filters(), Activation::Relu).unwrap();
            let (mut expected, mut largest) = (Blocks::new(), Blocks::new());
            winograd.forward(&input, around, &mut expected).unwrap();
            pool.forward(processor, &expected, &mut largest).unwrap();
            let run = || {
                let (mut output, mut pooled) = (Blocks::new(), Blocks::new());
                winograd.forward_pooled(&input, around, &mut output, &mut pooled).unwrap();
                let bits = |blocks: &Blocks| -> Vec<u32> {
                    blocks.to_planes().iter().map(|value| value.to_bits()).collect()
                };
                assert_eq!(pooled.shape(), largest.shape());
                assert_eq!(bits(&output), bits(&expected));
                assert_eq!(bits(&pooled), bits(&largest), "{side} {height}x{width}");
                if !spoilt {
                    crate::oracle::assert_spare_lanes_are_zero(&pooled);
                }
                pooled.to_planes()
            };
            crate::oracle::assert_same_for_any_threads(|| {
                run().into_iter().map(|value| if value.is_nan() { -1.0 } else { value }).collect()
            });
        }
    }
    let case = Case::new(3, [1, 16, 1, 9], 16, around);
    let input = crate::oracle::blocks(case.shape, &case.input);
    let winograd = Winograd::new(Processor::best(), &case.filters(), Activation::None).unwrap();
    let refused = winograd.forward_pooled(&input, around, &mut Blocks::new(), &mut Blocks::new());
    assert!(refused.is_err());
}

#[test]
fn what_is_masked_on_the_way_is_what_a_mask_leaves() {
    let around = Padding { rows: [1, 1], columns: [1, 1] };
    for [height, width] in [[8, 12], [5, 7], [13, 2], [1, 1]] {
        let case = Case::new(3, [2, 17, height, width], 35, around);
        let upstream =
            crate::oracle::blocks([2, 35, height, width], &numbers(70 * height * width, 8));
        let given: Vec<f32> =
            numbers(34 * height * width, 9).iter().map(|n| 9.0 * n.max(0.0)).collect();
        let given: Vec<f32> = given.into_iter().map(|n| n.min(6.0)).collect();
        let given = crate::oracle::blocks([2, 17, height, width], &given);
        for processor in Processor::available() {
            let winograd = Winograd::transposed(processor, &case.filters()).unwrap();
            for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
                let (mut expected, mut found) = (Blocks::new(), Blocks::new());
                winograd.forward(&upstream, around, &mut expected).unwrap();
                crate::mask(processor, activation, &given, &mut expected).unwrap();
                winograd.forward_masked(&upstream, around, &mut found, activation, &given).unwrap();
                assert_eq!(found.to_planes(), expected.to_planes());
            }
            let refused = winograd.forward_masked(
                &upstream,
                around,
                &mut Blocks::new(),
                Activation::Relu,
                &upstream,
            );
            assert!(refused.is_err());
        }
    }
}
