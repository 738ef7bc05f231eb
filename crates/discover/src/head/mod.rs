//! A linear map on vectors that are there already, learned from labels: cheap, and often most of what
//! fine-tuning a network gives.
//!
//! A head takes a vector x to W·x / |W·x|. [`training`] finds W, on the pairs that [`split`] does not hold out; the file is safetensors with the tensor
//! `weight` of output × input numbers.

mod file;
pub mod split;
pub mod training;

/// The name of a head's file in the folder of a store.
pub const FILE: &str = "head.safetensors";

use rayon::prelude::*;

use crate::store::scan::{dot, normalised};
use crate::{Error, Result};

/// A linear map.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    input: usize,
    /// Rows, one for each number of the output.
    weight: Vec<f32>,
}

impl Head {
    /// The map that changes nothing.
    pub fn identity(dimension: usize) -> Self {
        let mut weight = vec![0.0; dimension * dimension];
        weight.iter_mut().step_by(dimension + 1).for_each(|number| *number = 1.0);
        Self { input: dimension, weight }
    }

    /// From rows of `input` numbers.
    ///
    /// # Errors
    /// [`Error::Request`] where they are no rows, or a number is not finite.
    pub fn new(input: usize, weight: Vec<f32>) -> Result<Self> {
        let is_whole = input > 0 && !weight.is_empty() && weight.len().is_multiple_of(input);
        if !is_whole || weight.iter().any(|number| !number.is_finite()) {
            let count = weight.len();
            return Err(Error::Request(format!(
                "expected finite numbers in rows of {input} for a head, found {count} numbers"
            )));
        }
        Ok(Self { input, weight })
    }

    /// Numbers in a vector that it takes.
    pub fn input(&self) -> usize {
        self.input
    }

    /// Numbers in a vector that it gives.
    pub fn output(&self) -> usize {
        self.weight.len() / self.input.max(1)
    }

    /// BLAKE3 of the numbers.
    pub fn hash(&self) -> String {
        let bytes: Vec<u8> = self.weight.iter().flat_map(|number| number.to_le_bytes()).collect();
        blake3::hash(&bytes).to_hex().to_string()
    }

    /// The vector of unit length that it gives.
    ///
    /// # Errors
    /// [`Error::WrongDimension`]; [`Error::NotFinite`] for a vector that it takes to 0.
    pub fn apply(&self, vector: &[f32]) -> Result<Vec<f32>> {
        if vector.len() != self.input {
            return Err(Error::WrongDimension { expected: self.input, found: vector.len() });
        }
        let mut mapped: Vec<f32> = self
            .weight
            .par_chunks(self.input)
            .with_min_len(64)
            .map(|row| dot(row, vector))
            .collect();
        normalised(&mut mapped, "a picture after the head")?;
        Ok(mapped)
    }
}
