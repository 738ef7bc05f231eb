//! The largest differences that tests find, as the table in docs/learned-metrics.md states them.
//!
//! With `LOOKALIKE_UPDATE_DOCS` set, every row that the tests reach is written anew.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

const BEGIN: &str = "<!-- agreement: begin -->\n";
const END: &str = "<!-- agreement: end -->";
const HEADER: &str = "| what | with | allowed | found |\n|---|---|---|---|\n";

/// One row: what is compared with what, and how far off it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) with: &'static str,
    pub(crate) allowed: f64,
}

impl Row {
    /// Fails where an error is beyond what is allowed; keeps the largest of them for the table.
    #[track_caller]
    pub(crate) fn check(&self, error: f64, what: &str) {
        assert!(error <= self.allowed, "{what}: {error:.2e}, allowed {:.0e}", self.allowed);
        static LARGEST: Mutex<BTreeMap<&str, f64>> = Mutex::new(BTreeMap::new());
        let mut all = LARGEST.lock().unwrap();
        let largest = all.entry(self.what).or_insert(-1.0);
        if error > *largest {
            *largest = error;
            if std::env::var_os("LOOKALIKE_UPDATE_DOCS").is_some() {
                self.write(error);
            }
        }
    }

    /// Puts the row in the place of the one that begins alike, or at the end.
    fn write(&self, error: f64) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/learned-metrics.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (table, after) = rest.split_once(END).unwrap();
        let start = format!("| {} |", self.what);
        let row = format!("{start} {} | {:.0e} | {error:.1e} |", self.with, self.allowed);
        let mut rows: Vec<&str> = table.lines().skip(2).collect();
        match rows.iter_mut().find(|old| old.starts_with(&start)) {
            Some(old) => *old = &row,
            None => rows.push(&row),
        }
        let rows = rows.join("\n");
        let text = format!("{before}{BEGIN}{HEADER}{rows}\n{END}{after}");
        std::fs::write(path, text).unwrap();
    }
}
