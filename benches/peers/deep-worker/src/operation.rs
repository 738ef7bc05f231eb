//! Single operations that training is made of, on numbers that all sides make for themselves.
//!
//! Names, with the sizes behind the colon: `weight-gradient:INPUTS-OUTPUTS-KERNEL-STRIDE-PADDING` on
//! `COUNTxHEIGHTxWIDTH`; `gelu`, `softmax`, `layer-norm`, `gelu-backward`, … on `ROWSxLENGTH`;
//! `bilinear`, `nearest`, `max-pool`, `mean-pool` and their backward passes on `PLANESxHEIGHTxWIDTH`;
//! `adam` on `COUNT`. Sequences are numbered: 1 what is read, 2 the derivative from above.

use lookalike_kernels::{
    Adam, Corners, Interpolation, LayerNorm, LayerNormGradients, Padding, PlaneConvolution, Pool,
    Processor, Resize, gelu, gelu_backward, layer_norm, layer_norm_backward, pool_planes,
    pool_planes_backward, softmax, softmax_backward, weight_gradient,
};

use crate::layer::number;
use crate::text;

/// Does the operation once, and gives the mean square of the last outcome.
pub type Operation = Box<dyn FnMut(bool) -> Result<f64, String>>;

fn numbers(seed: u32, count: usize) -> Vec<f32> {
    (0..count).map(|index| number(seed, index)).collect()
}

fn square(found: &[f32]) -> f64 {
    found.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / found.len().max(1) as f64
}

