//! Files of features: one row for each picture, as .npy or as the only tensor of a .safetensors file.

use std::path::Path;

use anyhow::{Context, bail};
use lookalike_judge::generation::Features;
use lookalike_judge::npy;
use safetensors::{Dtype, SafeTensors};

/// Reads a file by its extension.
pub(crate) fn read(path: &Path) -> anyhow::Result<Features> {
    let shown = path.display();
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let (shape, values) = match extension.as_deref() {
        Some("npy") => read_npy(path),
        Some("safetensors") => read_safetensors(path),
        _ => bail!("{shown}: expected a file of features, .npy or .safetensors"),
    }
    .with_context(|| format!("{shown}: cannot read features"))?;
    let [rows, columns] = shape[..] else {
        bail!("{shown}: expected features of two dimensions, pictures by numbers, found {shape:?}");
    };
    if rows == 0 || columns == 0 {
        bail!("{shown}: has no features: {rows} pictures by {columns} numbers");
    }
    let whole = |error| anyhow::Error::new(error).context(format!("{shown}: bad features"));
    Features::new(columns, values).map_err(whole)
}

type Rows = (Vec<usize>, Vec<f64>);

fn read_npy(path: &Path) -> anyhow::Result<Rows> {
    let npy::Array { shape, values } = npy::read(&std::fs::read(path)?)?;
    Ok((shape, values))
}

fn read_safetensors(path: &Path) -> anyhow::Result<Rows> {
    let bytes = std::fs::read(path)?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    let names = tensors.names();
    let [name] = names[..] else {
        bail!("expected one tensor, found {}", names.len());
    };
    let tensor = tensors.tensor(name)?;
    let data = tensor.data();
    let values = match tensor.dtype() {
        Dtype::F32 => data
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f64::from(f32::from_le_bytes(*bytes)))
            .collect(),
        Dtype::F64 => {
            data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
        }
        other => bail!("its numbers are {other:?}; expected F32 or F64"),
    };
    Ok((tensor.shape().to_vec(), values))
}
