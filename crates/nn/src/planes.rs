//! Numbers on a grid, as networks take and give them.

use lookalike_kernels::Blocks;

use crate::{Error, Result};

/// Batch × channels × height × width numbers in single precision, in this order, the last fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    shape: [usize; 4],
    data: Vec<f32>,
}

impl Planes {
    /// Planes from their numbers.
    ///
    /// # Errors
    /// [`Error::Count`] when their number is not the product of the shape, or is zero.
    pub fn new(shape: [usize; 4], data: Vec<f32>) -> Result<Self> {
        let product = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        if product != Some(data.len()) || data.is_empty() {
            let expected = product.map_or_else(|| "fewer".to_owned(), |n| n.max(1).to_string());
            return Err(Error::Count { shape, expected, found: data.len() });
        }
        Ok(Self { shape, data })
    }

    /// Planes of zeros; of at least one number.
    pub fn zeros(shape: [usize; 4]) -> Self {
        let shape = shape.map(|extent| extent.max(1));
        Self { shape, data: vec![0.0; shape.iter().product()] }
    }

    /// The numbers of blocks of channels.
    ///
    /// # Errors
    /// [`Error::Count`] when there are none.
    pub fn of_blocks(blocks: &Blocks) -> Result<Self> {
        Self::new(blocks.shape(), blocks.to_planes())
    }

    /// The same numbers in blocks of channels.
    ///
    /// # Errors
    /// [`Error::Kernel`] when memory cannot hold them.
    pub fn to_blocks(&self) -> Result<Blocks> {
        let mut blocks = Blocks::new();
        blocks.read_planes(self.shape, &self.data)?;
        Ok(blocks)
    }

    /// Batch, channels, height, width.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// Pictures.
    pub fn batch(&self) -> usize {
        self.shape[0]
    }

    /// Channels of a picture.
    pub fn channels(&self) -> usize {
        self.shape[1]
    }

    /// Rows of a plane.
    pub fn height(&self) -> usize {
        self.shape[2]
    }

    /// Columns of a plane.
    pub fn width(&self) -> usize {
        self.shape[3]
    }

    /// All numbers.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// All numbers, to be changed.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// All numbers, without a copy.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// The numbers of one picture of the batch; empty beyond the batch.
    pub fn picture(&self, index: usize) -> &[f32] {
        let size = self.data.len() / self.shape[0];
        self.data.get(index * size..(index + 1) * size).unwrap_or_default()
    }

    /// The pictures of several batches one after the other.
    ///
    /// # Errors
    /// [`Error::Count`] when their channels or sizes differ, or there are none.
    pub fn stack<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Result<Self> {
        let mut shape = [0; 4];
        let mut data = Vec::new();
        for part in parts {
            shape = [shape[0] + part.shape[0], part.shape[1], part.shape[2], part.shape[3]];
            data.extend_from_slice(&part.data);
            if data.len() != shape.iter().product::<usize>() {
                let expected = shape.iter().product::<usize>().to_string();
                return Err(Error::Count { shape, expected, found: data.len() });
            }
        }
        Self::new(shape, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_checked() {
        assert!(Planes::new([1, 2, 2, 2], vec![0.0; 8]).is_ok());
        assert!(Planes::new([1, 2, 2, 2], vec![0.0; 7]).is_err());
        assert!(Planes::new([1, 0, 2, 2], vec![]).is_err());
        assert!(Planes::new([usize::MAX, 2, 2, 2], vec![0.0; 8]).is_err());
    }

    #[test]
    fn batches_are_stacked_and_taken_apart() {
        let a = Planes::new([1, 1, 1, 2], vec![1.0, 2.0]).unwrap();
        let b = Planes::new([2, 1, 1, 2], vec![3.0, 4.0, 5.0, 6.0]).unwrap();
        let all = Planes::stack([&a, &b]).unwrap();
        assert_eq!(all.shape(), [3, 1, 1, 2]);
        assert_eq!(all.picture(2), [5.0, 6.0]);
        assert!(all.picture(3).is_empty());
        let narrow = Planes::new([1, 1, 1, 1], vec![7.0]).unwrap();
        assert!(Planes::stack([&a, &narrow]).is_err());
        assert!(Planes::stack([]).is_err());
    }
}
