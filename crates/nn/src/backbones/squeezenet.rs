//! SqueezeNet 1.1: taps behind the first convolution and behind those fire modules at which the
//! published metric looks. Its pools count a last window that reaches beyond the input.

use crate::layer::{Convolution, Join, Layer, MaxPool, Padding};

const POOL: Layer = Layer::MaxPool(MaxPool { kernel: 3, stride: 2, padding: 0, ceil: true });

/// A 1×1 convolution to few channels, and from there 1×1 and 3×3 convolutions side by side.
fn fire(index: usize, input: usize, squeezed: usize, expanded: usize) -> [Layer; 3] {
    let convolution = |part: &str, input, output, kernel| {
        let convolution =
            Convolution::new(format!("features.{index}.{part}"), input, output, kernel);
        Layer::Convolution(convolution.padding(Padding::Each(kernel / 2)))
    };
    let narrow = vec![convolution("expand1x1", squeezed, expanded, 1), Layer::Relu];
    let wide = vec![convolution("expand3x3", squeezed, expanded, 3), Layer::Relu];
    [
        convolution("squeeze", input, squeezed, 1),
        Layer::Relu,
        Layer::Branches(vec![narrow, wide], Join::Channels),
    ]
}

pub(super) fn layers() -> Vec<Layer> {
    let first = Convolution::new("features.0", 3, 64, 3).stride(2);
    let mut layers = vec![Layer::Convolution(first), Layer::Relu, Layer::Tap, POOL];
    layers.extend(fire(3, 64, 16, 64));
    layers.extend(fire(4, 128, 16, 64));
    layers.extend([Layer::Tap, POOL]);
    layers.extend(fire(6, 128, 32, 128));
    layers.extend(fire(7, 256, 32, 128));
    layers.extend([Layer::Tap, POOL]);
    for (index, input, squeezed, expanded) in
        [(9, 256, 48, 192), (10, 384, 48, 192), (11, 384, 64, 256), (12, 512, 64, 256)]
    {
        layers.extend(fire(index, input, squeezed, expanded));
        layers.push(Layer::Tap);
    }
    layers
}
