//! The way back through a network: derivatives with respect to the activations at the taps become those
//! with respect to the input, or those with respect to filters and biases.

use std::sync::Arc;

use lookalike_kernels::{self as kernels, Activation, Blocks, Processor};

use super::convolve::Convolve;
use super::{Keep, Packed, Step, Trace};
use crate::filters::FilterGradient;
use crate::layer::Join;
use crate::{Error, Planes, Result};

/// What a way forward leaves for the way back.
pub(crate) struct Traced {
    traces: Vec<Trace>,
    taps: Vec<Arc<Blocks>>,
}

impl Packed {
    /// The way forward, with what the way back to the input needs.
    pub(crate) fn trace(&self, input: &Planes) -> Result<Traced> {
        self.traced(input, |traces| Keep::Outputs(traces))
    }

    /// The way forward, with what the way back to the filters needs.
    pub(crate) fn trace_filters(&self, input: &Planes) -> Result<Traced> {
        self.traced(input, |traces| Keep::Inputs(traces))
    }

    fn traced(
        &self,
        input: &Planes,
        keep: impl for<'t> FnOnce(&'t mut Vec<Trace>) -> Keep<'t>,
    ) -> Result<Traced> {
        let (mut traces, mut taps) = (Vec::with_capacity(self.steps.len()), Vec::new());
        self.forward(input, &mut |tap| taps.push(tap.clone()), keep(&mut traces))?;
        Ok(Traced { traces, taps })
    }
}

impl Traced {
    /// The activations at the taps.
    pub(crate) fn taps(&self) -> Vec<&Blocks> {
        self.taps.iter().map(Arc::as_ref).collect()
    }

    /// Pulls derivatives with respect to the taps back to the input, of a shape.
    pub(crate) fn backward(
        self,
        network: &Packed,
        shape: [usize; 4],
        derivatives: Vec<Blocks>,
    ) -> Result<Planes> {
        let Self { mut traces, taps } = self;
        drop(taps);
        let processor = network.processor;
        let mut back = Back::new(processor, derivatives, None);
        let end = back.steps(&network.steps, &mut traces, None, true)?;
        match (back.planes, end) {
            (Some(planes), _) => Planes::new(shape, planes),
            (None, Some(blocks)) => Planes::new(shape, blocks.to_planes()),
            (None, None) => Ok(Planes::zeros(shape)),
        }
    }

    /// Pulls derivatives with respect to the taps back to the filters, those of the last layer first.
    pub(crate) fn backward_filters(
        self,
        network: &Packed,
        input: &Planes,
        derivatives: Vec<Blocks>,
    ) -> Result<Vec<FilterGradient>> {
        let Self { mut traces, taps } = self;
        drop(taps);
        let processor = network.processor;
        let filters = Some(OfFilters { input, found: Vec::new() });
        let mut back = Back::new(processor, derivatives, filters);
        back.steps(&network.steps, &mut traces, None, true)?;
        Ok(back.filters.map(|filters| filters.found).unwrap_or_default())
    }
}

/// Derivatives with respect to filters, where they are asked for.
struct OfFilters<'a> {
    /// What the first convolution read.
    input: &'a Planes,
    found: Vec<FilterGradient>,
}

struct Back<'a> {
    processor: Processor,
    /// Blocks that nobody reads any more.
    free: Vec<Blocks>,
    /// Of the taps that were not reached yet.
    derivatives: Vec<Blocks>,
    /// The derivative with respect to the input, once the first convolution was passed.
    planes: Option<Vec<f32>>,
    filters: Option<OfFilters<'a>>,
    /// Whether the derivative went through the activation of the next convolution already.
    masked: bool,
}

impl<'a> Back<'a> {
    fn new(processor: Processor, derivatives: Vec<Blocks>, filters: Option<OfFilters<'a>>) -> Self {
        Self { processor, free: Vec::new(), derivatives, planes: None, filters, masked: false }
    }

    /// Gives blocks back, unless someone else reads them.
    fn release(&mut self, blocks: Arc<Blocks>) {
        self.free.extend(Arc::try_unwrap(blocks));
    }

    /// Takes the derivative behind some steps, none where it is zero so far, to that before them.
    fn steps(
        &mut self,
        steps: &[Step],
        traces: &mut Vec<Trace>,
        behind: Option<Blocks>,
        whole: bool,
    ) -> Result<Option<Blocks>> {
        let mut derivative = behind;
        let mut left = steps;
        while let Some((step, before)) = left.split_last() {
            left = before;
            let lost = || Error::Engine("a step left no trace".to_owned());
            let trace = traces.pop().ok_or_else(lost)?;
            if matches!(trace, Trace::Tap) {
                let own = self.tap()?;
                derivative = Some(match derivative {
                    Some(mut derivative) => {
                        kernels::add(self.processor, &mut derivative, &own, Activation::None)?;
                        self.free.push(own);
                        derivative
                    }
                    None => own,
                });
                continue;
            }
            let Some(behind) = derivative.take() else { continue };
            // A pool behind a convolution, perhaps with a tap between: all in one pass over memory.
            let (convolve, own) = match (step, before) {
                (Step::MaxPool(_), [.., Step::Convolve(convolve), Step::Tap]) => {
                    traces.pop().ok_or_else(lost)?;
                    left = &before[..before.len() - 1];
                    (Some(convolve), Some(self.tap()?))
                }
                (Step::MaxPool(_), [.., Step::Convolve(convolve)]) => (Some(convolve), None),
                _ => (None, None),
            };
            if let (Step::MaxPool(pool), Trace::Pool { input, .. }, Some(convolve)) =
                (step, &trace, convolve)
            {
                let mut through = self.free.pop().unwrap_or_default();
                let (activation, own) = (convolve.activation, own);
                pool.gradient_through(
                    self.processor,
                    input,
                    &behind,
                    own.as_ref(),
                    activation,
                    &mut through,
                )?;
                self.free.extend([Some(behind), own].into_iter().flatten());
                self.masked = true;
                derivative = Some(through);
                continue;
            }
            // What a convolution reads straight from another is masked while it is written.
            let gave = match (step, before, traces.last()) {
                (
                    Step::Convolve(_),
                    [.., Step::Convolve(convolve)],
                    Some(Trace::Convolve { output, .. }),
                ) => Some((convolve.activation, output.clone())),
                _ => None,
            };
            let masks = gave.is_some();
            derivative = self.step(step, trace, behind, gave, whole && left.is_empty())?;
            self.masked = masks;
        }
        Ok(derivative)
    }

