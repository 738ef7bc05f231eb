//! Large pictures in tiles, with the activations of the whole.
//!
//! The picture is cut into cores whose corners lie on multiples of the network's total stride, so that
//! every layer's grid of a tile is the grid of the whole. A core owns the activations whose first
//! input position (without padding) lies in it. Around it is a halo as wide as these activations look;
//! where the halo ends at the border of the picture, padding is that of the whole. So every owned
//! activation sees exactly what it sees in the whole picture.

use std::ops::Range;

use crate::TapGeometry;

/// One axis of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Input positions that are handed to the network.
    pub input: Range<usize>,
    /// For every tap, the activations of the whole axis that the tile owns.
    pub owned: Vec<Range<usize>>,
    /// For every tap, the activation of the whole axis that is the tile's first.
    pub first: Vec<usize>,
}

/// The total stride: all cores begin on its multiples.
fn total_stride(taps: &[TapGeometry]) -> usize {
    taps.iter().map(|tap| tap.stride).max().unwrap_or(1)
}

/// Cuts an axis of `length` positions, at whose taps there are `lengths` activations, into tiles with
/// cores of about `core` positions. An axis that is hardly longer stays whole.
pub fn spans(taps: &[TapGeometry], lengths: &[usize], length: usize, core: usize) -> Vec<Span> {
    let unit = total_stride(taps);
    let core = core.max(unit).next_multiple_of(unit);
    // How far activations look beyond the core that owns them.
    let before = taps.iter().map(|tap| tap.offset.unsigned_abs()).max().unwrap_or(0);
    let after = taps
        .iter()
        .map(|tap| tap.offset + tap.receptive_field as isize - tap.stride as isize)
        .map(|reach| usize::try_from(reach).unwrap_or(0))
        .max()
        .unwrap_or(0);
    // A tile may be a core and its halo long, so an axis of that length needs no cut. Equal cores
    // need the least halo for their number.
    let cuts = length.saturating_sub(before + after).div_ceil(core).max(1);
    let core = length.div_ceil(cuts).next_multiple_of(unit);
    let cuts = length.div_ceil(core);
    (0..cuts)
        .map(|index| {
            let last = index + 1 == cuts;
            let (from, to) = (index * core, if last { length } else { (index + 1) * core });
            let start = from.saturating_sub(before.next_multiple_of(unit));
            let end = if last { length } else { (to + after).min(length) };
            let owned = taps.iter().zip(lengths).map(|(tap, &count)| {
                let end = if last { count } else { (to / tap.stride).min(count) };
                (from / tap.stride).min(end)..end
            });
            Span {
                input: start..end,
                owned: owned.collect(),
                first: taps.iter().map(|tap| start / tap.stride).collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Backbone;
    use crate::geometry::{tap_lengths, taps};

    #[test]
    fn every_activation_is_owned_once_and_sees_all_it_needs() {
        for backbone in [
            Backbone::AlexNet,
            Backbone::Vgg16HanningPool,
            Backbone::SqueezeNet1_1,
            Backbone::ResNet18,
        ] {
            let layers = backbone.layers();
            let geometry = taps(&layers).unwrap();
            let unit = total_stride(&geometry);
            for length in [64, 300, 333, 500, 777, 1024, 1500] {
                let lengths = tap_lengths(&layers, length).unwrap();
                let spans = spans(&geometry, &lengths, length, 128);
                for (tap, geometry) in geometry.iter().enumerate() {
                    let mut next = 0;
                    for span in &spans {
                        let owned = span.owned[tap].clone();
                        assert_eq!(owned.start, next, "{} at {length}", backbone.name());
                        next = owned.end;
                        assert_eq!(span.input.start % unit, 0);
                        for i in owned {
                            let first = (i * geometry.stride) as isize + geometry.offset;
                            let end = first + geometry.receptive_field as isize;
                            let (start, stop) =
                                (span.input.start as isize, span.input.end as isize);
                            assert!(first >= start || span.input.start == 0);
                            assert!(end <= stop || span.input.end == length);
                        }
                    }
                    assert_eq!(next, lengths[tap]);
                }
            }
        }
    }

    #[test]
    fn short_axes_stay_whole() {
        let layers = Backbone::AlexNet.layers();
        let geometry = taps(&layers).unwrap();
        let lengths = tap_lengths(&layers, 200).unwrap();
        let spans = spans(&geometry, &lengths, 200, 128);
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].input, 0..200);
    }
}
