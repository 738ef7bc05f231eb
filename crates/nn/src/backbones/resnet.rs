//! ResNet-18 of basic blocks and ResNet-50 of bottlenecks, as torchvision has them (the stride of a
//! bottleneck is on its 3×3 convolution): taps behind the first rectified convolution and behind each
//! of the four stages.

use crate::layer::{Convolution, Join, Layer, MaxPool, Padding};

/// Blocks of each stage, and the convolutions of a block: filter side and channels in units of the
/// stage's width.
#[derive(Clone, Copy)]
pub(super) struct Design {
    blocks: [usize; 4],
    convolutions: &'static [(usize, usize)],
    /// Which of the convolutions takes the stride.
    strided: usize,
}

pub(super) const RESNET_18: Design =
    Design { blocks: [2, 2, 2, 2], convolutions: &[(3, 1), (3, 1)], strided: 0 };

pub(super) const RESNET_50: Design =
    Design { blocks: [3, 4, 6, 3], convolutions: &[(1, 1), (3, 1), (1, 4)], strided: 1 };

pub(super) fn layers(design: Design) -> Vec<Layer> {
    let stem = Convolution::new("conv1", 3, 64, 7).stride(2).padding(Padding::Each(3));
    let pool = MaxPool { kernel: 3, stride: 2, padding: 1, ceil: false };
    let mut layers = vec![
        Layer::Convolution(stem.normalised("bn1")),
        Layer::Relu,
        Layer::Tap,
        Layer::MaxPool(pool),
    ];
    let mut input = 64;
    for (stage, blocks) in design.blocks.into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let path = format!("layer{}.{block}", stage + 1);
            let (branches, output) = residual(&design, &path, input, 64 << stage, stride);
            layers.extend([Layer::Branches(branches, Join::Sum), Layer::Relu]);
            input = output;
        }
        layers.push(Layer::Tap);
    }
    layers
}

/// The two ways through a block, and the channels it writes.
fn residual(
    design: &Design,
    path: &str,
    input: usize,
    width: usize,
    stride: usize,
) -> (Vec<Vec<Layer>>, usize) {
    let mut main = Vec::new();
    let mut channels = input;
    for (index, &(kernel, factor)) in design.convolutions.iter().enumerate() {
        if index > 0 {
            main.push(Layer::Relu);
        }
        let number = index + 1;
        let convolution =
            Convolution::new(format!("{path}.conv{number}"), channels, width * factor, kernel)
                .stride(if index == design.strided { stride } else { 1 })
                .padding(Padding::Each(kernel / 2))
                .normalised(format!("{path}.bn{number}"));
        channels = width * factor;
        main.push(Layer::Convolution(convolution));
    }
    let mut shortcut = Vec::new();
    if stride > 1 || channels != input {
        let convolution = Convolution::new(format!("{path}.downsample.0"), input, channels, 1)
            .stride(stride)
            .normalised(format!("{path}.downsample.1"));
        shortcut.push(Layer::Convolution(convolution));
    }
    (vec![main, shortcut], channels)
}
