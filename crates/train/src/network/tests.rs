use super::*;

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut stream = Stream::new(seed, Purpose::Observer, 0);
    (0..count).map(|_| stream.symmetric(1.0)).collect()
}

fn convolution(outputs: usize, kernel: usize, stride: usize, padding: usize) -> Layer {
    Layer::Convolution { outputs, kernel, stride, padding }
}

fn networks() -> Vec<Network> {
    let small = [
        convolution(20, 3, 2, 1),
        Layer::Relu,
        convolution(24, 3, 1, 1),
        Layer::Relu,
        Layer::Dense(9),
        Layer::Dense(16 * 16),
        Layer::Relu,
        Layer::Shape([16, 4, 4]),
        Layer::Double,
        convolution(18, 3, 1, 1),
        Layer::Relu,
        Layer::Double,
        convolution(3, 3, 1, 1),
        Layer::Sigmoid,
    ];
    let mirrored = [
        convolution(17, 5, 2, 0),
        Layer::Relu,
        convolution(21, 5, 2, 0),
        Layer::Relu,
        Layer::Transposed { outputs: 17, kernel: 5, stride: 2, side: 10 },
        Layer::Relu,
        Layer::Transposed { outputs: 3, kernel: 5, stride: 2, side: 24 },
        Layer::Sigmoid,
    ];
    let resolution = [
        convolution(33, 9, 1, 0),
        Layer::Relu,
        convolution(18, 1, 1, 0),
        Layer::Relu,
        convolution(1, 5, 1, 0),
    ];
    vec![
        Network::new("small", [3, 16, 16], &small).unwrap(),
        Network::new("mirrored", [3, 24, 24], &mirrored).unwrap(),
        Network::new("resolution", [1, 20, 20], &resolution).unwrap(),
        Network::new("dense", [2, 3, 3], &[Layer::Dense(70), Layer::Relu, Layer::Dense(5)])
            .unwrap(),
    ]
}

/// The definition, in double precision.
fn exact(network: &Network, parameters: &[f64], input: &[f64]) -> Vec<f64> {
    let mut x = input.to_vec();
    for stage in &network.stages {
        let (w, b) = (&parameters[stage.weights.clone()], &parameters[stage.bias.clone()]);
        let ([ic, mut ih, mut iw], [oc, oh, ow]) = (stage.input, stage.output);
        let batch = x.len() / (ic * ih * iw);
        if stage.doubled {
            let large = |i: usize| {
                let (plane, row, column) =
                    (i / (4 * ih * iw), i / (2 * iw) % (2 * ih), i % (2 * iw));
                x[(plane * ih + row / 2) * iw + column / 2]
            };
            x = (0..4 * x.len()).map(large).collect();
            (ih, iw) = (2 * ih, 2 * iw);
        }
        let mut y = vec![0.0; batch * oc * oh * ow];
        let at = |n: usize, c: usize, r: usize, q: usize| ((n * ic + c) * ih + r) * iw + q;
        let to = |n: usize, c: usize, r: usize, q: usize| ((n * oc + c) * oh + r) * ow + q;
        let all = |shape: [usize; 3]| {
            let [c, h, w] = shape;
            (0..c * h * w).map(move |i| [i / (h * w), i / w % h, i % w])
        };
        for n in 0..batch {
            match stage.layer {
                Layer::Convolution { kernel, stride, padding, .. } => {
                    for [o, r, q] in all(stage.output) {
                        let mut sum = b[o];
                        for [i, u, v] in all([ic, kernel, kernel]) {
                            let place = (r * stride + u, q * stride + v);
                            let (Some(rr), Some(qq)) =
                                (place.0.checked_sub(padding), place.1.checked_sub(padding))
                            else {
                                continue;
                            };
                            if rr < ih && qq < iw {
                                sum += w[((o * ic + i) * kernel + u) * kernel + v]
                                    * x[at(n, i, rr, qq)];
                            }
                        }
                        y[to(n, o, r, q)] = sum;
                    }
                }
                Layer::Transposed { kernel, stride, .. } => {
                    for [o, r, q] in all(stage.output) {
                        y[to(n, o, r, q)] = b[o];
                    }
                    for [i, r, q] in all(stage.input) {
                        for [o, u, v] in all([oc, kernel, kernel]) {
                            y[to(n, o, r * stride + u, q * stride + v)] +=
                                w[((i * oc + o) * kernel + u) * kernel + v] * x[at(n, i, r, q)];
                        }
                    }
                }
                Layer::Dense(outputs) => {
                    let inputs = ic * ih * iw;
                    for o in 0..outputs {
                        let row = &x[n * inputs..][..inputs];
                        let products = row.iter().zip(&w[o * inputs..]).map(|(x, w)| x * w);
                        y[n * outputs + o] = b[o] + products.sum::<f64>();
                    }
                }
                Layer::Double => {
                    for [c, r, q] in all(stage.output) {
                        y[to(n, c, r, q)] = x[at(n, c, r / 2, q / 2)];
                    }
                }
                Layer::Relu | Layer::Sigmoid | Layer::Shape(_) => {
                    let size = oc * oh * ow;
                    y[n * size..][..size].copy_from_slice(&x[n * size..][..size]);
                }
            }
        }
        if stage.relu || stage.layer == Layer::Relu {
            y.iter_mut().for_each(|y| *y = y.max(0.0));
        }
        if stage.layer == Layer::Sigmoid {
            y.iter_mut().for_each(|y| *y = 1.0 / (1.0 + (-*y).exp()));
        }
        x = y;
    }
    x
}

