//! The sum of two ways through a network, and of two derivatives with respect to one input.

use rayon::prelude::*;

use crate::Result;
use crate::blocks::Blocks;
use crate::convolution::Activation;
use crate::direct::expect_shape;
use crate::finish::finish;
use crate::lanes::{Lanes, Line};
use crate::processor::{Kernel, Processor};
use crate::relu::TASK;

/// Adds `other` to `sum`, with what follows the sum.
///
/// # Errors
/// [`Error::Dimension`](crate::Error::Dimension) where both have not the same shape.
pub fn add(
    processor: Processor,
    sum: &mut Blocks,
    other: &Blocks,
    activation: Activation,
) -> Result<()> {
    expect_shape(sum.shape(), other.shape())?;
    sum.lines_mut()
        .par_chunks_mut(TASK)
        .zip(other.lines().par_chunks(TASK))
        .for_each(|(sum, other)| processor.run(Add { activation, sum, other }));
    Ok(())
}

struct Add<'a> {
    activation: Activation,
    sum: &'a mut [Line],
    other: &'a [Line],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (sum, other) in self.sum.iter_mut().zip(self.other) {
            let mut both = [[lanes.add(lanes.load(sum), lanes.load(other))]];
            finish::<L, 1, 1>(lanes, self.activation, &mut both);
            lanes.store(sum, both[0][0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{blocks, noise};

    #[test]
    fn it_is_the_sum_with_what_follows() {
        let shape = [2, 21, 6, 5];
        let count = shape.iter().product();
        let mut left = noise(count, 1);
        left.iter_mut().for_each(|number| *number *= 8.0);
        left[3] = f32::NAN;
        let right = noise(count, 2);
        for processor in Processor::available() {
            for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
                let mut sum = blocks(shape, &left);
                add(processor, &mut sum, &blocks(shape, &right), activation).unwrap();
                crate::oracle::assert_spare_lanes_are_zero(&sum);
                for ((found, left), right) in sum.to_planes().iter().zip(&left).zip(&right) {
                    let expected = match activation {
                        Activation::None => left + right,
                        _ if left.is_nan() => f32::NAN,
                        Activation::Relu => (left + right).max(0.0),
                        Activation::Relu6 => (left + right).clamp(0.0, 6.0),
                    };
                    assert!(*found == expected || found.is_nan() && expected.is_nan());
                }
            }
        }
        let mut sum = blocks([1, 1, 1, 1], &[0.0]);
        let other = blocks([1, 2, 1, 1], &[0.0; 2]);
        assert!(add(Processor::best(), &mut sum, &other, Activation::None).is_err());
    }
}
