//! Tensors as views of a storage: shape and strides, made contiguous.
//!
//! Strides may permute (channels last, transposed) and skip, but two elements never share a place:
//! a view that expands one number to a billion is refused.

use crate::tensor::elements;

/// Most dimensions of a tensor.
const MAX_RANK: usize = 16;

/// Where the elements of a tensor lie in a storage. Everything is inside the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) storage: usize,
    pub(crate) shape: Vec<usize>,
    /// First element in the storage.
    first: usize,
    /// Elements from the first to the last, both included; 0 for an empty tensor.
    span: usize,
    strides: Vec<usize>,
}

impl View {
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn new(
        storage: usize,
        stored: usize,
        first: usize,
        shape: Vec<usize>,
        strides: Vec<usize>,
    ) -> Result<Self, String> {
        if shape.len() != strides.len() || shape.len() > MAX_RANK {
            return Err(format!(
                "a tensor of {} dimensions with {} strides, expected as many, at most {MAX_RANK}",
                shape.len(),
                strides.len()
            ));
        }
        let outside = || {
            format!(
                "a tensor of shape {shape:?} with strides {strides:?} from element {first} on, in a \
                 storage of {stored} elements"
            )
        };
        let count = elements(&shape).ok_or_else(outside)?;
        if count == 0 {
            if first > stored {
                return Err(outside());
            }
            return Ok(Self { storage, shape, first, span: 0, strides });
        }
        // Elements are apart when each stride steps over everything that smaller strides reach.
        let mut by_stride: Vec<(usize, usize)> =
            strides.iter().copied().zip(shape.iter().copied()).filter(|&(_, n)| n > 1).collect();
        by_stride.sort_unstable();
        let mut reach = 0_usize;
        for (stride, extent) in by_stride {
            if stride <= reach {
                return Err(format!(
                    "a tensor of shape {shape:?} with strides {strides:?}, whose elements overlap"
                ));
            }
            let steps = stride.checked_mul(extent - 1).ok_or_else(outside)?;
            reach = reach.checked_add(steps).ok_or_else(outside)?;
        }
        match first.checked_add(reach) {
            Some(last) if last < stored => {
                Ok(Self { storage, shape, first, span: reach + 1, strides })
            }
            _ => Err(outside()),
        }
    }

    /// A whole storage in order.
    pub(crate) fn whole(storage: usize, shape: Vec<usize>) -> Self {
        let mut strides = vec![1_usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
        }
        let span = elements(&shape).unwrap_or(0);
        Self { storage, shape, first: 0, span, strides }
    }

    /// First element in the storage, and the number of elements up to the last.
    pub(crate) fn range(&self) -> (usize, usize) {
        (self.first, self.span)
    }

    /// Elements of the tensor.
    pub(crate) fn count(&self) -> usize {
        elements(&self.shape).unwrap_or(0)
    }

    /// The elements in row-major order, from the bytes of [`range`](Self::range).
    pub(crate) fn gather(&self, span: Vec<u8>, size: usize) -> Vec<u8> {
        if self.count() == self.span && self.is_row_major() {
            return span;
        }
        let mut gathered = Vec::with_capacity(self.count() * size);
        let mut index = vec![0; self.shape.len()];
        let mut at = 0;
        for _ in 0..self.count() {
            gathered.extend_from_slice(&span[at * size..(at + 1) * size]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        gathered
    }

    fn is_row_major(&self) -> bool {
        let mut expected = 1;
        for (&extent, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if extent > 1 && stride != expected {
                return false;
            }
            expected *= extent;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(stored: usize, first: usize, shape: &[usize], strides: &[usize]) -> Vec<u8> {
        let view = View::new(0, stored, first, shape.to_vec(), strides.to_vec()).unwrap();
        let (first, span) = view.range();
        let storage: Vec<u8> = (0..stored as u8).collect();
        view.gather(storage[first..first + span].to_vec(), 1)
    }

    #[test]
    fn strides_permute_and_skip() {
        assert_eq!(gathered(6, 0, &[2, 3], &[3, 1]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(gathered(6, 0, &[3, 2], &[1, 3]), [0, 3, 1, 4, 2, 5]);
        // Channels last: two channels of 2x2.
        assert_eq!(gathered(8, 0, &[1, 2, 2, 2], &[8, 1, 4, 2]), [0, 2, 4, 6, 1, 3, 5, 7]);
        assert_eq!(gathered(10, 1, &[2, 2], &[5, 2]), [1, 3, 6, 8]);
        assert_eq!(gathered(4, 3, &[], &[]), [3]);
        assert_eq!(gathered(4, 4, &[0, 3], &[3, 1]), [0; 0]);
        assert_eq!(gathered(4, 2, &[1, 1], &[99, 0]), [2]);
    }

    #[test]
    fn nothing_outside_the_storage_is_seen() {
        for (stored, first, shape, strides) in [
            (6, 1, vec![2, 3], vec![3, 1]),
            (6, 6, vec![], vec![]),
            (6, 7, vec![0], vec![1]),
            (6, 0, vec![2, 2], vec![5, 1]),
            (6, usize::MAX, vec![2], vec![1]),
            (6, 0, vec![usize::MAX, 2], vec![2, 1]),
            (6, 0, vec![2, 3], vec![usize::MAX, 1]),
            (6, 0, vec![3, 3], vec![usize::MAX / 2 + 1, 1]),
        ] {
            let message = View::new(0, stored, first, shape, strides).unwrap_err();
            assert!(message.contains("storage of 6"), "{message}");
        }
        assert!(View::new(0, 6, 0, vec![2], vec![]).unwrap_err().contains("strides"));
        assert!(View::new(0, 6, 0, vec![1; 17], vec![1; 17]).is_err());
    }

    #[test]
    fn overlapping_elements_are_refused() {
        for (shape, strides) in
            [(vec![9], vec![0]), (vec![2, 3], vec![1, 1]), (vec![2, 3], vec![2, 1])]
        {
            let message = View::new(0, 6, 0, shape, strides).unwrap_err();
            assert!(message.contains("overlap"), "{message}");
        }
    }
}
