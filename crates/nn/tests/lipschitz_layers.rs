//! Layers whose constant comes from Gram iteration or from orthogonal matrices: proved bounds against singular values
//! and against pairs that are looked for; values against plain loops.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod recorded_tensors;
mod stretch;

use lookalike_nn::lipschitz::{
    Convolution, LipNextBlock, LipNextParameters, Rows, SllConvolution, SllDense, cpl_convolution,
    cpl_dense, gram_iteration, gram_iteration_of_kernels, spectral_norm,
};
use recorded_tensors::{read, recorded};
use safetensors::SafeTensors;
use stretch::{Layer, adversarial_stretch, difference, jacobian, norm, numbers, singles};

struct Plain(Convolution, [usize; 2]);

impl Layer for Plain {
    fn value(&self, x: &[f64]) -> Vec<f64> {
        let rows = Rows::from_planes([self.0.channels(), self.1[0], self.1[1]], x);
        self.0.forward(&rows).unwrap().to_planes(self.0.outputs())
    }

    fn pull(&self, _x: &[f64], upstream: &[f64]) -> Vec<f64> {
        let rows = Rows::from_planes([self.0.outputs(), self.1[0], self.1[1]], upstream);
        self.0.backward(&rows).unwrap().to_planes(self.0.channels())
    }
}

struct Dense(SllDense);

impl Layer for Dense {
    fn value(&self, x: &[f64]) -> Vec<f64> {
        self.0.forward(x, None).unwrap()
    }

    fn pull(&self, x: &[f64], upstream: &[f64]) -> Vec<f64> {
        let mut active = vec![false; self.0.inner()];
        self.0.forward(x, Some(&mut active)).unwrap();
        self.0.backward(upstream, &active).unwrap()
    }
}

struct Residual(SllConvolution, [usize; 2]);

impl Layer for Residual {
    fn value(&self, x: &[f64]) -> Vec<f64> {
        let rows = Rows::from_planes([self.0.channels(), self.1[0], self.1[1]], x);
        self.0.forward(&rows, None).unwrap().to_planes(self.0.channels())
    }

    fn pull(&self, x: &[f64], upstream: &[f64]) -> Vec<f64> {
        let shape = [self.0.channels(), self.1[0], self.1[1]];
        let mut active = vec![false; self.0.inner() * self.1[0] * self.1[1]];
        self.0.forward(&Rows::from_planes(shape, x), Some(&mut active)).unwrap();
        let pulled = self.0.backward(&Rows::from_planes(shape, upstream), &active).unwrap();
        pulled.to_planes(self.0.channels())
    }
}

struct Next(LipNextBlock, [usize; 3]);

impl Layer for Next {
    fn value(&self, x: &[f64]) -> Vec<f64> {
        self.0.forward(&Rows::from_planes(self.1, x), None).unwrap().to_planes(self.1[0])
    }

    fn pull(&self, x: &[f64], upstream: &[f64]) -> Vec<f64> {
        let mut negative = vec![false; x.len()];
        self.0.forward(&Rows::from_planes(self.1, x), Some(&mut negative)).unwrap();
        let pulled = self.0.backward(&Rows::from_planes(self.1, upstream), &negative).unwrap();
        pulled.to_planes(self.1[0])
    }
}

fn orthogonal(channels: usize, rank: usize, seed: u64) -> Convolution {
    let parts = [0, 1, 2, 3, 4].map(|part| singles(channels * rank, seed + part));
    Convolution::orthogonal(parts.each_ref().map(Vec::as_slice), rank, singles(channels, 90))
        .unwrap()
}

fn block(size: [usize; 2], seed: u64) -> LipNextBlock {
    let [turn, mix] = [seed, seed + 1].map(|seed| singles(8 * 3, seed));
    let (place, bias) = (singles(8 * size[0] * size[1], seed + 2), singles(8, seed + 3));
    let parameters = LipNextParameters {
        turn: &turn,
        mix: &mix,
        rank: 3,
        place: &place,
        bias: &bias,
        moving: 0.125,
        absolute: 0.75,
    };
    LipNextBlock::new(size, parameters).unwrap()
}

