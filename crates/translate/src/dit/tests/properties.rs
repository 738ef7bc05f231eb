//! What holds of every network, and of files of networks.

use safetensors::tensor::Dtype;

use super::{TINY, near};
use crate::dit::*;

/// Parameters none of which is 0.
fn anything(dit: &Dit, seed: u64) -> Vec<f32> {
    let purpose = lookalike_train::random::Purpose::Initialisation;
    let mut stream = lookalike_train::random::Stream::new(seed, purpose, 99);
    (0..dit.count()).map(|_| (0.2 * stream.normal()) as f32).collect()
}

#[test]
fn sizes_are_the_published_ones() {
    let published = |size: &str, patch| {
        let Size { depth, width, heads } = size.parse().unwrap();
        let side = 32;
        let architecture = Architecture { depth, width, heads, patch, side, classes: 1001, ..TINY };
        let dit = Dit::new(architecture).unwrap();
        (dit.count(), dit.multiply_accumulates())
    };
    for (size, patch, parameters, gigas) in [
        ("S", 2, 32_865_056, 6.056),
        ("S", 4, 32_920_448, 1.413),
        ("B", 2, 130_315_808, 23.005),
        ("B", 8, 130_869_248, 1.418),
        ("L", 4, 457_988_224, 19.696),
        ("XL", 2, 674_834_720, 118.621),
    ] {
        let (count, operations) = published(size, patch);
        assert_eq!(count, parameters, "{size}/{patch}");
        let off = operations as f64 / 1e9 / gigas - 1.0;
        assert!(off.abs() < 2e-3, "{size}/{patch}: {operations}");
    }
}

#[test]
fn a_new_network_gives_nothing_and_learns_from_every_input() {
    let architecture = Architecture { beside: 3, sequence: 3, vector: 5, ..TINY };
    let dit = Dit::new(architecture).unwrap();
    let (x, source, vector) = (vec![0.3; 256], vec![-0.2; 192], vec![0.5; 5]);
    let input =
        Input { x: &x, time: 500.0, class: Some(2), source: Some(&source), vector: Some(&vector) };
    let fresh = dit.initial(3);
    assert!(dit.run(&fresh, &input).unwrap().iter().all(|&y| y == 0.0));
    // Derivatives by differences, through all inputs and parameters.
    let parameters = anything(&dit, 5);
    for input in [input, Input { source: None, vector: None, ..input }] {
        let weights: Vec<f32> = (0..512).map(|at| ((at * 7 % 13) as f32 - 6.0) / 100.0).collect();
        let value = |parameters: &[f32], input: &Input<'_>| -> f64 {
            let output = dit.run(parameters, input).unwrap();
            output.iter().zip(&weights).map(|(&y, &w)| f64::from(y) * f64::from(w)).sum()
        };
        let trace = dit.trace(&parameters, &input).unwrap();
        let mut gradient = vec![0.0; dit.count()];
        let slopes = dit
            .backward(&parameters, &input, &trace, &weights, &mut gradient, true)
            .unwrap()
            .unwrap();
        let mut place = 0;
        for (name, shape) in dit.tensors() {
            let count: usize = shape.iter().product();
            let norm = gradient[place..place + count].iter().map(|g| g * g).sum::<f32>().sqrt();
            if norm > 0.0 {
                let moved = |by: f32| {
                    let mut moved = parameters.clone();
                    for at in place..place + count {
                        moved[at] += by * gradient[at] / norm;
                    }
                    value(&moved, &input)
                };
                let found = (moved(3e-3) - moved(-3e-3)) / 6e-3;
                let off = (found / f64::from(norm) - 1.0).abs();
                assert!(off < 2e-2, "{name}: {found} {norm}");
            } else {
                assert!(
                    name.starts_with("vector_embedder.null") == input.vector.is_some()
                        || (name.starts_with("source") && input.source.is_none())
                        || (name == "vector_embedder.proj.weight" && input.vector.is_none()),
                    "{name} learns nothing"
                );
            }
            place += count;
        }
        let norm = slopes.x.iter().map(|g| g * g).sum::<f32>().sqrt();
        let moved = |by: f32| {
            let x: Vec<f32> = x.iter().zip(&slopes.x).map(|(x, g)| x + by * g / norm).collect();
            value(&parameters, &Input { x: &x, ..input })
        };
        let found = (moved(3e-3) - moved(-3e-3)) / 6e-3;
        assert!((found / f64::from(norm) - 1.0).abs() < 2e-2, "x: {found} {norm}");
        if input.source.is_some() {
            let norm = slopes.source.iter().map(|g| g * g).sum::<f32>().sqrt();
            let moved = |by: f32| {
                let moved = source.iter().zip(&slopes.source).map(|(x, g)| x + by * g / norm);
                let moved: Vec<f32> = moved.collect();
                value(&parameters, &Input { source: Some(&moved), ..input })
            };
            let found = (moved(3e-3) - moved(-3e-3)) / 6e-3;
            assert!((found / f64::from(norm) - 1.0).abs() < 2e-2, "source: {found} {norm}");
        }
    }
}

