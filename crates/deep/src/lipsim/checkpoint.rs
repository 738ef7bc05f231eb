//! Weights of LipSim from a file: as its authors published them, or in our own layout.
//!
//! | layout | names | weights of T in a convolution |
//! |---|---|---|
//! | published | `module.model.convs.{i}.{kernel,bias,q}`, `module.model.linear.{1…}.{weight,bias,q}`, the same again under `module.model.base.{1,2}` | uniform, for `q` cancels there |
//! | own | `conv.{i}.{kernel,bias,q}`, `dense.{i}.{weight,bias,q}`; in the header `q_mode` (`none` or `exp`), `outputs` | as the header says |
//!
//! A file in our own layout may say in its header what its network consists of: `stages` as a
//! [`Plan`](super::Plan) has them and `image`, the side of its pictures.
//!
//! Dense layers weigh by exp(q) in both. The prefixes `module.`, `model.` and `backbone.` may be there or not.
//! Without stages the architecture is that of LipSim, read off the shapes, but for the number of outputs: the header's, else 1792 as
//! published, or all. Every tensor must have its place, every place its tensor; repeated ones must be equal;
//! those with `alpha` in their name are unused in the published code and left alone.

use std::collections::BTreeMap;
use std::path::Path;

use lookalike_nn::lipschitz::{SllConvolution, SllDense, Weighting};
use lookalike_weights::{Checkpoint, Error as WeightsError, read_file, read_file_key};

use super::architecture::{Architecture, POOLS, WINDOW};
use super::network::Network;
use super::plan::{Plan, Stage};
use crate::{Error, Result};

/// Where torch.save puts the network among optimiser and schedule.
const STATE: &str = "model_state_dict";

/// The place of a tensor: its kind of layer, which of them, and its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    dense: bool,
    index: usize,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Matrix,
    Bias,
    Q,
}

/// How a file has a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Own(Place),
    Published(Place),
    Repeats(Place),
    Unused,
}

/// Opens a file, and the dictionary of the network where it has several.
pub(super) fn open(path: &Path) -> Result<Checkpoint> {
    let opened = match read_file(path) {
        Err(WeightsError::Key { .. }) => read_file_key(path, STATE),
        other => other,
    };
    opened.map_err(refused)
}

fn refused(error: WeightsError) -> Error {
    Error::Weights(error.to_string())
}

/// The network of a file; `outputs` wins over what the file says.
pub(super) fn network(mut file: Checkpoint, outputs: Option<usize>) -> Result<Network> {
    let names: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
    let wrong = |reason: String| Error::Weights(format!("not a network of LipSim: {reason}"));
    let (mut tensors, mut repeats, mut own) = (BTreeMap::new(), Vec::new(), [false; 2]);
    for name in names {
        let place = match role(&name) {
            None => return Err(wrong(format!("the tensor '{name}' is unknown"))),
            Some(Role::Unused) => continue,
            Some(Role::Repeats(place)) => {
                repeats.push((name, place));
                continue;
            }
            Some(Role::Own(place)) => {
                own[0] = true;
                place
            }
            Some(Role::Published(place)) => {
                own[1] = true;
                place
            }
        };
        let tensor = file.tensor(&name).map_err(refused)?;
        if tensors.insert(place, tensor).is_some() {
            return Err(wrong(format!("the tensor '{name}' is there under another name as well")));
        }
    }
    for (name, place) in repeats {
        let again = file.tensor(&name).map_err(refused)?;
        let first = tensors.get(&place);
        if first.is_none_or(|first| first.bytes != again.bytes || first.dtype != again.dtype) {
            return Err(wrong(format!("'{name}' differs from the tensor that it repeats")));
        }
    }
    let published = match own {
        [true, true] => return Err(wrong("it mixes two layouts".to_owned())),
        [_, published] => published,
    };
    let header = file.about();
    let uniform = match header.get("q_mode").map(String::as_str) {
        _ if published => true,
        Some("none") => true,
        Some("exp") => false,
        found => {
            let found = found.unwrap_or("nothing");
            return Err(wrong(format!("expected q_mode none or exp in its header, found {found}")));
        }
    };
    let said = match header.get("outputs") {
        Some(text) => Some(text.parse().map_err(|_| {
            wrong(format!("expected a number as outputs in its header, found '{text}'"))
        })?),
        None => None,
    };
    let plan = match header.get("stages") {
        Some(stages) if !published => {
            let image = header.get("image").and_then(|text| text.parse().ok());
            let image = image
                .ok_or_else(|| wrong("expected a number as image in its header".to_owned()))?;
            Plan::parse(image, outputs.or(said), stages)?
        }
        _ => read_off(&tensors, outputs.or(said), published).ok_or_else(|| {
            wrong("expected a first convolution of 3x3 and a first dense layer".to_owned())
        })??,
    };
    let mut take = |place: Place, shapes: &[&[usize]]| -> Result<Vec<f32>> {
        let Some(tensor) = tensors.remove(&place) else {
            return Err(wrong(format!("{place} is missing")));
        };
        if !shapes.contains(&tensor.shape.as_slice()) {
            let (expected, found) = (shapes[0], &tensor.shape);
            return Err(wrong(format!("{place}: expected shape {expected:?}, found {found:?}")));
        }
        tensor.to_f32().map_err(refused)
    };
    let (mut convolutions, mut dense) = (Vec::new(), Vec::new());
    for (stage, at) in plan.stages.iter().zip(plan.extents()?) {
        match *stage {
            Stage::Convolution(inner) => {
                let place = |part| Place { dense: false, index: convolutions.len(), part };
                let kernel = take(place(Part::Matrix), &[&[inner, at.channels, 3, 3]])?;
                let bias = take(place(Part::Bias), &[&[1, inner, 1, 1], &[inner]])?;
                let q = take(place(Part::Q), &[&[inner]])?;
                let weighting =
                    if uniform { Weighting::Uniform } else { Weighting::Exponential(&q) };
                convolutions.push(SllConvolution::new(at.channels, kernel, bias, weighting)?);
            }
            Stage::Dense(inner) => {
                let (width, index) = (at.numbers(), dense.len());
                let place = |part| Place { dense: true, index, part };
                let weight = take(place(Part::Matrix), &[&[inner, width]])?;
                let bias = take(place(Part::Bias), &[&[1, inner], &[inner]])?;
                let q = take(place(Part::Q), &[&[inner]])?;
                dense.push(SllDense::new(width, weight, bias, Weighting::Exponential(&q))?);
            }
            Stage::Channels(_) | Stage::SpaceToDepth(_) | Stage::WindowSum(_) => {}
        }
    }
    if let Some(place) = tensors.keys().next() {
        return Err(wrong(format!("{place} belongs to no layer")));
    }
    Network::new(plan, convolutions, dense)
}

