//! Files of features: one row for each picture, as .npy or as the only tensor of a .safetensors file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, bail};
use lookalike_judge::generation::Features;
use npyz::{DType, NpyFile, Order};
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
    // Sizes that overflow when multiplied have made the reader read less.
    if rows.checked_mul(columns) != Some(values.len()) {
        bail!("{shown}: says {rows} by {columns} numbers, but has {}", values.len());
    }
    let whole = |error| anyhow::Error::new(error).context(format!("{shown}: bad features"));
    Features::new(columns, values).map_err(whole)
}

type Rows = (Vec<usize>, Vec<f64>);

fn read_npy(path: &Path) -> anyhow::Result<Rows> {
    let file = NpyFile::new(BufReader::new(File::open(path)?))?;
    let shape = file
        .shape()
        .iter()
        .map(|&length| usize::try_from(length))
        .collect::<Result<Vec<usize>, _>>()?;
    if file.order() != Order::C {
        bail!(
            "it is in Fortran order; save numpy.ascontiguousarray of the features in place of it"
        );
    }
    let kind = file.dtype();
    let name = match &kind {
        DType::Plain(kind) => kind.to_string(),
        other => other.descr(),
    };
    let values = match name.trim_start_matches(['<', '>', '=', '|']) {
        "f4" => file.data::<f32>()?.map(|value| value.map(f64::from)).collect::<Result<_, _>>()?,
        "f8" => file.data::<f64>()?.collect::<Result<_, _>>()?,
        _ => bail!("its numbers are {name}; expected float32 or float64"),
    };
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
