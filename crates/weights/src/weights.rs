//! Named weights whose every tensor was checked.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::conform::conform;
use crate::manifest::{self, Known};
use crate::source::hexadecimal;
use crate::specification::Specification;
use crate::{Checkpoint, Error, Result, Tensor};

/// A file that weights were taken from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SourceFile {
    /// Its name, without folders.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its format.
    pub format: String,
    /// Whether it is the published file.
    pub known: Known,
}

/// Weights that conform to a specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// The name in the manifest, or that of the caller's own specification.
    pub name: String,
    /// SHA-256 of the content: names, shapes and numbers in single precision, in the order of names.
    /// The same for the same weights, whatever file they came in.
    pub sha256: String,
    /// The licence, where the file is one that is published; otherwise that it is not known.
    pub licence: String,
    /// The layout that the file had.
    pub layout: String,
    /// The files they came in.
    pub source: Vec<SourceFile>,
    /// Tensors in single precision by canonical name.
    pub tensors: BTreeMap<String, Tensor>,
}

/// What is said of the licence of files that nobody is known to publish.
const LICENCE_NOT_KNOWN: &str = "unknown (not a published file)";

impl Weights {
    /// The numbers of a tensor, slowest dimension first.
    ///
    /// # Errors
    /// [`Error::Tensor`] when there is none of the name, or its shape is another.
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        numbers(self.tensors.get(name), &self.name, name, shape)
    }

    /// The same of a tensor that is not needed again: its bytes are given up, so that numbers and bytes of
    /// all tensors are not in memory together.
    ///
    /// # Errors
    /// As [`f32`](Self::f32).
    pub fn take_f32(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        numbers(self.tensors.remove(name).as_ref(), &self.name, name, shape)
    }

    /// Numbers in all tensors together.
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.bytes.len() / tensor.dtype.size()).sum()
    }

    /// Takes weights out of several files that complete each other, such as a trunk and a head.
    ///
    /// # Errors
    /// [`Error::Misnamed`] for a published file under another name; [`Error::Mismatch`] with what is
    /// missing, unknown or wrong; [`Error::Tensor`] for numbers
    /// that are not finite; what reading the files gives.
    pub fn from_files(mut files: Vec<Checkpoint>, specification: &Specification) -> Result<Self> {
        for file in &files {
            let name = specification.name();
            if let Some(published) = manifest::published_otherwise(file.sha256(), name) {
                let (file, name) = (file.file().to_owned(), name.to_owned());
                return Err(Error::Misnamed { file, published, name });
            }
        }
        let source: Vec<SourceFile> = files
            .iter()
            .map(|file| SourceFile {
                file: file_name(file.file()),
                sha256: file.sha256().to_owned(),
                format: file.format().as_str().to_owned(),
                known: manifest::known(file.sha256()),
            })
            .collect();
        let conformed = conform(&mut files, specification)?;
        Ok(Self::new(specification.name(), conformed.layout, source, conformed.tensors))
    }

    pub(crate) fn new(
        name: &str,
        layout: &str,
        source: Vec<SourceFile>,
        tensors: BTreeMap<String, Tensor>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            sha256: content_hash(&tensors),
            licence: licence(&source),
            layout: layout.to_owned(),
            source,
            tensors,
        }
    }
}

impl Checkpoint {
    /// Takes the weights of a specification out of the file, in whichever of its layouts they are.
    ///
    /// # Errors
    /// As [`Weights::from_files`].
    pub fn into_weights(self, specification: &Specification) -> Result<Weights> {
        Weights::from_files(vec![self], specification)
    }
}

fn numbers(
    tensor: Option<&Tensor>,
    weights: &str,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>> {
    let Some(tensor) = tensor else {
        return Err(Error::tensor(name, format!("not among the weights '{weights}'")));
    };
    if tensor.shape != shape {
        let reason = format!("expected shape {shape:?}, found {:?}", tensor.shape);
        return Err(Error::tensor(name, reason));
    }
    tensor.to_f32()
}

fn licence(source: &[SourceFile]) -> String {
    let mut licences: Vec<&str> = Vec::new();
    for file in source {
        let licence = manifest::licence(&file.sha256).unwrap_or(LICENCE_NOT_KNOWN);
        if !licences.contains(&licence) {
            licences.push(licence);
        }
    }
    licences.join(" and ")
}

fn file_name(path: &str) -> String {
    let name = std::path::Path::new(path).file_name();
    name.map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}

pub(crate) fn content_hash(tensors: &BTreeMap<String, Tensor>) -> String {
    let mut hash = Sha256::new();
    for (name, tensor) in tensors {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((tensor.shape.len() as u64).to_le_bytes());
        for &extent in &tensor.shape {
            hash.update((extent as u64).to_le_bytes());
        }
        hash.update(&tensor.bytes);
    }
    hexadecimal(&hash.finalize())
}
