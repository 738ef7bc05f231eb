//! Networks that are a row of layers, with their derivatives, for training.
//!
//! y = fₙ(… f₂(f₁(x))). The way forward keeps what every layer gave; the way back takes derivatives of a number
//! with respect to y to those with respect to all parameters, and to x where they are wanted. Convolutions, their
//! adjoints and dense layers have an activation of their own where the next layer is [`Layer::Relu`].
//!
//! Choices: on the processor no tensor engine, as for all networks here: kernels of our own in blocks of sixteen
//! channels, everything in single precision. All numbers are summed in one order, whatever the number of threads, and
//! what a picture gives does not depend on what else is in its batch. Other devices are the tensor engine's
//! ([`Network::on`]).
//!
//! Limits: no branches, no normalisation.

mod activations;
mod convolve;
mod dense;
mod doubled;
#[cfg(feature = "engine")]
mod engine;
pub mod enlarge;
mod layer;
#[cfg(test)]
mod tests;

use std::ops::Range;

use lookalike_nn::Compute;
use rayon::prelude::*;

use self::activations::Activations;
use self::convolve::{Convolution, Slopes};
pub use self::layer::Layer;
use crate::random::{Purpose, Stream};
use crate::{Error, Result};

/// Numbers of a task, where every number is treated alone.
const CHUNK: usize = 1 << 14;

/// A row of layers of a given input.
#[derive(Clone, Debug)]
pub struct Network {
    name: String,
    input: [usize; 3],
    stages: Vec<Stage>,
    count: usize,
    compute: Compute,
}

/// A layer at its place.
#[derive(Clone, Debug)]
struct Stage {
    layer: Layer,
    /// Its place in the list of layers, by which its tensors are named.
    index: usize,
    relu: bool,
    /// Whether the input is doubled first: the doubling before a 3×3 convolution belongs to it.
    doubled: bool,
    input: [usize; 3],
    output: [usize; 3],
    weights: Range<usize>,
    bias: Range<usize>,
}

/// What a way forward leaves for the way back.
pub struct Trace(Kept);

enum Kept {
    /// The input, and what every stage gave.
    Activations(Vec<Activations>),
    #[cfg(feature = "engine")]
    OnDevice(Box<engine::Traced>),
}

impl Trace {
    /// What the network gave: pictures × channels × height × width.
    pub fn output(&self) -> &[f32] {
        match &self.0 {
            Kept::Activations(kept) => kept.last().map_or(&[], Activations::planes),
            #[cfg(feature = "engine")]
            Kept::OnDevice(traced) => &traced.numbers,
        }
    }
}

impl Network {
    /// Layers behind each other, for inputs of channels, height and width. Tensors are called `NAME.0.weight`
    /// and so on.
    ///
    /// # Errors
    /// [`Error::Refused`] where layers do not fit each other.
    pub fn new(name: &str, input: [usize; 3], layers: &[Layer]) -> Result<Self> {
        let mut stages: Vec<Stage> = Vec::new();
        let (mut shape, mut count) = (input, 0);
        for (index, &layer) in layers.iter().enumerate() {
            let output = layer.output(shape)?;
            if layer == Layer::Relu
                && let Some(last) = stages.last_mut().filter(|s| s.layer.biases() > 0 && !s.relu)
            {
                last.relu = true;
                continue;
            }
            let minimal =
                Layer::Convolution { outputs: output[0], kernel: 3, stride: 1, padding: 1 };
            let doubled = layer == minimal
                && stages.last().is_some_and(|last| last.layer == Layer::Double && !last.relu);
            let input = match stages.pop_if(|_| doubled) {
                Some(double) => double.input,
                None => shape,
            };
            let mut take = |numbers: usize| {
                let start = count;
                count += numbers;
                start..count
            };
            let weights = take(layer.weights(shape).map_or(0, |shape| shape.iter().product()));
            let bias = take(layer.biases());
            let relu = false;
            stages.push(Stage { layer, index, relu, doubled, input, output, weights, bias });
            shape = output;
        }
        if stages.is_empty() {
            return Err(Error::Refused("a network: expected at least one layer".to_owned()));
        }
        Ok(Self { name: name.to_owned(), input, stages, count, compute: Compute::Kernels })
    }

    /// The same network, computed elsewhere.
    ///
    /// # Errors
    /// [`Error::Refused`] for anything but the kernels where this build is without the feature `engine`.
    pub fn on(self, compute: &Compute) -> Result<Self> {
        if cfg!(not(feature = "engine")) && !compute.is_kernels() {
            return Err(Error::Refused("this build trains on the processor alone".to_owned()));
        }
        Ok(Self { compute: compute.clone(), ..self })
    }

    /// Who computes it.
    pub fn compute(&self) -> &Compute {
        &self.compute
    }

