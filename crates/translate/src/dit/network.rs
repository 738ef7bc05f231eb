//! The network: patches, time and conditions in, patches out, with derivatives.
//!
//! Tokens are x's patches by a dense layer (a source's channels beside x's, where there are), plus
//! [`positions`](super::positions). A source may also be tokens of its own behind them, with the same positions. What
//! conditions all blocks is c = MLP(time) + class + V·v + b for a vector v. After the blocks, (b, s) = W·SiLU(c) + b′
//! modulates a last normalisation, and a dense layer gives each token's patch.
//!
//! Source: Peebles and Xie 2023; the vector beside time as in Zhu et al. 2025 (arXiv 2505.16001), channels beside each
//! other as in Brooks et al. 2023, tokens in the sequence as in Labs et al. 2025 (FLUX.1 Kontext).
//!
//! Choices: without a source its channels are 0, without a vector a learned one stands for it. Every example is
//! computed by itself, so it has the same bits alone and among others; derivatives of examples are summed in a fixed
//! number of groups, whatever the number of threads.

use rayon::prelude::*;

use lookalike_kernels::{Processor, silu, silu_backward};
use lookalike_nn::Compute;

use super::architecture::Architecture;
use super::block;
use super::modulation::{Normalised, add, modulated, modulated_backward};
use super::patches::{drawn, drawn_backward, patches, planes};
use super::places::Places;
use super::positions::positions;
use super::precision::Precision;
use super::time::{self, time_embedding};
use crate::{Error, Result};

/// Groups of examples whose derivatives are summed apart, at most.
const GROUPS: usize = 8;
/// Numbers of all groups' derivatives together, at most, but for one group.
const GROUP_NUMBERS: usize = 1 << 28;

/// Added to the variance in the last normalisation.
const EPSILON: f32 = 1e-6;

/// A network of an architecture; its parameters are kept elsewhere.
#[derive(Clone, Debug)]
pub struct Dit {
    architecture: Architecture,
    places: Places,
    positions: Vec<f32>,
    compute: Compute,
    #[cfg_attr(not(feature = "engine"), expect(dead_code, reason = "devices alone have others"))]
    precision: Precision,
}

/// What a network is shown.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Channels × side × side samples of what is drawn, with its noise.
    pub x: &'a [f32],
    /// From 0 to 999, or a noise level times 1000.
    pub time: f64,
    /// The class, where there are classes.
    pub class: Option<usize>,
    /// The source, where there is one: channels × side × side samples, beside x or in the sequence.
    pub source: Option<&'a [f32]>,
    /// The vector, where there is one.
    pub vector: Option<&'a [f32]>,
}

/// What an example leaves for the way back.
pub struct Trace {
    output: Vec<f32>,
    rows: Vec<f32>,
    sequence: Option<Vec<f32>>,
    condition: Condition,
    blocks: Vec<block::Trace>,
    tokens: Vec<f32>,
    modulation: Vec<f32>,
    normalised: Normalised,
}

/// What conditions all blocks.
struct Condition {
    time: Vec<f32>,
    hidden: Vec<f32>,
    active: Vec<f32>,
    vector: Option<Vec<f32>>,
    sum: Vec<f32>,
    /// SiLU(c).
    of_sum: Vec<f32>,
}

/// Derivatives with respect to what a network was shown.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSlopes {
    /// Like x.
    pub x: Vec<f32>,
    /// Like the source; empty without one.
    pub source: Vec<f32>,
    /// Like the vector; empty without one.
    pub vector: Vec<f32>,
}

impl Trace {
    /// Outputs × side × side samples.
    pub fn output(&self) -> &[f32] {
        &self.output
    }
}

/// SiLU of a few numbers.
fn activated(numbers: &[f32]) -> Result<Vec<f32>> {
    let mut out = vec![0.0; numbers.len()];
    silu(Processor::best(), numbers, &mut out)?;
    Ok(out)
}

fn activated_backward(numbers: &[f32], upstream: &[f32]) -> Result<Vec<f32>> {
    let mut out = vec![0.0; numbers.len()];
    silu_backward(Processor::best(), numbers, upstream, &mut out)?;
    Ok(out)
}

impl Dit {
    /// # Errors
    /// [`Error::Refused`] for an architecture that there cannot be.
    pub fn new(architecture: Architecture) -> Result<Self> {
        architecture.check()?;
        let along = architecture.along();
        Ok(Self {
            places: Places::new(&architecture),
            positions: positions([along, along], architecture.width, None),
            architecture,
            compute: Compute::Kernels,
            precision: Precision::F32,
        })
    }