#[test]
fn no_singular_value_and_no_pair_exceeds_the_proved_bound() {
    let aol = Convolution::aol(3, 3, &singles(4 * 27, 1), singles(4, 2)).unwrap();
    let wide = Convolution::aol(2, 5, &singles(3 * 50, 3), singles(3, 4)).unwrap();
    let plain = Convolution::new(2, 3, singles(5 * 18, 5), singles(5, 6)).unwrap();
    let ones = [aol.bound(), wide.bound(), orthogonal(6, 2, 7).bound(), block([4, 5], 20).bound()];
    assert!(ones.iter().all(|bound| bound.value < 1.0 + 1e-5), "{ones:?}");
    let cpl = cpl_dense(9, singles(7 * 9, 10), singles(7, 11)).unwrap();
    let cpl_conv = cpl_convolution(3, singles(4 * 27, 12), singles(4, 13)).unwrap();
    let layers: [(&str, Box<dyn Layer>, usize, f64); 7] = [
        ("aol", Box::new(Plain(aol.clone(), [5, 4])), 60, aol.bound().value),
        ("aol of 5x5", Box::new(Plain(wide.clone(), [6, 4])), 48, wide.bound().value),
        ("plain", Box::new(Plain(plain.clone(), [5, 4])), 40, plain.bound().value),
        ("orthogonal", Box::new(Plain(orthogonal(6, 2, 7), [5, 4])), 120, ones[2].value),
        ("cpl", Box::new(Dense(cpl)), 9, 1.0),
        ("cpl convolution", Box::new(Residual(cpl_conv, [5, 4])), 60, 1.0),
        ("lipnext", Box::new(Next(block([4, 5], 20), [8, 4, 5])), 160, ones[3].value),
    ];
    for (name, layer, size, bound) in &layers {
        for point in 0..2 {
            let jacobian = jacobian(layer.as_ref(), &numbers(*size, 30 + point));
            let found = spectral_norm(&jacobian, *size).unwrap();
            assert!(found <= bound * (1.0 + 1e-8), "{name}: {found} {bound}");
        }
        let found = adversarial_stretch(layer.as_ref(), *size, 40);
        assert!(found > 0.4 * bound && found <= bound * (1.0 + 1e-12), "{name}: {found} {bound}");
    }
}

#[test]
fn orthogonal_kernels_keep_lengths_away_from_the_border() {
    let layer = Plain(orthogonal(6, 3, 50), [9, 9]);
    let mut x = vec![0.0; 6 * 81];
    for (at, value) in numbers(6 * 9, 60).into_iter().enumerate() {
        // Three by three pixels in the middle.
        x[at / 9 * 81 + (3 + at / 3 % 3) * 9 + 3 + at % 3] = value;
    }
    let zero = layer.value(&vec![0.0; x.len()]);
    let y = difference(&layer.value(&x), &zero);
    assert!((norm(&y) / norm(&x) - 1.0).abs() < 1e-6, "{} {}", norm(&y), norm(&x));
    let back = layer.pull(&x, &y);
    assert!(norm(&difference(&back, &x)) < 1e-5 * norm(&x), "the adjoint is the inverse");
    // All nine taps are in use.
    let used =
        (0..9).filter(|tap| layer.0.kernel().iter().skip(*tap).step_by(9).any(|w| w.abs() > 1e-3));
    assert_eq!(used.count(), 9);
}

#[test]
fn gram_iteration_is_above_the_norm_and_closes_in() {
    for (rows, columns) in [(7, 12), (12, 7), (1, 5), (6, 6)] {
        let matrix = singles(rows * columns, (rows * columns) as u64);
        let double: Vec<f64> = matrix.iter().map(|&w| f64::from(w)).collect();
        let exact = spectral_norm(&double, columns).unwrap();
        let mut before = f64::INFINITY;
        for iterations in 0..9 {
            let found = gram_iteration(&matrix, columns, iterations).unwrap().value;
            assert!(found >= exact * (1.0 - 2e-9), "{found} {exact}");
            assert!(found <= before * (1.0 + 1e-12));
            before = found;
        }
        assert!(before < exact * 1.01, "{before} {exact}");
    }
    let kernels = singles(3 * 2 * 9, 70);
    let layer = Plain(Convolution::new(2, 3, kernels.clone(), vec![0.0; 3]).unwrap(), [9, 9]);
    let exact = spectral_norm(&jacobian(&layer, &numbers(162, 1)), 162).unwrap();
    let bounds: Vec<f64> =
        (1..5).map(|n| gram_iteration_of_kernels(&kernels, 2, 3, n).unwrap().value).collect();
    assert!(bounds.windows(2).all(|two| two[1] <= two[0] * (1.0 + 1e-12)), "{bounds:?}");
    assert!(bounds[3] >= exact && bounds[3] < 1.25 * exact, "{bounds:?} {exact}");
    assert_eq!(gram_iteration(&[0.0; 6], 3, 4).unwrap().value, 0.0);
    assert!(gram_iteration(&[f32::NAN; 4], 2, 2).is_err());
    assert!(gram_iteration(&[1e30; 4], 2, 6).unwrap().value.is_finite());
}

