//! Draws the picture of the README: a reference, a candidate, and the map of where they differ.

use std::path::Path;

use lookalike::encode::write_png;
use lookalike::procedural::{Distortion, scene};
use lookalike::{Channels, Picture, Samples, Want, heat_map};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args().nth(1).ok_or("expected a path for the PNG")?;
    let reference = scene(1, 280, 210);
    let candidate = Distortion::Jpeg.apply(&reference, 0.7, 1)?;
    let metric = lookalike::metric("ssim")?;
    let score = metric.compare(&reference, &candidate, Want { map: true })?;
    let (Some(map), Some(scale)) = (score.map, metric.card().map) else {
        return Err("ssim has a map".into());
    };
    let map = heat_map(&map, scale, reference.width(), reference.height())?;
    write_png(&beside(&[&reference, &candidate, &map])?, Path::new(&out))?;
    Ok(())
}

/// Pictures of one height in a row, with white gaps.
fn beside(pictures: &[&Picture]) -> Result<Picture, Box<dyn std::error::Error>> {
    const GAP: usize = 6;
    let height = pictures[0].height();
    let mut rows = vec![Vec::new(); height];
    for picture in pictures {
        let Samples::U8(samples) = picture.samples() else { return Err("8-bit pictures".into()) };
        for (row, line) in rows.iter_mut().zip(samples.chunks(picture.width() * 3)) {
            row.extend_from_slice(line);
            row.extend_from_slice(&[255; 3 * GAP]);
        }
    }
    let width = rows[0].len() / 3;
    Ok(Picture::from_u8(width, height, Channels::Rgb, rows.concat())?)
}
