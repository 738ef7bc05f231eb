use super::*;

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1013) as f32 / 506.5 - 1.0).collect()
}

/// Both positions of one output and the share of the second, in double precision.
fn place(resize: &Resize, axis: usize, index: usize) -> (usize, usize, f64) {
    let (input, output) = (resize.input[axis + 1], resize.output[axis]);
    let mut step = input as f64 / output as f64;
    if let Some(scale) = resize.scale {
        step = 1.0 / scale[axis];
    }
    let at = match resize.interpolation {
        Interpolation::Nearest => (index as f64 * step).floor(),
        Interpolation::Bilinear(Corners::Free) => (index as f64 + 0.5) * step - 0.5,
        Interpolation::Bilinear(Corners::Aligned) if output == 1 => 0.0,
        Interpolation::Bilinear(Corners::Aligned) => {
            index as f64 * (input - 1) as f64 / (output - 1) as f64
        }
    };
    let at = at.clamp(0.0, (input - 1) as f64);
    (at as usize, (at as usize + 1).min(input - 1), at - at.floor())
}

fn cases() -> Vec<Resize> {
    let all = [
        Interpolation::Nearest,
        Interpolation::Bilinear(Corners::Free),
        Interpolation::Bilinear(Corners::Aligned),
    ];
    let sizes = [
        ([2, 5, 7], [10, 14], None),
        ([3, 17, 40], [9, 13], None),
        ([1, 1, 1], [3, 4], None),
        ([2, 6, 33], [1, 1], None),
        ([1, 8, 8], [8, 8], None),
        ([2, 7, 5], [9, 6], Some([1.3, 1.25])),
    ];
    let with = |interpolation| {
        sizes.map(|(input, output, scale)| Resize { interpolation, input, output, scale })
    };
    all.into_iter().flat_map(with).collect()
}

#[test]
fn values_and_the_transposed_definition() {
    for case in cases() {
        let [planes, height, width] = case.input;
        let [rows, columns] = case.output;
        let (x, g) = (numbers(planes * height * width), numbers(planes * rows * columns));
        let mut exact = vec![0.0; g.len()];
        let mut slope = vec![0.0; x.len()];
        for index in 0..g.len() {
            let (plane, row, column) =
                (index / (rows * columns), index / columns % rows, index % columns);
            let (top, bottom, down) = place(&case, 0, row);
            let (left, right, along) = place(&case, 1, column);
            for (y, vertical) in [(top, 1.0 - down), (bottom, down)] {
                for (x_at, horizontal) in [(left, 1.0 - along), (right, along)] {
                    let at = (plane * height + y) * width + x_at;
                    exact[index] += vertical * horizontal * f64::from(x[at]);
                    slope[at] += vertical * horizontal * f64::from(g[index]);
                }
            }
        }
        for processor in Processor::available() {
            let (mut y, mut to) = (vec![9.0; g.len()], vec![9.0; x.len()]);
            case.run(processor, &x, &mut y).unwrap();
            case.backward(processor, &g, &mut to).unwrap();
            for (found, exact) in y.iter().zip(&exact) {
                assert!((f64::from(*found) - exact).abs() < 1e-5, "{case:?} {found} {exact}");
            }
            for (found, exact) in to.iter().zip(&slope) {
                assert!((f64::from(*found) - exact).abs() < 1e-4, "{case:?} {found} {exact}");
            }
        }
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let interpolation = Interpolation::Bilinear(Corners::Free);
    let case = Resize { interpolation, input: [3, 90, 70], output: [133, 151], scale: None };
    let (x, g) = (numbers(3 * 90 * 70), numbers(3 * 133 * 151));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (mut y, mut to) = (vec![0.0; g.len()], vec![0.0; x.len()]);
        pool.install(|| {
            case.run(Processor::best(), &x, &mut y).unwrap();
            case.backward(Processor::best(), &g, &mut to).unwrap();
        });
        [y, to]
    };
    let expected = run(1);
    for threads in [2, 3, 7] {
        assert_eq!(run(threads), expected);
    }
    let alone = Resize { input: [1, 90, 70], ..case };
    let mut y = vec![0.0; 133 * 151];
    alone.run(Processor::best(), &x[90 * 70..2 * 90 * 70], &mut y).unwrap();
    assert_eq!(y, expected[0][133 * 151..2 * 133 * 151]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let interpolation = Interpolation::Nearest;
    let case = Resize { interpolation, input: [1, 2, 2], output: [1, 1], scale: None };
    let best = Processor::best();
    assert!(case.run(best, &[1.0; 4], &mut [0.0]).is_ok());
    assert!(case.run(best, &[1.0; 3], &mut [0.0]).is_err());
    assert!(case.backward(best, &[1.0; 2], &mut [0.0; 4]).is_err());
    let broken = Resize { output: [0, 1], ..case };
    assert!(broken.run(best, &[1.0; 4], &mut []).is_err());
    let broken = Resize { scale: Some([f64::NAN, 1.0]), ..case };
    assert!(broken.run(best, &[1.0; 4], &mut [0.0]).is_err());
}