/// The plan of LipSim that shapes tell; `None` where the first layers are not there.
fn read_off(
    tensors: &BTreeMap<Place, lookalike_weights::Tensor>,
    outputs: Option<usize>,
    published: bool,
) -> Option<Result<Plan>> {
    let shape = |dense| {
        let first = tensors.get(&Place { dense, index: 0, part: Part::Matrix });
        first.map(|tensor| tensor.shape.clone())
    };
    let [inner, channels, 3, 3] = <[usize; 4]>::try_from(shape(false)?).ok()? else { return None };
    let [dense_inner, width] = <[usize; 2]>::try_from(shape(true)?).ok()?;
    let count = |dense| tensors.keys().filter(|p| p.dense == dense && p.part == Part::Bias).count();
    let small = (width / channels.max(1)).isqrt();
    let most = Architecture::PUBLISHED_OUTPUTS;
    let architecture = Architecture {
        channels,
        depth: count(false),
        inner,
        dense: count(true),
        dense_inner,
        image: small * WINDOW.pow(POOLS as u32),
        outputs: outputs.unwrap_or(if published { most.min(width) } else { width }),
    };
    if architecture.width() != width {
        return Some(Err(Error::Weights(format!(
            "not a network of LipSim: {width} numbers are no square of {channels} channels"
        ))));
    }
    Some(architecture.check().map(|()| architecture.plan()))
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.dense { "dense layer" } else { "convolution" };
        let part = match (self.part, self.dense) {
            (Part::Matrix, false) => "kernel",
            (Part::Matrix, true) => "weight",
            (Part::Bias, _) => "bias",
            (Part::Q, _) => "q",
        };
        write!(f, "{part} of {kind} {}", self.index)
    }
}

fn role(name: &str) -> Option<Role> {
    let mut rest = name;
    while let Some(shorter) =
        ["module.", "model.", "backbone."].iter().find_map(|prefix| rest.strip_prefix(prefix))
    {
        rest = shorter;
    }
    if rest.contains("alpha") {
        return Some(Role::Unused);
    }
    type Kind = (&'static str, bool, fn(Place) -> Role);
    let kinds: [Kind; 6] = [
        ("convs.", false, Role::Published),
        ("linear.", true, Role::Published),
        ("base.1.", false, Role::Repeats),
        ("base.2.", true, Role::Repeats),
        ("conv.", false, Role::Own),
        ("dense.", true, Role::Own),
    ];
    let (rest, (prefix, dense, role)) =
        kinds.iter().find_map(|kind| Some((rest.strip_prefix(kind.0)?, kind)))?;
    let (index, part) = rest.split_once('.')?;
    let index: usize = index.parse().ok()?;
    // The first of the published dense part is the one that flattens.
    let flattens = *dense && *prefix != "dense.";
    let index = if flattens { index.checked_sub(1)? } else { index };
    let part = match part {
        "kernel" if !dense => Part::Matrix,
        "weight" if *dense => Part::Matrix,
        "bias" => Part::Bias,
        "q" => Part::Q,
        _ => return None,
    };
    Some(role(Place { dense: *dense, index, part }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_places() {
        let place = |dense, index, part| Place { dense, index, part };
        for (name, expected) in [
            ("module.model.convs.19.kernel", Role::Published(place(false, 19, Part::Matrix))),
            ("module.backbone.convs.0.q", Role::Published(place(false, 0, Part::Q))),
            ("linear.1.weight", Role::Published(place(true, 0, Part::Matrix))),
            ("module.model.base.2.7.bias", Role::Repeats(place(true, 6, Part::Bias))),
            ("module.model.base.1.3.bias", Role::Repeats(place(false, 3, Part::Bias))),
            ("conv.2.kernel", Role::Own(place(false, 2, Part::Matrix))),
            ("dense.0.q", Role::Own(place(true, 0, Part::Q))),
            ("module.model.alpha", Role::Unused),
        ] {
            assert_eq!(role(name), Some(expected), "{name}");
        }
        for name in ["linear.0.weight", "convs.x.q", "convs.1.weight", "fc.weight", "conv.1"] {
            assert_eq!(role(name), None, "{name}");
        }
    }
}
