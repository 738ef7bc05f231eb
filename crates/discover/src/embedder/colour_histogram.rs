//! Which colours a picture has, and where: histograms of the whole and of its four quarters.
//!
//! Every pixel of the picture, brought to 64 × 64, votes for the eight nearest of 5 × 9 × 9 bins of
//! lightness, green–red and blue–yellow with trilinear weights. A region's vector is √(share of each bin), so
//! that the product of two is their Bhattacharyya coefficient; the whole weighs as much as its quarters
//! together.
//!
//! Source: colours in Oklab (Ottosson, "A perceptual color space for image processing", 2020), in which
//! distances are nearly those that are seen; histograms of regions as in Swain and Ballard, "Color Indexing",
//! 1991; roots as in Arandjelović and Zisserman, CVPR 2012.
//!
//! Limits: a background counts like anything else; a picture turned round has other quarters.

use lookalike_core::Picture;

use super::{Embedder, resized};
use crate::Result;
use crate::store::Fingerprint;

const SIDE: usize = 64;
const LIGHTNESS: usize = 5;
const CHROMA: usize = 9;
/// Beyond it all chroma is the same; that of sRGB reaches 0.33.
const GREATEST_CHROMA: f64 = 0.3;
const BINS: usize = LIGHTNESS * CHROMA * CHROMA;
/// The whole and four quarters.
const REGIONS: usize = 5;

/// The embedder `colour-hist`.
pub struct ColourHistogram {
    fingerprint: Fingerprint,
}

impl ColourHistogram {
    /// The embedder.
    pub fn new() -> Self {
        let fingerprint = Fingerprint {
            model: "colour-hist".to_owned(),
            weights: String::new(),
            preprocessing: format!("{SIDE}x{SIDE}, bicubic; Oklab {LIGHTNESS}x{CHROMA}x{CHROMA}"),
            dimension: BINS * REGIONS,
        };
        Self { fingerprint }
    }
}

impl Default for ColourHistogram {
    fn default() -> Self {
        Self::new()
    }
}

/// Oklab of display-coded samples in 0…1.
fn oklab(coded: [f64; 3]) -> [f64; 3] {
    let [r, g, b] =
        coded.map(
            |code| {
                if code <= 0.04045 { code / 12.92 } else { ((code + 0.055) / 1.055).powf(2.4) }
            },
        );
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

/// The two nearest of some bins to a number in 0…1, with their weights.
fn shares(number: f64, bins: usize) -> [(usize, f64); 2] {
    let place = number.clamp(0.0, 1.0) * (bins - 1) as f64;
    let low = (place.floor() as usize).min(bins - 2);
    let rest = place - low as f64;
    [(low, 1.0 - rest), (low + 1, rest)]
}

impl Embedder for ColourHistogram {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        let small = resized(picture, SIDE, SIDE)?;
        let planes = [0, 1, 2].map(|channel| small.plane(channel, 1.0));
        let mut regions = vec![[0.0_f64; BINS]; REGIONS];
        for y in 0..SIDE {
            for x in 0..SIDE {
                let [l, a, b] = oklab(planes.each_ref().map(|plane| plane[y * SIDE + x]));
                let chroma = |value: f64| value / (2.0 * GREATEST_CHROMA) + 0.5;
                let quarter = 1 + 2 * (y * 2 / SIDE) + x * 2 / SIDE;
                for (l, of_l) in shares(l, LIGHTNESS) {
                    for (a, of_a) in shares(chroma(a), CHROMA) {
                        for (b, of_b) in shares(chroma(b), CHROMA) {
                            let weight = of_l * of_a * of_b;
                            let bin = (l * CHROMA + a) * CHROMA + b;
                            regions[0][bin] += weight;
                            regions[quarter][bin] += weight;
                        }
                    }
                }
            }
        }
        // Half of the weight to the whole, the other half to the quarters, each with a quarter of the pixels.
        let scale = 0.5 / (SIDE * SIDE) as f64;
        Ok(regions.iter().flatten().map(|bin| (bin * scale).sqrt() as f32).collect())
    }
}

#[cfg(test)]
mod tests {
    use lookalike_core::Channels;

    use super::*;

    #[test]
    fn colours_are_those_of_the_definition() {
        // Oklab of sRGB red, by the reference implementation of its author.
        let red = oklab([1.0, 0.0, 0.0]);
        for (found, expected) in red.iter().zip([0.627_955, 0.224_863, 0.125_846]) {
            assert!((found - expected).abs() < 1e-5, "{red:?}");
        }
        let white = oklab([1.0; 3]);
        assert!((white[0] - 1.0).abs() < 1e-6 && white[1].abs() < 1e-6 && white[2].abs() < 1e-6);
    }

    #[test]
    fn vectors_have_unit_length_and_tell_colours_apart() {
        let of = |rgb: [u8; 3]| {
            let picture = Picture::from_u8(8, 8, Channels::Rgb, rgb.repeat(64)).unwrap();
            ColourHistogram::new().embed(&picture).unwrap()
        };
        let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let [red, dark, blue] = [[200, 20, 20], [190, 20, 20], [20, 20, 200]].map(of);
        assert!((dot(&red, &red) - 1.0).abs() < 1e-5);
        assert!(dot(&red, &dark) > 0.9 && dot(&red, &blue) < 0.2);
    }
}
