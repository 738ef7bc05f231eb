//! The derivative of the activations that are fused into the operation before them.

use rayon::prelude::*;

use crate::Result;
use crate::blocks::Blocks;
use crate::convolution::Activation;
use crate::direct::expect_shape;
use crate::lanes::{Lanes, Line};
use crate::processor::{Kernel, Processor};

/// Lines of a task.
pub(crate) const TASK: usize = 4096;

/// Sets what is upstream of an activation to 0 where its derivative is 0, given what the activation
/// gave: at outputs of 0, those of an input of 0 among them; with [`Activation::Relu6`] at outputs of 6
/// as well. Where the output is no number the derivative is 0.
///
/// # Errors
/// [`Error::Dimension`](crate::Error::Dimension) where both have not the same shape.
pub fn mask(
    processor: Processor,
    activation: Activation,
    output: &Blocks,
    upstream: &mut Blocks,
) -> Result<()> {
    expect_shape(output.shape(), upstream.shape())?;
    if activation == Activation::None {
        return Ok(());
    }
    upstream
        .lines_mut()
        .par_chunks_mut(TASK)
        .zip(output.lines().par_chunks(TASK))
        .for_each(|(upstream, output)| processor.run(Mask { activation, output, upstream }));
    Ok(())
}

struct Mask<'a> {
    activation: Activation,
    output: &'a [Line],
    upstream: &'a mut [Line],
}

impl Kernel for Mask<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (upstream, output) in self.upstream.iter_mut().zip(self.output) {
            let derivative = lanes.load(upstream);
            let masked = passed(lanes, self.activation, lanes.load(output), derivative);
            lanes.store(upstream, masked);
        }
    }
}

/// What of a derivative goes back through an activation that gave `output`.
#[inline(always)]
pub(crate) fn passed<L: Lanes>(
    lanes: L,
    activation: Activation,
    output: L::V,
    derivative: L::V,
) -> L::V {
    match activation {
        Activation::None => derivative,
        Activation::Relu => lanes.where_positive(output, derivative),
        Activation::Relu6 => {
            let (zero, six) = (lanes.splat(0.0), lanes.splat(6.0));
            lanes.where_less(output, six, lanes.where_positive(output, derivative), zero)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{blocks, noise};

    #[test]
    fn only_what_the_activation_let_through_passes() {
        let shape = [2, 19, 5, 7];
        let count = shape.iter().product();
        let mut output: Vec<f32> =
            noise(count, 1).into_iter().map(|number| (number * 9.0).clamp(0.0, 6.0)).collect();
        (output[0], output[1], output[2]) = (f32::NAN, -0.0, 6.0);
        let mut above = noise(count, 2);
        (above[0], above[1]) = (f32::NAN, f32::NAN);
        for processor in Processor::available() {
            for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
                let mut upstream = blocks(shape, &above);
                mask(processor, activation, &blocks(shape, &output), &mut upstream).unwrap();
                for ((found, &output), &above) in
                    upstream.to_planes().into_iter().zip(&output).zip(&above)
                {
                    let passes = match activation {
                        Activation::None => true,
                        Activation::Relu => output > 0.0,
                        Activation::Relu6 => output > 0.0 && output < 6.0,
                    };
                    let expected = if passes { above } else { 0.0 };
                    assert_eq!(found.to_bits(), expected.to_bits());
                }
            }
        }
        let mut other = blocks([1, 1, 1, 1], &[0.0]);
        let output = blocks([1, 1, 1, 2], &[0.0; 2]);
        assert!(mask(Processor::best(), Activation::Relu, &output, &mut other).is_err());
    }
}
