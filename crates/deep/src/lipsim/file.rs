//! Files of networks in our own layout (`checkpoint.rs` reads them).
//!
//! Headers are written here and not by a library, whose order of facts is not always the same.

use std::fmt::Write as _;

use super::plan::{Plan, Tensor};
use crate::{Error, Result};

/// A safetensors file of a network: its plan, and its parameters in the order of [`Plan::tensors`]. Rows of layers
/// weigh by exp(q).
///
/// # Errors
/// [`Error::Weights`] for a plan that cannot be, or another number of parameters.
pub fn model_file(plan: &Plan, parameters: &[f32]) -> Result<Vec<u8>> {
    let Plan { image, outputs, .. } = plan;
    let stages = plan.stages_text();
    let about = format!(r#""image":"{image}","outputs":"{outputs}","stages":"{stages}""#);
    written(plan, &about, parameters)
}

pub(super) fn written(plan: &Plan, about: &str, parameters: &[f32]) -> Result<Vec<u8>> {
    let mut header = format!(r#"{{"__metadata__":{{"arch":"lipsim","q_mode":"exp",{about}}}"#);
    let mut at = 0;
    for Tensor { name, shape } in plan.tensors()? {
        let end = at + 4 * shape.iter().product::<usize>();
        // Writing to a string cannot fail.
        let _ = write!(
            header,
            r#","{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{at},{end}]}}"#
        );
        at = end;
    }
    if at != 4 * parameters.len() {
        let (expected, found) = (at / 4, parameters.len());
        return Err(Error::Weights(format!("expected {expected} parameters, found {found}")));
    }
    header.push('}');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.extend(parameters.iter().flat_map(|x| x.to_le_bytes()));
    Ok(file)
}