    /// Parameters.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Channels, height and width of the input.
    pub fn input(&self) -> [usize; 3] {
        self.input
    }

    /// Channels, height and width of the output.
    pub fn output(&self) -> [usize; 3] {
        self.stages.last().map_or(self.input, |stage| stage.output)
    }

    /// Names and shapes of all tensors, in the order of the parameters.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut tensors = Vec::new();
        for stage in &self.stages {
            if let Some(shape) = stage.layer.weights(stage.input) {
                tensors.push((format!("{}.{}.weight", self.name, stage.index), shape));
                tensors.push((
                    format!("{}.{}.bias", self.name, stage.index),
                    vec![stage.layer.biases()],
                ));
            }
        }
        tensors
    }

    /// Numbers to start from: weights normal, of a variance of 2 over the inputs of an output where negative
    /// numbers become 0 behind it (He et al. 2015) and of 1 over them elsewhere; biases 0. `first` counts the
    /// tensors before this network's.
    pub fn initial(&self, seed: u64, first: u64) -> Vec<f32> {
        let mut numbers = vec![0.0; self.count];
        for (index, stage) in self.stages.iter().filter(|s| !s.weights.is_empty()).enumerate() {
            let gain = if stage.relu { 2.0 } else { 1.0 };
            let deviation = (gain / stage.layer.fan_in(stage.input) as f64).sqrt();
            let mut stream = Stream::new(seed, Purpose::Initialisation, first + 2 * index as u64);
            for number in &mut numbers[stage.weights.clone()] {
                *number = (deviation * stream.normal()) as f32;
            }
        }
        numbers
    }

    /// What comes of pictures, each channels × height × width numbers.
    ///
    /// # Errors
    /// [`Error::Refused`] where these are no whole pictures or the parameters are of another network;
    /// [`Error::Kernel`].
    pub fn run(&self, parameters: &[f32], input: &[f32]) -> Result<Vec<f32>> {
        #[cfg(feature = "engine")]
        if let Compute::Engine(device) = &self.compute {
            self.check(parameters, input)?;
            return self.run_on(device, parameters, input);
        }
        let mut x = self.enter(parameters, input)?;
        for stage in &self.stages {
            x = stage.forward(parameters, &x)?;
        }
        Ok(x.into_planes())
    }

    /// The same, with what the way back needs.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn trace(&self, parameters: &[f32], input: &[f32]) -> Result<Trace> {
        #[cfg(feature = "engine")]
        if let Compute::Engine(device) = &self.compute {
            self.check(parameters, input)?;
            let traced = self.trace_on(device, parameters, input)?;
            return Ok(Trace(Kept::OnDevice(Box::new(traced))));
        }
        let mut kept = vec![self.enter(parameters, input)?];
        for (at, stage) in self.stages.iter().enumerate() {
            kept.push(stage.forward(parameters, &kept[at])?);
        }
        Ok(Trace(Kept::Activations(kept)))
    }

    /// Derivatives of a number with respect to the parameters, which replace what is in `gradient`, and to the
    /// input where they are `wanted`, given those with respect to the output.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn backward(
        &self,
        parameters: &[f32],
        trace: &Trace,
        upstream: Vec<f32>,
        gradient: &mut [f32],
        wanted: bool,
    ) -> Result<Option<Vec<f32>>> {
        expect("derivatives with respect to parameters", self.count, gradient.len())?;
        let kept = match &trace.0 {
            Kept::Activations(kept) => kept,
            #[cfg(feature = "engine")]
            Kept::OnDevice(traced) => return self.backward_on(traced, &upstream, gradient, wanted),
        };
        let Some(shape) = kept.last().map(Activations::shape) else { return Ok(None) };
        expect("derivatives", shape.iter().product(), upstream.len())?;
        let mut upstream = Activations::of_planes(shape, upstream);
        for (at, stage) in self.stages.iter().enumerate().rev() {
            let around = [&kept[at], &kept[at + 1]];
            let below = wanted || self.stages[..at].iter().any(|stage| !stage.weights.is_empty());
            match stage.backward(parameters, around, upstream, gradient, below)? {
                Some(next) => upstream = next,
                None => return Ok(None),
            }
        }
        Ok(wanted.then(|| upstream.into_planes()))
    }

    /// How many pictures there are.
    fn check(&self, parameters: &[f32], input: &[f32]) -> Result<usize> {
        expect("parameters", self.count, parameters.len())?;
        let size: usize = self.input.into_iter().product();
        let batch = input.len() / size.max(1);
        expect("numbers of whole pictures", batch.max(1) * size, input.len())?;
        Ok(batch)
    }

    fn enter(&self, parameters: &[f32], input: &[f32]) -> Result<Activations> {
        let batch = self.check(parameters, input)?;
        let [channels, height, width] = self.input;
        Ok(Activations::of_planes([batch, channels, height, width], input.to_vec()))
    }
}

