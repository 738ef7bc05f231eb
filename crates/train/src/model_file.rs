//! Files of models: a plan as JSON in the header, and every number of every tensor behind it.
//!
//! Reading is strict: no tensor may be missing, unknown, misshapen or not finite.

use std::collections::HashMap;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkpoint::little_endian;
use crate::{Error, Result};

/// Names and shapes of tensors, in the order of their numbers.
pub type Tensors = [(String, Vec<usize>)];

/// A file with a plan under `key`.
///
/// # Errors
/// [`Error::Refused`] where the numbers are not as many, or the plan is no JSON.
pub fn write(
    key: &str,
    plan: &impl Serialize,
    tensors: &Tensors,
    numbers: &[f32],
) -> Result<Vec<u8>> {
    let refused = |reason: String| Error::Refused(format!("a model: {reason}"));
    let expected: usize = tensors.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    if expected != numbers.len() {
        let found = numbers.len();
        return Err(refused(format!("expected {expected} parameters, found {found}")));
    }
    let bytes = little_endian(numbers);
    let mut views = Vec::with_capacity(tensors.len());
    let mut start = 0;
    for (name, shape) in tensors {
        let end = start + 4 * shape.iter().product::<usize>();
        let view = TensorView::new(Dtype::F32, shape.clone(), &bytes[start..end]);
        views.push((name.clone(), view.map_err(|e| refused(e.to_string()))?));
        start = end;
    }
    let plan = serde_json::to_string(plan).map_err(|e| refused(e.to_string()))?;
    let about = HashMap::from([(key.to_owned(), plan)]);
    safetensors::serialize(views, Some(about)).map_err(|e| refused(e.to_string()))
}

/// The plan under `key`.
///
/// # Errors
/// What is wrong, in words.
pub fn plan<P: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<P, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    let plan = header.metadata().as_ref().and_then(|about| about.get(key));
    let plan = plan.ok_or("its header says nothing of one")?;
    serde_json::from_str(plan).map_err(|e| e.to_string())
}

/// All numbers of the tensors that a plan asks for.
///
/// # Errors
/// What is wrong, in words.
pub fn numbers(bytes: &[u8], tensors: &Tensors) -> Result<Vec<f32>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    if file.len() != tensors.len() {
        return Err(format!("expected {} tensors, found {}", tensors.len(), file.len()));
    }
    let mut numbers = Vec::new();
    for (name, shape) in tensors {
        let tensor = file.tensor(name).map_err(|e| e.to_string())?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            let (kind, found) = (tensor.dtype(), tensor.shape());
            return Err(format!("'{name}': expected F32 {shape:?}, found {kind:?} {found:?}"));
        }
        let (values, _) = tensor.data().as_chunks::<4>();
        numbers.extend(values.iter().map(|&value| f32::from_le_bytes(value)));
    }
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(found) => Err(format!("a parameter is {found}")),
        None => Ok(numbers),
    }
}
