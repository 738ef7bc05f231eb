//! Networks, and parts of them, against recorded ones.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use super::{TINY, near};
use crate::dit::block::Block;
use crate::dit::linear::Linear;
use crate::dit::*;

type Numbers = HashMap<String, (Vec<usize>, Vec<f64>)>;

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/dit");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is absent", folder.display());
    None
}

fn recorded(name: &str) -> Option<Numbers> {
    let bytes = std::fs::read(folder()?.join(format!("{name}.safetensors"))).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |(name, tensor): (String, safetensors::tensor::TensorView<'_>)| {
        let data = tensor.data();
        let numbers = match tensor.dtype() {
            Dtype::F32 => {
                data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect()
            }
            Dtype::F64 => data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            Dtype::I64 => {
                data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect()
            }
            other => panic!("{other:?}"),
        };
        (name, (tensor.shape().to_vec(), numbers))
    };
    Some(file.tensors().into_iter().map(numbers).collect())
}

fn f32s(numbers: &Numbers, name: &str) -> Vec<f32> {
    numbers[name].1.iter().map(|&x| x as f32).collect()
}

#[test]
fn embeddings_of_time_and_place() {
    let Some(recorded) = recorded("embeddings") else { return };
    for (name, convention) in [("dit", Convention::Original), ("diffusers", Convention::Diffusers)]
    {
        for size in [256, 8, 7] {
            let expected = &recorded[&format!("temb_{name}_{size}")].1;
            for (row, &time) in expected.chunks(size).zip(&recorded["t"].1) {
                let found = time_embedding(time, size, convention);
                // Where the reference's `exp` is an ulp away, phases are by half an ulp of the frequency times t.
                let off = |(at, (&found, &row)): (usize, (&f32, &f64))| {
                    let apart = (f64::from(found) - row).abs();
                    assert!(apart < 2e-6 + time * 6e-8, "{name} {size} {time} {at}: {apart}");
                    apart >= 2e-6
                };
                let off = found.iter().zip(row).enumerate().map(off).filter(|&off| off).count();
                assert!(off <= if size == 256 { 8 } else { 0 }, "{name} {size} {time}: {off}");
            }
        }
    }
    for (name, grid, width, base) in [
        ("pos_16_4x4", [4, 4], 16, None),
        ("pos_16_3x5", [3, 5], 16, None),
        ("pos_384_16x16", [16, 16], 384, None),
        ("pos_16_8x8_base4", [8, 8], 16, Some(4)),
    ] {
        near(name, &positions(grid, width, base), &recorded[name].1, 2e-6);
    }
}

#[test]
fn a_block_and_its_derivatives() {
    let Some(recorded) = recorded("dit_block") else { return };
    let mut next = 0;
    let mut parameters = Vec::new();
    let mut linear = |name: &str| {
        let (shape, _) = &recorded[&format!("w.{name}.weight")];
        parameters.extend(f32s(&recorded, &format!("w.{name}.weight")));
        parameters.extend(f32s(&recorded, &format!("w.{name}.bias")));
        Linear::place(&mut next, [shape[0], shape[1]])
    };
    let names = ["qkv", "proj", "fc1", "fc2", "ada"];
    let [qkv, projection, first, second, modulation] = names.map(&mut linear);
    let block = Block {
        attention: lookalike_nn::vision_transformer::Attention { width: 32, heads: 4 },
        modulation,
        qkv,
        projection,
        feed: [first, second],
        epsilons: [1e-6; 2],
    };
    let mut gradient = vec![0.0; parameters.len()];
    let [x, c, y, upstream, of_x, of_c] =
        ["x", "c", "y", "cotangent", "grad.x", "grad.c"].map(|name| f32s(&recorded, name));
    for example in 0..2 {
        let row = |numbers: &[f32], size: usize| numbers[example * size..][..size].to_vec();
        let wide = |numbers: &[f32], size: usize| -> Vec<f64> {
            row(numbers, size).into_iter().map(f64::from).collect()
        };
        let c = row(&c, 32);
        let active: Vec<f32> = c.iter().map(|x| x / (1.0 + (-x).exp())).collect();
        let (found, trace) = block.forward(&parameters, &active, row(&x, 160)).unwrap();
        near("y", &found, &wide(&y, 160), 1e-5);
        let mut of_active = vec![0.0; 32];
        let up = row(&upstream, 160);
        let found = block.backward(&parameters, &active, &trace, up, &mut gradient, &mut of_active);
        near("grad.x", &found.unwrap(), &wide(&of_x, 160), 1e-5);
        let slope = |x: &f32| {
            let share = 1.0 / (1.0 + (-x).exp());
            share * (1.0 + x * (1.0 - share))
        };
        let found: Vec<f32> = of_active.iter().zip(&c).map(|(g, x)| g * slope(x)).collect();
        near("grad.c", &found, &wide(&of_c, 32), 1e-5);
    }
    let mut place = 0;
    for name in names {
        for last in ["weight", "bias"] {
            let expected = &recorded[&format!("grad.w.{name}.{last}")].1;
            near(name, &gradient[place..place + expected.len()], expected, 1e-5);
            place += expected.len();
        }
    }
}