/// # Errors
/// [`Error::Refused`].
fn expect(what: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Refused(format!("{what}: expected {expected}, found {found}")))
}

impl Stage {
    fn convolution(&self) -> Option<Convolution> {
        let (inputs, relu) = (self.input[0], self.relu);
        match self.layer {
            Layer::Convolution { outputs, kernel, stride, padding } => {
                Some(Convolution { inputs, outputs, kernel, stride, padding, relu })
            }
            Layer::Transposed { outputs, kernel, stride, .. } => {
                Some(Convolution { inputs, outputs, kernel, stride, padding: 0, relu })
            }
            _ => None,
        }
    }

    fn forward(&self, parameters: &[f32], input: &Activations) -> Result<Activations> {
        let (weights, bias) = (&parameters[self.weights.clone()], &parameters[self.bias.clone()]);
        let [channels, height, width] = self.output;
        let shape = [input.shape()[0], channels, height, width];
        let mapped = |map: fn(f32) -> f32| {
            let mut planes = input.planes().to_vec();
            planes.par_chunks_mut(CHUNK).for_each(|numbers| {
                numbers.iter_mut().for_each(|number| *number = map(*number));
            });
            Activations::of_planes(shape, planes)
        };
        if let Some(convolution) = self.convolution() {
            return match self.layer {
                Layer::Transposed { .. } => {
                    convolution.transposed(weights, bias, input, [height, width])
                }
                _ if self.doubled => {
                    let large = Activations::of_blocks(enlarge::double(input.blocks()?)?);
                    convolution.forward(weights, bias, &large)
                }
                _ => convolution.forward(weights, bias, input),
            };
        }
        Ok(match self.layer {
            Layer::Double => Activations::of_blocks(enlarge::double(input.blocks()?)?),
            Layer::Relu => mapped(|x| x.max(0.0)),
            Layer::Sigmoid => mapped(|x| 1.0 / (1.0 + (-x).exp())),
            Layer::Shape(_) => Activations::of_planes(shape, input.planes().to_vec()),
            _ => {
                let found = dense::forward(weights, bias, input.planes(), self.relu);
                Activations::of_planes(shape, found)
            }
        })
    }

    /// The derivatives with respect to the input where they are `wanted`; those with respect to the parameters go
    /// to their place in `gradient`.
    fn backward(
        &self,
        parameters: &[f32],
        [input, output]: [&Activations; 2],
        upstream: Activations,
        gradient: &mut [f32],
        wanted: bool,
    ) -> Result<Option<Activations>> {
        let weights = &parameters[self.weights.clone()];
        let (of_weights, of_bias) =
            gradient[self.weights.start..self.bias.end].split_at_mut(self.weights.len());
        let mut slopes = Slopes { weights: of_weights, bias: of_bias };
        if let Some(convolution) = self.convolution() {
            let around = [input, output];
            return match self.layer {
                Layer::Transposed { .. } => convolution
                    .transposed_backward(weights, around, upstream, &mut slopes)
                    .map(Some),
                _ if self.doubled => {
                    convolution.doubled_backward(weights, around, upstream, &mut slopes, wanted)
                }
                _ => convolution.backward(weights, around, upstream, &mut slopes, wanted),
            };
        }
        let times = |slope_of: fn(f32) -> f32| {
            let mut planes = upstream.planes().to_vec();
            let outputs = output.planes().par_chunks(CHUNK);
            planes.par_chunks_mut(CHUNK).zip(outputs).for_each(|(slopes, outputs)| {
                for (slope, &output) in slopes.iter_mut().zip(outputs) {
                    *slope *= slope_of(output);
                }
            });
            planes
        };
        let step: fn(f32) -> f32 = |y| if y > 0.0 { 1.0 } else { 0.0 };
        Ok(match self.layer {
            Layer::Double => Some(Activations::of_blocks(enlarge::halve(upstream.blocks()?)?)),
            Layer::Relu => Some(Activations::of_planes(input.shape(), times(step))),
            Layer::Sigmoid => Some(Activations::of_planes(input.shape(), times(|y| y * (1.0 - y)))),
            Layer::Shape(_) => Some(upstream.reshaped(input.shape())),
            _ => {
                let upstream = if self.relu { times(step) } else { upstream.into_planes() };
                dense::parameters(input.planes(), &upstream, slopes.weights, slopes.bias);
                wanted.then(|| {
                    let inputs = self.input.into_iter().product();
                    let found = dense::rows(weights, &upstream, inputs);
                    Activations::of_planes(input.shape(), found)
                })
            }
        })
    }
}
