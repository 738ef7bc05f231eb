//! Sizes of activations, and which part of the input each of them depends on, read off the layers.

use crate::layer::{Join, Layer};
use crate::{Convolution, Error, Padding, Result};

/// Where the activations at a tap lie on the input.
///
/// Activation `i` along either axis depends on the input positions from `i·stride + offset` to
/// `i·stride + offset + receptive_field − 1`, and on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapGeometry {
    /// Channels.
    pub channels: usize,
    /// Input positions from one activation to the next.
    pub stride: usize,
    /// Input positions that one activation depends on.
    pub receptive_field: usize,
    /// The first of these of activation 0: zero, or negative by the padding.
    pub offset: isize,
}

impl TapGeometry {
    /// The input itself.
    pub const INPUT: Self = Self { channels: 3, stride: 1, receptive_field: 1, offset: 0 };

    fn windowed(self, kernel: usize, stride: usize, padding: usize) -> Self {
        Self {
            channels: self.channels,
            stride: self.stride * stride,
            receptive_field: self.receptive_field + (kernel - 1) * self.stride,
            offset: self.offset - (padding * self.stride) as isize,
        }
    }

    /// The end of what activation 0 depends on.
    fn end(self) -> isize {
        self.offset + self.receptive_field as isize
    }
}

/// The geometry of every tap.
///
/// `None` when padding depends on the size of the input, so that no answer holds for all sizes.
pub fn taps(layers: &[Layer]) -> Option<Vec<TapGeometry>> {
    let mut taps = Vec::new();
    walk(layers, TapGeometry::INPUT, &mut taps)?;
    Some(taps)
}

fn walk(layers: &[Layer], at: TapGeometry, taps: &mut Vec<TapGeometry>) -> Option<TapGeometry> {
    layers.iter().try_fold(at, |at, layer| {
        Some(match layer {
            Layer::Convolution(c) => {
                let padding = match c.padding {
                    Padding::Each(padding) => padding,
                    Padding::Same if c.kernel == 1 => 0,
                    Padding::Same => return None,
                };
                TapGeometry { channels: c.output, ..at.windowed(c.kernel, c.stride, padding) }
            }
            Layer::MaxPool(pool) => at.windowed(pool.kernel, pool.stride, pool.padding),
            Layer::HanningPool => at.windowed(3, 2, 1),
            Layer::Relu | Layer::Relu6 => at,
            Layer::Branches(branches, join) => {
                let mut joined: Option<TapGeometry> = None;
                for branch in branches {
                    let end = walk(branch, at, taps)?;
                    joined = Some(match joined {
                        None => end,
                        Some(other) => union(other, end, *join),
                    });
                }
                joined.unwrap_or(at)
            }
            Layer::Tap => {
                taps.push(at);
                at
            }
        })
    })
}

fn union(a: TapGeometry, b: TapGeometry, join: Join) -> TapGeometry {
    let offset = a.offset.min(b.offset);
    TapGeometry {
        channels: match join {
            Join::Sum => a.channels,
            Join::Channels => a.channels + b.channels,
        },
        stride: a.stride,
        receptive_field: a.end().max(b.end()).abs_diff(offset),
        offset,
    }
}

/// Lengths of the activations at every tap along an axis of `input` positions; `None` when some
/// layer has nothing to look at.
pub fn tap_lengths(layers: &[Layer], input: usize) -> Option<Vec<usize>> {
    let mut taps = Vec::new();
    lengths(layers, input, &mut taps)?;
    Some(taps)
}

fn lengths(layers: &[Layer], input: usize, taps: &mut Vec<usize>) -> Option<usize> {
    layers.iter().try_fold(input, |input, layer| match layer {
        Layer::Convolution(c) => {
            let (before, after) = c.padding.of(input, c.kernel, c.stride);
            windows(input + before + after, c.kernel, c.stride)
        }
        Layer::MaxPool(pool) if pool.ceil => {
            let reachable = input.checked_sub(pool.kernel).map(|rest| rest.div_ceil(pool.stride));
            // One window larger than the input is allowed, as long as half of it has something.
            let last = reachable.or((input + pool.stride > pool.kernel).then_some(0))?;
            Some(if last * pool.stride >= input { last } else { last + 1 }).filter(|&n| n > 0)
        }
        Layer::MaxPool(pool) => windows(input + 2 * pool.padding, pool.kernel, pool.stride),
        Layer::HanningPool => windows(input + 2, 3, 2),
        Layer::Relu | Layer::Relu6 => Some(input),
        Layer::Branches(branches, _) => {
            let mut joined = Some(input);
            for branch in branches {
                joined = Some(lengths(branch, input, taps)?);
            }
            joined
        }
        Layer::Tap => {
            taps.push(input);
            Some(input)
        }
    })
}

fn windows(length: usize, kernel: usize, stride: usize) -> Option<usize> {
    Some(length.checked_sub(kernel)? / stride + 1)
}

/// The shortest axis on which every layer has something to look at.
pub fn minimum_side(layers: &[Layer]) -> usize {
    // Lengths only grow with the input, so the first that works is the least.
    (1..=4096).find(|&side| tap_lengths(layers, side).is_some()).unwrap_or(usize::MAX)
}

