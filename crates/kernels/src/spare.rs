//! Memory of activations that nobody needs any more, for the next.
//!
//! A network's activations are tens of megabytes, taken and given back for every batch. Allocators hand such
//! memory back to the system sooner or later, and the system hands it out page by page: that can take as long
//! as the network itself. So [`Blocks`](crate::Blocks) leave their memory here when they are dropped, and take
//! it from here when they need some; which memory it is makes no difference to any number.
//!
//! Limits: at most half a gibibyte waits, for as long as the program runs, or until [`give_back`].

use std::sync::{Mutex, PoisonError};

use crate::lanes::Line;

/// Bytes that wait at most.
const MOST: usize = 512 << 20;

/// Below this many lines an allocator is as good.
const LEAST: usize = (64 << 10) / size_of::<Line>();

static SPARE: Mutex<Spare> = Mutex::new(Spare { parts: Vec::new() });

struct Spare {
    parts: Vec<Vec<Line>>,
}

impl Spare {
    /// The smallest part that is large enough.
    fn take(&mut self, count: usize) -> Option<Vec<Line>> {
        let fitting = self.parts.iter().enumerate().filter(|(_, part)| part.len() >= count);
        let (at, _) = fitting.min_by_key(|(_, part)| part.len())?;
        Some(self.parts.remove(at))
    }

    fn leave(&mut self, part: Vec<Line>) {
        self.parts.push(part);
        let mut all: usize = self.parts.iter().map(|part| part.len() * size_of::<Line>()).sum();
        // What has waited longest is of sizes that are not asked for any more.
        while all > MOST {
            all -= self.parts.remove(0).len() * size_of::<Line>();
        }
    }
}

/// Lines, at least `count` of them unless there are none to spare; what they hold is left over from before.
pub(crate) fn take(count: usize) -> Option<Vec<Line>> {
    if count < LEAST { None } else { spare(|spare| spare.take(count)) }
}

/// Leaves lines for others.
pub(crate) fn leave(lines: Vec<Line>) {
    if lines.len() >= LEAST {
        spare(|spare| spare.leave(lines));
    }
}

/// Gives all waiting memory back to the allocator.
pub fn give_back() {
    drop(spare(|spare| std::mem::take(&mut spare.parts)));
}

fn spare<T>(act: impl FnOnce(&mut Spare) -> T) -> T {
    act(&mut SPARE.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<Line> {
        vec![Line::ZERO; count]
    }

    #[test]
    fn the_smallest_that_fits_is_taken() {
        let mut spare = Spare { parts: Vec::new() };
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
        let mut spare = Spare { parts: Vec::new() };
        // Zeroed memory that nobody touches costs nothing.
        let half = MOST / size_of::<Line>() / 2 + 1;
        spare.leave(bytemuck::zeroed_vec(half));
        spare.leave(bytemuck::zeroed_vec(half + 1));
        let waiting: Vec<usize> = spare.parts.iter().map(Vec::len).collect();
        assert_eq!(waiting, [half + 1], "the newest");
        spare.leave(bytemuck::zeroed_vec(2 * half));
        assert!(spare.parts.is_empty(), "too much for itself");
    }
}