#[test]
fn values_are_those_of_plain_loops() {
    for (side, [height, width]) in [(3, [4, 5]), (5, [2, 3]), (1, [3, 1]), (5, [1, 7])] {
        let (kernel, bias) = (singles(3 * 2 * side * side, 80), singles(3, 81));
        let layer = Plain(
            Convolution::new(2, side, kernel.clone(), bias.clone()).unwrap(),
            [height, width],
        );
        let x = numbers(2 * height * width, 82);
        let found = layer.value(&x);
        let half = side / 2;
        for o in 0..3 {
            for (row, column) in (0..height * width).map(|at| (at / width, at % width)) {
                let mut sum = f64::from(bias[o]);
                for c in 0..2 {
                    for t in 0..side * side {
                        let (y, u) = (row + t / side, column + t % side);
                        if (half..height + half).contains(&y) && (half..width + half).contains(&u) {
                            let w = f64::from(kernel[(o * 2 + c) * side * side + t]);
                            sum += w * x[(c * height + y - half) * width + u - half];
                        }
                    }
                }
                let at = (o * height + row) * width + column;
                assert!((found[at] - sum).abs() < 1e-12, "{} {sum}", found[at]);
            }
        }
    }
    assert!(Convolution::new(2, 2, vec![0.0; 8], vec![0.0]).is_err(), "an even side");
    assert!(Convolution::new(2, 3, vec![0.0; 8], vec![0.0]).is_err());
}

#[test]
fn a_block_turns_moves_and_mixes() {
    let size = [3, 4];
    let layer = Next(block(size, 100), [8, 3, 4]);
    let (x, u) = (numbers(96, 101), numbers(96, 102));
    let slope = {
        let step = 1e-7;
        let moved: Vec<f64> = x.iter().zip(&u).map(|(x, u)| x + step * u).collect();
        let by = difference(&layer.value(&moved), &layer.value(&x));
        by.iter().map(|by| by / step).collect::<Vec<f64>>()
    };
    let g = numbers(96, 103);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    assert!((product(&slope, &g) - product(&layer.pull(&x, &g), &u)).abs() < 1e-5);
    // Lengths of differences are kept where no sign turns.
    let near: Vec<f64> = x.iter().zip(&u).map(|(x, u)| x + 1e-6 * u).collect();
    let moved = difference(&layer.value(&near), &layer.value(&x));
    assert!((norm(&moved) / (1e-6 * norm(&u)) - 1.0).abs() < 1e-4);
    let wrong = Rows::from_planes([8, 3, 3], &numbers(72, 1));
    assert!(layer.0.forward(&wrong, None).is_err());
}

#[test]
fn the_convex_potential_layer_is_as_recorded() {
    let Some(bytes) = recorded("ortho_layers.safetensors") else { return };
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let single = |name: &str| read(&file, name).into_iter().map(|x| x as f32).collect::<Vec<f32>>();
    let layer = cpl_dense(6, single("cpl.w"), single("cpl.b")).unwrap();
    let exact = read(&file, "cpl.norm_sq")[0];
    let found = layer.normalisers()[0];
    assert!(found >= exact * (1.0 - 1e-6) && found < exact * 1.01, "{found} {exact}");
    let y = layer.forward(&read(&file, "cpl.x"), None).unwrap();
    for (found, expected) in y.iter().zip(read(&file, "cpl.y")) {
        assert!((found - expected).abs() < 1e-2 * expected.abs().max(0.1), "{found} {expected}");
    }
}