    /// The same network, computed elsewhere: [`run_all`](Self::run_all), [`run`](Self::run) and
    /// [`gradients`](Self::gradients). The kernels give a [`trace`](Self::trace) all the same.
    ///
    /// # Errors
    /// [`Error::Refused`] for anything but the kernels where this build is without the feature `engine`.
    pub fn on(self, compute: &Compute) -> Result<Self> {
        if cfg!(not(feature = "engine")) && !compute.is_kernels() {
            return refused("a device: this build computes transformers on the processor alone");
        }
        Ok(Self { compute: compute.clone(), ..self })
    }

    /// The same network, whose products of matrices are in another precision, forwards and backwards.
    ///
    /// # Errors
    /// [`Error::Refused`] for anything but single precision where the processor's kernels compute, and for what the
    /// device does not have.
    pub fn with_precision(self, precision: Precision) -> Result<Self> {
        if self.compute.is_kernels() && precision != Precision::F32 {
            return refused(
                "precision f32: the processor computes in single precision; bf16 and f16 are for --device cuda and wgpu",
            );
        }
        #[cfg(feature = "engine")]
        if let (Compute::Engine(device), Some(half)) = (&self.compute, precision.half())
            && !device.supports_dtype(half)
        {
            return Err(Error::Refused(format!(
                "precision: the device does not multiply in {precision}; f32 is always there"
            )));
        }
        Ok(Self { precision, ..self })
    }

    #[cfg(feature = "engine")]
    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    #[cfg(feature = "engine")]
    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    #[cfg(feature = "engine")]
    pub(super) fn positions(&self) -> &[f32] {
        &self.positions
    }

    /// What it consists of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Parameters.
    pub fn count(&self) -> usize {
        self.places.count
    }

