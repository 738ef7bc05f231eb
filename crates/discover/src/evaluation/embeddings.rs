//! What a model makes of the images of a benchmark: vectors, compared by their cosine.

use crate::store::scan::{dots, normalised};
use crate::{Error, Result};

/// Bytes of vectors that several images are compared with while they are in the second cache.
const NEAR: usize = 256 << 10;

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
        Ok(self.cosines_of(&[image], others)?.pop().unwrap_or_default())
    }

    /// The same of several images. They go past the others together, a few hundred at a time: what all of them are
    /// compared with is read from memory once, not once for each.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn cosines_of(&self, images: &[usize], others: &[usize]) -> Result<Vec<Vec<f32>>> {
        let row = |image: usize| {
            self.row(image).ok_or_else(|| Error::NotFound(format!("the vector of image {image}")))
        };
        let queries: Vec<&[f32]> = images.iter().map(|&image| row(image)).collect::<Result<_>>()?;
        let mut cosines: Vec<Vec<f32>> =
            queries.iter().map(|_| Vec::with_capacity(others.len())).collect();
        let near = (NEAR / (self.dimension * size_of::<f32>())).max(1);
        for others in others.chunks(near) {
            let rows: Vec<&[f32]> =
                others.iter().map(|&other| row(other)).collect::<Result<_>>()?;
            for (query, cosines) in queries.iter().zip(&mut cosines) {
                dots(query, &rows, cosines);
            }
        }
        Ok(cosines)
    }
}