    /// The derivative with respect to the last tap that was not reached yet.
    fn tap(&mut self) -> Result<Blocks> {
        let lost = || Error::Engine("a tap has no derivative".to_owned());
        self.derivatives.pop().ok_or_else(lost)
    }

    fn step(
        &mut self,
        step: &Step,
        trace: Trace,
        mut behind: Blocks,
        gave: Option<(Activation, Arc<Blocks>)>,
        first: bool,
    ) -> Result<Option<Blocks>> {
        let processor = self.processor;
        let mut before = self.free.pop().unwrap_or_default();
        match (step, trace) {
            (Step::Convolve(convolve), Trace::Convolve { output, input_size, input }) => {
                if !std::mem::take(&mut self.masked) {
                    kernels::mask(processor, convolve.activation, &output, &mut behind)?;
                }
                self.release(output);
                self.filters(convolve, input.as_deref(), &behind)?;
                input.into_iter().for_each(|input| self.release(input));
                if first && self.filters.is_some() {
                    return Ok(None);
                }
                if first {
                    self.planes = Some(convolve.backward_planes(&behind, input_size)?);
                    return Ok(None);
                }
                let gave = gave.as_ref().map(|(activation, given)| (*activation, given.as_ref()));
                convolve.backward_through(&behind, input_size, gave, &mut before)?;
            }
            (Step::MaxPool(pool), Trace::Pool { input, .. }) => {
                pool.gradient(processor, &input, &behind, &mut before)?;
                self.release(input);
            }
            (Step::HanningPool, Trace::Pool { input, output }) => {
                kernels::hanning_pool_gradient(processor, &input, &output, &behind, &mut before)?;
                self.release(input);
                self.release(output);
            }
            (
                Step::Branches { branches, join, activation },
                Trace::Branches { traces, output, input },
            ) => {
                kernels::mask(processor, *activation, &output, &mut behind)?;
                match join {
                    Join::Sum => {
                        let mut sum: Option<Blocks> = None;
                        for (branch, mut trace) in branches.iter().zip(traces).rev() {
                            let end =
                                self.steps(branch, &mut trace, Some(behind.clone()), false)?;
                            sum = match (sum, end) {
                                (Some(mut sum), Some(end)) => {
                                    kernels::add(processor, &mut sum, &end, Activation::None)?;
                                    Some(sum)
                                }
                                (sum, end) => sum.or(end),
                            };
                        }
                        self.free.push(behind);
                        return Ok(sum);
                    }
                    Join::Channels => {
                        let input = input.as_deref();
                        self.channels(branches, &behind, &output, input, &mut before)?;
                    }
                }
            }
            _ => return Err(Error::Engine("a step left the trace of another".to_owned())),
        }
        self.free.push(behind);
        Ok(Some(before))
    }

    /// Adds the derivatives of a convolution's filters to what was found, where they are asked for.
    /// Without blocks it read the planes of the network's input.
    fn filters(
        &mut self,
        convolve: &Convolve,
        input: Option<&Blocks>,
        upstream: &Blocks,
    ) -> Result<()> {
        if let Some(filters) = &mut self.filters {
            filters.found.push(match input {
                Some(blocks) => {
                    convolve.filter_gradient(blocks.shape(), &blocks.to_planes(), upstream)?
                }
                None => {
                    let planes = filters.input;
                    convolve.filter_gradient(planes.shape(), planes.data(), upstream)?
                }
            });
        }
        Ok(())
    }

    /// Branches whose channels stand one after the other; each is one convolution.
    fn channels(
        &mut self,
        branches: &[Vec<Step>],
        behind: &Blocks,
        output: &Arc<Blocks>,
        input: Option<&Blocks>,
        before: &mut Blocks,
    ) -> Result<()> {
        let processor = self.processor;
        let [_, _, height, width] = output.shape();
        let mut first = 0;
        for convolve in branches.iter().flatten().filter_map(Step::convolution) {
            let channels = first..first + convolve.outputs();
            let mut part = self.free.pop().unwrap_or_default();
            part.copy_channels(behind, channels.clone())?;
            let mut shown = self.free.pop().unwrap_or_default();
            shown.copy_channels(output, channels)?;
            kernels::mask(processor, convolve.activation, &shown, &mut part)?;
            self.filters(convolve, input, &part)?;
            if first == 0 {
                convolve.backward(&part, [height, width], before)?;
            } else {
                convolve.backward(&part, [height, width], &mut shown)?;
                kernels::add(processor, before, &shown, Activation::None)?;
            }
            first += convolve.outputs();
            self.free.extend([part, shown]);
        }
        Ok(())
    }
}
