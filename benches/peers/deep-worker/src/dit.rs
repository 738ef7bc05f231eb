//! A step of training a diffusion transformer that is shown its source beside what it draws, named
//! `dit-SIZE:pPATCH` on `COUNTxSIDExSIDE`.
//!
//! Sequences are numbered: 1 the targets, 2 the noise, 3 the sources, 10 and on the weights, tensor by tensor; biases
//! start at 0. Noise levels are spread evenly over the batch, and the loss is that of `lookalike train translate`: the
//! network says the picture, and errors count as velocities. Forwards, loss, back, Adam.

use lookalike_kernels::{Adam, Processor};
use lookalike_translate::diffusion::flow::noised;
use lookalike_translate::diffusion::{Flow, Prediction};
use lookalike_translate::dit::{Architecture, Convention, Dit, Input, Size};

use crate::layer::number;
use crate::text;

pub struct DitStep {
    dit: Dit,
    first: Vec<f32>,
    parameters: Vec<f32>,
    moments: [Vec<f32>; 2],
    gradient: Vec<f32>,
    targets: Vec<Vec<f32>>,
    noises: Vec<Vec<f32>>,
    noised: Vec<Vec<f32>>,
    sources: Vec<Vec<f32>>,
    levels: Vec<f64>,
    step: u64,
}

fn pictures(seed: u32, count: usize, size: usize) -> Vec<Vec<f32>> {
    let numbers = |at: usize| (at * size..(at + 1) * size).map(|i| 2.0 * number(seed, i)).collect();
    (0..count).map(numbers).collect()
}

impl DitStep {
    pub fn new(size: &str, patch: usize, [count, side]: [usize; 2]) -> Result<Self, String> {
        let Size { depth, width, heads } = size.parse().map_err(text)?;
        let dit = Dit::new(Architecture {
            side,
            patch,
            channels: 3,
            outputs: 3,
            beside: 3,
            sequence: 0,
            vector: 0,
            classes: 0,
            width,
            depth,
            heads,
            convention: Convention::Original,
        })
        .map_err(text)?;
        let mut first = Vec::with_capacity(dit.count());
        for (at, (_, shape)) in dit.tensors().iter().enumerate() {
            let numbers: usize = shape.iter().product();
            let fan_in: usize = shape[1..].iter().product();
            let scale = if shape.len() == 1 { 0.0 } else { (6.0 / fan_in as f32).sqrt() };
            first.extend((0..numbers).map(|index| scale * number(10 + at as u32, index)));
        }
        let size = 3 * side * side;
        let (targets, noises) = (pictures(1, count, size), pictures(2, count, size));
        let levels: Vec<f64> = (0..count).map(|at| (at as f64 + 0.5) / count as f64).collect();
        let one = |at: usize| noised(&targets[at], &noises[at], levels[at]).map_err(text);
        Ok(Self {
            noised: (0..count).map(one).collect::<Result<_, _>>()?,
            moments: [vec![0.0; first.len()], vec![0.0; first.len()]],
            gradient: vec![0.0; first.len()],
            parameters: first.clone(),
            first,
            sources: pictures(3, count, size),
            targets,
            noises,
            levels,
            dit,
            step: 0,
        })
    }

    pub fn run(&mut self) -> Result<f64, String> {
        let inputs: Vec<Input<'_>> = (0..self.levels.len())
            .map(|at| Input {
                x: &self.noised[at],
                time: 1000.0 * self.levels[at],
                class: None,
                source: Some(&self.sources[at]),
                vector: None,
            })
            .collect();
        let flow = Flow::new(Prediction::Sample);
        let share = 1.0 / inputs.len() as f32;
        let each = |at: usize, output: &[f32]| {
            let mut loss = flow.loss(output, &self.targets[at], &self.noises[at], self.levels[at])?;
            loss.gradient.iter_mut().for_each(|slope| *slope *= share);
            Ok((loss.value, loss.gradient))
        };
        let losses = self.dit.gradients(&self.parameters, &inputs, each, &mut self.gradient);
        let losses = losses.map_err(text)?;
        self.step += 1;
        let [first, second] = &mut self.moments;
        Adam::default()
            .step(Processor::best(), self.step, &mut self.parameters, &self.gradient, first, second)
            .map_err(text)?;
        Ok(losses.iter().sum::<f64>() / losses.len() as f64)
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
