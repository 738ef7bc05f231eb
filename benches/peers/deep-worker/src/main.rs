//! Lookalike's side of the comparison of learned metrics with peers.
//!
//! * `lookalike-deep-worker inputs FOLDER`: draws the pairs and writes the weights that all sides use
//! * `lookalike-deep-worker serve FOLDER`: answers requests about them (see `line_protocol.rs`)
//!
//! Names of work, `NET` being `alex`, `vgg` or `squeeze`: `lpips/NET` gives the distances of a batch of
//! pairs, `lpips-bf16/NET` those with products in bfloat16, `gradient/NET` distances and their derivatives, and `trunk/NET` the activations of the
//! references. `certify/lipsim-small` gives the distance of a pair by LipSim's network with random weights. Answers are in the terms of −1…1, the range that the peers read. `layer/LAYER` is a single
//! convolution (see `layer.rs`), `step/dit-SIZE:pPATCH` a step of training a diffusion transformer (see `dit.rs`),
//! `training/OPERATION` one of those of training (see `operation.rs`), and `peak/fma` the multiply-adds that the machine can do at most.

mod dit;
mod inputs;
mod layer;
#[path = "../../line_protocol.rs"]
mod line_protocol;
#[path = "../../multiply_adds.rs"]
mod multiply_adds;
mod operation;
mod step;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use inputs::Batch;
use layer::Layer;
use line_protocol::Work;
use lookalike::deep::lipsim::LipSim;
use lookalike::deep::{
    Distance, Head, Lpips, Net, SampleRange, SeededWeights, Version, WeightSource,
};
use lookalike_nn::{Planes, Precision, Trunk};
use serde_json::{Value, json};
use step::{LossWork, Step};