/// The parameters of a network under names that `of` gives for its own.
fn parameters(dit: &Dit, recorded: &Numbers, of: impl Fn(&str) -> String) -> Vec<f32> {
    let mut numbers = Vec::new();
    for (name, shape) in dit.tensors() {
        let (found, _) = &recorded[&of(&name)];
        assert_eq!(found.iter().product::<usize>(), shape.iter().product::<usize>(), "{name}");
        numbers.extend(f32s(recorded, &of(&name)));
    }
    numbers
}

/// The names that recorded derivatives have.
fn short(name: &str) -> String {
    let mut short = name.to_owned();
    for (from, to) in [
        ("x_embedder.proj", "patch"),
        ("t_embedder.mlp.0", "t1"),
        ("t_embedder.mlp.2", "t2"),
        ("y_embedder.embedding_table", "y"),
        ("vector_embedder.proj", "clip"),
        ("vector_embedder.null", "null"),
        ("final_layer.adaLN_modulation.1", "fada"),
        ("final_layer.linear", "flin"),
        ("adaLN_modulation.1", "ada"),
        ("attn.", ""),
        ("mlp.", ""),
    ] {
        short = short.replace(from, to);
    }
    short
}

#[test]
fn the_authors_network_and_its_derivatives() {
    let Some(recorded) = recorded("dit_tiny_fb") else { return };
    let dit = Dit::new(TINY).unwrap();
    let parameters = parameters(&dit, &recorded, |name| format!("fb.{name}"));
    let x = f32s(&recorded, "in.x");
    let input = |at: usize| Input {
        x: &x[at * 256..][..256],
        time: recorded["in.t"].1[at],
        class: Some(recorded["in.y"].1[at] as usize),
        source: None,
        vector: None,
    };
    let upstream = f32s(&recorded, "cotangent");
    let mut gradient = vec![0.0; dit.count()];
    for at in 0..3 {
        let trace = dit.trace(&parameters, &input(at)).unwrap();
        near("out", trace.output(), &recorded["out"].1[at * 512..][..512], 1e-5);
        let up = &upstream[at * 512..][..512];
        let slopes = dit.backward(&parameters, &input(at), &trace, up, &mut gradient, true);
        let expected = &recorded["grad.x"].1[at * 256..][..256];
        near("grad.x", &slopes.unwrap().unwrap().x, expected, 1e-5);
    }
    let mut place = 0;
    for (name, shape) in dit.tensors() {
        let count: usize = shape.iter().product();
        let expected = &recorded[&format!("grad.own.{}", short(&name))].1;
        near(&name, &gradient[place..place + count], expected, 1e-5);
        place += count;
    }
    // The same at once.
    let inputs = [0, 1, 2].map(input);
    let mut again = vec![7.0; dit.count()];
    let each = |at: usize, output: &[f32]| Ok((output[0], upstream[at * 512..][..512].to_vec()));
    let values = dit.gradients(&parameters, &inputs, each, &mut again).unwrap();
    assert_eq!(values.len(), 3);
    let wide: Vec<f64> = gradient.iter().map(|&x| x.into()).collect();
    near("at once", &again, &wide, 1e-6);
}

#[test]
fn diffusers_network_and_its_folder() {
    let (Some(folder), Some(recorded)) = (folder(), recorded("dit_tiny_diffusers")) else { return };
    let (dit, parameters) = read_published(&folder.join("diffusers_dit_tiny"), None).unwrap();
    assert_eq!(dit.architecture().convention, Convention::Diffusers);
    let original = Architecture { convention: Convention::Original, ..*dit.architecture() };
    let original = Dit::new(original).unwrap();
    let x = f32s(&recorded, "in.x");
    for at in 0..3 {
        let input = Input {
            x: &x[at * 256..][..256],
            time: recorded["in.t"].1[at],
            class: Some(recorded["in.y"].1[at] as usize),
            source: None,
            vector: None,
        };
        for (name, dit) in [("out.as_shipped", &dit), ("out.original", &original)] {
            let found = dit.run(&parameters, &input).unwrap();
            near(name, &found, &recorded[name].1[at * 512..][..512], 1e-5);
        }
    }
}

