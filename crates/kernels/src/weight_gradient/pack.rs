//! Planes into lines of sixteen channels.

use crate::lanes::{LANES, Lanes, Line};

/// `count` positions from `first` on of up to sixteen planes, which are `area` numbers apart, into lines
/// that are `step` apart; lanes without a plane become zero.
#[inline(always)]
pub(super) fn pack<L: Lanes>(
    lanes: L,
    planes: &[f32],
    area: usize,
    first: usize,
    count: usize,
    to: &mut [Line],
    step: usize,
) {
    let present = planes.len().div_ceil(area).min(LANES);
    let mut from = [&planes[..0]; LANES];
    for (lane, from) in from.iter_mut().enumerate().take(present) {
        *from = &planes[lane * area + first..][..count];
    }
    let mut x = 0;
    while x < count {
        let run = LANES.min(count - x);
        let mut rows = [lanes.splat(0.0); LANES];
        for lane in 0..present {
            let numbers = &from[lane][x..];
            rows[lane] = match numbers.first_chunk::<LANES>() {
                Some(numbers) => lanes.read(numbers),
                None => {
                    let mut line = [0.0; LANES];
                    for (to, &number) in line.iter_mut().zip(numbers) {
                        *to = number;
                    }
                    lanes.read(&line)
                }
            };
        }
        let columns = lanes.transpose(rows);
        for i in 0..LANES {
            if i < run {
                lanes.store(&mut to[(x + i) * step], columns[i]);
            }
        }
        x += LANES;
    }
}
