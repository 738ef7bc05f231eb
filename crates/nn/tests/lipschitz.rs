//! Layers that cannot stretch: recorded values, and their constants held against what is found.
//!
//! The recorded values are those of PyTorch in double precision and lie outside the repository
//! (`../shared/reference/lipsim`); without them those tests say so and check nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod recorded_tensors;
mod stretch;

use lookalike_nn::lipschitz::{
    Linear, Real, Rounding, Rows, SllConvolution, SllDense, Weighting, aol, block_reflector,
    cayley, depth_to_space, fit_coordinates, group_sort, max_min, space_to_depth, spectral_norm,
    window_sum, window_sum_backward,
};
use recorded_tensors::{read, recorded};
use safetensors::SafeTensors;
use stretch::{Layer, adversarial_stretch, difference, jacobian, norm, numbers, singles};

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

struct Conv(SllConvolution, [usize; 2]);

impl Conv {
    fn rows(&self, x: &[f64]) -> Rows<f64> {
        Rows::from_planes([self.0.channels(), self.1[0], self.1[1]], x)
    }
}

impl Layer for Conv {
    fn value(&self, x: &[f64]) -> Vec<f64> {
        self.0.forward(&self.rows(x), None).unwrap().to_planes(self.0.channels())
    }

    fn pull(&self, x: &[f64], upstream: &[f64]) -> Vec<f64> {
        let mut active = vec![false; self.0.inner() * self.1[0] * self.1[1]];
        self.0.forward(&self.rows(x), Some(&mut active)).unwrap();
        let pulled = self.0.backward(&self.rows(upstream), &active).unwrap();
        pulled.to_planes(self.0.channels())
    }
}

fn random_dense(inner: usize, width: usize, weighting: Weighting<'_>, seed: u64) -> SllDense {
    SllDense::new(width, singles(inner * width, seed), singles(inner, seed + 1), weighting).unwrap()
}

fn random_conv(
    inner: usize,
    channels: usize,
    weighting: Weighting<'_>,
    seed: u64,
) -> SllConvolution {
    let kernel = singles(inner * channels * 9, seed);
    SllConvolution::new(channels, kernel, singles(inner, seed + 1), weighting).unwrap()
}

#[test]
fn no_jacobian_and_no_pair_stretches_beyond_the_constant() {
    let q = singles(16, 3);
    for (case, weighting) in
        [Weighting::Uniform, Weighting::Exponential(&q)].into_iter().enumerate()
    {
        let seed = 10 * case as u64;
        let dense = Dense(random_dense(16, 11, weighting, seed));
        let conv = Conv(random_conv(16, 2, weighting, seed), [5, 4]);
        let layers: [(&dyn Layer, usize, f64); 2] =
            [(&dense, 11, dense.0.bound().value), (&conv, 40, conv.0.bound().value)];
        for (layer, size, bound) in layers {
            assert_eq!(bound, 1.0);
            for point in 0..4 {
                let jacobian = jacobian(layer, &numbers(size, seed + point));
                let found = spectral_norm(&jacobian, size).unwrap();
                assert!(found <= bound + 1e-8, "{found}");
            }
            let found = adversarial_stretch(layer, size, seed);
            assert!(found > 0.5 && found <= bound * (1.0 + 1e-12), "{found}");
        }
    }
}

#[test]
fn derivatives_are_those_of_differences_and_symmetric() {
    let conv = Conv(random_conv(3, 4, Weighting::Uniform, 5), [6, 7]);
    let dense = Dense(random_dense(6, 9, Weighting::Uniform, 6));
    let layers: [(&dyn Layer, usize); 2] = [(&conv, 4 * 42), (&dense, 9)];
    for (layer, size) in layers {
        let (x, u, v) = (numbers(size, 1), numbers(size, 2), numbers(size, 3));
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let step = 1e-7;
        let moved: Vec<f64> = x.iter().zip(&u).map(|(x, u)| x + step * u).collect();
        let slope = product(&difference(&layer.value(&moved), &layer.value(&x)), &v) / step;
        let [of_u, of_v] = [&u, &v].map(|w| layer.pull(&x, w));
        assert!((slope - product(&of_v, &u)).abs() < 1e-5, "{slope}");
        assert!((product(&of_v, &u) - product(&of_u, &v)).abs() < 1e-12);
    }
}

