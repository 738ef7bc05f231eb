//! What is said on standard error while a command runs.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::GlobalArgs;
use crate::report::{ErrorRecord, Tally};

/// Progress and messages, on standard error.
pub(crate) struct Log {
    /// Counts pairs.
    pub(crate) bar: ProgressBar,
    quiet: bool,
}

impl Log {
    pub(crate) fn new(pairs: usize, global: &GlobalArgs) -> Self {
        let hidden =
            global.quiet || global.no_progress || pairs < 2 || !std::io::stderr().is_terminal();
        let target =
            if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(pairs as u64), target);
        let template = "{bar:30} {pos}/{len} pairs, {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, quiet: global.quiet }
    }

    #[allow(clippy::print_stderr)]
    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("lookalike: {text}"));
        }
    }

    /// Shows an error and adds it to the tally, once. Errors are shown even when the run is quiet:
    /// they decide the exit status.
    #[allow(clippy::print_stderr)]
    pub(crate) fn note(&self, tally: &mut Tally, error: ErrorRecord) {
        let text = error.to_string();
        if tally.add_error(error) {
            self.bar.suspend(|| eprintln!("lookalike: {text}"));
        }
    }
}

/// A flag that Ctrl-C sets; a second Ctrl-C ends the program at once.
pub(crate) fn on_interrupt() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    // Without a handler Ctrl-C ends the program, which is acceptable.
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            #[allow(clippy::exit)]
            std::process::exit(2);
        }
    });
    flag
}
