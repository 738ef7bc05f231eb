//! One buffer that several tasks fill, each its own part.

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Range;

/// A slice that is handed out in parts.
///
/// Tasks that own a rectangle of positions write to runs of lines in every plane of channels, which
/// no splitting of the slice into contiguous parts can express.
pub(crate) struct Disjoint<'a, T: Copy> {
    first: *mut T,
    len: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: parts are handed out under the promise that no two of them overlap, so sharing the buffer
// between threads is what sharing its split parts would be.
unsafe impl<T: Copy + Send> Sync for Disjoint<'_, T> {}

impl<'a, T: Copy> Disjoint<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { first: slice.as_mut_ptr(), len: slice.len(), lifetime: PhantomData }
    }

    /// A part.
    ///
    /// # Safety
    /// While it is used, nothing else uses a part that overlaps with it.
    ///
    /// # Panics
    /// When it reaches beyond the slice.
    // The part is derived from the exclusive borrow that `self` holds, not from `&self`.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &'a mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {}", self.len);
        // SAFETY: the range lies within the slice that `new` borrowed exclusively for 'a, and the
        // caller promises that no other part overlaps.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(range.start), range.len()) }
    }

    /// Writes one element, without a look at where the slice ends.
    ///
    /// # Safety
    /// `index` lies within the slice, and nothing else uses this element meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn put(&self, index: usize, value: T) {
        debug_assert!(index < self.len);
        // SAFETY: the caller promises that the element is there and that nobody else uses it. What it
        // held needs no drop: elements are plain numbers.
        unsafe { self.first.add(index).write(value) }
    }

    /// Where an element stands, if it is there.
    #[inline(always)]
    pub(crate) fn address(&self, index: usize) -> Option<*const T> {
        // No element is reached by it.
        (index < self.len).then(|| self.first.cast_const().wrapping_add(index))
    }

    /// Elements there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_slice() {
        let mut numbers = [1, 2, 3, 4];
        let shared = Disjoint::new(&mut numbers);
        // SAFETY: the two parts do not overlap.
        let (left, right) = unsafe { (shared.part(0..2), shared.part(2..4)) };
        std::mem::swap(&mut left[0], &mut right[1]);
        assert_eq!(numbers, [4, 2, 3, 1]);
    }
}
