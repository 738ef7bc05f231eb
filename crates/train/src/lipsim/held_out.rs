//! The synthetic observer's held-out triplets, as files that `judge eval` reads.

use std::fmt::Write as _;
use std::path::Path;

use lookalike_core::encode::png;
use serde::Serialize;

use super::observer::{HELD_OUT_TRIPLETS, triplet};
use crate::Result;
use crate::files::{failed, write_json, write_whole};

/// What was written: `held-out.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldOut {
    /// `lookalike.held-out/1`.
    pub schema: &'static str,
    /// Rows of `triplets.csv`.
    pub triplets: usize,
    /// Height and width of the pictures.
    pub side: usize,
    /// The seed of the observer.
    pub seed: u64,
    /// Always `synthetic`: nobody was asked.
    pub observer: &'static str,
}

/// Writes triplets that no run learns from to a folder: pictures of `side` pixels and `triplets.csv`.
///
/// # Errors
/// What writing gives; [`Error::Picture`](crate::Error::Picture) for a side of 0.
pub fn write_held_out(seed: u64, count: usize, side: usize, folder: &Path) -> Result<HeldOut> {
    std::fs::create_dir_all(folder).map_err(failed(folder, "write"))?;
    let mut list = "reference,left,right,votes_right,votes\n".to_owned();
    for number in 0..count {
        let found = triplet(seed, HELD_OUT_TRIPLETS + number as u64);
        let mut row = Vec::new();
        for (subject, part) in found.subjects.iter().zip(["reference", "left", "right"]) {
            let name = format!("{number:04}-{part}.png");
            write_whole(&folder.join(&name), &png(&subject.picture(side)?)?)?;
            row.push(name);
        }
        let _ = writeln!(list, "{},{},1", row.join(","), u8::from(found.right));
    }
    write_whole(&folder.join("triplets.csv"), list.as_bytes())?;
    let schema = "lookalike.held-out/1";
    let written = HeldOut { schema, triplets: count, side, seed, observer: "synthetic" };
    write_json(&folder.join("held-out.json"), &written)?;
    Ok(written)
}
