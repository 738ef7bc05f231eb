//! The small network of our own metric: 3×3 convolutions on blocks of sixteen channels, which the
//! processor computes by Winograd, and taps at a half, a quarter, an eighth and a sixteenth of the size.
//!
//! Choices: the first convolution (5×5) already takes every second position, so that nothing is computed
//! at full size; two taps at that size see fine grain and small shifts, the last sees 103 pixels, more
//! than the 64 of the crops that it learns from. No normalisation layer: the distance divides by the length of
//! the activations anyway.

use crate::layer::{Convolution, Layer, MaxPool, Padding};

const POOL: Layer = Layer::MaxPool(MaxPool { kernel: 2, stride: 2, padding: 0, ceil: false });

pub(super) fn layers() -> Vec<Layer> {
    let mut index = 0;
    let mut convolution = |input, output, kernel: usize, stride| {
        let layer = Convolution::new(format!("features.{index}"), input, output, kernel)
            .stride(stride)
            .padding(Padding::Each(kernel / 2));
        index += 1;
        [Layer::Convolution(layer), Layer::Relu]
    };
    let mut layers = Vec::new();
    layers.extend(convolution(3, 32, 5, 2));
    layers.push(Layer::Tap);
    layers.extend(convolution(32, 32, 3, 1));
    layers.extend([Layer::Tap, POOL]);
    layers.extend(convolution(32, 64, 3, 1));
    layers.extend(convolution(64, 64, 3, 1));
    layers.extend([Layer::Tap, POOL]);
    layers.extend(convolution(64, 128, 3, 1));
    layers.extend(convolution(128, 128, 3, 1));
    layers.extend([Layer::Tap, POOL]);
    layers.extend(convolution(128, 192, 3, 1));
    layers.push(Layer::Tap);
    layers
}
