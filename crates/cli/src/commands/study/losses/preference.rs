//! The study of preference: which of two reconstructions looks more like the picture? A project for `judge collect`.
//!
//! As in Snell et al. 2017: forced choice between what the same network draws under two losses. Every pair of losses is
//! asked about on the same held-out pictures; attention checks show the picture itself beside a heavily blurred one.
//! One question in ten is asked again with its sides exchanged, to see how steady people are. Order and sides are drawn anew for every person by `judge collect`. Nobody has been asked yet: what people prefer is
//! for people to say.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lookalike::encode::png;
use lookalike::procedural::Distortion;
use lookalike_train::write_whole;

use super::measured::Drawn;

/// One attention check in so many questions.
const CHECK_EVERY: usize = 20;
/// One question in so many is one that was asked before, with its sides exchanged.
const REPEAT_EVERY: usize = 10;

/// Writes the project, and gives its folder.
pub(super) fn write(
    out: &Path,
    drawn: &Drawn,
    questions: usize,
    seed: u64,
) -> anyhow::Result<PathBuf> {
    let folder = out.join("preference");
    std::fs::create_dir_all(folder.join("blurred"))
        .with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let relative = |path: &Path| {
        let below = path.strip_prefix(out).unwrap_or(path);
        format!("../{}", below.display())
    };
    let shown = drawn.originals.len().min(questions);
    let mut rows = "reference,left,right,subset,expected\n".to_owned();
    let columns = drawn.columns.len();
    for a in 0..columns {
        for b in a + 1..columns {
            for at in 0..shown {
                let [left, right] = [a, b].map(|loss| relative(&drawn.files[loss][at]));
                let reference = relative(&drawn.originals[at].0);
                let subset = format!("{} or {}", drawn.columns[a], drawn.columns[b]);
                writeln!(rows, "{reference},{left},{right},\"{subset}\",")?;
            }
        }
    }
    let asked = shown * columns * (columns - 1) / 2;
    for (at, (path, picture)) in drawn.originals.iter().enumerate() {
        if at >= asked.div_ceil(CHECK_EVERY).max(1) {
            break;
        }
        let blurred = Distortion::Blur.apply(picture, 1.0, seed)?;
        let name = format!("blurred/{at:04}.png");
        write_whole(&folder.join(&name), &png(&blurred)?)?;
        let original = relative(path);
        writeln!(rows, "{original},{original},{name},check,left")?;
    }
    write_whole(&folder.join("items.csv"), rows.as_bytes())?;
    // Small pictures are shown larger, each sample as whole device pixels.
    let side = drawn.originals.first().map_or(64, |(_, picture)| picture.width());
    let zoom = (256 / side.max(1)).clamp(1, 8);
    let text = format!(
        "task = \"2afc\"\nitems = \"items.csv\"\nraters = 20\nvotes = 5\n\
         question = \"Which of the two looks more like the picture in the middle?\"\nseed = {seed}\n\
         check_every = {CHECK_EVERY}\nrepeat_every = {REPEAT_EVERY}\nzoom = {zoom}\n"
    );
    let project = folder.join("project.toml");
    // What people answered belongs to a project: it stays as it is.
    if !project.exists() {
        write_whole(&project, text.as_bytes())?;
    }
    Ok(folder)
}
