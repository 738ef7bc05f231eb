//! Held-out pictures above what was drawn of them.

use lookalike_core::encode::png;

use crate::Result;
use crate::reconstruction::picture_of;

/// Pictures side by side.
pub const COLUMNS: usize = 8;

/// A PNG of rows of pictures, each row of as many pictures of channels, height and width.
///
/// # Errors
/// [`Error::Picture`](crate::Error::Picture) for channels that no picture has.
pub fn grid([channels, height, width]: [usize; 3], rows: &[&[f32]]) -> Result<Vec<u8>> {
    let size = channels * height * width;
    let columns = rows.iter().map(|row| row.len() / size.max(1)).max().unwrap_or(0).max(1);
    let full = [rows.len() * (height + 2) + 2, columns * (width + 2) + 2];
    let mut planes = vec![1.0; channels * full[0] * full[1]];
    for (down, row) in rows.iter().enumerate() {
        for (across, picture) in row.chunks_exact(size).enumerate() {
            for (channel, plane) in picture.chunks_exact(height * width).enumerate() {
                for (y, line) in plane.chunks_exact(width).enumerate() {
                    let top = channel * full[0] + 2 + down * (height + 2) + y;
                    let start = top * full[1] + 2 + across * (width + 2);
                    planes[start..start + width].copy_from_slice(line);
                }
            }
        }
    }
    Ok(png(&picture_of(channels, full, &planes)?)?)
}