/// The allocator of the command line program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["inputs", folder] => inputs::write(Path::new(folder)),
        ["serve", folder] => {
            let versions = json!({ "lookalike": env!("CARGO_PKG_VERSION") });
            line_protocol::serve(folder.into(), versions, bind).map_err(text)
        }
        _ => Err("usage: inputs FOLDER | serve FOLDER".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// What work computes; it becomes an answer when one is wanted, outside the time that is taken.
enum Found {
    Distances(Vec<Distance>),
    Gradients(Vec<lookalike::Gradient>),
    Taps(Vec<Planes>),
    /// The mean square of what a layer gives.
    Layer(f64),
    /// The losses of two steps.
    Steps([f64; 2]),
    /// A loss and its gradient.
    Loss(f64, Vec<f32>),
    Count(f64),
}

impl From<Found> for Value {
    fn from(found: Found) -> Self {
        match found {
            Found::Distances(distances) => {
                let values: Vec<f64> = distances.iter().map(|distance| distance.value).collect();
                json!({ "distances": values })
            }
            Found::Gradients(gradients) => {
                let values: Vec<f64> = gradients.iter().map(|gradient| gradient.value).collect();
                // A step in 0…1 is two in −1…1.
                let samples = gradients.iter().flat_map(|gradient| &gradient.samples);
                let samples: Vec<f64> = samples.map(|sample| sample / 2.0).collect();
                json!({ "distances": values, "gradient": samples })
            }
            Found::Taps(taps) => {
                let squares: Vec<f64> = taps.iter().map(mean_square).collect();
                json!({ "mean_squares": squares })
            }
            Found::Steps(losses) => json!({ "mean_squares": losses }),
            Found::Loss(value, gradient) => {
                json!({ "mean_squares": [value, mean_square_of(&gradient)] })
            }
            Found::Layer(square) => json!({ "mean_squares": [square] }),
            Found::Count(count) => json!(count),
        }
    }
}

fn mean_square(planes: &Planes) -> f64 {
    mean_square_of(planes.data())
}

fn mean_square_of(numbers: &[f32]) -> f64 {
    let squares = numbers.iter().map(|&value| f64::from(value) * f64::from(value));
    squares.sum::<f64>() / numbers.len() as f64
}

fn bind(folder: &Path, name: &str, batch: &str) -> Result<Work<Found>, String> {
    let unknown = || format!("{name}: unknown work");
    let (what, net) = name.split_once('/').ok_or_else(unknown)?;
    match name {
        "peak/fma" => return Ok(Box::new(|| Ok(Found::Count(multiply_adds::multiply_adds())))),
        _ if what == "layer" => {
            let mut layer = Layer::new(net, batch)?;
            // Every run computes the same, so the answer is known before.
            layer.run()?;
            let square = layer.mean_square();
            return Ok(Box::new(move || layer.run().map(|()| Found::Layer(square))));
        }
        _ if what == "training" => {
            let mut operation = operation::operation(net, batch)?;
            let square = operation(true)?;
            return Ok(Box::new(move || operation(false).map(|_| Found::Layer(square))));
        }
        _ if what == "step" && net.starts_with("dit-") => {
            let (size, patch) = net.strip_prefix("dit-").and_then(|n| n.split_once(":p")).ok_or_else(unknown)?;
            let sizes: Vec<usize> = batch.split('x').filter_map(|part| part.parse().ok()).collect();
            let [count, side, _] = sizes[..] else { return Err("expected COUNTxSIDExSIDE".to_owned()) };
            let patch = patch.parse().map_err(|_| unknown())?;
            let mut step = dit::DitStep::new(size, patch, [count, side])?;
            let losses = step.first_losses()?;
            return Ok(Box::new(move || step.run().map(|_| Found::Steps(losses))));
        }
        _ if what == "step" => {
            let mut step = Step::new(net, batch)?;
            let losses = step.first_losses()?;
            return Ok(Box::new(move || step.run().map(|_| Found::Steps(losses))));
        }
        _ if what == "loss" => {
            let loss = LossWork::new(net, batch)?;
            return Ok(Box::new(move || loss.run().map(|(value, gradient)| Found::Loss(value, gradient))));
        }
        "certify/lipsim-small" => return lipsim(folder, batch),
        _ => {}
    }
    let net = Net::ALL.into_iter().find(|known| known.as_str() == net).ok_or_else(unknown)?;
    let batch = Batch::read(folder, batch)?;
    match what {
        "lpips" | "lpips-bf16" => {
            let precision = if what == "lpips" { Precision::Single } else { Precision::Bfloat16 };
            let lpips = lpips(net, precision)?;
            let (references, candidates) = batch.planes()?;
            Ok(Box::new(move || {
                let distances =
                    lpips.distances(&references, &candidates, SampleRange::MinusOneToOne);
                Ok(Found::Distances(distances.map_err(text)?))
            }))
        }
        "gradient" => {
            let lpips = lpips(net, Precision::Single)?;
            let (references, candidates) = batch.planes()?;
            Ok(Box::new(move || {
                let gradients =
                    lpips.gradients(&references, &candidates, SampleRange::MinusOneToOne);
                Ok(Found::Gradients(gradients.map_err(text)?))
            }))
        }
        "trunk" => {
            let trunk = trunk(net, Precision::Single)?;
            let input = batch.as_the_network_reads()?;
            Ok(Box::new(move || Ok(Found::Taps(trunk.taps(&input).map_err(text)?))))
        }
        _ => Err(unknown()),
    }
}

/// Both embeddings of a pair, as one batch, and their distance.
fn lipsim(folder: &Path, batch: &str) -> Result<Work<Found>, String> {
    let id = format!("lipsim:small@{}", inputs::lipsim_path(folder).display());
    let metric = LipSim::by_id(&id).map_err(text)?;
    let (references, candidates) = Batch::read(folder, batch)?.planes()?;
    let samples = references.data().iter().chain(candidates.data());
    let samples: Vec<f32> = samples.map(|sample| (sample + 1.0) / 2.0).collect();
    Ok(Box::new(move || {
        let embeddings = metric.network().embed(&samples).map_err(text)?;
        let embeddings: Vec<f64> = embeddings.into_iter().map(f64::from).collect();
        let (reference, candidate) = embeddings.split_at(embeddings.len() / 2);
        let value = metric.head().distance(reference, candidate);
        Ok(Found::Distances(vec![Distance { value, taps: Vec::new() }]))
    }))
}

fn trunk(net: Net, precision: Precision) -> Result<Trunk, String> {
    let parameters = SeededWeights.load(net.backbone().weights()).map_err(text)?.parameters;
    Trunk::placed_in(net.backbone(), parameters, precision).map_err(text)
}

fn lpips(net: Net, precision: Precision) -> Result<Lpips, String> {
    let name = format!("lpips-head-{}-0.1", net.as_str());
    let head = SeededWeights.load(&name).map_err(text)?.parameters;
    let head = Head::load(net, head.as_ref()).map_err(text)?;
    Lpips::new(net, Version::V0_1, Arc::new(trunk(net, precision)?), head).map_err(text)
}
