//! Heads on disk.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize};

use super::Head;
use crate::Result;
use crate::error::{malformed, unreadable};
use crate::whole_file;

const TENSOR: &str = "weight";

impl Head {
    /// Reads a head.
    ///
    /// # Errors
    /// [`Error::Read`](crate::Error::Read), [`Error::Malformed`](crate::Error::Malformed).
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(unreadable(path))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(path, error))?;
        let tensor = file.tensor(TENSOR).map_err(|error| malformed(path, error))?;
        let [_, input] = tensor.shape()[..] else {
            return Err(malformed(path, "expected the tensor 'weight' to have two axes"));
        };
        if tensor.dtype() != Dtype::F32 {
            return Err(malformed(path, "expected the tensor 'weight' in single precision"));
        }
        let numbers = tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        Self::new(input, numbers.collect()).map_err(|error| malformed(path, error))
    }

    /// Writes the head; the file appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write).
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes: Vec<u8> = self.weight.iter().flat_map(|number| number.to_le_bytes()).collect();
        let shape = vec![self.output(), self.input];
        let view = TensorView::new(Dtype::F32, shape, &bytes);
        let view = view.map_err(|error| malformed(path, error))?;
        let written = serialize([(TENSOR, view)], None::<HashMap<String, String>>);
        let written = written.map_err(|error| malformed(path, error))?;
        whole_file::write(path, &written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_survive_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.safetensors");
        let head = Head::new(3, vec![1.0, 2.0, 3.0, -4.0, 5.0, 6.5]).unwrap();
        head.write(&path).unwrap();
        assert_eq!(Head::read(&path).unwrap(), head);
        assert_eq!((head.input(), head.output()), (3, 2));
        std::fs::write(&path, b"no head").unwrap();
        assert!(Head::read(&path).is_err());
        assert!(Head::new(2, vec![1.0; 3]).is_err() && Head::new(1, vec![f32::NAN]).is_err());
    }

    #[test]
    fn the_identity_changes_nothing() {
        let vector = [0.6, 0.8, 0.0];
        assert_eq!(Head::identity(3).apply(&vector).unwrap(), vector);
        assert!(Head::identity(3).apply(&[1.0]).is_err());
        assert!(Head::new(2, vec![0.0, 1.0]).unwrap().apply(&[1.0, 0.0]).is_err());
    }
}