/// Refuses inputs that some layer has nothing to look at in.
pub(crate) fn check_size(
    network: &'static str,
    layers: &[Layer],
    width: usize,
    height: usize,
) -> Result<()> {
    let fits = |side| tap_lengths(layers, side).is_some();
    if fits(width) && fits(height) {
        return Ok(());
    }
    Err(Error::TooSmall { network, minimum: minimum_side(layers), width, height })
}

/// Every convolution of a network, in order.
pub fn convolutions(layers: &[Layer]) -> Vec<&Convolution> {
    let each = layers.iter().flat_map(|layer| match layer {
        Layer::Convolution(convolution) => vec![convolution],
        Layer::Branches(branches, _) => {
            branches.iter().flat_map(|branch| convolutions(branch)).collect()
        }
        _ => Vec::new(),
    });
    each.collect()
}

/// The paths of all convolutions, in the order of the layers.
pub(crate) fn paths(layers: &[Layer], to: &mut Vec<String>) {
    for layer in layers {
        match layer {
            Layer::Convolution(convolution) => to.push(convolution.path.clone()),
            Layer::Branches(branches, _) => branches.iter().for_each(|branch| paths(branch, to)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Backbone;

    fn fields(backbone: Backbone) -> Vec<(usize, usize)> {
        let taps = taps(&backbone.layers()).unwrap();
        taps.iter().map(|tap| (tap.receptive_field, tap.stride)).collect()
    }

    #[test]
    fn receptive_fields_and_strides_are_the_published_ones() {
        let alex = [(11, 4), (51, 8), (99, 16), (131, 16), (163, 16)];
        let vgg = [(5, 1), (14, 2), (40, 4), (92, 8), (196, 16)];
        let squeeze = [(3, 2), (23, 4), (63, 8), (111, 16), (143, 16), (175, 16), (207, 16)];
        assert_eq!(fields(Backbone::AlexNet), alex);
        assert_eq!(fields(Backbone::Vgg16), vgg);
        assert_eq!(fields(Backbone::SqueezeNet1_1), squeeze);
    }

    #[test]
    fn least_sides_and_lengths_are_the_published_ones() {
        for (backbone, least) in
            [(Backbone::AlexNet, 31), (Backbone::Vgg16, 16), (Backbone::SqueezeNet1_1, 17)]
        {
            let layers = backbone.layers();
            assert_eq!(minimum_side(&layers), least, "{}", backbone.name());
            assert!(tap_lengths(&layers, least - 1).is_none());
        }
        let lengths = |backbone: Backbone, side| tap_lengths(&backbone.layers(), side).unwrap();
        assert_eq!(lengths(Backbone::AlexNet, 64), [15, 7, 3, 3, 3]);
        assert_eq!(lengths(Backbone::AlexNet, 101), [24, 11, 5, 5, 5]);
        assert_eq!(lengths(Backbone::Vgg16, 75), [75, 37, 18, 9, 4]);
        assert_eq!(lengths(Backbone::SqueezeNet1_1, 64), [31, 15, 7, 3, 3, 3, 3]);
        assert_eq!(lengths(Backbone::SqueezeNet1_1, 75), [37, 18, 9, 4, 4, 4, 4]);
        assert_eq!(lengths(Backbone::SqueezeNet1_1, 101), [50, 25, 12, 6, 6, 6, 6]);
        assert_eq!(lengths(Backbone::ResNet18, 224), [112, 56, 28, 14, 7]);
        assert_eq!(lengths(Backbone::MobileNetV2, 224), [112, 56, 28, 14, 7]);
    }

    #[test]
    fn channels_and_parameters_are_the_published_ones() {
        let channels = |backbone: Backbone| -> Vec<usize> {
            taps(&backbone.layers()).unwrap().iter().map(|tap| tap.channels).collect()
        };
        assert_eq!(channels(Backbone::AlexNet), [64, 192, 384, 256, 256]);
        assert_eq!(channels(Backbone::Vgg16), [64, 128, 256, 512, 512]);
        assert_eq!(channels(Backbone::SqueezeNet1_1), [64, 128, 256, 384, 384, 512, 512]);
        assert_eq!(channels(Backbone::ResNet50), [64, 256, 512, 1024, 2048]);
        let numbers = |backbone: Backbone| -> usize {
            let layers = backbone.layers();
            let sizes = convolutions(&layers).into_iter().map(|c| {
                let vectors = if c.normalisation.is_some() { 2 } else { 1 };
                c.output * c.input / c.groups * c.kernel * c.kernel + vectors * c.output
            });
            sizes.sum()
        };
        assert_eq!(numbers(Backbone::AlexNet), 2_469_696);
        assert_eq!(numbers(Backbone::Vgg16), 14_714_688);
        assert_eq!(numbers(Backbone::SqueezeNet1_1), 722_496);
        assert_eq!(numbers(Backbone::ResNet18), 11_689_512 - 513_000);
        assert_eq!(numbers(Backbone::ResNet50), 25_557_032 - 2_049_000);
    }

    #[test]
    fn padding_by_size_has_no_geometry() {
        assert!(taps(&Backbone::MobileNetV2.layers()).is_none());
    }
}
