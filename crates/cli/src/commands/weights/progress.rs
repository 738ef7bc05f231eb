//! What is said on standard error while weights are fetched.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lookalike_weights::Event;

use crate::args::GlobalArgs;

/// A bar of bytes on a terminal, and messages.
pub(super) struct Progress {
    bar: ProgressBar,
    quiet: bool,
}

impl Progress {
    pub(super) fn new(global: &GlobalArgs) -> Self {
        let hidden = global.quiet || global.no_progress || !std::io::stderr().is_terminal();
        let target =
            if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = "{msg} {bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, quiet: global.quiet }
    }

    #[allow(clippy::print_stderr)]
    fn warn(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("lookalike: {text}"));
        }
    }

    pub(super) fn show(&mut self, event: &Event<'_>) {
        match *event {
            Event::Waiting { name } => {
                self.warn(&format!("another process fetches {name}; waiting for it"));
            }
            Event::Start { name, held, total, .. } => {
                self.bar.set_message(name.to_owned());
                match total {
                    Some(total) => self.bar.set_length(total),
                    None => self.bar.unset_length(),
                }
                self.bar.set_position(held);
                // The rate is that of this transfer, not of what was there.
                self.bar.reset_eta();
            }
            Event::Held(held) => self.bar.set_position(held),
            Event::Again { reason } => self.warn(&format!("{reason}; trying again")),
            _ => {}
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A remark, unless the run is quiet.
#[allow(clippy::print_stderr)]
pub(super) fn say(global: &GlobalArgs, text: &str) {
    if !global.quiet {
        eprintln!("lookalike: {text}");
    }
}
