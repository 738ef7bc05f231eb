//! The pairs of pictures that the workers of metrics read.

use std::path::Path;

/// The decoded pictures of a pair: interleaved 8-bit RGB.
pub struct Pair {
    pub width: usize,
    pub height: usize,
    pub reference: Vec<u8>,
    pub candidate: Vec<u8>,
}

impl Pair {
    /// Reads `NAME-WIDTHxHEIGHT.reference.rgb` and its candidate.
    pub fn read(folder: &Path, name: &str) -> Result<Self, String> {
        let size = name.rsplit_once('-').and_then(|(_, size)| size.split_once('x'));
        let (width, height) = size.ok_or_else(|| format!("{name}: no size in the name"))?;
        let side = |text: &str| text.parse::<usize>().map_err(|error| format!("{name}: {error}"));
        let samples = |role: &str| {
            let path = folder.join(format!("{name}.{role}.rgb"));
            std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok(Self {
            width: side(width)?,
            height: side(height)?,
            reference: samples("reference")?,
            candidate: samples("candidate")?,
        })
    }
}
