//! MobileNetV2 1.0 for 224 pixels as TensorFlow published it, batch normalisation folded into the
//! convolutions; not torchvision's network of that name, which pads otherwise.
//!
//! Canonical names: `features.0` (stem), `features.1` to `features.17` with `expand`, `depthwise` and
//! `project` (the first has no `expand`), `features.18`, `classifier` (1001 classes, the first is
//! the background). Converted files number the operations of the graph: `op01.weight`, …; the
//! additions of residual blocks take a number and have no weights.

use super::trunks::biased;
use super::{Expected, Layout, Role, Slot, Specification};

/// Groups of blocks: expansion, output channels, blocks, stride of the first.
const GROUPS: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

pub(super) fn specification(name: &str) -> Option<Specification> {
    if name != "mobilenet_v2_1.0_224" {
        return None;
    }
    let (expected, operations) = network();
    let mut specification = Specification::canonical(name, expected);
    let slots = specification.expected.iter().zip(operations).enumerate();
    let slots = slots.map(|(index, (expected, operation))| {
        let kind = if expected.name.ends_with(".bias") { "bias" } else { "weight" };
        let name = format!("op{operation:02}.{kind}");
        Slot { name, shape: expected.shape.clone(), role: Role::Becomes(index) }
    });
    let layout = Layout {
        name: "TensorFlow operations",
        slots: slots.collect(),
        ignored_prefixes: &[],
        ignored_suffixes: &[],
    };
    specification.layouts.push(layout);
    Some(specification)
}

/// All tensors, and the number of the operation that each belongs to.
fn network() -> (Vec<Expected>, Vec<usize>) {
    let mut tensors = Vec::new();
    let mut operations = Vec::new();
    let mut operation = 0;
    let mut layer = |name: String, shape: [usize; 4], skipped: usize| {
        operation += 1 + skipped;
        biased(&name, shape, &mut tensors);
        operations.extend([operation; 2]);
    };
    layer("features.0".to_owned(), [32, 3, 3, 3], 0);
    let (mut input, mut block, mut addition) = (32, 0, 0);
    for (expansion, output, blocks, stride) in GROUPS {
        for index in 0..blocks {
            block += 1;
            let path = format!("features.{block}");
            let inner = input * expansion;
            if expansion > 1 {
                layer(format!("{path}.expand"), [inner, input, 1, 1], addition);
                addition = 0;
            }
            layer(format!("{path}.depthwise"), [inner, 1, 3, 3], addition);
            layer(format!("{path}.project"), [output, inner, 1, 1], 0);
            let residual = input == output && (index > 0 || stride == 1);
            addition = usize::from(residual);
            input = output;
        }
    }
    layer("features.18".to_owned(), [1280, 320, 1, 1], addition);
    // The mean over all positions takes a number as well.
    layer("classifier".to_owned(), [1001, 1280, 1, 1], 1);
    (tensors, operations)
}
