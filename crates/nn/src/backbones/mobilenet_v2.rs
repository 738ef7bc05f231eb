//! MobileNetV2 1.0 with TensorFlow's padding and batch normalisation folded into the filters: taps at
//! the ends of the resolutions 1/2 to 1/32, the last behind the final convolution to 1280 channels.
//!
//! Names: `features.0` (stem), `features.1` to `features.17` with `expand` (not in the first),
//! `depthwise` and `project`, `features.18`.

use crate::layer::{Convolution, Join, Layer, Padding};

/// Groups of blocks: expansion, channels written, blocks, stride of the first.
const GROUPS: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// Blocks behind which a tap lies, besides the last convolution.
const TAPS: [usize; 4] = [1, 3, 6, 13];

fn convolution(path: String, input: usize, output: usize, kernel: usize) -> Convolution {
    Convolution::new(path, input, output, kernel).padding(Padding::Same)
}

pub(super) fn layers() -> Vec<Layer> {
    let stem = convolution("features.0".to_owned(), 3, 32, 3).stride(2);
    let mut layers = vec![Layer::Convolution(stem), Layer::Relu6];
    let (mut input, mut block) = (32, 0);
    for (expansion, output, blocks, first_stride) in GROUPS {
        for index in 0..blocks {
            block += 1;
            let stride = if index == 0 { first_stride } else { 1 };
            let main = inverted_residual(block, input, input * expansion, output, stride);
            if stride == 1 && input == output {
                layers.push(Layer::Branches(vec![main, Vec::new()], Join::Sum));
            } else {
                layers.extend(main);
            }
            if TAPS.contains(&block) {
                layers.push(Layer::Tap);
            }
            input = output;
        }
    }
    let last = convolution("features.18".to_owned(), input, 1280, 1);
    layers.extend([Layer::Convolution(last), Layer::Relu6, Layer::Tap]);
    layers
}

/// A block that widens, filters each channel apart, and narrows without a nonlinearity.
fn inverted_residual(
    block: usize,
    input: usize,
    inner: usize,
    output: usize,
    stride: usize,
) -> Vec<Layer> {
    let path = |part: &str| format!("features.{block}.{part}");
    let mut layers = Vec::new();
    if inner != input {
        let expand = convolution(path("expand"), input, inner, 1);
        layers.extend([Layer::Convolution(expand), Layer::Relu6]);
    }
    let depthwise = convolution(path("depthwise"), inner, inner, 3).stride(stride).depthwise();
    layers.extend([Layer::Convolution(depthwise), Layer::Relu6]);
    layers.push(Layer::Convolution(convolution(path("project"), inner, output, 1)));
    layers
}
