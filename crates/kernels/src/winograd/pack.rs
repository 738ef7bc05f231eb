//! Filters into the 36 matrices, one line of outputs at a time.

use super::{Form, transform};
use crate::bfloat16::half_of_pair;
use crate::convolution::Filters;
use crate::disjoint::Disjoint;
use crate::lanes::{LANES, Lanes, Line};
use crate::processor::Kernel;
use crate::product::Packed;

/// One line of outputs of filters with `SIDE` × `SIDE` taps on its way into the matrices.
pub(super) struct PackLine<'a, const SIDE: usize> {
    pub(super) filters: &'a Filters<'a>,
    pub(super) form: Form,
    pub(super) packed: &'a Packed,
    pub(super) line: usize,
    pub(super) to: &'a Disjoint<'a, Line>,
}

impl<const SIDE: usize> Kernel for PackLine<'_, SIDE> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Filters { weights, inputs, outputs, .. } = *self.filters;
        let g = transform::of_filters::<SIDE>();
        let (transposed, in_pairs) = (self.form == Form::Transposed, self.form == Form::InPairs);
        let (read, written) = if transposed { (outputs, inputs) } else { (inputs, outputs) };
        let present = LANES.min(written - self.line * LANES);
        for channel in 0..read {
            let mut taps = [[[0.0; LANES]; SIDE]; SIDE];
            for lane in 0..present {
                let other = self.line * LANES + lane;
                let (o, i) = if transposed { (channel, other) } else { (other, channel) };
                let area = SIDE * SIDE;
                let filter = &weights[(o * inputs + i) * area..][..area];
                for tap in 0..area {
                    let from = if transposed { area - 1 - tap } else { tap };
                    taps[tap / SIDE][tap % SIDE][lane] = f64::from(filter[from]);
                }
            }
            let products = transform::filters(&g, &taps);
            let row = if in_pairs { channel / 2 } else { channel };
            let place = self.packed.place(row, self.line);
            for (index, product) in products.into_iter().enumerate() {
                let place = index * self.packed.len() + place;
                // SAFETY: the place belongs to this line of outputs and this channel alone, and
                // each line of outputs is packed by one task.
                #[allow(unsafe_code)]
                let to = unsafe { self.to.part(place..place + 1) };
                if !in_pairs {
                    to[0] = product;
                    continue;
                }
                for (to, product) in to[0].0.iter_mut().zip(product.0) {
                    // Matrices begin as zeros.
                    *to = f32::from_bits(to.to_bits() | half_of_pair(product, channel % 2));
                }
            }
        }
    }
}
