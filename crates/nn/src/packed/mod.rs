//! A network on the kernels of the processor.
//!
//! The list of layers becomes a list of steps: convolutions with the activation behind them in one
//! kernel, chosen by the shape of the filters, and pools, all on blocks of sixteen channels. Filters are
//! packed for the first batch, and kept from the second on. Memory for activations is used again from step to step.

mod backward;
mod convolve;

pub(crate) use backward::Traced;

use std::sync::Arc;

use lookalike_kernels as kernels;
use lookalike_kernels::{Activation, Blocks, Processor};

pub(crate) use self::convolve::Convolve;
use crate::filters::Filters;
use crate::layer::{Join, Layer, MaxPool};
use crate::{Error, Planes, Result};

/// When filters become what the kernels read, which for 3×3 filters takes four times their memory.
/// Values are the same bits either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// For the first batch, and again for the second, from which on they are kept: who compares one pair
    /// never holds all of them, which takes longer than packing.
    #[default]
    Kept,
    /// Layer by layer for every batch: 3×3 filters take a fifth of the memory, and are packed again and
    /// again.
    EveryBatch,
}

/// In which numbers filters of 3×3 and 5×5 are multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// In single precision, as everything else.
    #[default]
    Single,
    /// In bfloat16, summed in single precision: up to twice as fast where the processor
    /// [has such instructions](Processor::has_bfloat16), with errors of a hundredth of the largest activation. Derivatives
    /// go back through filters in single precision, but other activations may be the largest of a window: on noise
    /// they are off by a quarter of their length.
    Bfloat16,
}

/// The environment variable that asks for little memory.
const MEMORY: &str = "LOOKALIKE_MEMORY";

impl Packing {
    /// [`EveryBatch`](Self::EveryBatch) where the environment variable `LOOKALIKE_MEMORY` is `low`,
    /// [`Kept`](Self::Kept) where it is not set.
    ///
    /// # Errors
    /// [`Error::Memory`] for any other value.
    pub fn of_environment() -> Result<Self> {
        let asked = std::env::var_os(MEMORY).map(|value| value.to_string_lossy().into_owned());
        Self::named(asked.as_deref().unwrap_or_default())
    }

    fn named(memory: &str) -> Result<Self> {
        match memory {
            "" => Ok(Self::Kept),
            "low" => Ok(Self::EveryBatch),
            other => Err(Error::Memory(other.to_owned())),
        }
    }
}

/// A network whose filters are packed.
#[derive(Debug)]
pub(crate) struct Packed {
    steps: Vec<Step>,
    processor: Processor,
    packing: Packing,
}

/// What is done to activations.
#[derive(Debug)]
enum Step {
    Convolve(Box<Convolve>),
    MaxPool(MaxPool),
    HanningPool,
    Branches { branches: Vec<Vec<Step>>, join: Join, activation: Activation },
    Tap,
}

impl Step {
    fn convolution(&self) -> Option<&Convolve> {
        match self {
            Self::Convolve(convolve) => Some(convolve),
            _ => None,
        }
    }
}

impl Packed {
    /// Packs the filters of a network.
    pub(crate) fn new(
        layers: &[Layer<Arc<Filters>>],
        processor: Processor,
        packing: Packing,
        precision: Precision,
    ) -> Result<Self> {
        if precision == Precision::Bfloat16 && !processor.has_bfloat16() {
            return Err(Error::NoBfloat16(processor.name()));
        }
        let kind = Kind { processor, packing, precision };
        Ok(Self { steps: pack(layers, kind, true)?, processor, packing })
    }

    /// The activations at the taps, in order.
    pub(crate) fn taps(&self, input: &Planes) -> Result<Vec<Blocks>> {
        let mut taps = Vec::new();
        self.forward(input, &mut |tap| taps.push(tap.clone()), Keep::Nothing)?;
        Ok(taps.into_iter().map(Arc::unwrap_or_clone).collect())
    }

