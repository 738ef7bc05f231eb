//! Numbers that begin on a cache line: a vector of 16 numbers loaded from elsewhere touches two.
//!
//! Threads keep what they let go of for the next that needs as much: of a small picture, asking for room and clearing it
//! takes as long as the work.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vectors.
const LINE: usize = 64;
/// Numbers of the largest room that is kept, and how many rooms a thread keeps: 4 MiB.
const KEPT_NUMBERS: usize = 1 << 16;
const KEPT_ROOMS: usize = 16;

thread_local! {
    static KEPT: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// A fixed count of numbers, the first of which begins a cache line.
pub(super) struct Aligned {
    storage: Vec<f32>,
    first: usize,
    count: usize,
}

impl Aligned {
    pub(super) fn zeros(count: usize) -> Self {
        Self::of(vec![0.0; count + LINE / size_of::<f32>()], count)
    }

    /// Numbers of which nothing is known.
    pub(super) fn anything(count: usize) -> Self {
        let needed = count + LINE / size_of::<f32>();
        let kept = KEPT.try_with(|kept| {
            let mut kept = kept.try_borrow_mut().ok()?;
            let place = kept.iter().position(|storage| storage.len() == needed)?;
            Some(kept.swap_remove(place))
        });
        match kept.ok().flatten() {
            Some(storage) => Self::of(storage, count),
            None => Self::zeros(count),
        }
    }

    fn of(storage: Vec<f32>, count: usize) -> Self {
        // Never beyond a line; only where addresses are unknown is there no answer, and then any
        // place will do.
        let first = storage.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>());
        Self { storage, first, count }
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        if self.count > KEPT_NUMBERS {
            return;
        }
        let storage = std::mem::take(&mut self.storage);
        // A thread that ends keeps nothing.
        let _ = KEPT.try_with(|kept| {
            if let Ok(mut kept) = kept.try_borrow_mut() {
                kept.truncate(KEPT_ROOMS - 1);
                kept.insert(0, storage);
            }
        });
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
            drop(numbers);
            let numbers = Aligned::anything(count);
            assert_eq!((numbers.len(), numbers.as_ptr() as usize % LINE), (count, 0));
            assert!(Aligned::zeros(count).iter().all(|v| *v == 0.0));
        }
    }

    #[test]
    fn a_thread_keeps_a_few() {
        for round in 0..3 {
            let all: Vec<Aligned> = (0..40).map(|at| Aligned::anything(100 + at % 7)).collect();
            assert!(all.iter().enumerate().all(|(at, one)| one.len() == 100 + at % 7), "{round}");
        }
        drop(Aligned::zeros(KEPT_NUMBERS + 1));
        let kept = KEPT.with(|kept| kept.borrow().iter().map(Vec::len).collect::<Vec<_>>());
        assert_eq!(kept.len(), KEPT_ROOMS);
        assert!(kept.iter().all(|&length| length <= KEPT_NUMBERS + LINE));
    }
}
