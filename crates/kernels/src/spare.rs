//! Memory of activations that nobody needs any more, for the next.
//!
//! A network's activations are tens of megabytes, taken and given back for every batch. Allocators hand such
//! memory back to the system sooner or later, and the system hands it out page by page: that can take as long
//! as the network itself. So [`Blocks`](crate::Blocks) leave their memory here when they are dropped, and take
//! it from here when they need some; which memory it is makes no difference to any number. What a network reads is
//! left and taken by whoever makes it ([`leave_numbers`], [`take_numbers`]).
//!
//! Limits: at most half a gibibyte of each kind waits, for as long as the program runs, or until [`give_back`].

use std::sync::{Mutex, PoisonError};

use crate::lanes::Line;

/// Bytes that wait at most.
const MOST: usize = 512 << 20;

/// Below this many bytes an allocator is as good.
const LEAST: usize = 64 << 10;

static LINES: Mutex<Spare<Line>> = Mutex::new(Spare { parts: Vec::new() });
static NUMBERS: Mutex<Spare<f32>> = Mutex::new(Spare { parts: Vec::new() });

struct Spare<T> {
    parts: Vec<Vec<T>>,
}

impl<T> Spare<T> {
    /// The smallest part that is large enough.
    fn take(&mut self, count: usize) -> Option<Vec<T>> {
        let fitting = self.parts.iter().enumerate().filter(|(_, part)| part.len() >= count);
        let (at, _) = fitting.min_by_key(|(_, part)| part.len())?;
        Some(self.parts.remove(at))
    }

    fn leave(&mut self, part: Vec<T>) {
        self.parts.push(part);
        let mut all: usize = self.parts.iter().map(|part| size_of_val(part.as_slice())).sum();
        // What has waited longest is of sizes that are not asked for any more.
        while all > MOST {
            all -= size_of_val(self.parts.remove(0).as_slice());
        }
    }
}

/// Lines, at least `count` of them unless there are none to spare; what they hold is left over from before.
pub(crate) fn take(count: usize) -> Option<Vec<Line>> {
    if count < LEAST / size_of::<Line>() { None } else { with(&LINES, |spare| spare.take(count)) }
}

/// Leaves lines for others.
pub(crate) fn leave(lines: Vec<Line>) {
    if size_of_val(lines.as_slice()) >= LEAST {
        with(&LINES, |spare| spare.leave(lines));
    }
}

/// As many numbers; what they are is left open.
pub fn take_numbers(count: usize) -> Vec<f32> {
    let mut numbers = with(&NUMBERS, |spare| spare.take(count)).unwrap_or_else(|| vec![0.0; count]);
    numbers.truncate(count);
    if cfg!(debug_assertions) {
        // What is read before it is written shows.
        numbers.fill(f32::NAN);
    }
    numbers
}

/// Leaves numbers for who takes some next.
pub fn leave_numbers(mut numbers: Vec<f32>) {
    // All of the memory, where fewer numbers than it holds were asked for.
    numbers.resize(numbers.capacity(), 0.0);
    if size_of_val(numbers.as_slice()) >= LEAST {
        with(&NUMBERS, |spare| spare.leave(numbers));
    }
}

/// Gives all waiting memory back to the allocator.
pub fn give_back() {
    drop(with(&LINES, |spare| std::mem::take(&mut spare.parts)));
    drop(with(&NUMBERS, |spare| std::mem::take(&mut spare.parts)));
}

fn with<T, R>(spare: &Mutex<Spare<T>>, act: impl FnOnce(&mut Spare<T>) -> R) -> R {
    act(&mut spare.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<Line> {
        vec![Line::ZERO; count]
    }

    #[test]
    fn the_smallest_that_fits_is_taken() {
        let mut spare: Spare<Line> = Spare { parts: Vec::new() };
        for count in [30, 10, 20] {
            spare.leave(lines(count));
        }
        assert_eq!(spare.take(31), None);
        assert_eq!(spare.take(11).map(|part| part.len()), Some(20));
        assert_eq!(spare.take(11).map(|part| part.len()), Some(30));
        assert_eq!(spare.take(10).map(|part| part.len()), Some(10));
        assert_eq!(spare.take(1), None);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut spare: Spare<Line> = Spare { parts: Vec::new() };
        // Zeroed memory that nobody touches costs nothing.
        let half = MOST / size_of::<Line>() / 2 + 1;
        spare.leave(bytemuck::zeroed_vec(half));
        spare.leave(bytemuck::zeroed_vec(half + 1));
        let waiting: Vec<usize> = spare.parts.iter().map(Vec::len).collect();
        assert_eq!(waiting, [half + 1], "the newest");
        spare.leave(bytemuck::zeroed_vec(2 * half));
        assert!(spare.parts.is_empty(), "too much for itself");
    }

    #[test]
    fn numbers_are_as_many_as_asked_for() {
        for count in [100_000, 30_000, 0, 90_000] {
            let numbers = take_numbers(count);
            assert_eq!(numbers.len(), count);
            leave_numbers(numbers);
        }
    }
}