#[test]
fn a_source_beside_and_a_vector() {
    let Some(recorded) = recorded("dit_i2i_tiny") else { return };
    let architecture = Architecture { outputs: 4, beside: 4, vector: 24, classes: 0, ..TINY };
    let dit = Dit::new(architecture).unwrap();
    let parameters = parameters(&dit, &recorded, |name| format!("w.{}", short(name)));
    let [x, source, vector, upstream] =
        ["in.x", "in.src", "in.clip", "cotangent"].map(|name| f32s(&recorded, name));
    let mut gradient = vec![0.0; dit.count()];
    for at in 0..2 {
        let input = Input {
            x: &x[at * 256..][..256],
            time: recorded["in.t"].1[at],
            class: None,
            source: Some(&source[at * 256..][..256]),
            vector: Some(&vector[at * 24..][..24]),
        };
        let trace = dit.trace(&parameters, &input).unwrap();
        near("out", trace.output(), &recorded["out"].1[at * 256..][..256], 1e-5);
        let up = &upstream[at * 256..][..256];
        let slopes = dit.backward(&parameters, &input, &trace, up, &mut gradient, true);
        let slopes = slopes.unwrap().unwrap();
        near("grad.x", &slopes.x, &recorded["grad.x"].1[at * 256..][..256], 1e-5);
        near("grad.clip", &slopes.vector, &recorded["grad.clip"].1[at * 24..][..24], 1e-5);
    }
    let mut place = 0;
    for (name, shape) in dit.tensors() {
        let count: usize = shape.iter().product();
        if name != "vector_embedder.null" {
            let expected = &recorded[&format!("grad.w.{}", short(&name))].1;
            near(&name, &gradient[place..place + count], expected, 1e-5);
        }
        place += count;
    }
}

#[test]
fn the_loss_with_learned_variances_and_its_derivatives() {
    use crate::diffusion::{Betas, Prediction};
    use crate::noised::{Noised, Noising, Time};
    use crate::process::Process;
    let (Some(weights), Some(recorded)) = (recorded("dit_tiny_fb"), recorded("losses")) else {
        return;
    };
    let dit = Dit::new(TINY).unwrap();
    let parameters = parameters(&dit, &weights, |name| format!("fb.{name}"));
    let process = Process::Discrete { betas: Betas::Linear, steps: 1000 };
    let noising = Noising::new(process, Prediction::Epsilon).unwrap();
    let [x0, noise, noised, expected] =
        ["x0", "noise", "x_t", "model_out"].map(|name| f32s(&recorded, name));
    let mut gradient = vec![0.0; dit.count()];
    for at in 0..3 {
        let time = Time::Step(recorded["t"].1[at] as usize);
        let part = |numbers: &[f32]| numbers[at * 256..][..256].to_vec();
        let x = noising.at(&part(&x0), &part(&noise), time).unwrap();
        let wide: Vec<f64> = part(&noised).into_iter().map(f64::from).collect();
        near("x_t", &x, &wide, 1e-6);
        let example = Noised { time, noise: part(&noise), x, no_source: false, no_vector: false };
        let input = Input {
            x: &example.x,
            time: noising.told(time),
            class: Some(recorded["y"].1[at] as usize),
            source: None,
            vector: None,
        };
        let trace = dit.trace(&parameters, &input).unwrap();
        let wide: Vec<f64> = expected[at * 512..][..512].iter().map(|&y| y.into()).collect();
        near("model_out", trace.output(), &wide, 1e-5);
        let said = noising.said(&part(&x0), &example, trace.output(), 0.0).unwrap();
        let off = (said.loss / recorded["loss"].1[at] - 1.0).abs();
        assert!(off < 1e-5, "loss {at}: {} {off}", said.loss);
        // Of the mean over the batch.
        let upstream: Vec<f32> = said.gradient.iter().map(|slope| slope / 3.0).collect();
        dit.backward(&parameters, &input, &trace, &upstream, &mut gradient, false).unwrap();
    }
    let mut place = 0;
    let mut compared = 0;
    for (name, shape) in dit.tensors() {
        let count: usize = shape.iter().product();
        if let Some((_, expected)) = recorded.get(&format!("grad.{name}")) {
            near(&name, &gradient[place..place + count], expected, 1e-5);
            let largest = expected.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            let scale: Vec<f32> =
                gradient[place..place + count].iter().map(|x| x / largest as f32).collect();
            let expected: Vec<f64> = expected.iter().map(|x| x / largest).collect();
            near(&format!("{name} relative"), &scale, &expected, 1e-4);
            compared += 1;
        }
        place += count;
    }
    assert_eq!(compared, 2);
}