#[test]
fn the_same_bits_for_any_batch_and_number_of_threads() {
    let architecture = Architecture { beside: 3, sequence: 3, vector: 5, ..TINY };
    let dit = Dit::new(architecture).unwrap();
    let parameters = anything(&dit, 1);
    let xs: Vec<Vec<f32>> = (0..11)
        .map(|n| (0..256).map(|at| ((at * 31 + n * 7) % 17) as f32 / 8.0 - 1.0).collect())
        .collect();
    let inputs: Vec<Input<'_>> = xs
        .iter()
        .enumerate()
        .map(|(at, x)| Input {
            x,
            time: 90.0 * at as f64,
            class: Some(at),
            source: None,
            vector: None,
        })
        .collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut gradient = vec![0.0; dit.count()];
            let each = |_: usize, output: &[f32]| Ok((output.to_vec(), output.to_vec()));
            let found = dit.gradients(&parameters, &inputs, each, &mut gradient).unwrap();
            (found, gradient)
        })
    };
    let first = run(1);
    for threads in [2, 3, 7] {
        assert!(run(threads) == first, "{threads} threads");
    }
    for (input, output) in inputs.iter().zip(&first.0) {
        assert_eq!(&dit.run(&parameters, input).unwrap(), output);
    }
}

#[test]
fn a_grown_network_gives_what_it_gave() {
    let dit = Dit::new(TINY).unwrap();
    let parameters = anything(&dit, 2);
    let x: Vec<f32> = (0..256).map(|at| (at % 19) as f32 / 10.0 - 1.0).collect();
    let none = Input { x: &x, time: 40.0, class: Some(10), source: None, vector: None };
    let expected: Vec<f64> =
        dit.run(&parameters, &none).unwrap().into_iter().map(f64::from).collect();
    let to = Architecture { beside: 3, vector: 6, classes: 0, ..TINY };
    let (larger, numbers) = grown(&dit, &parameters, to).unwrap();
    let (source, vector) = (vec![0.7; 192], vec![0.4; 6]);
    let shown = Input { class: None, source: Some(&source), vector: Some(&vector), ..none };
    near("grown", &larger.run(&numbers, &shown).unwrap(), &expected, 1e-5);
    assert!(grown(&dit, &parameters, Architecture { width: 64, ..to }).is_err());
    assert!(grown(&larger, &numbers, TINY).is_err());
}