    /// Shows the activations at the taps, in order, as they come; none is kept.
    pub(crate) fn visit(&self, input: &Planes, mut look: impl FnMut(&Blocks)) -> Result<()> {
        self.forward(input, &mut |tap| look(tap), Keep::Nothing)
    }

    fn forward(&self, input: &Planes, look: &mut Look<'_>, keep: Keep<'_>) -> Result<()> {
        let (traces, inputs) = match keep {
            Keep::Nothing => (None, false),
            Keep::Outputs(traces) => (Some(traces), false),
            Keep::Inputs(traces) => (Some(traces), true),
        };
        let mut run = Run {
            processor: self.processor,
            reuses: self.packing == Packing::Kept,
            free: Vec::new(),
            pooled: None,
            inputs,
            look,
        };
        // What follows the last tap is nothing, so the output itself is not needed.
        drop(run.steps(&self.steps, Flow::Planes(input), traces)?);
        Ok(())
    }
}

/// How convolutions are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) processor: Processor,
    pub(crate) packing: Packing,
    pub(crate) precision: Precision,
}

fn pack(layers: &[Layer<Arc<Filters>>], kind: Kind, first: bool) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::with_capacity(layers.len());
    let mut layers = layers.iter().peekable();
    while let Some(layer) = layers.next() {
        let mut activation = || match layers.peek() {
            Some(Layer::Relu) => layers.next().map_or(Activation::None, |_| Activation::Relu),
            Some(Layer::Relu6) => layers.next().map_or(Activation::None, |_| Activation::Relu6),
            _ => Activation::None,
        };
        let reads_planes = first && steps.is_empty();
        steps.push(match layer {
            Layer::Convolution(filters) => {
                let activation = activation();
                let convolve = Convolve::new(filters, kind, activation, reads_planes)?;
                Step::Convolve(Box::new(convolve))
            }
            Layer::MaxPool(pool) => Step::MaxPool(*pool),
            Layer::HanningPool => Step::HanningPool,
            Layer::Tap => Step::Tap,
            Layer::Branches(branches, join) => {
                let mut packed = Vec::with_capacity(branches.len());
                for branch in branches {
                    packed.push(pack(branch, kind, false)?);
                }
                // Channels are written in place, by single convolutions in blocks of sixteen.
                let in_place = |branch: &Vec<Step>| {
                    matches!(branch.as_slice(), [Step::Convolve(c)] if c.writes_in_place())
                };
                if *join == Join::Channels && !packed.iter().all(in_place) {
                    return Err(Error::NoKernel("branches side by side of more than a convolution"));
                }
                Step::Branches { branches: packed, join: *join, activation: activation() }
            }
            Layer::Relu | Layer::Relu6 => {
                return Err(Error::NoKernel("an activation that follows no convolution or branches"));
            }
        });
    }
    pool_on_the_way(&mut steps);
    Ok(steps)
}

/// Has convolutions make what the pool behind them would: their outputs are in registers or in the second cache then, and
/// as large as nothing else that a network writes.
fn pool_on_the_way(steps: &mut [Step]) {
    for index in 0..steps.len() {
        let (before, behind) = steps.split_at_mut(index + 1);
        let pools = match behind {
            [Step::MaxPool(pool), ..] | [Step::Tap, Step::MaxPool(pool), ..] => Some(*pool),
            _ => None,
        };
        if let Some(Step::Convolve(convolve)) = before.last_mut() {
            convolve.pools = pools.filter(|pool| convolve.can_pool(pool));
        }
    }
}

/// What goes from step to step.
#[derive(Clone)]
enum Flow<'a> {
    /// The input of the network.
    Planes(&'a Planes),
    Blocks(Arc<Blocks>),
}

/// What a step leaves for the way back.
enum Trace {
    /// What a convolution gave, behind its activation, and the size of what it read; what it read as
    /// well, where that is kept and no planes.
    Convolve { output: Arc<Blocks>, input_size: [usize; 2], input: Option<Arc<Blocks>> },
    /// What a pool read.
    Pool { input: Arc<Blocks>, output: Arc<Blocks> },
    /// The traces of branches, and what they gave together; what branches side by side read as well,
    /// where that is kept.
    Branches { traces: Vec<Vec<Trace>>, output: Arc<Blocks>, input: Option<Arc<Blocks>> },
    /// A tap leaves nothing but its place.
    Tap,
}

