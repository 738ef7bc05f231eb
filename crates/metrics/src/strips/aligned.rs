//! Numbers that begin on a cache line: a vector of 16 numbers loaded from elsewhere touches two.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vectors.
const LINE: usize = 64;

/// A fixed count of numbers, the first of which begins a cache line.
pub(super) struct Aligned {
    storage: Vec<f32>,
    first: usize,
    count: usize,
}

impl Aligned {
    pub(super) fn zeros(count: usize) -> Self {
        let storage = vec![0.0; count + LINE / size_of::<f32>()];
        // Never beyond a line; only where addresses are unknown is there no answer, and then any
        // place will do.
        let first = storage.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>());
        Self { storage, first, count }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    #[inline(always)]
    fn deref(&self) -> &[f32] {
        &self.storage[self.first..][..self.count]
    }
}

impl DerefMut for Aligned {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.storage[self.first..][..self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_a_line_and_are_all_there() {
        for count in [0, 1, 15, 16, 17, 1000] {
            let mut numbers = Aligned::zeros(count);
            assert_eq!((numbers.len(), numbers.as_ptr() as usize % LINE), (count, 0));
            numbers.iter_mut().for_each(|v| *v += 1.0);
            assert!(numbers.iter().all(|v| *v == 1.0));
        }
    }
}
