//! AlexNet in one column, as torchvision has it: taps behind the five rectified convolutions.

use crate::layer::{Convolution, Layer, MaxPool, Padding};

const POOL: Layer = Layer::MaxPool(MaxPool { kernel: 3, stride: 2, padding: 0, ceil: false });

pub(super) fn layers() -> Vec<Layer> {
    let convolution = |index: usize, input, output, kernel, padding| {
        Convolution::new(format!("features.{index}"), input, output, kernel)
            .padding(Padding::Each(padding))
    };
    let first = convolution(0, 3, 64, 11, 2).stride(4);
    let mut layers = vec![Layer::Convolution(first), Layer::Relu, Layer::Tap, POOL];
    layers.extend([Layer::Convolution(convolution(3, 64, 192, 5, 2)), Layer::Relu, Layer::Tap]);
    layers.push(POOL);
    for (index, input, output) in [(6, 192, 384), (8, 384, 256), (10, 256, 256)] {
        let convolution = convolution(index, input, output, 3, 1);
        layers.extend([Layer::Convolution(convolution), Layer::Relu, Layer::Tap]);
    }
    layers
}
