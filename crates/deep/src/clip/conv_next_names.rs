//! The names of a ConvNeXt that was learned as CLIP's image tower, in OpenCLIP's files.
//!
//! `visual.trunk.` before timm's names, `visual.head.proj.weight` for the last matrix; tensors of the text's tower are
//! left out. The robust ConvNeXt-B of R-CLIP (Croce, Schlarmann, Singh, Hein 2024) is the base size under these names.

use lookalike_nn::NamedTensors;
use lookalike_nn::conv_next::{Architecture, ConvNext};
use lookalike_weights::Checkpoint;

use super::names::LEFT_OUT;
use crate::{Error, Result};

const TRUNK: &str = "visual.trunk.";
const LAST: &str = "visual.head.proj.weight";

/// The network of a file.
///
/// # Errors
/// [`Error::Weights`] with the first tensor that is missing, misshapen, or of no ConvNeXt.
pub(super) fn read(mut file: Checkpoint) -> Result<ConvNext> {
    let path = file.file().to_owned();
    let wrong = |reason: String| Error::Weights(format!("{path}: {reason}"));
    let names: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
    let mut named = NamedTensors::new();
    let (mut shapes, mut projection) = (Vec::new(), None);
    for name in names {
        let place = match name.strip_prefix(TRUNK) {
            Some(place) => place.to_owned(),
            None if name == LAST => "proj.weight".to_owned(),
            None if LEFT_OUT.iter().any(|start| name.starts_with(start)) => continue,
            None => {
                return Err(wrong(format!(
                    "the tensor '{name}' belongs to no ConvNeXt of CLIP; expected names such as {TRUNK}stem.0.weight and \
                     {LAST}"
                )));
            }
        };
        let tensor = file.tensor(&name).map_err(|error| wrong(error.to_string()))?;
        let numbers = tensor.to_f32().map_err(|error| wrong(error.to_string()))?;
        if place == "proj.weight" {
            projection = tensor.shape.first().copied();
        }
        shapes.push((place.clone(), tensor.shape.clone()));
        named.insert(place, &tensor.shape, numbers);
    }
    let shape = |name: &str| shapes.iter().find(|(place, _)| place == name).map(|(_, shape)| shape);
    let (mut depths, mut widths) = ([0; 4], [0; 4]);
    for (stage, (depth, width)) in depths.iter_mut().zip(&mut widths).enumerate() {
        let filters = |at: usize| shape(&format!("stages.{stage}.blocks.{at}.conv_dw.weight"));
        let first = filters(0).and_then(|shape| shape.first().copied());
        *width =
            first.ok_or_else(|| wrong(format!("stage {stage} of the ConvNeXt has no block")))?;
        *depth = (0..).take_while(|&at| filters(at).is_some()).count();
    }
    let architecture = Architecture { depths, widths, epsilon: 1e-6, projection };
    // What no layer asks for would be left out in silence.
    let known = |place: &str| {
        let mut parts = place.split('.');
        match (parts.next(), parts.next().and_then(|at| at.parse::<usize>().ok()), parts.next()) {
            (Some("stages"), Some(stage), Some("blocks")) => {
                let at = parts.next().and_then(|at| at.parse::<usize>().ok());
                stage < 4 && at.is_some_and(|at| at < depths[stage])
            }
            (Some("stages"), Some(stage), Some("downsample")) => (1..4).contains(&stage),
            (Some("stem"), Some(0 | 1), _) => true,
            _ => place.starts_with("head.norm.") || place == "proj.weight",
        }
    };
    if let Some((place, _)) = shapes.iter().find(|(place, _)| !known(place)) {
        return Err(wrong(format!("the tensor '{place}' follows nothing before it")));
    }
    ConvNext::new(architecture, &named).map_err(|error| wrong(error.to_string()))
}
