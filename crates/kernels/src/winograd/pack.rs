//! Filters into the 36 matrices, one line of outputs at a time.

use super::transform;
use crate::convolution::Filters;
use crate::disjoint::Disjoint;
use crate::lanes::{LANES, Lanes, Line};
use crate::processor::Kernel;
use crate::product::Packed;

/// One line of outputs on its way into the matrices.
pub(super) struct PackLine<'a> {
    pub(super) filters: &'a Filters<'a>,
    pub(super) transposed: bool,
    pub(super) packed: &'a Packed,
    pub(super) line: usize,
    pub(super) to: &'a Disjoint<'a, Line>,
}

impl Kernel for PackLine<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Filters { weights, inputs, outputs, .. } = *self.filters;
        let g = transform::of_filters();
        let (read, written) = if self.transposed { (outputs, inputs) } else { (inputs, outputs) };
        let present = LANES.min(written - self.line * LANES);
        for channel in 0..read {
            let mut taps = [[0.0; LANES]; 9];
            for lane in 0..present {
                let other = self.line * LANES + lane;
                let (o, i) = if self.transposed { (channel, other) } else { (other, channel) };
                let filter = &weights[(o * inputs + i) * 9..][..9];
                for tap in 0..9 {
                    let from = if self.transposed { 8 - tap } else { tap };
                    taps[tap][lane] = f64::from(filter[from]);
                }
            }
            let products = transform::filters(&g, &taps);
            let place = self.packed.place(channel, self.line);
            for (index, product) in products.into_iter().enumerate() {
                let place = index * self.packed.len() + place;
                // SAFETY: the place belongs to this line of outputs and this channel alone, and
                // each line of outputs is packed by one task.
                #[allow(unsafe_code)]
                let to = unsafe { self.to.part(place..place + 1) };
                to[0] = product;
            }
        }
    }
}
