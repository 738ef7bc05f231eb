//! Memory that a thread uses again and again.

use std::cell::Cell;

use crate::lanes::Line;

thread_local! {
    static LINES: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// Lines for as long as `act` runs; what they hold is left over from before. `act` may run other
/// operations on the same thread: they get memory of their own.
pub(crate) fn with_lines<T>(count: usize, act: impl FnOnce(&mut [Line]) -> T) -> T {
    let mut lines = LINES.take();
    if lines.len() < count {
        // What is too short is given back first.
        drop(lines);
        lines = bytemuck::zeroed_vec(count);
    }
    if cfg!(debug_assertions) {
        // What is read before it is written shows.
        lines[..count].fill(Line::NAN);
    }
    let result = act(&mut lines[..count]);
    LINES.set(lines);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_and_may_be_nested() {
        let first = with_lines(10, |lines| lines.as_ptr() as usize);
        let (second, inner) = with_lines(7, |lines| {
            let inner = with_lines(3, |lines| lines.as_ptr() as usize);
            (lines.as_ptr() as usize, inner)
        });
        assert_eq!(first, second);
        assert_ne!(second, inner);
    }
}