pub fn operation(name: &str, sizes: &str) -> Result<Operation, String> {
    let read = |text: &str, by: char| -> Result<Vec<usize>, String> {
        text.split(by).map(|part| part.parse().map_err(|_| format!("{text}: not sizes"))).collect()
    };
    let sizes = read(sizes, 'x')?;
    let processor = Processor::best();
    let (name, rest) = name.split_once(':').unwrap_or((name, ""));
    match (name, sizes.as_slice()) {
        ("weight-gradient", &[count, height, width]) => {
            let &[inputs, outputs, side, stride, padding] = read(rest, '-')?.as_slice() else {
                return Err(format!("{rest}: expected INPUTS-OUTPUTS-KERNEL-STRIDE-PADDING"));
            };
            let convolution = PlaneConvolution {
                input: [count, inputs, height, width],
                outputs,
                kernel: [side; 2],
                stride,
                padding: Padding { rows: [padding; 2], columns: [padding; 2] },
            };
            let shape = convolution.output().map_err(text)?;
            let input = numbers(1, count * inputs * height * width);
            let upstream = numbers(2, shape.iter().product());
            let mut weights = vec![0.0; outputs * inputs * side * side];
            let mut bias = vec![0.0; outputs];
            Ok(Box::new(move |wanted| {
                weight_gradient(
                    processor,
                    &convolution,
                    &input,
                    &upstream,
                    &mut weights,
                    &mut bias,
                )
                .map_err(text)?;
                Ok(if wanted { square(&weights) } else { 0.0 })
            }))
        }
        ("gelu" | "softmax", &[rows, length]) => {
            let input = numbers(1, rows * length);
            let mut output = vec![0.0; input.len()];
            let soft = name == "softmax";
            Ok(Box::new(move |wanted| {
                match soft {
                    true => softmax(processor, length, &input, &mut output),
                    false => gelu(processor, &input, &mut output),
                }
                .map_err(text)?;
                Ok(if wanted { square(&output) } else { 0.0 })
            }))
        }
        ("gelu-backward" | "softmax-backward", &[rows, length]) => {
            let (input, upstream) = (numbers(1, rows * length), numbers(2, rows * length));
            let mut gradient = vec![0.0; input.len()];
            let soft = name == "softmax-backward";
            let mut output = vec![0.0; input.len()];
            softmax(processor, length, &input, &mut output).map_err(text)?;
            Ok(Box::new(move |wanted| {
                match soft {
                    true => softmax_backward(processor, length, &output, &upstream, &mut gradient),
                    false => gelu_backward(processor, &input, &upstream, &mut gradient),
                }
                .map_err(text)?;
                Ok(if wanted { square(&gradient) } else { 0.0 })
            }))
        }
        ("layer-norm" | "layer-norm-backward", &[rows, length]) => {
            let (input, upstream) = (numbers(1, rows * length), numbers(2, rows * length));
            let (weight, bias) = (numbers(3, length), numbers(4, length));
            let mut output = vec![0.0; input.len()];
            let mut statistics = vec![[0.0; 2]; rows];
            let mut by = [vec![0.0; length], vec![0.0; length]];
            let norm = LayerNorm { weight: &weight, bias: &bias, epsilon: 1e-5 };
            layer_norm(processor, norm, &input, &mut output, &mut statistics).map_err(text)?;
            let back = name == "layer-norm-backward";
            Ok(Box::new(move |wanted| {
                if back {
                    let [weights, biases] = &mut by;
                    let to =
                        LayerNormGradients { input: &mut output, weight: weights, bias: biases };
                    layer_norm_backward(processor, &weight, &input, &statistics, &upstream, to)
                } else {
                    let norm = LayerNorm { weight: &weight, bias: &bias, epsilon: 1e-5 };
                    layer_norm(processor, norm, &input, &mut output, &mut statistics)
                }
                .map_err(text)?;
                Ok(if wanted { square(&output) } else { 0.0 })
            }))
        }
        (
            "bilinear" | "nearest" | "bilinear-backward" | "nearest-backward",
            &[planes, height, width],
        ) => {
            let interpolation = match name.starts_with("bilinear") {
                true => Interpolation::Bilinear(Corners::Free),
                false => Interpolation::Nearest,
            };
            let (input, output) = ([planes, height, width], [2 * height, 2 * width]);
            let resize = Resize { interpolation, input, output, scale: None };
            let small = numbers(1, planes * height * width);
            let large = numbers(2, 4 * small.len());
            let back = name.ends_with("-backward");
            let mut to = vec![0.0; if back { small.len() } else { large.len() }];
            Ok(Box::new(move |wanted| {
                match back {
                    true => resize.backward(processor, &large, &mut to),
                    false => resize.run(processor, &small, &mut to),
                }
                .map_err(text)?;
                Ok(if wanted { square(&to) } else { 0.0 })
            }))
        }
        (
            "max-pool" | "mean-pool" | "max-pool-backward" | "mean-pool-backward",
            &[planes, height, width],
        ) => {
            let pool = if name.starts_with("max") { Pool::Largest } else { Pool::Mean };
            let shape = [planes, height, width];
            let input = numbers(1, planes * height * width);
            let upstream = numbers(2, planes * (height / 2) * (width / 2));
            let back = name.ends_with("-backward");
            let mut to = vec![0.0; if back { input.len() } else { upstream.len() }];
            Ok(Box::new(move |wanted| {
                match back {
                    true => {
                        pool_planes_backward(processor, pool, shape, &input, &upstream, &mut to)
                    }
                    false => pool_planes(processor, pool, shape, &input, &mut to),
                }
                .map_err(text)?;
                Ok(if wanted { square(&to) } else { 0.0 })
            }))
        }
        ("adam", &[count]) => {
            let (mut parameters, gradients) = (numbers(1, count), numbers(2, count));
            let mut moments = [vec![0.0; count], vec![0.0; count]];
            let mut step = 0;
            let first = parameters.clone();
            Ok(Box::new(move |wanted| {
                if wanted {
                    // The outcome of a first step.
                    parameters.copy_from_slice(&first);
                    moments.iter_mut().for_each(|moment| moment.fill(0.0));
                    step = 0;
                }
                step += 1;
                let [one, two] = &mut moments;
                Adam::default()
                    .step(processor, step, &mut parameters, &gradients, one, two)
                    .map_err(text)?;
                Ok(if wanted { square(&parameters) } else { 0.0 })
            }))
        }
        _ => Err(format!("{name}: unknown operation on {sizes:?}")),
    }
}