#[test]
fn rows_of_zeros_do_nothing_and_everything_stays_finite() {
    let mut weight = singles(4 * 6, 1);
    weight[6..12].fill(0.0);
    let layer = SllDense::new(6, weight, singles(4, 2), Weighting::Uniform).unwrap();
    assert!(layer.normalisers()[1] == 0.0);
    let layer = Dense(layer);
    let x = numbers(6, 3);
    assert!(layer.value(&x).iter().chain(&layer.pull(&x, &x)).all(|y| y.is_finite()));
    // Weights so far apart that their ratio overflows switch a unit off.
    let q = [-500.0, 500.0, 0.0, 0.0];
    let layer = random_dense(4, 6, Weighting::Exponential(&q), 1);
    assert!(layer.forward(&x, None).unwrap().iter().all(|y| y.is_finite()));
    let nothing = SllConvolution::new(2, vec![0.0; 54], vec![1.0; 3], Weighting::Uniform).unwrap();
    let picture = Rows::from_planes([2, 3, 3], &numbers(18, 4));
    assert_eq!(nothing.forward(&picture, None).unwrap(), picture);
}

#[test]
fn pictures_of_one_row_or_column_and_many_strips_agree_with_the_definition() {
    for [channels, inner, height, width] in
        [[2, 3, 1, 1], [3, 2, 1, 6], [1, 4, 7, 1], [3, 2, 37, 5]]
    {
        let layer = random_conv(inner, channels, Weighting::Uniform, 8);
        let kernel = singles(inner * channels * 9, 8);
        let bias = singles(inner, 9);
        let x = numbers(channels * height * width, 10);
        let found = Conv(layer.clone(), [height, width]).value(&x);
        let at = |c: usize, y: usize, x: usize| (c * height + y) * width + x;
        let mut expected = x.clone();
        for i in 0..inner {
            for (row, column) in (0..height * width).map(|p| (p / width, p % width)) {
                let mut taps = Vec::new();
                for c in 0..channels {
                    for t in 0..9 {
                        let (y, u) =
                            ((row + t / 3).wrapping_sub(1), (column + t % 3).wrapping_sub(1));
                        if y < height && u < width {
                            taps.push((at(c, y, u), f64::from(kernel[(i * channels + c) * 9 + t])));
                        }
                    }
                }
                let sum: f64 = taps.iter().map(|&(p, w)| w * x[p]).sum();
                let s = 2.0 / layer.normalisers()[i] * (sum + f64::from(bias[i])).max(0.0);
                taps.iter().for_each(|&(p, w)| expected[p] -= w * s);
            }
        }
        let error = norm(&difference(&found, &expected));
        assert!(error < 1e-11, "{error}");
    }
}

#[test]
fn rounding_stays_within_its_bound() {
    let conv = random_conv(4, 3, Weighting::Uniform, 20);
    let dense = random_dense(8, 3 * 16, Weighting::Uniform, 21);
    let x = numbers(3 * 8 * 8, 22);
    let run = |unit: f64, conv: Rounding| dense.rounding(conv.window_sum(unit, 4), unit);
    let input = Rounding::of_input(norm(&x));
    fn values<R: Real>(conv: &SllConvolution, dense: &SllDense, x: &[f64]) -> Vec<f64> {
        // Both precisions start from the same single numbers.
        let x: Vec<R> = x.iter().map(|&x| R::of(x as f32)).collect();
        let y = conv.forward(&Rows::from_planes([3, 8, 8], &x), None).unwrap();
        let y = dense.forward(&window_sum(&y, 2).to_planes(3), None).unwrap();
        y.into_iter().map(Real::double).collect()
    }
    let single = values::<f32>(&conv, &dense, &x);
    let double = values::<f64>(&conv, &dense, &x);
    let found = norm(&difference(&single, &double));
    let proved = run(f32::UNIT, conv.rounding::<f32>(input, [8, 8]));
    let of_double = run(f64::UNIT, conv.rounding::<f64>(input, [8, 8]));
    assert!(found > 0.0 && found < proved.error, "{found} {proved:?}");
    assert!(proved.error < 1e-2 && of_double.error < 1e-11, "{proved:?} {of_double:?}");
    assert!(norm(&double) <= proved.norm);
}

