//! Whole steps of training, and losses alone, on numbers that all sides make for themselves.
//!
//! A step is named `NETWORK:LOSS` on `COUNTxSIDExSIDE` (a preset of `lookalike train autoencoder`, a code of 128 numbers
//! where it has one): forwards, loss, back, Adam. A loss is named `NAME` on the same: value and gradient of pictures of
//! three channels. Sequences are numbered: 1 the target, 2 the output, 10 and on the weights, tensor by tensor; biases
//! start at 0. Numbers become samples around ½.

use lookalike::deep::SeededWeights;
use lookalike_kernels::{Adam, Processor};
use lookalike_train::losses::{Batch, Terms};
use lookalike_train::reconstruction::{Model, Plan, Preset};

use crate::layer::number;
use crate::text;

fn samples(seed: u32, count: usize) -> Vec<f32> {
    (0..count).map(|index| 0.5 + 0.8 * number(seed, index)).collect()
}

fn shape(sizes: &str) -> Result<[usize; 4], String> {
    let sizes: Option<Vec<usize>> = sizes.split('x').map(|part| part.parse().ok()).collect();
    match sizes.as_deref() {
        Some(&[count, height, width]) => Ok([count, 3, height, width]),
        _ => Err("expected COUNTxHEIGHTxWIDTH".to_owned()),
    }
}

/// A step of training.
pub struct Step {
    model: Model,
    terms: Terms,
    first: Vec<f32>,
    parameters: Vec<f32>,
    moments: [Vec<f32>; 2],
    pictures: Vec<f32>,
    step: u64,
}

impl Step {
    pub fn new(name: &str, sizes: &str) -> Result<Self, String> {
        let (network, loss) = name.split_once(':').ok_or("expected NETWORK:LOSS")?;
        let [count, channels, side, _] = shape(sizes)?;
        let codeless = Preset::named(network).map_err(text)? == Preset::Bench;
        let model = Model::new(Plan {
            network: network.to_owned(),
            side,
            channels,
            code: if codeless { 0 } else { 128 },
            stochastic: false,
            factor: 1,
            residual: false,
        })
        .map_err(text)?;
        let mut first = Vec::with_capacity(model.count());
        for (at, (_, shape)) in model.tensors().iter().enumerate() {
            let numbers: usize = shape.iter().product();
            let fan_in: usize = shape[1..].iter().product();
            // Twice √(6 / inputs) times numbers in −½…½, as He et al. have it.
            let scale = if shape.len() == 1 { 0.0 } else { 2.0 * (6.0 / fan_in as f32).sqrt() };
            first.extend((0..numbers).map(|index| scale * number(10 + at as u32, index)));
        }
        let terms = Terms::parse(loss, side, &SeededWeights).map_err(text)?;
        let zeros = vec![0.0; first.len()];
        Ok(Self {
            model,
            terms,
            parameters: first.clone(),
            first,
            moments: [zeros.clone(), zeros],
            pictures: samples(1, count * channels * side * side),
            step: 0,
        })
    }

    pub fn run(&mut self) -> Result<f64, String> {
        let found = self.model.loss_and_gradient(
            &self.parameters,
            &self.pictures,
            &self.pictures,
            &self.terms,
        );
        let (loss, gradient) = found.map_err(text)?;
        self.step += 1;
        let [first, second] = &mut self.moments;
        Adam::default()
            .step(Processor::best(), self.step, &mut self.parameters, &gradient, first, second)
            .map_err(text)?;
        Ok(loss)
    }

    /// The losses of the first two steps, after which all is as before.
    pub fn first_losses(&mut self) -> Result<[f64; 2], String> {
        let losses = [self.run()?, self.run()?];
        self.parameters.copy_from_slice(&self.first);
        self.moments.iter_mut().for_each(|moments| moments.fill(0.0));
        self.step = 0;
        Ok(losses)
    }
}

/// A loss, its value and gradient.
pub struct LossWork {
    terms: Terms,
    shape: [usize; 4],
    target: Vec<f32>,
    output: Vec<f32>,
}

impl LossWork {
    pub fn new(name: &str, sizes: &str) -> Result<Self, String> {
        let shape = shape(sizes)?;
        let count = shape.iter().product();
        let terms = Terms::parse(name, shape[2].min(shape[3]), &SeededWeights).map_err(text)?;
        // The output is between the target and something else, so that scores are as of a network in training.
        let target = samples(1, count);
        let output = target.iter().zip(samples(2, count)).map(|(t, o)| 0.7 * t + 0.3 * o).collect();
        Ok(Self { terms, shape, target, output })
    }

    /// The value and the gradient.
    pub fn run(&self) -> Result<(f64, Vec<f32>), String> {
        let mut gradient = vec![0.0; self.output.len()];
        let [target, output] = [&self.target, &self.output].map(|of| Batch::new(self.shape, of));
        let (target, output) = (target.map_err(text)?, output.map_err(text)?);
        let (value, _) = self.terms.evaluate(&target, &output, &mut gradient).map_err(text)?;
        Ok((value, gradient))
    }
}
