//! The feature extractors of torchvision, by torchvision's names: AlexNet, VGG16, SqueezeNet 1.1 and
//! two ResNets, without their classifiers.

use super::{Expected, Specification};

/// Index in `features`, output channels, input channels, kernel side.
type Convolution = (usize, usize, usize, usize);

const ALEXNET: [Convolution; 5] =
    [(0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3)];

const VGG16: [Convolution; 13] = [
    (0, 64, 3, 3),
    (2, 64, 64, 3),
    (5, 128, 64, 3),
    (7, 128, 128, 3),
    (10, 256, 128, 3),
    (12, 256, 256, 3),
    (14, 256, 256, 3),
    (17, 512, 256, 3),
    (19, 512, 512, 3),
    (21, 512, 512, 3),
    (24, 512, 512, 3),
    (26, 512, 512, 3),
    (28, 512, 512, 3),
];

/// Fire modules of SqueezeNet 1.1: index in `features`, input, squeezed and expanded channels.
const FIRES: [(usize, usize, usize, usize); 8] = [
    (3, 64, 16, 64),
    (4, 128, 16, 64),
    (6, 128, 32, 128),
    (7, 256, 32, 128),
    (9, 256, 48, 192),
    (10, 384, 48, 192),
    (11, 384, 64, 256),
    (12, 512, 64, 256),
];

pub(super) fn specification(name: &str) -> Option<Specification> {
    let (expected, ignored): (_, &'static [&'static str]) = match name {
        "resnet18" | "resnet50" => (resnet(name), &["fc."]),
        _ => (features(name)?, &["classifier."]),
    };
    let mut specification = Specification::canonical(name, expected);
    let layout = &mut specification.layouts[0];
    layout.name = "torchvision";
    layout.ignored_prefixes = ignored;
    // Counts of training steps beside the statistics of normalisation.
    layout.ignored_suffixes = &[".num_batches_tracked"];
    Some(specification)
}

/// The tensors of `features` of a trunk that LPIPS is defined on.
pub(super) fn features(name: &str) -> Option<Vec<Expected>> {
    let mut tensors = Vec::new();
    match name {
        "alexnet" => ALEXNET.iter().for_each(|layer| convolution(layer, &mut tensors)),
        "vgg16" => VGG16.iter().for_each(|layer| convolution(layer, &mut tensors)),
        "squeezenet1_1" => {
            convolution(&(0, 64, 3, 3), &mut tensors);
            for (at, input, squeezed, expanded) in FIRES {
                for (part, output, input, side) in [
                    ("squeeze", squeezed, input, 1),
                    ("expand1x1", expanded, squeezed, 1),
                    ("expand3x3", expanded, squeezed, 3),
                ] {
                    biased(
                        &format!("features.{at}.{part}"),
                        [output, input, side, side],
                        &mut tensors,
                    );
                }
            }
        }
        _ => return None,
    }
    Some(tensors)
}

fn convolution(&(at, output, input, side): &Convolution, tensors: &mut Vec<Expected>) {
    biased(&format!("features.{at}"), [output, input, side, side], tensors);
}

/// Weight and bias of one layer.
pub(super) fn biased(layer: &str, shape: [usize; 4], tensors: &mut Vec<Expected>) {
    tensors.push(Expected::new(format!("{layer}.weight"), &shape));
    tensors.push(Expected::new(format!("{layer}.bias"), &shape[..1]));
}

/// ResNet-18 of basic blocks, or ResNet-50 of bottlenecks; convolutions have no bias, batch
/// normalisation has its four vectors.
fn resnet(name: &str) -> Vec<Expected> {
    let bottleneck = name == "resnet50";
    let blocks: [usize; 4] = if bottleneck { [3, 4, 6, 3] } else { [2, 2, 2, 2] };
    let expansion = if bottleneck { 4 } else { 1 };
    let mut tensors = Vec::new();
    normalised("conv1", "bn1", [64, 3, 7, 7], &mut tensors);
    let mut input = 64;
    for (stage, blocks) in blocks.into_iter().enumerate() {
        let width = 64 << stage;
        let output = width * expansion;
        for block in 0..blocks {
            let path = format!("layer{}.{block}", stage + 1);
            let sides: &[usize] = if bottleneck { &[1, 3, 1] } else { &[3, 3] };
            let mut channels = input;
            for (index, &side) in sides.iter().enumerate() {
                let to = if index + 1 == sides.len() { output } else { width };
                let (conv, norm) =
                    (format!("{path}.conv{}", index + 1), format!("{path}.bn{}", index + 1));
                normalised(&conv, &norm, [to, channels, side, side], &mut tensors);
                channels = to;
            }
            if block == 0 && input != output {
                let (conv, norm) = (format!("{path}.downsample.0"), format!("{path}.downsample.1"));
                normalised(&conv, &norm, [output, input, 1, 1], &mut tensors);
            }
            input = output;
        }
    }
    tensors
}

fn normalised(conv: &str, norm: &str, shape: [usize; 4], tensors: &mut Vec<Expected>) {
    tensors.push(Expected::new(format!("{conv}.weight"), &shape));
    for vector in ["weight", "bias", "running_mean", "running_var"] {
        tensors.push(Expected::new(format!("{norm}.{vector}"), &shape[..1]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_as_many_as_published() {
        // ResNets: all parameters as torchvision counts them, less the classifier, plus two running
        // statistics for every normalised channel.
        let statistics = |name: &str| {
            let tensors = resnet(name);
            let running = tensors.iter().filter(|t| t.name.contains("running"));
            running.map(|t| t.shape[0]).sum::<usize>()
        };
        for (name, parameters) in [
            ("alexnet", 2_469_696),
            ("vgg16", 14_714_688),
            ("squeezenet1_1", 722_496),
            ("resnet18", 11_689_512 - 513_000 + statistics("resnet18")),
            ("resnet50", 25_557_032 - 2_049_000 + statistics("resnet50")),
        ] {
            assert_eq!(specification(name).unwrap().parameters(), parameters, "{name}");
        }
        assert!(specification("vgg19").is_none());
    }
}