#[test]
fn layers_with_few_channels_inside_stay_within_their_bound() {
    let layers: Vec<SllConvolution> =
        (0..3).map(|at| random_conv(2 + at as usize, 6, Weighting::Uniform, 30 + 3 * at)).collect();
    // The last has too many for the kernel of the others.
    let wide = random_conv(7, 6, Weighting::Uniform, 50);
    let layers: Vec<&SllConvolution> = layers.iter().chain([&wide]).collect();
    for shape in [[6, 20, 64], [6, 33, 81], [6, 3, 70], [6, 9, 10]] {
        let x = numbers(shape.iter().product(), 60);
        let single = Rows::from_planes(shape, &x.iter().map(|&x| x as f32).collect::<Vec<_>>());
        let double = Rows::from_planes(
            shape,
            &single.to_planes(6).iter().map(|&x| f64::from(x)).collect::<Vec<_>>(),
        );
        let exact = SllConvolution::forward_all(&layers, &double, 1).unwrap();
        let one = |x: &Rows<f64>, layer: &&SllConvolution| layer.forward(x, None).unwrap();
        assert_eq!(exact, layers.iter().fold(double.clone(), |x, layer| one(&x, layer)));
        let found = SllConvolution::forward_all(&layers, &single, 1).unwrap();
        for tasks in [2, 5, 100] {
            assert_eq!(found, SllConvolution::forward_all(&layers, &single, tasks).unwrap());
        }
        let singles: Vec<f64> = found.data.iter().map(|&x| f64::from(x)).collect();
        let error = norm(&difference(&singles, &exact.data));
        let size = [shape[1], shape[2]];
        let before = Rounding::of_input(norm(&double.data));
        let bound = layers.iter().fold(before, |at, layer| layer.rounding::<f32>(at, size));
        assert!(error > 0.0 && error < bound.error, "{shape:?}: {error} {bound:?}");
        // Larger sums of products, but no other order of magnitude.
        assert!(error < 1e-6 * norm(&double.data) && bound.error < 1.0, "{error} {bound:?}");
    }
    let none = SllConvolution::forward_all(&[], &Rows::<f32>::zeros([2, 3, 4]), 1).unwrap();
    assert_eq!(none, Rows::zeros([2, 3, 4]));
    let short = Rows { channels: 6, height: 9, width: 70, data: vec![0.0_f32; 5] };
    assert!(SllConvolution::forward_all(&layers, &short, 1).is_err());
}

#[test]
fn sorting_moving_and_cutting_keep_or_shorten_distances() {
    let (a, b) = (numbers(24, 1), numbers(24, 2));
    let before = norm(&difference(&a, &b));
    type Change = fn(&[f64]) -> Vec<f64>;
    let rows = |x: &[f64]| Rows::from_planes([2, 2, 6], x);
    assert_eq!(depth_to_space(&space_to_depth(&rows(&a), 2), 2), rows(&a));
    let changes: [Change; 5] = [
        |x| {
            let mut x = x.to_vec();
            max_min(&mut x);
            x
        },
        |x| {
            let mut x = x.to_vec();
            group_sort(&mut x, 5);
            x
        },
        |x| space_to_depth(&Rows::from_planes([2, 2, 6], x), 2).to_planes(8),
        |x| fit_coordinates(x, 7),
        |x| window_sum(&Rows::from_planes([2, 2, 6], x), 2).to_planes(2),
    ];
    for (index, change) in changes.iter().enumerate() {
        let after = norm(&difference(&change(&a), &change(&b)));
        assert!(after <= before * (1.0 + 1e-12), "{index}: {after} {before}");
        let kept = index != 3 && index != 4;
        assert!(!kept || (norm(&change(&a)) - norm(&a)).abs() < 1e-12, "{index}");
    }
    // PyTorch's order of channels.
    let small = space_to_depth(&rows(&a), 2);
    assert_eq!([small.to_planes(8)[3], small.to_planes(8)[6]], [a[1], a[6]]);
    let constant = window_sum(&rows(&[1.0; 24]), 2);
    assert!((norm(&constant.data) - norm(&[1.0; 24])).abs() < 1e-12);
    let pulled = window_sum_backward(&constant, 2, [2, 6]);
    assert_eq!(pulled, rows(&[1.0; 24]));
    let mut odd = [1.0, 5.0, 9.0];
    max_min(&mut odd);
    assert_eq!(odd, [9.0, 5.0, 1.0]);
}

fn stored_norm(layer: &Linear, inputs: usize) -> f64 {
    let matrix: Vec<f64> = layer.matrix().iter().map(|&m| f64::from(m)).collect();
    spectral_norm(&matrix, inputs).unwrap()
}

#[test]
fn matrices_have_the_constant_that_they_claim() {
    let layers = [
        (cayley(&singles(64, 1), 8).unwrap(), 8),
        (cayley(&singles(96, 2), 8).unwrap(), 8),
        (block_reflector(&singles(40, 3), 4).unwrap(), 10),
        (aol(&singles(70, 4), 10).unwrap(), 10),
    ];
    for (layer, inputs) in &layers {
        let (found, bound) = (stored_norm(layer, *inputs), layer.bound().value);
        assert!(found <= bound * (1.0 + 1e-8), "{found} {bound}");
        assert!(bound < 1.0 + 1e-5, "{bound}");
    }
    assert!(stored_norm(&layers[0].0, 8) > 1.0 - 1e-6);
    assert!(cayley(&singles(24, 1), 8).is_err(), "wider than tall");
    assert!(block_reflector(&[1.0, 1.0, 1.0, 1.0], 2).is_err(), "columns depend on each other");
    assert!(aol(&singles(7, 1), 3).is_err());
}

