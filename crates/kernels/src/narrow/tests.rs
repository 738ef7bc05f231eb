use super::*;
use crate::oracle::noise;

/// y by the definition, in double precision.
fn exact(
    [channels, height, width]: [usize; 3],
    kernel: &[f32],
    bias: &[f32],
    scale: &[f32],
    x: &[f32],
) -> Vec<f64> {
    let taps = || (0..3_usize).flat_map(|r| (0..3_usize).map(move |t| (r, t)));
    let place = |row: usize, column: usize, (r, t): (usize, usize)| {
        let row = (row + r).checked_sub(1).filter(|&row| row < height)?;
        let column = (column + t).checked_sub(1).filter(|&column| column < width)?;
        Some((row, column))
    };
    let mut y: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    for i in 0..bias.len() {
        let weight = |c: usize, (r, t): (usize, usize)| {
            f64::from(kernel[((i * channels + c) * 3 + r) * 3 + t])
        };
        let positions = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        for (row, column) in positions {
            let mut z = f64::from(bias[i]);
            for c in 0..channels {
                for tap in taps() {
                    if let Some((row, column)) = place(row, column, tap) {
                        z += weight(c, tap) * f64::from(x[(row * channels + c) * width + column]);
                    }
                }
            }
            let s = f64::from(scale[i]) * z.max(0.0);
            for c in 0..channels {
                for tap in taps() {
                    if let Some((row, column)) = place(row, column, tap) {
                        y[(row * channels + c) * width + column] -= weight(c, tap) * s;
                    }
                }
            }
        }
    }
    y
}

fn layer(channels: usize, inner: usize) -> (NarrowResidual, Vec<f32>, Vec<f32>, Vec<f32>) {
    let kernel = noise(inner * channels * 9, 3);
    let bias = noise(inner, 5);
    let scale: Vec<f32> = noise(inner, 7).iter().map(|v| v.abs() / 4.0).collect();
    (NarrowResidual::new(channels, &kernel, &bias, &scale).unwrap(), kernel, bias, scale)
}

fn run(layers: &[&NarrowResidual], shape: [usize; 3], x: &[f32], tasks: usize) -> SplitRows {
    let mut split = SplitRows::of_rows(shape, x).unwrap();
    NarrowResidual::run(layers, Processor::best(), &mut split, tasks).unwrap();
    split
}

#[test]
fn values_are_those_of_the_definition() {
    for shape in [
        [1, 1, 1],
        [2, 2, 2],
        [3, 5, 3],
        [7, 4, 31],
        [16, 9, 32],
        [45, 7, 33],
        [31, 6, 64],
        [4, 3, 65],
        [2, 70, 5],
    ] {
        for inner in 1..=FEW {
            let [channels, height, width] = shape;
            let (layer, kernel, bias, scale) = layer(channels, inner);
            let x = noise(channels * height * width, 11);
            let expected = exact(shape, &kernel, &bias, &scale, &x);
            let split = SplitRows::of_rows(shape, &x).unwrap();
            assert_eq!(split.to_rows(), x);
            for (processor, tasks) in
                Processor::available().into_iter().flat_map(|one| [(one, 1), (one, 5)])
            {
                let mut y = split.clone();
                NarrowResidual::run(&[&layer], processor, &mut y, tasks).unwrap();
                let found = y.to_rows();
                for (found, expected) in found.iter().zip(&expected) {
                    let error = (f64::from(*found) - expected).abs();
                    let allowed = 2e-6 * (9 * channels * inner) as f64;
                    assert!(error < allowed.min(2e-4), "{shape:?} {inner}: {error}");
                }
                // Zeros around it are whole, so that the next layer may read it.
                assert_eq!(y.data, SplitRows::of_rows(shape, &found).unwrap().data);
            }
        }
    }
}

#[test]
fn layers_that_follow_each_other_are_layers_in_turn() {
    let layers: Vec<NarrowResidual> =
        (0..7).map(|n| layer(6, 1 + n % FEW)).map(|(layer, ..)| layer).collect();
    let layers: Vec<&NarrowResidual> = layers.iter().collect();
    for shape in [[6, 1, 9], [6, 12, 40], [6, 131, 33]] {
        let x = noise(shape.iter().product(), 19);
        let mut in_turn = SplitRows::of_rows(shape, &x).unwrap();
        for layer in &layers {
            NarrowResidual::run(&[layer], Processor::best(), &mut in_turn, 1).unwrap();
        }
        for tasks in [1, 2, 8, 100] {
            assert_eq!(run(&layers, shape, &x, tasks).data, in_turn.data, "{shape:?} {tasks}");
        }
    }
    let x = noise(12, 23);
    assert_eq!(run(&[], [1, 3, 4], &x, 1).to_rows(), x);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let shape = [9, 131, 47];
    let (layer, ..) = layer(9, 5);
    let x = noise(shape.iter().product(), 17);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&[&layer, &layer], shape, &x, 4 * threads).data)
    };
    let one = with(1);
    for threads in [2, 3, 7] {
        assert_eq!(one, with(threads), "{threads}");
    }
}

/// The sums of |coefficients| that the bound of rounding rests on, from the matrices themselves.
#[test]
fn the_amplification_is_that_of_the_matrices() {
    let a = [[1.0_f64, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0]];
    let g = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.0, 0.0, 1.0]];
    let b =
        [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]];
    let of =
        |k: usize, r: usize, j: usize| (0..4).map(|p| a[k][p] * g[p][r] * b[p][j]).sum::<f64>();
    let mut largest = 0.0_f64;
    for r in 0..3 {
        for k in 0..2 {
            largest = largest.max((0..4).map(|j| of(k, r, j)).sum());
        }
        // A column is read by two tiles: as their number j and as number j + 2 of the one before.
        for j in 0..2 {
            largest = largest.max((0..2).map(|k| of(k, r, j) + of(k, r, j + 2)).sum());
        }
    }
    assert_eq!(largest * largest, NarrowResidual::AMPLIFICATION);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let (layer, kernel, bias, scale) = layer(4, 2);
    let mut three = SplitRows::zeros([3, 6, 8]);
    assert!(NarrowResidual::run(&[&layer], Processor::best(), &mut three, 1).is_err());
    assert!(NarrowResidual::new(4, &kernel[1..], &bias, &scale).is_err());
    assert!(NarrowResidual::new(4, &kernel, &bias, &scale[1..]).is_err());
    assert!(NarrowResidual::new(1, &[0.0; 54], &[0.0; 6], &[0.0; 6]).is_err());
    assert!(SplitRows::of_rows([4, 6, 8], &[0.0; 3]).is_err());
    for empty in [[0, 3, 3], [4, 0, 3], [4, 3, 0]] {
        let kernel = vec![1.0; 9 * empty[0]];
        let layer = NarrowResidual::new(empty[0], &kernel, &[0.0], &[1.0]).unwrap();
        assert!(run(&[&layer], empty, &[], 3).to_rows().is_empty());
    }
}

#[test]
fn what_is_no_number_spreads_to_its_neighbours_alone() {
    let shape = [2, 8, 70];
    let (layer, ..) = layer(2, 3);
    let mut x = vec![0.25; shape.iter().product()];
    let at = 3 * 2 * 70 + 35;
    x[at] = f32::NAN;
    let rows = run(&[&layer], shape, &x, 1).to_rows();
    assert!(rows[at].is_nan());
    assert!(rows.iter().enumerate().all(|(at, v)| v.is_finite() || (25..45).contains(&(at % 70))));
}
