//! Tensors of a file, each of which some layer must ask for.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use lookalike_nn::Parameters;
use lookalike_weights::{Checkpoint, Tensor};

use crate::{Error, Result};

/// All tensors of a file by name.
///
/// # Errors
/// [`Error::Weights`] for one that cannot be read.
pub(crate) fn tensors(file: &mut Checkpoint) -> Result<HashMap<String, Tensor>> {
    let names: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
    let read = |name: String| match file.tensor(&name) {
        Ok(tensor) => Ok((name, tensor)),
        Err(error) => Err(Error::Weights(error.to_string())),
    };
    names.into_iter().map(read).collect()
}

/// Tensors by name, and which were asked for.
pub(crate) struct Taken<'a> {
    tensors: &'a HashMap<String, Tensor>,
    taken: Mutex<HashSet<String>>,
}

impl<'a> Taken<'a> {
    pub(crate) fn of(tensors: &'a HashMap<String, Tensor>) -> Self {
        Self { tensors, taken: Mutex::default() }
    }

    /// The first by name that nothing asked for, those aside that may be left.
    pub(crate) fn left(&self, may: impl Fn(&str) -> bool) -> Option<&'a String> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        self.tensors.keys().filter(|name| !taken.contains(*name) && !may(name)).min()
    }
}

impl Parameters for Taken<'_> {
    fn f32(&self, name: &str, shape: &[usize]) -> lookalike_nn::Result<Vec<f32>> {
        let refused =
            |reason: String| lookalike_nn::Error::Parameter { name: name.to_owned(), reason };
        let Some(tensor) = self.tensors.get(name) else {
            return Err(refused("it is missing".to_owned()));
        };
        if tensor.shape != shape {
            return Err(refused(format!("expected shape {shape:?}, found {:?}", tensor.shape)));
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(name.to_owned());
        tensor.to_f32().map_err(|error| refused(error.to_string()))
    }
}