fn read_single(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    read(file, name).into_iter().map(|x| x as f32).collect()
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], relative: f64, absolute: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= absolute + relative * e.abs(), "{f} {e}");
    }
}

#[test]
fn convolutions_are_as_recorded() {
    let Some(bytes) = recorded("sll_layers.safetensors") else { return };
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let q = read_single(&file, "conv.q");
    let (x, upstream) = (read(&file, "conv.x"), read(&file, "conv.loss_weight"));
    for (mode, weighting) in
        [("published", Weighting::Uniform), ("corrected", Weighting::Exponential(&q))]
    {
        let [kernel, bias] = ["kernel", "bias"].map(|n| read_single(&file, &format!("conv.{n}")));
        let layer = SllConvolution::new(6, kernel, bias, weighting).unwrap();
        close(layer.normalisers(), &read(&file, &format!("conv.{mode}.T")), 1e-11, 0.0);
        let y = read(&file, &format!("conv.{mode}.y"));
        let gx = read(&file, &format!("conv.{mode}.gx"));
        let layer = Conv(layer, [7, 7]);
        for (k, x) in x.chunks_exact(294).enumerate() {
            let of = k * 294..(k + 1) * 294;
            close(&layer.value(x), &y[of.clone()], 1e-12, 1e-13);
            close(&layer.pull(x, &upstream[of.clone()]), &gx[of.clone()], 1e-12, 1e-13);
            let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            let rows = Rows::from_planes([6, 7, 7], &single);
            let found = layer.0.forward(&rows, None).unwrap().to_planes(6);
            let found: Vec<f64> = found.into_iter().map(f64::from).collect();
            close(&found, &y[of], 2e-5, 2e-6);
            let expected = read(&file, &format!("conv.{mode}.jac_norm"))[k];
            let found = spectral_norm(&jacobian(&layer, x), 294).unwrap();
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}

#[test]
fn dense_layers_and_windows_are_as_recorded() {
    let Some(bytes) = recorded("sll_layers.safetensors") else { return };
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let q = read_single(&file, "lin.q");
    let [weight, bias] = ["lin.weight", "lin.bias"].map(|n| read_single(&file, n));
    let layer = SllDense::new(11, weight, bias, Weighting::Exponential(&q)).unwrap();
    close(layer.normalisers(), &read(&file, "lin.T"), 1e-11, 0.0);
    let [x, y, upstream, gx] =
        ["lin.x", "lin.y", "lin.loss_weight", "lin.gx"].map(|n| read(&file, n));
    let mut active = vec![false; 27];
    close(&layer.forward(&x, Some(&mut active)).unwrap(), &y, 1e-12, 1e-13);
    close(&layer.backward(&upstream, &active).unwrap(), &gx, 1e-12, 1e-13);
    let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let together = layer.forward(&single, None).unwrap();
    let alone = layer.forward(&single[11..22], None).unwrap();
    assert_eq!(together[11..22], alone, "a vector has the same bits alone");
    let pool = Rows::from_planes([2, 8, 8], &read(&file, "pool.x"));
    close(&window_sum(&pool, 4).to_planes(2), &read(&file, "pool.y"), 1e-14, 1e-14);
}

#[test]
fn orthogonal_layers_are_as_recorded() {
    let Some(bytes) = recorded("ortho_layers.safetensors") else { return };
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let single = |name: &str| read_single(&file, name);
    let check = |layer: Linear, name: &str| {
        let matrix: Vec<f64> = layer.matrix().iter().map(|&m| f64::from(m)).collect();
        close(&matrix, &read(&file, name), 1e-6, 1e-6);
    };
    check(cayley(&single("cayley.sq.w"), 8).unwrap(), "cayley.sq.out");
    check(cayley(&single("cayley.tall.w"), 8).unwrap(), "cayley.tall.out");
    check(block_reflector(&single("bro.v"), 4).unwrap(), "bro.out");
    let almost = aol(&single("aol.w"), 10).unwrap();
    assert!((stored_norm(&almost, 10) - read(&file, "aol.norm")[0]).abs() < 1e-6);
    check(almost, "aol.out");
    let mut x = read(&file, "maxmin.x");
    x.chunks_exact_mut(8).for_each(max_min);
    assert_eq!(x, read(&file, "maxmin.y"));
}
