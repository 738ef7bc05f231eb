//! LPIPS: six heads of non-negative channel weights, and whole state dictionaries of trunk and head.
//!
//! Canonical names are `features.…` as in the trunk and `lin0`, `lin1`, … of shape \[channels\]. The
//! official files shape them \[1, channels, 1, 1\]; a module's state dictionary splits the trunk into
//! slices, repeats the head under `lins` and keeps the constants of the input scaling.

use super::{Expected, Role, Slot, Specification, trunks};

/// A network that LPIPS is defined on.
struct Net {
    name: &'static str,
    trunk: &'static str,
    /// Channels of every tap.
    taps: &'static [usize],
    /// First layer in `features` of every slice but the first.
    slices: &'static [usize],
}

const NETS: [Net; 3] = [
    Net { name: "alex", trunk: "alexnet", taps: &[64, 192, 384, 256, 256], slices: &[2, 5, 8, 10] },
    Net { name: "vgg", trunk: "vgg16", taps: &[64, 128, 256, 512, 512], slices: &[4, 9, 16, 23] },
    Net {
        name: "squeeze",
        trunk: "squeezenet1_1",
        taps: &[64, 128, 256, 384, 384, 512, 512],
        slices: &[2, 5, 8, 10, 11, 12],
    },
];

const VERSIONS: [&str; 2] = ["0.0", "0.1"];

/// Input scaling, the same in both versions' files.
const SHIFT: &[f32] = &[-0.030, -0.088, -0.188];
const SCALE: &[f32] = &[0.458, 0.448, 0.450];

pub(super) fn specification(name: &str) -> Option<Specification> {
    if name == "lpips-heads" {
        let mut expected = Vec::new();
        for version in VERSIONS {
            for net in &NETS {
                expected.extend(head(net, &format!("v{version}.{}.", net.name)));
            }
        }
        return Some(Specification::canonical(name, expected));
    }
    let (body, version) = name.rsplit_once('-')?;
    if !VERSIONS.contains(&version) {
        return None;
    }
    if let Some(net) = body.strip_prefix("lpips-head-") {
        let net = NETS.iter().find(|candidate| candidate.name == net)?;
        let mut specification = Specification::canonical(name, head(net, ""));
        specification.add("LPIPS head", official);
        return Some(specification);
    }
    let net = body.strip_prefix("lpips-")?;
    whole(name, NETS.iter().find(|candidate| candidate.name == net)?)
}

fn head(net: &Net, prefix: &str) -> Vec<Expected> {
    let taps = net.taps.iter().enumerate();
    taps.map(|(tap, &channels)| Expected {
        name: format!("{prefix}lin{tap}"),
        shape: vec![channels],
        nonnegative: true,
    })
    .collect()
}

/// Name and shape of a head's weights in the official files.
fn official(expected: &Expected) -> (String, Vec<usize>) {
    if !expected.nonnegative {
        return (expected.name.clone(), expected.shape.clone());
    }
    (format!("{}.model.1.weight", expected.name), vec![1, expected.shape[0], 1, 1])
}

fn whole(name: &str, net: &Net) -> Option<Specification> {
    let mut expected = trunks::features(net.trunk)?;
    expected.extend(head(net, ""));
    let mut specification = Specification::canonical(name, expected);
    specification.add("trunk and LPIPS head", official).ignored_prefixes = &["classifier."];
    let repeated: Vec<Slot> = specification
        .expected
        .iter()
        .enumerate()
        .filter(|(_, expected)| expected.nonnegative)
        .map(|(index, expected)| Slot {
            name: format!("{}.model.1.weight", expected.name.replacen("lin", "lins.", 1)),
            shape: vec![1, expected.shape[0], 1, 1],
            role: Role::Repeats(index),
        })
        .collect();
    let layout =
        specification.add("LPIPS module", |expected| match in_slice(net, &expected.name) {
            Some(sliced) => (sliced, expected.shape.clone()),
            None => official(expected),
        });
    layout.slots.extend(repeated);
    for (constant, values) in [("shift", SHIFT), ("scale", SCALE)] {
        layout.slots.push(Slot {
            name: format!("scaling_layer.{constant}"),
            shape: vec![1, 3, 1, 1],
            role: Role::Constant(values),
        });
    }
    Some(specification)
}

/// `features.3.weight` as the module names it: `net.slice2.3.weight`.
fn in_slice(net: &Net, name: &str) -> Option<String> {
    let layer = name.strip_prefix("features.")?;
    let (index, _) = layer.split_once('.')?;
    let index: usize = index.parse().ok()?;
    let slice = 1 + net.slices.iter().filter(|&&first| index >= first).count();
    Some(format!("net.slice{slice}.{layer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_lie_in_the_slices_of_the_module() {
        let expected: [(&str, &[&[usize]]); 3] = [
            ("alex", &[&[0], &[3], &[6], &[8], &[10]]),
            ("vgg", &[&[0, 2], &[5, 7], &[10, 12, 14], &[17, 19, 21], &[24, 26, 28]]),
            ("squeeze", &[&[0], &[3, 4], &[6, 7], &[9], &[10], &[11], &[12]]),
        ];
        for (name, slices) in expected {
            let net = NETS.iter().find(|net| net.name == name).unwrap();
            for (slice, layers) in slices.iter().enumerate() {
                for layer in *layers {
                    let sliced = in_slice(net, &format!("features.{layer}.weight")).unwrap();
                    assert_eq!(sliced, format!("net.slice{}.{layer}.weight", slice + 1), "{name}");
                }
            }
            assert_eq!(net.taps.len(), slices.len());
        }
    }

    #[test]
    fn all_names_have_a_specification() {
        for net in ["alex", "vgg", "squeeze"] {
            for version in VERSIONS {
                let head = specification(&format!("lpips-head-{net}-{version}")).unwrap();
                let whole = specification(&format!("lpips-{net}-{version}")).unwrap();
                let trunk = NETS.iter().find(|candidate| candidate.name == net).unwrap().trunk;
                let trunk = Specification::of(trunk).unwrap();
                assert_eq!(whole.parameters(), head.parameters() + trunk.parameters());
            }
        }
        assert_eq!(specification("lpips-heads").unwrap().expected.len(), 2 * (5 + 5 + 7));
        for name in ["lpips", "lpips-alex", "lpips-alex-0.2", "lpips-head-resnet-0.1", "alexnet"] {
            assert!(specification(name).is_none(), "{name}");
        }
    }
}
