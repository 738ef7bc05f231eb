//! What all convolutions have in common: filters, geometry, and what follows them.

use crate::{Error, Result};

/// Filters as networks store them.
#[derive(Clone, Copy, Debug)]
pub struct Filters<'a> {
    /// `[outputs][inputs / groups][rows][columns]` numbers.
    pub weights: &'a [f32],
    /// One number per output.
    pub bias: &'a [f32],
    /// Channels read.
    pub inputs: usize,
    /// Channels written.
    pub outputs: usize,
    /// Rows and columns of a filter.
    pub kernel: [usize; 2],
    /// Groups of channels that are convolved apart.
    pub groups: usize,
}

impl Filters<'_> {
    /// # Errors
    /// [`Error::Shape`], [`Error::Count`].
    pub(crate) fn check(&self) -> Result<()> {
        let [rows, columns] = self.kernel;
        let shape = vec![self.outputs, self.inputs, rows, columns, self.groups];
        let refused = || Error::Shape { what: "filters", shape: shape.clone() };
        let divides = |channels: usize| channels.is_multiple_of(self.groups);
        if self.groups == 0 || !divides(self.inputs) || !divides(self.outputs) {
            return Err(refused());
        }
        let product = [self.outputs, self.inputs / self.groups, rows, columns]
            .iter()
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent))
            .filter(|&product| product > 0);
        let expected = product.ok_or_else(refused)?;
        for (what, expected, found) in
            [("weights", expected, self.weights.len()), ("bias", self.outputs, self.bias.len())]
        {
            if expected != found {
                return Err(Error::Count { what, expected, found });
            }
        }
        Ok(())
    }
}

/// What is done to an output before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// Negative numbers become 0.
    Relu,
    /// Numbers are brought into 0…6.
    Relu6,
}

/// Zeros around an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Rows before and after.
    pub rows: [usize; 2],
    /// Columns before and after.
    pub columns: [usize; 2],
}

impl Padding {
    /// As many on every side.
    pub fn each(count: usize) -> Self {
        Self { rows: [count; 2], columns: [count; 2] }
    }

    /// Height and width of what windows of `kernel` at every `stride`-th position give of an input.
    ///
    /// # Errors
    /// [`Error::TooSmall`].
    pub fn output(
        &self,
        input: [usize; 2],
        kernel: [usize; 2],
        stride: usize,
    ) -> Result<[usize; 2]> {
        let mut output = [0; 2];
        for (axis, around) in [self.rows, self.columns].into_iter().enumerate() {
            let found = input[axis].saturating_add(around[0]).saturating_add(around[1]);
            let window = kernel[axis];
            let steps = found.checked_sub(window).ok_or(Error::TooSmall { window, found })?;
            output[axis] = steps / stride.max(1) + 1;
        }
        Ok(output)
    }
}