#[test]
fn outputs_are_those_of_the_definition_alone_and_in_a_batch() {
    for network in networks() {
        let parameters = network.initial(3, 0);
        let size: usize = network.input().iter().product();
        let input = numbers(3 * size, 5);
        let found = network.run(&parameters, &input).unwrap();
        let double = |numbers: &[f32]| -> Vec<f64> { numbers.iter().map(|&n| n.into()).collect() };
        let expected = exact(&network, &double(&parameters), &double(&input));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((f64::from(*found) - expected).abs() < 2e-5, "{}", network.name);
        }
        let alone = network.run(&parameters, &input[size..2 * size]).unwrap();
        assert_eq!(alone, found[alone.len()..2 * alone.len()], "{}", network.name);
        assert_eq!(network.trace(&parameters, &input).unwrap().output(), found);
    }
}

#[test]
fn derivatives_are_differences_of_the_definition() {
    for network in networks() {
        let mut parameters = network.initial(4, 0);
        // Biases away from 0, so that no unit stands at its corner.
        parameters.iter_mut().for_each(|p| *p += if *p == 0.0 { 0.03 } else { 0.0 });
        let size: usize = network.input().iter().product();
        let input = numbers(2 * size, 6);
        let trace = network.trace(&parameters, &input).unwrap();
        let slopes = numbers(trace.output().len(), 7);
        let mut gradient = vec![f32::NAN; network.count()];
        let of_input =
            network.backward(&parameters, &trace, slopes.clone(), &mut gradient, true).unwrap();
        let of_input = of_input.unwrap();
        let double = |numbers: &[f32]| -> Vec<f64> { numbers.iter().map(|&n| n.into()).collect() };
        let (exact_parameters, exact_input) = (double(&parameters), double(&input));
        let number = |parameters: &[f64], input: &[f64]| -> f64 {
            let found = exact(&network, parameters, input);
            found.iter().zip(&slopes).map(|(y, s)| y * f64::from(*s)).sum()
        };
        let check = |found: f64, at: &dyn Fn(f64) -> f64, what: &str| {
            let difference = (at(1e-7) - at(-1e-7)) / 2e-7;
            let off = (found - difference).abs();
            assert!(off < 2e-3 * difference.abs().max(0.05), "{what}: {found} {difference}");
        };
        for stage in &network.stages {
            for range in [&stage.weights, &stage.bias] {
                for at in range.clone().step_by((range.len() / 5).max(1)) {
                    let moved = |step: f64| {
                        let mut moved = exact_parameters.clone();
                        moved[at] += step;
                        number(&moved, &exact_input)
                    };
                    let what = format!("{} {:?} {at}", network.name, stage.layer);
                    check(gradient[at].into(), &moved, &what);
                }
            }
        }
        for at in (0..input.len()).step_by(input.len() / 9) {
            let moved = |step: f64| {
                let mut moved = exact_input.clone();
                moved[at] += step;
                number(&exact_parameters, &moved)
            };
            check(of_input[at].into(), &moved, &format!("{} input {at}", network.name));
        }
        let mut again = vec![0.0; network.count()];
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let none = one.install(|| {
            let trace = network.trace(&parameters, &input).unwrap();
            network.backward(&parameters, &trace, slopes.clone(), &mut again, false).unwrap()
        });
        assert!(none.is_none());
        assert_eq!(again, gradient, "{}: bits of one thread", network.name);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let new = |layers: &[Layer]| Network::new("n", [3, 8, 8], layers).map(|n| n.count());
    assert!(new(&[]).is_err());
    assert!(new(&[convolution(4, 9, 1, 0)]).is_err());
    assert!(new(&[convolution(4, 3, 0, 0)]).is_err());
    assert!(new(&[Layer::Shape([3, 8, 9])]).is_err());
    assert!(new(&[Layer::Transposed { outputs: 2, kernel: 3, stride: 2, side: 8 }]).is_err());
    assert_eq!(new(&[Layer::Dense(2)]).unwrap(), 2 * 192 + 2);
    let network = Network::new("n", [1, 2, 2], &[Layer::Dense(2)]).unwrap();
    assert!(network.run(&[0.0; 10], &[0.0; 5]).is_err());
    assert!(network.run(&[0.0; 9], &[0.0; 4]).is_err());
    assert!(network.run(&[0.0; 10], &[]).is_err());
    let shapes: Vec<_> = network.tensors();
    assert_eq!(shapes[0], ("n.0.weight".to_owned(), vec![2, 4]));
}

/// Devices of the tensor engine: the processor, and a graphics card where the tests are built for one.
#[cfg(feature = "engine")]
fn devices() -> Vec<(&'static str, Compute)> {
    let mut devices = vec![("flex", Compute::Engine(lookalike_nn::processor()))];
    if cfg!(feature = "wgpu") {
        devices.push(("wgpu", Compute::named("wgpu").unwrap()));
    }
    devices
}

#[cfg(feature = "engine")]
#[test]
fn other_devices_give_what_the_kernels_give() {
    let off = |found: &[f32], expected: &[f32]| -> f32 {
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let pairs = found.iter().zip(expected);
        pairs.map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max) / largest
    };
    for network in networks() {
        let parameters: Vec<f32> =
            network.initial(4, 0).iter().map(|p| if *p == 0.0 { 0.03 } else { *p }).collect();
        let size: usize = network.input().iter().product();
        let input = numbers(3 * size, 6);
        let trace = network.trace(&parameters, &input).unwrap();
        let slopes = numbers(trace.output().len(), 7);
        let mut gradient = vec![0.0; network.count()];
        let of_input =
            network.backward(&parameters, &trace, slopes.clone(), &mut gradient, true).unwrap();
        for (name, device) in devices() {
            let what = format!("{} on {name}", network.name);
            let network = network.clone().on(&device).unwrap();
            let found = network.trace(&parameters, &input).unwrap();
            assert!(off(found.output(), trace.output()) < 1e-5, "{what}: output");
            assert_eq!(network.run(&parameters, &input).unwrap().len(), found.output().len());
            let mut slopes_found = vec![f32::NAN; network.count()];
            let of_input_found = network
                .backward(&parameters, &found, slopes.clone(), &mut slopes_found, true)
                .unwrap();
            let error = off(&slopes_found, &gradient);
            assert!(error < 1e-5, "{what}: parameters {error}");
            let error = off(of_input_found.as_deref().unwrap(), of_input.as_deref().unwrap());
            assert!(error < 1e-5, "{what}: input {error}");
            assert!(network.run(&parameters[1..], &input).is_err());
            assert!(network.run(&parameters, &input[1..]).is_err());
            let short = slopes[1..].to_vec();
            assert!(network.backward(&parameters, &found, short, &mut slopes_found, true).is_err());
        }
    }
}