#[test]
fn what_does_not_fit_is_refused() {
    let dit = Dit::new(TINY).unwrap();
    let parameters = dit.initial(0);
    let x = vec![0.0; 256];
    let right = Input { x: &x, time: 1.0, class: Some(0), source: None, vector: None };
    assert!(dit.run(&parameters, &right).is_ok());
    for wrong in [
        Input { x: &x[1..], ..right },
        Input { class: None, ..right },
        Input { class: Some(11), ..right },
        Input { source: Some(&x), ..right },
        Input { vector: Some(&x), ..right },
        Input { time: f64::NAN, ..right },
    ] {
        assert!(dit.run(&parameters, &wrong).is_err());
    }
    assert!(dit.run(&parameters[1..], &right).is_err());
    for wrong in [
        Architecture { patch: 3, ..TINY },
        Architecture { heads: 5, ..TINY },
        Architecture { width: 30, heads: 5, ..TINY },
        Architecture { outputs: 3, ..TINY },
        Architecture { depth: 0, ..TINY },
        Architecture { width: 1 << 20, ..TINY },
        Architecture { side: 0, ..TINY },
    ] {
        assert!(Dit::new(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn files_are_read_strictly() {
    use safetensors::tensor::TensorView;
    let dit = Dit::new(TINY).unwrap();
    let numbers = anything(&dit, 4);
    let mut tensors: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
    let mut place = 0;
    for (name, shape) in dit.tensors() {
        let count: usize = shape.iter().product();
        tensors.push((name, shape, numbers[place..place + count].to_vec()));
        place += count;
    }
    tensors.push(("pos_embed".to_owned(), vec![1, 16, 32], positions([4, 4], 32, None)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dit.safetensors");
    let write = |tensors: &[(String, Vec<usize>, Vec<f32>)]| {
        let bytes: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(_, _, numbers)| numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
            .collect();
        let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
            (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        });
        std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    };
    write(&tensors);
    let (read, found) = read_published(&path, Some(4)).unwrap();
    assert_eq!((read.architecture(), found), (&TINY, numbers));
    assert!(read_published(&path, None).is_err(), "heads of an unknown width");
    let mut broken = tensors.clone();
    broken[3].2[0] = f32::NAN;
    write(&broken);
    assert!(read_published(&path, Some(4)).unwrap_err().to_string().contains("NaN"));
    write(&tensors[1..]);
    assert!(read_published(&path, Some(4)).is_err());
    let mut more = tensors.clone();
    more.push(("blocks.7.attn.qkv.weight".to_owned(), vec![1], vec![0.0]));
    write(&more);
    let message = read_published(&path, Some(4)).unwrap_err().to_string();
    assert!(message.contains("blocks.7"), "{message}");
    let mut moved = tensors.clone();
    moved.last_mut().unwrap().2[5] += 0.1;
    write(&moved);
    assert!(read_published(&path, Some(4)).unwrap_err().to_string().contains("pos_embed"));
}

/// Devices of the tensor engine: the processor, and a graphics card where the tests are built for one.
#[cfg(feature = "engine")]
fn devices() -> Vec<(&'static str, lookalike_nn::Compute)> {
    use lookalike_nn::{Compute, processor};

    let mut devices = vec![("flex", Compute::Engine(processor()))];
    if cfg!(feature = "wgpu") {
        devices.push(("wgpu", Compute::named("wgpu").unwrap()));
    }
    devices
}

#[cfg(feature = "engine")]
#[test]
fn products_in_sixteen_bits_are_nearly_those_of_single_precision() {
    let architecture = Architecture { beside: 3, vector: 5, classes: 0, ..TINY };
    let dit = Dit::new(architecture).unwrap();
    assert!(dit.clone().with_precision(Precision::Bf16).is_err(), "the kernels have no 16 bits");
    let parameters = anything(&dit, 8);
    let x: Vec<f32> = (0..256).map(|at| (at * 31 % 17) as f32 / 8.0 - 1.0).collect();
    let (source, vector) = (x[..192].to_vec(), vec![0.5; 5]);
    let input =
        Input { x: &x, time: 300.0, class: None, source: Some(&source), vector: Some(&vector) };
    let length = |numbers: &[f32]| numbers.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
    let off = |found: &[f32], expected: &[f32]| {
        let difference: Vec<f32> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
        length(&difference) / length(expected)
    };
    // Of losses that are means over many samples, derivatives are far below what f16 can say.
    let cases = [
        (1.0, Precision::Bf16, 4e-2),
        (1e-9, Precision::Bf16, 4e-2),
        (1.0, Precision::F16, 1e-2),
        (1e-9, Precision::F16, 1e-2),
        (1e4, Precision::F16, 1e-2),
    ];
    let all = devices().into_iter().flat_map(|device| cases.map(|case| (device.clone(), case)));
    for ((name, compute), (scale, precision, most)) in all {
        let on = dit.clone().on(&compute).unwrap();
        let sixteen = match on.clone().with_precision(precision) {
            Ok(sixteen) => sixteen,
            // Not every card has these numbers; the engine's processor has both.
            Err(error) if name != "flex" => {
                println!("skipped: {precision} on {name}: {error}");
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let each = |_: usize, output: &[f32]| {
            Ok((output.to_vec(), output.iter().map(|y| y * scale).collect()))
        };
        let gradients = |dit: &Dit| {
            let mut slopes = vec![0.0; dit.count()];
            let output = dit.gradients(&parameters, &[input], each, &mut slopes).unwrap();
            (output.concat(), slopes)
        };
        let expected = gradients(&on);
        let found = gradients(&sixteen);
        let errors = [off(&found.0, &expected.0), off(&found.1, &expected.1)];
        let what = format!("{name}, {precision}, {scale:e}: {errors:?}");
        println!("{what}");
        assert!(errors.iter().all(|&error| error < most && error > 1e-5), "{what}");
    }
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
    for architecture in [
        TINY,
        Architecture { beside: 3, vector: 5, classes: 0, outputs: 4, ..TINY },
        Architecture { sequence: 3, vector: 5, convention: Convention::Diffusers, ..TINY },
        Architecture { beside: 3, sequence: 3, patch: 4, ..TINY },
    ] {
        let dit = Dit::new(architecture).unwrap();
        let parameters = anything(&dit, 8);
        let reads = architecture.beside + architecture.sequence > 0;
        let of = |count: usize, seed: usize| -> Vec<f32> {
            (0..count).map(|at| ((at * 31 + seed * 7) % 17) as f32 / 8.0 - 1.0).collect()
        };
        let xs: Vec<Vec<f32>> = (0..5).map(|n| of(256, n)).collect();
        let (source, vector) = (of(192, 9), of(5, 3));
        let inputs: Vec<Input<'_>> = xs
            .iter()
            .enumerate()
            .map(|(at, x)| Input {
                x,
                time: 170.0 * at as f64,
                class: (architecture.classes > 0).then_some(at),
                source: (reads && at % 2 == 0).then_some(&source),
                vector: (architecture.vector > 0 && at % 3 > 0).then_some(&vector),
            })
            .collect();
        let each = |at: usize, output: &[f32]| {
            let slopes = output.iter().map(|y| y + 0.1 * at as f32).collect();
            Ok((output.to_vec(), slopes))
        };
        let mut gradient = vec![0.0; dit.count()];
        let outputs = dit.gradients(&parameters, &inputs, each, &mut gradient).unwrap();
        assert_eq!(dit.run_all(&parameters, &inputs).unwrap(), outputs);
        for (name, device) in devices() {
            let what = format!("{architecture:?} on {name}");
            let dit = dit.clone().on(&device).unwrap();
            let found = dit.run_all(&parameters, &inputs).unwrap();
            for (found, expected) in found.iter().zip(&outputs) {
                let error = off(found, expected);
                assert!(error < 1e-5, "{what}: {error}");
            }
            let alone = dit.run(&parameters, &inputs[3]).unwrap();
            assert!(off(&alone, &outputs[3]) < 1e-5, "{what}: alone");
            let mut slopes = vec![f32::NAN; dit.count()];
            let given = dit.gradients(&parameters, &inputs, each, &mut slopes).unwrap();
            assert_eq!(given.len(), 5);
            let mut place = 0;
            for (tensor, shape) in dit.tensors() {
                let part = place..place + shape.iter().product::<usize>();
                place = part.end;
                if gradient[part.clone()].iter().all(|&slope| slope == 0.0) {
                    assert!(slopes[part].iter().all(|&slope| slope == 0.0), "{what}: {tensor}");
                    continue;
                }
                let error = off(&slopes[part.clone()], &gradient[part]);
                assert!(error < 1e-4, "{what}: {tensor} {error}");
            }
            let wrong = Input { x: &xs[0][1..], ..inputs[0] };
            assert!(dit.run_all(&parameters, &[wrong]).is_err(), "{what}");
            assert!(dit.run_all(&parameters[1..], &inputs).is_err(), "{what}");
        }
    }
}
