//! Draws the pictures on which `tools/goldens/closed_form.py` runs other people's metrics.
//!
//! Sizes are chosen where conventions part: 64 and 96 pixels for the small-picture profiles, odd
//! sides for the halving rules.

use std::path::Path;

use lookalike::encode::write_png;
use lookalike::procedural::{Distortion, scene};

/// Seed, width and height of each scene.
const SCENES: [(u64, usize, usize); 3] = [(11, 96, 64), (12, 177, 161), (13, 270, 211)];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("expected a folder")?;
    std::fs::create_dir_all(&folder)?;
    for (seed, width, height) in SCENES {
        let reference = scene(seed, width, height);
        let name = format!("scene{seed}");
        write_png(&reference, &Path::new(&folder).join(format!("{name}.png")))?;
        for distortion in
            [Distortion::Blur, Distortion::Noise, Distortion::Jpeg, Distortion::Saturation]
        {
            let candidate = distortion.apply(&reference, 0.4, seed)?;
            let file = format!("{name}-{}.png", distortion.name());
            write_png(&candidate, &Path::new(&folder).join(file))?;
        }
    }
    Ok(())
}
