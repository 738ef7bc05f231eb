//! What a model makes of the images of a benchmark: vectors, compared by their cosine.

use crate::store::scan::{dot, normalised};
use crate::{Error, Result};

/// Unit vectors, one for each image of a benchmark.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    dimension: usize,
    rows: Vec<f32>,
}

impl Embeddings {
    /// From vectors of `dimension` numbers, one after the other, of any length but 0.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with the number of the image; [`Error::Request`] where the numbers are no rows.
    pub fn new(dimension: usize, mut rows: Vec<f32>) -> Result<Self> {
        if dimension == 0 || !rows.len().is_multiple_of(dimension) {
            let count = rows.len();
            return Err(Error::Request(format!("{count} numbers are no rows of {dimension}")));
        }
        for (number, row) in rows.chunks_exact_mut(dimension).enumerate() {
            normalised(row, &format!("image {number}"))?;
        }
        Ok(Self { dimension, rows })
    }

    /// How many images there are.
    pub fn count(&self) -> usize {
        self.rows.len() / self.dimension
    }

    /// The vector of an image.
    pub fn row(&self, image: usize) -> Option<&[f32]> {
        let from = image.checked_mul(self.dimension)?;
        self.rows.get(from..from.checked_add(self.dimension)?)
    }

    /// The cosine of an image with each of others, by number; missing ones are an error.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn cosines(&self, image: usize, others: &[usize]) -> Result<Vec<f32>> {
        let row = |image: usize| {
            self.row(image).ok_or_else(|| Error::NotFound(format!("the vector of image {image}")))
        };
        let query = row(image)?;
        others.iter().map(|&other| Ok(dot(query, row(other)?))).collect()
    }
}
