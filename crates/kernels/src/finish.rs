//! What follows a convolution, before its outputs are stored.

use crate::convolution::Activation;
use crate::lanes::Lanes;

/// Applies an activation to sums in registers.
#[inline(always)]
pub(crate) fn finish<L: Lanes, const R: usize, const W: usize>(
    lanes: L,
    activation: Activation,
    sums: &mut [[L::V; W]; R],
) {
    if activation == Activation::None {
        return;
    }
    let (floor, ceiling) = (lanes.splat(0.0), lanes.splat(6.0));
    for r in 0..R {
        for w in 0..W {
            sums[r][w] = lanes.at_least(sums[r][w], floor);
            if activation == Activation::Relu6 {
                sums[r][w] = lanes.at_most(sums[r][w], ceiling);
            }
        }
    }
}
