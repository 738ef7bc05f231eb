//! The pictures that all sides compare: drawn scenes and a JPEG of them with noise.
//!
//! Samples are written as they are, interleaved 8-bit RGB, so that no decoder comes between them
//! and a library; for measurements of the program and of folders there are PNG and JPEG files, and
//! screens of rendered pages that changed in few places or none.

use std::fs::{File, create_dir_all};
use std::io::BufWriter;
use std::path::Path;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use lookalike::encode::write_png;
use lookalike::procedural::{Distortion, scene};
use lookalike::{Channels, Picture, Samples};

use super::pages::{Change, PAGE, page};

const SIZES: [(&str, usize, usize); 3] =
    [("512", 512, 512), ("1080p", 1920, 1080), ("4k", 3840, 2160)];

/// Pairs of each folder.
const FOLDER_PAIRS: u64 = 6;

type Outcome = Result<(), String>;

/// Draws everything into a folder.
pub fn draw(folder: &Path, seed: &str) -> Outcome {
    let seed: u64 = seed.parse().map_err(|error| format!("{seed}: {error}"))?;
    create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, width, height) in SIZES {
        let (reference, candidate) = pair(seed, width, height)?;
        for (role, picture) in [("reference", &reference), ("candidate", &candidate)] {
            let path = folder.join(format!("{name}-{width}x{height}.{role}.rgb"));
            std::fs::write(&path, samples(picture))
                .map_err(|error| format!("{}: {error}", path.display()))?;
            if name == "4k" {
                png(picture, &path.with_extension("png"))?;
            }
        }
    }
    for index in 0..FOLDER_PAIRS {
        let (reference, candidate) = pair(seed + index, 1920, 1080)?;
        for (role, picture, quality) in [("before", &reference, 92), ("after", &candidate, 60)] {
            let place = |format: &str| folder.join("folders").join(format).join(role);
            for format in ["png", "jpeg"] {
                create_dir_all(place(format)).map_err(|error| error.to_string())?;
            }
            png(picture, &place("png").join(format!("{index}.png")))?;
            jpeg(picture, &place("jpeg").join(format!("{index}.jpg")), quality)?;
        }
    }
    for role in ["before", "after"] {
        let place = folder.join("folders/pages").join(role);
        create_dir_all(&place).map_err(|error| error.to_string())?;
        for index in 0..FOLDER_PAIRS {
            let change = match index {
                2 if role == "after" => Change::ButtonRemoved,
                4 if role == "after" => Change::Antialiasing,
                _ => Change::Nothing,
            };
            png(&screen(index, change)?, &place.join(format!("{index}.png")))?;
        }
    }
    Ok(())
}

/// A screen of 1920×1080 full of small pages, as a browser would render it; antialiasing changes
/// all of them, anything else the first.
fn screen(number: u64, change: Change) -> Result<Picture, String> {
    let (width, height) = (1920_usize, 1080_usize);
    let (columns, rows) = (width / PAGE.0, height.div_ceil(PAGE.1));
    let mut codes = vec![0; width * height * 3];
    for tile in 0..columns * rows {
        let everywhere = change == Change::Antialiasing;
        let change = if tile == 0 || everywhere { change } else { Change::Nothing };
        let drawn = page(number * 100 + tile as u64, change);
        let (left, top) = (tile % columns * PAGE.0, tile / columns * PAGE.1);
        for (y, row) in samples(&drawn).chunks_exact(3 * PAGE.0).enumerate() {
            let start = 3 * ((top + y) * width + left);
            if let Some(to) = codes.get_mut(start..start + row.len()) {
                to.copy_from_slice(row);
            }
        }
    }
    Picture::from_u8(width, height, Channels::Rgb, codes).map_err(|error| error.to_string())
}

/// A pair of PNG files of `side` × `side` pixels: a scene of 2048×2048 repeated, which needs no
/// more memory than the samples.
pub fn draw_huge(folder: &Path, side: &str) -> Outcome {
    let side: usize = side.parse().map_err(|error| format!("{side}: {error}"))?;
    create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let (reference, candidate) = pair(1, 2048, 2048)?;
    for (role, tile) in [("reference", reference), ("candidate", candidate)] {
        let rows: Vec<&[u8]> = samples(&tile).chunks_exact(2048 * 3).collect();
        let mut repeated = Vec::with_capacity(side * side * 3);
        for y in 0..side {
            let row = rows[y % rows.len()].iter().cycle().take(side * 3);
            repeated.extend(row);
        }
        let picture = Picture::from_u8(side, side, Channels::Rgb, repeated)
            .map_err(|error| error.to_string())?;
        png(&picture, &folder.join(format!("huge.{role}.png")))?;
    }
    Ok(())
}

fn pair(seed: u64, width: usize, height: usize) -> Result<(Picture, Picture), String> {
    let reference = scene(seed, width, height);
    let candidate = Distortion::Jpeg
        .apply(&reference, 0.4, seed)
        .and_then(|picture| Distortion::Noise.apply(&picture, 0.1, seed))
        .map_err(|error| error.to_string())?;
    Ok((reference, candidate))
}

fn samples(picture: &Picture) -> &[u8] {
    match picture.samples() {
        Samples::U8(samples) => samples,
        _ => &[],
    }
}

fn png(picture: &Picture, path: &Path) -> Outcome {
    write_png(picture, path).map_err(|error| error.to_string())
}

fn jpeg(picture: &Picture, path: &Path, quality: u8) -> Outcome {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = File::create(path).map_err(|error| failed(&error))?;
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    JpegEncoder::new_with_quality(BufWriter::new(file), quality)
        .encode(samples(picture), width, height, ExtendedColorType::Rgb8)
        .map_err(|error| failed(&error))
}
