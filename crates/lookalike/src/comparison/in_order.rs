//! How far a run may get ahead of its slowest pair.
//!
//! Outcomes leave a run in the order of its list, so those behind a slow pair have to be kept. Here
//! workers ask before they start a pair: as long as too many are on their way or kept, only the pair
//! that all others wait for may start. Pairs are handed out in order, so that pair is always at work
//! or allowed to be, and nobody waits for ever.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often those who wait look for a cancellation, which comes without notice.
const PATIENCE: Duration = Duration::from_millis(20);

pub(super) struct InOrder<'a> {
    room: usize,
    cancelled: &'a AtomicBool,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    /// Pairs that were started and not yet handed on.
    ahead: usize,
    /// Pairs that were handed on, and so the index of the one that all others wait for.
    handed_on: usize,
    /// Whether nobody has to wait any more.
    open: bool,
}

impl<'a> InOrder<'a> {
    /// At most `room` pairs, and one more, are on their way or kept.
    pub(super) fn new(room: usize, cancelled: &'a AtomicBool) -> Self {
        Self { room, cancelled, state: Mutex::default(), moved: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until pair `index` may start; false when the run was cancelled meanwhile.
    pub(super) fn start(&self, index: usize) -> bool {
        let mut state = self.state();
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return false;
            }
            if state.open || state.ahead < self.room || index == state.handed_on {
                state.ahead += 1;
                return true;
            }
            let waited = self.moved.wait_timeout(state, PATIENCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says that the outcome of the first pair that was missing has been handed on.
    pub(super) fn hand_on(&self) {
        let mut state = self.state();
        state.ahead = state.ahead.saturating_sub(1);
        state.handed_on += 1;
        drop(state);
        self.moved.notify_all();
    }

    /// When what it returns is dropped in a panic, nobody has to wait any more: the pair that others
    /// wait for may be the one that will never come.
    pub(super) fn open_on_panic(&self) -> OpenOnPanic<'_> {
        OpenOnPanic(self)
    }
}

pub(super) struct OpenOnPanic<'a>(&'a InOrder<'a>);

impl Drop for OpenOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().open = true;
            self.0.moved.notify_all();
        }
    }
}
