//! A network as its training starts, as a file.
//!
//! Filters and weights have the variance 2 / (fan-in + fan-out) (Glorot and Bengio, AISTATS 2010) with the
//! fans of the stored shapes; biases are uniform within 1/√fan-in; q has the variance 1. Source: LipSim's
//! code as described. Choices: all are uniform rather than normal; the streams are those of
//! [`Seeded`](lookalike_nn::Seeded), by name and seed.

use std::fmt::Write as _;

use lookalike_nn::{Parameters, Seeded};

use super::Architecture;
use crate::Result;

/// A safetensors file of random weights in our own layout, with the weights exp(q) in convolutions as well.
///
/// # Errors
/// [`Error::Weights`](crate::Error::Weights) for an architecture that cannot be.
pub fn initial_file(architecture: Architecture, seed: u64) -> Result<Vec<u8>> {
    architecture.check()?;
    let Architecture { channels, inner, dense_inner, image, outputs, .. } = architecture;
    let width = architecture.width();
    let mut header = format!(
        r#"{{"__metadata__":{{"arch":"lipsim","image":"{image}","outputs":"{outputs}","q_mode":"exp"}}"#
    );
    let mut data: Vec<u8> = Vec::new();
    let mut add = |name: String, shape: &[usize], bound: f64| -> Result<()> {
        let start = data.len();
        // The stream of a name that stands for no kind of parameter is uniform within 0.05.
        let numbers = Seeded::new(format!("lipsim/{seed}")).f32(&format!("{name}.u"), shape)?;
        let scaled = numbers.iter().map(|u| (f64::from(*u) * 20.0 * bound) as f32);
        data.extend(scaled.flat_map(f32::to_le_bytes));
        let end = data.len();
        // Writing to a string cannot fail.
        let _ = write!(
            header,
            r#","{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        );
        Ok(())
    };
    let layers = [
        (
            "conv",
            "kernel",
            architecture.depth,
            vec![inner, channels, 3, 3],
            [9 * channels, 9 * inner],
        ),
        ("dense", "weight", architecture.dense, vec![dense_inner, width], [width, dense_inner]),
    ];
    for (kind, matrix, count, shape, [fan_in, fan_out]) in layers {
        for index in 0..count {
            let deviation = (2.0 / (fan_in + fan_out) as f64).sqrt();
            add(format!("{kind}.{index}.{matrix}"), &shape, 3_f64.sqrt() * deviation)?;
            add(format!("{kind}.{index}.bias"), &shape[..1], 1.0 / (fan_in as f64).sqrt())?;
            add(format!("{kind}.{index}.q"), &shape[..1], 3_f64.sqrt())?;
        }
    }
    header.push('}');
    Ok([&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat())
}
