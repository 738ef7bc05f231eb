//! VGG-16 without batch normalisation: taps behind the last rectified convolution of each of the five
//! blocks (`relu1_2`, `relu2_2`, `relu3_3`, `relu4_3`, `relu5_3`).

use crate::layer::{Convolution, Layer, MaxPool, Padding};

/// The pooling of the published network.
pub(super) const MAX_POOL: Layer =
    Layer::MaxPool(MaxPool { kernel: 2, stride: 2, padding: 0, ceil: false });

/// Convolutions and channels of each block.
const BLOCKS: [(usize, usize); 5] = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)];

pub(super) fn layers(pool: Layer) -> Vec<Layer> {
    let mut layers = Vec::new();
    let (mut index, mut input) = (0, 3);
    for (block, (convolutions, output)) in BLOCKS.into_iter().enumerate() {
        if block > 0 {
            layers.push(pool.clone());
            index += 1;
        }
        for _ in 0..convolutions {
            let convolution = Convolution::new(format!("features.{index}"), input, output, 3);
            layers.push(Layer::Convolution(convolution.padding(Padding::Each(1))));
            layers.push(Layer::Relu);
            index += 2;
            input = output;
        }
        layers.push(Layer::Tap);
    }
    layers
}