    /// Names and shapes of all tensors, in the order of the parameters.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        self.places.tensors()
    }

    /// Parameters to start from, with which everything drawn is 0.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        self.places.initial(seed)
    }

    /// Multiply-accumulates of one example, forwards: N(12TD² + 2T²D + 6D²) and the patches.
    pub fn multiply_accumulates(&self) -> u64 {
        let Architecture { width, depth, channels, beside, outputs, sequence, .. } =
            self.architecture;
        let of_patch = |channels: usize| self.architecture.of_patch(channels) as u64;
        let drawn = self.architecture.tokens() as u64;
        let read = if sequence > 0 { 2 * drawn } else { drawn };
        let (d, n) = (width as u64, depth as u64);
        let blocks = n * (12 * read * d * d + 2 * read * read * d + 6 * d * d);
        let ends = drawn * d * (of_patch(channels + beside) + of_patch(outputs));
        blocks + ends + drawn * d * of_patch(sequence) + d * (time::COUNT as u64 + d) + 2 * d * d
    }

    /// What comes of an example: outputs × side × side samples.
    ///
    /// # Errors
    /// [`Error::Refused`] where the example or the parameters are not of this network's sizes.
    pub fn run(&self, parameters: &[f32], input: &Input<'_>) -> Result<Vec<f32>> {
        match self.compute {
            Compute::Kernels => Ok(self.trace(parameters, input)?.output),
            _ => Ok(self.run_all(parameters, std::slice::from_ref(input))?.concat()),
        }
    }

    /// What comes of every example.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_all(&self, parameters: &[f32], inputs: &[Input<'_>]) -> Result<Vec<Vec<f32>>> {
        match &self.compute {
            #[cfg(feature = "engine")]
            Compute::Engine(device) => {
                inputs.iter().try_for_each(|input| self.check(parameters, input))?;
                self.run_on(device, parameters, inputs)
            }
            _ => inputs.par_iter().map(|input| Ok(self.trace(parameters, input)?.output)).collect(),
        }
    }

    /// The same, with what the way back needs.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn trace(&self, parameters: &[f32], input: &Input<'_>) -> Result<Trace> {
        self.check(parameters, input)?;
        let Architecture { side, patch, width, .. } = self.architecture;
        let condition = self.condition(parameters, input)?;
        let rows = match self.architecture.beside {
            0 => patches(input.x, side, patch),
            channels => {
                let mut planes = input.x.to_vec();
                match input.source {
                    Some(source) => planes.extend_from_slice(source),
                    None => planes.resize(planes.len() + channels * side * side, 0.0),
                }
                patches(&planes, side, patch)
            }
        };
        let mut tokens = self.places.patches.forward(parameters, &rows);
        add(&mut tokens, &self.positions);
        let mut sequence = None;
        if let Some((layer, kind)) = &self.places.sequence {
            let zeros = vec![0.0; self.architecture.sequence * side * side];
            let rows = patches(input.source.unwrap_or(&zeros), side, patch);
            let mut behind = layer.forward(parameters, &rows);
            add(&mut behind, &self.positions);
            let kind = &parameters[kind.clone()];
            behind.chunks_exact_mut(width).for_each(|token| add(token, kind));
            tokens.extend(behind);
            sequence = Some(rows);
        }
        let mut blocks = Vec::with_capacity(self.places.blocks.len());
        for block in &self.places.blocks {
            let (next, trace) = block.forward(parameters, &condition.of_sum, tokens)?;
            blocks.push(trace);
            tokens = next;
        }
        tokens.truncate(self.architecture.tokens() * width);
        let modulation = self.places.last_modulation.forward(parameters, &condition.of_sum);
        let (shift, scale) = modulation.split_at(width);
        let normalised = modulated(&tokens, shift, scale, EPSILON)?;
        let output = drawn(&self.places.last.forward(parameters, &normalised.rows), side, patch);
        Ok(Trace { output, rows, sequence, condition, blocks, tokens, modulation, normalised })
    }

    /// Adds the derivatives of a number with respect to the parameters to `gradient`, given those with respect to
    /// the output of a trace; where `wanted`, gives those with respect to what the network was shown.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn backward(
        &self,
        parameters: &[f32],
        input: &Input<'_>,
        trace: &Trace,
        upstream: &[f32],
        gradient: &mut [f32],
        wanted: bool,
    ) -> Result<Option<InputSlopes>> {
        self.check(parameters, input)?;
        expect("derivatives of the output", trace.output.len(), upstream.len())?;
        expect("derivatives of the parameters", self.count(), gradient.len())?;
        let Architecture { side, patch, width, channels, beside, .. } = self.architecture;
        let condition = &trace.condition;
        let mut of_condition = vec![0.0; width];
        let of_tokens = drawn_backward(upstream, side, patch);
        self.places.last.add_parameters(&trace.normalised.rows, &of_tokens, gradient);
        let of_normalised = self.places.last.backward(parameters, &of_tokens);
        let mut of_modulation = vec![0.0; 2 * width];
        let (of_shift, of_scale) = of_modulation.split_at_mut(width);
        let mut slopes = modulated_backward(
            &trace.tokens,
            &trace.modulation[width..],
            &trace.normalised.statistics,
            &of_normalised,
            [of_shift, of_scale],
        )?;
        let modulation = &self.places.last_modulation;
        modulation.add_parameters(&condition.of_sum, &of_modulation, gradient);
        add(&mut of_condition, &modulation.backward(parameters, &of_modulation));
        if trace.sequence.is_some() {
            // What the last block says of the source goes nowhere.
            slopes.resize(2 * slopes.len(), 0.0);
        }
        for (block, trace) in self.places.blocks.iter().zip(&trace.blocks).rev() {
            slopes = block.backward(
                parameters,
                &condition.of_sum,
                trace,
                slopes,
                gradient,
                &mut of_condition,
            )?;
        }
        let of_vector =
            self.condition_backward(parameters, input, trace, &of_condition, gradient)?;
        let behind = slopes.split_off(trace.tokens.len());
        self.places.patches.add_parameters(&trace.rows, &slopes, gradient);
        if let (Some((layer, kind)), Some(rows)) = (&self.places.sequence, &trace.sequence) {
            layer.add_parameters(rows, &behind, gradient);
            let kind = &mut gradient[kind.clone()];
            behind.chunks_exact(width).for_each(|token| add(kind, token));
        }
        if !wanted {
            return Ok(None);
        }
        let mut x = planes(&self.places.patches.backward(parameters, &slopes), side, patch);
        let mut source = x.split_off(channels * side * side);
        if let Some((layer, _)) = &self.places.sequence {
            let more = planes(&layer.backward(parameters, &behind), side, patch);
            if beside == 0 { source = more } else { add(&mut source, &more) }
        }
        if input.source.is_none() {
            source.clear();
        }
        Ok(Some(InputSlopes { x, source, vector: of_vector }))
    }

    /// Runs examples, asks `each` for the derivatives with respect to the output of each, and puts the sum of all
    /// derivatives with respect to the parameters into `gradient`. Gives what `each` gave, in the order of the
    /// examples.
    ///
    /// # Errors
    /// As [`run`](Self::run), and those of `each`.
    pub fn gradients<T: Send>(
        &self,
        parameters: &[f32],
        inputs: &[Input<'_>],
        each: impl Fn(usize, &[f32]) -> Result<(T, Vec<f32>)> + Sync,
        gradient: &mut [f32],
    ) -> Result<Vec<T>> {
        expect("derivatives of the parameters", self.count(), gradient.len())?;
        #[cfg(feature = "engine")]
        if let Compute::Engine(device) = &self.compute {
            inputs.iter().try_for_each(|input| self.check(parameters, input))?;
            return self.gradients_on(device, parameters, inputs, each, gradient);
        }
        let groups = GROUPS.min(GROUP_NUMBERS / self.count().max(1)).max(1);
        let size = inputs.len().div_ceil(groups).max(1);
        let found = inputs.par_chunks(size).enumerate().map(|(group, inputs)| {
            let mut gradient = vec![0.0; self.count()];
            let mut found = Vec::with_capacity(inputs.len());
            for (at, input) in inputs.iter().enumerate() {
                let trace = self.trace(parameters, input)?;
                let (value, upstream) = each(group * size + at, trace.output())?;
                self.backward(parameters, input, &trace, &upstream, &mut gradient, false)?;
                found.push(value);
            }
            Ok((found, gradient))
        });
        let found: Vec<(Vec<T>, Vec<f32>)> = found.collect::<Result<_>>()?;
        gradient.fill(0.0);
        let mut values = Vec::with_capacity(inputs.len());
        for (of_group, part) in found {
            add(gradient, &part);
            values.extend(of_group);
        }
        Ok(values)
    }

    /// c and SiLU(c).
    fn condition(&self, parameters: &[f32], input: &Input<'_>) -> Result<Condition> {
        let time = time_embedding(input.time, time::COUNT, self.architecture.convention);
        let hidden = self.places.time[0].forward(parameters, &time);
        let active = activated(&hidden)?;
        let mut sum = self.places.time[1].forward(parameters, &active);
        if let (Some(table), Some(class)) = (&self.places.classes, input.class) {
            let width = self.architecture.width;
            add(&mut sum, &parameters[table.clone()][class * width..][..width]);
        }
        let vector = self.places.vector.as_ref().map(|(layer, null)| {
            let vector = input.vector.unwrap_or(&parameters[null.clone()]).to_vec();
            add(&mut sum, &layer.forward(parameters, &vector));
            vector
        });
        let of_sum = activated(&sum)?;
        Ok(Condition { time, hidden, active, vector, sum, of_sum })
    }

    /// The derivatives with respect to the vector; empty without one.
    fn condition_backward(
        &self,
        parameters: &[f32],
        input: &Input<'_>,
        trace: &Trace,
        of_condition: &[f32],
        gradient: &mut [f32],
    ) -> Result<Vec<f32>> {
        let Condition { time, hidden, active, vector, sum, .. } = &trace.condition;
        let of_sum = activated_backward(sum, of_condition)?;
        let mut of_vector = Vec::new();
        if let (Some((layer, null)), Some(vector)) = (&self.places.vector, vector) {
            layer.add_parameters(vector, &of_sum, gradient);
            of_vector = layer.backward(parameters, &of_sum);
            if input.vector.is_none() {
                add(&mut gradient[null.clone()], &of_vector);
                of_vector.clear();
            }
        }
        if let (Some(table), Some(class)) = (&self.places.classes, input.class) {
            let width = self.architecture.width;
            add(&mut gradient[table.clone()][class * width..][..width], &of_sum);
        }
        let [first, second] = &self.places.time;
        second.add_parameters(active, &of_sum, gradient);
        let of_hidden = activated_backward(hidden, &second.backward(parameters, &of_sum))?;
        first.add_parameters(time, &of_hidden, gradient);
        Ok(of_vector)
    }

    fn check(&self, parameters: &[f32], input: &Input<'_>) -> Result<()> {
        let Architecture { side, channels, beside, sequence, vector, classes, .. } =
            self.architecture;
        let area = side * side;
        expect("parameters", self.count(), parameters.len())?;
        expect("samples of what is drawn", channels * area, input.x.len())?;
        if let Some(source) = input.source {
            if beside == 0 && sequence == 0 {
                return refused("a source: this network reads none");
            }
            for channels in [beside, sequence].into_iter().filter(|&channels| channels > 0) {
                expect("samples of the source", channels * area, source.len())?;
            }
        }
        if let Some(found) = input.vector {
            expect("numbers of the vector", vector, found.len())?;
        }
        if let Some(class) = input.class
            && class >= classes
        {
            return refused(&format!("a class: expected one below {classes}, found {class}"));
        }
        if classes > 0 && input.class.is_none() {
            return refused("a class: this network expects one; the last stands for none");
        }
        if !input.time.is_finite() {
            return refused(&format!("a time: expected a number, found {}", input.time));
        }
        Ok(())
    }
}

fn refused<T>(reason: &str) -> Result<T> {
    Err(Error::Refused(reason.to_owned()))
}

pub(super) fn expect(what: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Refused(format!("{what}: expected {expected}, found {found}")))
}