/// What a run keeps for a way back.
enum Keep<'a> {
    Nothing,
    /// What derivatives with respect to the input need.
    Outputs(&'a mut Vec<Trace>),
    /// What those with respect to filters need.
    Inputs(&'a mut Vec<Trace>),
}

/// What is shown the activations at each tap.
type Look<'a> = dyn FnMut(&Arc<Blocks>) + 'a;

/// One run through a network.
struct Run<'l> {
    processor: Processor,
    /// Whether memory of blocks is used again. Where little is wanted it is given up at once: what the first
    /// layers need is more than the filters of the last.
    reuses: bool,
    /// Blocks that nobody reads any more.
    free: Vec<Blocks>,
    /// What the next pool gives, where it was made on the way.
    pooled: Option<Blocks>,
    /// Whether traces keep what convolutions read.
    inputs: bool,
    look: &'l mut Look<'l>,
}

impl Run<'_> {
    /// Gives blocks back, unless someone else reads them.
    fn release(&mut self, blocks: Arc<Blocks>) {
        if self.reuses {
            self.free.extend(Arc::try_unwrap(blocks));
        } else {
            drop(blocks);
            kernels::give_back();
        }
    }

    fn steps<'a>(
        &mut self,
        steps: &[Step],
        input: Flow<'a>,
        mut traces: Option<&mut Vec<Trace>>,
    ) -> Result<Flow<'a>> {
        let mut x = input;
        for step in steps {
            let (y, trace) = self.step(step, &x, traces.is_some())?;
            if let (Some(traces), Some(trace)) = (traces.as_deref_mut(), trace) {
                traces.push(trace);
            }
            let Some(y) = y else { continue };
            if let Flow::Blocks(blocks) = x {
                self.release(blocks);
            }
            x = Flow::Blocks(y);
        }
        Ok(x)
    }

    /// What a step gives, unless it only looks, and what it leaves for the way back.
    fn step(
        &mut self,
        step: &Step,
        x: &Flow<'_>,
        traced: bool,
    ) -> Result<(Option<Arc<Blocks>>, Option<Trace>)> {
        let mut output = self.free.pop().unwrap_or_default();
        let blocks = match (step, x) {
            (Step::Convolve(convolve), Flow::Planes(planes)) => {
                if let Some(pool) = &convolve.pools {
                    let mut pooled = self.free.pop().unwrap_or_default();
                    convolve.forward_planes_pooled(planes, &mut output, pool, &mut pooled)?;
                    self.pooled = Some(pooled);
                } else {
                    convolve.forward_planes(planes, &mut output)?;
                }
                let output = Arc::new(output);
                let trace = traced.then(|| Trace::Convolve {
                    output: output.clone(),
                    input_size: [planes.height(), planes.width()],
                    input: None,
                });
                return Ok((Some(output), trace));
            }
            // No network begins with anything else.
            (_, Flow::Planes(planes)) => {
                output.read_planes(planes.shape(), planes.data())?;
                let blocks = Flow::Blocks(Arc::new(output));
                return self.step(step, &blocks, traced);
            }
            (_, Flow::Blocks(blocks)) => blocks,
        };
        let [_, _, height, width] = blocks.shape();
        Ok(match step {
            Step::Convolve(convolve) => {
                // What is too small for a window is refused by the pool.
                if convolve.pools.is_some() && height.min(width) >= 2 {
                    let mut pooled = self.free.pop().unwrap_or_default();
                    convolve.forward_pooled(blocks, &mut output, &mut pooled)?;
                    self.pooled = Some(pooled);
                } else {
                    convolve.forward(blocks, &mut output)?;
                }
                let output = Arc::new(output);
                let trace = traced.then(|| Trace::Convolve {
                    output: output.clone(),
                    input_size: [height, width],
                    input: self.inputs.then(|| blocks.clone()),
                });
                (Some(output), trace)
            }
            Step::MaxPool(_) | Step::HanningPool => {
                match (step, self.pooled.take()) {
                    (_, Some(pooled)) => {
                        self.free.push(std::mem::replace(&mut output, pooled));
                    }
                    (Step::MaxPool(pool), None) => {
                        pool.forward(self.processor, blocks, &mut output)?;
                    }
                    _ => kernels::hanning_pool(self.processor, blocks, &mut output)?,
                }
                let output = Arc::new(output);
                let trace =
                    traced.then(|| Trace::Pool { input: blocks.clone(), output: output.clone() });
                (Some(output), trace)
            }
            Step::Tap => {
                self.free.push(output);
                (self.look)(blocks);
                (None, traced.then_some(Trace::Tap))
            }
            Step::Branches { branches, join, activation } => {
                let mut traces = Vec::new();
                match join {
                    Join::Channels => self.side_by_side(branches, blocks, &mut output)?,
                    Join::Sum => {
                        let mut ends = Vec::with_capacity(branches.len());
                        for branch in branches {
                            let mut trace = Vec::new();
                            let x = Flow::Blocks(blocks.clone());
                            let end = self.steps(branch, x, traced.then_some(&mut trace))?;
                            if let Flow::Blocks(end) = end {
                                ends.push(end);
                            }
                            traces.push(trace);
                        }
                        self.free.push(output);
                        output = self.sum(ends, *activation)?;
                    }
                }
                let output = Arc::new(output);
                // Branches that are summed have kept their inputs themselves.
                let input = (self.inputs && *join == Join::Channels).then(|| blocks.clone());
                let trace =
                    traced.then(|| Trace::Branches { traces, output: output.clone(), input });
                (Some(output), trace)
            }
        })
    }

    /// What branches give, added, with the activation behind the sum.
    fn sum(&mut self, ends: Vec<Arc<Blocks>>, activation: Activation) -> Result<Blocks> {
        let mut ends = ends.into_iter();
        let first = ends.next().unwrap_or_default();
        let mut sum = Arc::try_unwrap(first).unwrap_or_else(|shared| Blocks::clone(&shared));
        while let Some(end) = ends.next() {
            let last = if ends.len() == 0 { activation } else { Activation::None };
            kernels::add(self.processor, &mut sum, &end, last)?;
            self.release(end);
        }
        Ok(sum)
    }

    /// Branches whose channels stand one after the other: each writes its part.
    fn side_by_side(
        &mut self,
        branches: &[Vec<Step>],
        input: &Blocks,
        output: &mut Blocks,
    ) -> Result<()> {
        let [batch, _, height, width] = input.shape();
        let convolutions = || branches.iter().flatten().filter_map(Step::convolution);
        let channels = convolutions().map(Convolve::outputs).sum();
        output.reshape([batch, channels, height, width])?;
        let mut first = 0;
        for convolve in convolutions() {
            convolve.forward_into(input, output, first)?;
            first += convolve.outputs();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfloat16_is_refused_where_the_processor_has_it_not() {
        let portable = Processor::available().pop().unwrap();
        let packed = |precision| Packed::new(&[], portable, Packing::Kept, precision);
        assert!(packed(Precision::Single).is_ok());
        let refused = packed(Precision::Bfloat16).unwrap_err().to_string();
        assert!(refused.contains("AVX512_BF16") && refused.contains("portable"), "{refused}");
    }

    #[test]
    fn memory_is_low_or_nothing_is_said_of_it() {
        assert_eq!(Packing::named("").unwrap(), Packing::Kept);
        assert_eq!(Packing::named("low").unwrap(), Packing::EveryBatch);
        let refused = Packing::named("LOW").unwrap_err().to_string();
        assert_eq!(refused, "LOOKALIKE_MEMORY=LOW is unknown: expected low, or nothing");
    }
}
