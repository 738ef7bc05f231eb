//! What the first seed's runs drew, as files: one by one for other commands, and together on a sheet.

use std::path::Path;

use anyhow::Context;
use lookalike::encode::png;
use lookalike::{Picture, Samples};
use lookalike_train::grid::{COLUMNS, grid};
use lookalike_train::write_whole;
use lookalike_translate::study::Found;

/// What stands in the rows of the sheet: sources, targets, and every row's pictures, for the first pairs.
pub(super) fn shown(found: &Found) -> Vec<(&'static str, &[Picture])> {
    let of_rows =
        found.rows.iter().filter_map(|row| Some((row.name, &row.runs.first()?.pictures[..])));
    let pairs = [("source", &found.sources[..]), ("target", &found.targets[..])];
    let all = pairs.into_iter().chain(of_rows);
    all.map(|(name, pictures)| (name, &pictures[..pictures.len().min(COLUMNS)])).collect()
}

/// Writes `pictures/` and `drawn.png`.
pub(super) fn write(out: &Path, found: &Found) -> anyhow::Result<()> {
    let folder = out.join("pictures");
    save(&folder.join("source"), &found.sources)?;
    save(&folder.join("target"), &found.targets)?;
    for row in &found.rows {
        if let Some(run) = row.runs.first() {
            save(&folder.join(row.slug), &run.pictures)?;
        }
    }
    let lines = found.names.iter().enumerate().map(|(at, name)| format!("{at:04}.png,{name:?}\n"));
    let list: String = std::iter::once("file,pair\n".to_owned()).chain(lines).collect();
    write_whole(&folder.join("names.csv"), list.as_bytes())?;
    let Some(side) = found.sources.first().map(Picture::width) else { return Ok(()) };
    let rows: Vec<Vec<f32>> = shown(found)
        .into_iter()
        .map(|(_, pictures)| pictures.iter().flat_map(planes).collect())
        .collect();
    let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    write_whole(&out.join("drawn.png"), &grid([3, side, side], &rows)?)?;
    Ok(())
}

/// Samples in 0…1, channel after channel.
fn planes(picture: &Picture) -> Vec<f32> {
    let Samples::U8(codes) = picture.samples() else { return Vec::new() };
    let of = |channel: usize| codes.iter().skip(channel).step_by(3);
    (0..3).flat_map(of).map(|&code| f32::from(code) / 255.0).collect()
}

fn save(folder: &Path, all: &[Picture]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    for (at, picture) in all.iter().enumerate() {
        write_whole(&folder.join(format!("{at:04}.png")), &png(picture)?)?;
    }
    Ok(())
}
