use super::*;

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + seed * 131) % 1013) as f32 / 506.5 - 1.0).collect()
}

/// Derivatives of weights and bias by their definition.
fn exact(c: &PlaneConvolution, input: &[f32], upstream: &[f32]) -> [Vec<f64>; 2] {
    let [batch, inputs, height, width] = c.input;
    let [_, outputs, rows, columns] = c.output().unwrap();
    let mut weights = Vec::new();
    let mut bias = vec![0.0; outputs];
    for o in 0..outputs {
        for i in 0..inputs {
            for r in 0..c.kernel[0] {
                for column in 0..c.kernel[1] {
                    let mut sum = 0.0;
                    for n in 0..batch {
                        for y in 0..rows {
                            let from = (y * c.stride + r).checked_sub(c.padding.rows[0]);
                            let Some(from) = from.filter(|&from| from < height) else { continue };
                            for x in 0..columns {
                                let at = (x * c.stride + column).checked_sub(c.padding.columns[0]);
                                let Some(at) = at.filter(|&at| at < width) else { continue };
                                let g = upstream[((n * outputs + o) * rows + y) * columns + x];
                                let v = input[((n * inputs + i) * height + from) * width + at];
                                sum += f64::from(g) * f64::from(v);
                            }
                        }
                    }
                    weights.push(sum);
                }
            }
        }
        for n in 0..batch {
            let plane = &upstream[(n * outputs + o) * rows * columns..][..rows * columns];
            bias[o] += plane.iter().map(|&g| f64::from(g)).sum::<f64>();
        }
    }
    [weights, bias]
}

fn run(processor: Processor, c: &PlaneConvolution, x: &[f32], g: &[f32]) -> [Vec<f32>; 2] {
    let mut weights = vec![9.0; c.outputs * c.input[1] * c.kernel[0] * c.kernel[1]];
    let mut bias = vec![9.0; c.outputs];
    weight_gradient(processor, c, x, g, &mut weights, &mut bias).unwrap();
    [weights, bias]
}

fn cases() -> Vec<PlaneConvolution> {
    let case = |input, outputs, kernel, stride, padding| PlaneConvolution {
        input,
        outputs,
        kernel,
        stride,
        padding,
    };
    let uneven = Padding { rows: [2, 0], columns: [0, 3] };
    vec![
        case([2, 20, 9, 17], 13, [3, 3], 1, Padding::each(1)),
        case([3, 3, 8, 8], 32, [3, 3], 1, Padding::each(1)),
        case([2, 32, 7, 9], 3, [3, 3], 1, Padding::each(1)),
        case([2, 17, 11, 10], 8, [3, 3], 2, Padding::each(1)),
        case([1, 3, 23, 29], 70, [11, 11], 4, Padding::each(2)),
        case([2, 70, 1, 1], 5, [1, 1], 1, Padding::each(0)),
        case([1, 1, 1, 1], 1, [3, 3], 1, Padding::each(1)),
        case([1, 5, 6, 7], 20, [5, 2], 3, uneven),
        case([1, 16, 40, 50], 130, [1, 3], 1, uneven),
        case([2, 2, 3, 2], 40, [3, 3], 2, Padding::each(5)),
        case([2, 18, 3, 2], 4, [3, 3], 2, Padding::each(5)),
    ]
}

#[test]
fn it_is_the_definition() {
    for case in cases() {
        let x = numbers(case.input.iter().product(), 1);
        let g = numbers(case.output().unwrap().iter().product(), 2);
        let exact = exact(&case, &x, &g);
        let rounding = 1e-8 * (g.len() / case.outputs) as f64;
        for processor in Processor::available() {
            let found = run(processor, &case, &x, &g);
            for (found, exact) in found.iter().zip(&exact) {
                assert_eq!(found.len(), exact.len());
                let largest = exact.iter().fold(1.0_f64, |largest, x| largest.max(x.abs()));
                for (&found, exact) in found.iter().zip(exact) {
                    let error = (f64::from(found) - exact).abs();
                    assert!(error < 2e-6 * largest + rounding, "{case:?}: {found} {exact}");
                }
            }
        }
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    for case in cases().into_iter().take(5) {
        let x = numbers(case.input.iter().product(), 1);
        let g = numbers(case.output().unwrap().iter().product(), 2);
        let processor = Processor::best();
        let expected = run(processor, &case, &x, &g);
        for threads in [1, 2, 3, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| run(processor, &case, &x, &g)), expected);
        }
    }
}

#[test]
fn nan_reaches_the_weights_it_meets() {
    let case = PlaneConvolution {
        input: [1, 18, 5, 5],
        outputs: 7,
        kernel: [3, 3],
        stride: 1,
        padding: Padding::each(1),
    };
    let mut x = numbers(18 * 25, 1);
    x[25 * 17 + 12] = f32::NAN;
    let g = numbers(7 * 25, 2);
    for processor in Processor::available() {
        let [weights, bias] = run(processor, &case, &x, &g);
        for (index, weight) in weights.iter().enumerate() {
            assert_eq!(weight.is_nan(), index / 9 % 18 == 17);
        }
        assert!(bias.iter().all(|bias| bias.is_finite()));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let case = PlaneConvolution {
        input: [1, 2, 4, 4],
        outputs: 3,
        kernel: [3, 3],
        stride: 1,
        padding: Padding::default(),
    };
    let best = Processor::best();
    let (x, g) = ([0.0; 32], [0.0; 12]);
    let (mut w, mut b) = ([0.0; 54], [0.0; 3]);
    assert!(weight_gradient(best, &case, &x, &g, &mut w, &mut b).is_ok());
    assert!(weight_gradient(best, &case, &x[1..], &g, &mut w, &mut b).is_err());
    assert!(weight_gradient(best, &case, &x, &g[1..], &mut w, &mut b).is_err());
    assert!(weight_gradient(best, &case, &x, &g, &mut w[1..], &mut b).is_err());
    assert!(weight_gradient(best, &case, &x, &g, &mut w, &mut b[1..]).is_err());
    for broken in [
        PlaneConvolution { stride: 0, ..case },
        PlaneConvolution { kernel: [5, 5], ..case },
        PlaneConvolution { outputs: 0, ..case },
    ] {
        assert!(weight_gradient(best, &broken, &x, &g, &mut w, &mut b).is_err());
    }
}
