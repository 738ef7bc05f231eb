//! Score maps as pictures: where two pictures differ.
//!
//! The scale is fixed by the metric's card, so the same colour means the same difference in every
//! picture. Colours are magma's, which is perceptually uniform and stays ordered in greyscale and
//! for colour-blind readers: black is "no difference". A bar beside the map carries the scale.

use colorous::MAGMA;
use font8x8::UnicodeFonts;
use lookalike_core::{Channels, DisplayScale, Picture, Result, ScoreMap};

/// Pixels between map and bar, and around the bar.
const GAP: usize = 8;
/// Width of the bar.
const BAR: usize = 16;
/// Side of a character.
const GLYPH: usize = 8;
/// Smallest height that leaves room for two labels.
const LEAST_HEIGHT: usize = 4 * GLYPH;
/// Characters of the longest label.
const LABEL: usize = 6;

/// Draws a map over the size of the picture it belongs to, with a colour bar on its right.
///
/// The result is as high as the picture (at least 32 pixels) and 80 pixels wider.
///
/// # Errors
/// [`lookalike_core::Error::SampleCount`] when the picture is empty.
pub fn heat_map(
    map: &ScoreMap,
    scale: DisplayScale,
    width: usize,
    height: usize,
) -> Result<Picture> {
    let canvas_width = width + 2 * GAP + BAR + LABEL * GLYPH;
    let canvas_height = height.max(LEAST_HEIGHT);
    let mut canvas = Canvas::new(canvas_width, canvas_height);
    canvas.paint(map, scale, width, height);
    let bar_left = width + GAP;
    for y in 0..canvas_height {
        let share = 1.0 - y as f64 / (canvas_height - 1) as f64;
        let value = scale.same + share * (scale.different - scale.same);
        for x in bar_left..bar_left + BAR {
            canvas.set(x, y, colour(value, scale));
        }
    }
    let text_left = bar_left + BAR + GAP / 2;
    let middle = (scale.same + scale.different) / 2.0;
    canvas.write(text_left, 0, &label(scale.different));
    if canvas_height >= 2 * LEAST_HEIGHT {
        canvas.write(text_left, (canvas_height - GLYPH) / 2, &label(middle));
    }
    canvas.write(text_left, canvas_height - GLYPH, &label(scale.same));
    Picture::from_u8(canvas_width, canvas_height, Channels::Rgb, canvas.samples)
}

/// Draws a map over the size of the picture it belongs to, without a colour bar: for places that
/// show the scale by [`scale_colour`] themselves.
///
/// # Errors
/// [`lookalike_core::Error::SampleCount`] when the picture is empty.
pub fn bare_heat_map(
    map: &ScoreMap,
    scale: DisplayScale,
    width: usize,
    height: usize,
) -> Result<Picture> {
    let mut canvas = Canvas::new(width, height);
    canvas.paint(map, scale, width, height);
    Picture::from_u8(width, height, Channels::Rgb, canvas.samples)
}

/// The colour at a share of every map's scale, from 0 (no difference) to 1 (the strongest).
pub fn scale_colour(share: f64) -> [u8; 3] {
    colour(share, DisplayScale { same: 0.0, different: 1.0 })
}

/// The colour of a value on a scale; values beyond the scale take its end colours.
fn colour(value: f64, scale: DisplayScale) -> [u8; 3] {
    let share = (value - scale.same) / (scale.different - scale.same);
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
    MAGMA.eval_continuous(share).into_array()
}

/// A number in at most six characters.
fn label(value: f64) -> String {
    let text = format!("{value:.3}");
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    if trimmed.len() <= LABEL { trimmed.to_owned() } else { format!("{value:.0e}") }
}

struct Canvas {
    width: usize,
    samples: Vec<u8>,
}

impl Canvas {
    /// A white canvas.
    fn new(width: usize, height: usize) -> Self {
        Self { width, samples: vec![255; width * height * 3] }
    }

    /// Draws a map into the top left corner.
    fn paint(&mut self, map: &ScoreMap, scale: DisplayScale, width: usize, height: usize) {
        for y in 0..height {
            for x in 0..width {
                self.set(x, y, colour(f64::from(map.at_pixel(x, y)), scale));
            }
        }
    }

    fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        let start = (y * self.width + x) * 3;
        if let Some(pixel) = self.samples.get_mut(start..start + 3) {
            pixel.copy_from_slice(&colour);
        }
    }

    fn write(&mut self, left: usize, top: usize, text: &str) {
        for (index, character) in text.chars().take(LABEL).enumerate() {
            let Some(rows) = font8x8::BASIC_FONTS.get(character) else { continue };
            for (dy, bits) in rows.iter().enumerate() {
                for dx in (0..GLYPH).filter(|dx| bits & (1 << dx) != 0) {
                    self.set(left + index * GLYPH + dx, top + dy, [0, 0, 0]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSIM: DisplayScale = DisplayScale { same: 1.0, different: 0.0 };

    #[test]
    fn colours_depend_on_the_value_alone() {
        assert_eq!(colour(1.0, SSIM), MAGMA.eval_continuous(0.0).into_array());
        assert_eq!(colour(-3.0, SSIM), MAGMA.eval_continuous(1.0).into_array());
        assert_eq!(colour(f64::NAN, SSIM), MAGMA.eval_continuous(1.0).into_array());
    }

    #[test]
    fn a_tiny_map_still_carries_its_scale() {
        let map = ScoreMap { width: 1, height: 1, values: vec![0.0], left: 0, top: 0, step: 1 };
        let picture = heat_map(&map, SSIM, 1, 1).unwrap();
        assert_eq!((picture.width(), picture.height()), (81, LEAST_HEIGHT));
        assert_eq!(picture.plane(0, 255.0)[0], f64::from(MAGMA.eval_continuous(1.0).r));
    }

    #[test]
    fn the_bare_map_is_the_map_without_its_bar() {
        let values = (0..12).map(|v| v as f32 / 11.0).collect();
        let map = ScoreMap { width: 4, height: 3, values, left: 0, top: 0, step: 1 };
        let bare = bare_heat_map(&map, SSIM, 4, 3).unwrap();
        assert_eq!(bare, heat_map(&map, SSIM, 4, 3).unwrap().crop(0, 0, 4, 3).unwrap());
        assert_eq!(bare.plane(0, 255.0)[0], f64::from(scale_colour(1.0)[0]));
    }

    #[test]
    fn labels_fit() {
        for (value, text) in [(1.0, "1"), (0.5, "0.5"), (0.04, "0.04"), (-1234.5, "-1e3")] {
            assert_eq!(label(value), text);
        }
    }
}
