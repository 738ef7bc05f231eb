//! Layers from named parameters.

use lookalike_kernels::{Padding, Processor};
use lookalike_nn::{Packing, Parameters};

use super::convolution::Convolution;
use super::group_norm::GroupNorm;
use crate::{Error, Result};

/// Where layers come from, and how they are to be computed.
pub(super) struct Source<'a> {
    parameters: &'a dyn Parameters,
    processor: Processor,
    packing: Packing,
    groups: usize,
}

impl<'a> Source<'a> {
    /// # Errors
    /// [`Error::Kernel`] and [`Error::Network`] where the environment asks for what there is not.
    pub(super) fn new(parameters: &'a dyn Parameters, groups: usize) -> Result<Self> {
        let (processor, packing) = (Processor::chosen()?, Packing::of_environment()?);
        Ok(Self { parameters, processor, packing, groups })
    }

    pub(super) fn processor(&self) -> Processor {
        self.processor
    }

    /// As many finite numbers as a shape has.
    pub(super) fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let numbers = self.parameters.f32(name, shape)?;
        let expected: usize = shape.iter().product();
        let refused = |reason: String| {
            Error::Network(lookalike_nn::Error::Parameter { name: name.to_owned(), reason })
        };
        if numbers.len() != expected {
            return Err(refused(format!("expected {expected} numbers, found {}", numbers.len())));
        }
        match numbers.iter().position(|number| !number.is_finite()) {
            None => Ok(numbers),
            Some(at) => Err(refused(format!("number {at} is {}, not finite", numbers[at]))),
        }
    }

    /// `PATH.weight`, outputs × inputs × kernel × kernel, and `PATH.bias`, at every `stride`-th position.
    pub(super) fn convolution(
        &self,
        path: &str,
        [outputs, inputs]: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> Result<Convolution> {
        let shape = [outputs, inputs, kernel, kernel];
        let weight = self.numbers(&format!("{path}.weight"), &shape)?;
        let bias = self.numbers(&format!("{path}.bias"), &[outputs])?;
        Convolution::new(self.processor, self.packing, weight, bias, kernel, stride, padding)
    }

    /// 3×3 filters at every position, with zeros around the input.
    pub(super) fn same(&self, path: &str, channels: [usize; 2]) -> Result<Convolution> {
        self.convolution(path, channels, 3, 1, Padding::each(1))
    }

    /// 1×1 filters.
    pub(super) fn pointwise(&self, path: &str, channels: [usize; 2]) -> Result<Convolution> {
        self.convolution(path, channels, 1, 1, Padding::default())
    }

    /// Matrices `PATH.NAME.weight`, outputs × inputs, and biases, one under the other, at every position.
    pub(super) fn matrices(
        &self,
        path: &str,
        names: &[&str],
        [outputs, inputs]: [usize; 2],
    ) -> Result<Convolution> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            let name = format!("{path}.{name}");
            weight.extend(self.numbers(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.extend(self.numbers(&format!("{name}.bias"), &[outputs])?);
        }
        Convolution::new(self.processor, self.packing, weight, bias, 1, 1, Padding::default())
    }

    /// `PATH.weight` and `PATH.bias`, one number per channel each.
    pub(super) fn normalisation(&self, path: &str, channels: usize) -> Result<GroupNorm> {
        let weight = self.numbers(&format!("{path}.weight"), &[channels])?;
        let bias = self.numbers(&format!("{path}.bias"), &[channels])?;
        GroupNorm::new(self.processor, self.groups, weight, bias)
    }
}
