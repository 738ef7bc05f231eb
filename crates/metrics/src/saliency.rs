//! SDSP, a map of what draws the eye, from three simple priors.
//!
//! On the picture resized to 256×256 and brought to CIELAB, S = F·D·C:
//!
//! * F, middle frequencies attract: length over L, a, b of a log-Gabor band-pass,
//!   exp(−ln²(ρ/.021)/(2·1.34²)), 0 at frequency 0 and for ρ > ½
//! * D, the centre attracts: exp(−d²/145²) with d the distance from the centre
//! * C, warm colours attract: 1 − exp(−(ã² + b̃²)/.001²) with ã, b̃ scaled to 0…1 over the picture
//!
//! S is resized back and scaled to 0…1; 0 where the picture is flat.
//!
//! Source: Zhang, Gu, Li, SDSP: A Novel Saliency Detection Method by Combining Simple Priors, IEEE
//! International Conference on Image Processing 2013.
//!
//! Choices: those of piq 0.8.0. Pixel centres align on the way to 256×256, corners on the way back;
//! CIELAB has a D50 white although the matrix leads to D65, so greys have some chroma.

use std::sync::OnceLock;

use crate::bilinear::{Alignment, resize};
use crate::colour_space::{Lab, srgb_decode, transform};
use crate::fourier::{Fourier, signed_frequency};
use crate::pixels::recoloured;
use crate::plane::Plane;

/// Side of the square on which saliency is computed.
const SIDE: usize = 256;
/// The sample that counts as centre, on both axes.
const CENTRE: f64 = 127.0;
const CENTRE_DEVIATION: f64 = 145.0;
const WARMTH_DEVIATION: f64 = 0.001;
const BAND_CENTRE: f64 = 0.021;
const BAND_DEVIATION: f64 = 1.34;

/// Linear sRGB to X, Y, Z.
const XYZ: [[f64; 3]; 3] = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175_0],
    [0.019_333_9, 0.119_192_0, 0.950_304_1],
];

/// CIELAB under D50, 2° observer; the white with the digits of piq, integrated from spectra.
const LAB: Lab = Lab {
    white: [0.964_211_994_421_199_4, 1.0, 0.825_188_284_518_828_8],
    threshold: 0.008_856,
    slope: 903.3 / 116.0,
};

/// Saliency in 0…1 of a picture given as red, green and blue in 0…1.
pub(crate) fn saliency(rgb: &[Plane; 3]) -> Plane {
    let (width, height) = (rgb[0].width, rgb[0].height);
    let small = rgb.each_ref().map(|plane| resize(plane, SIDE, SIDE, Alignment::PixelCentres));
    let lab = recoloured(small, |rgb| LAB.of_xyz(transform(&XYZ, rgb.map(srgb_decode))));
    let frequency = band_strength(&lab);
    let (a, b) = (stretched(&lab[1]), stretched(&lab[2]));
    let warmth_squared = a.zip(&b, |a, b| a * a + b * b);
    let warmth = warmth_squared.map(|w| 1.0 - (-w / WARMTH_DEVIATION.powi(2)).exp());
    // exp(−(x² + y²)) as a product of one factor per axis.
    let closeness: Vec<f64> = (0..SIDE)
        .map(|i| (-(i as f64 - CENTRE).powi(2) / CENTRE_DEVIATION.powi(2)).exp())
        .collect();
    let priors = Plane::from_fn(SIDE, SIDE, |x, y| {
        frequency.at(x, y) * (closeness[x] * closeness[y]) * warmth.at(x, y)
    });
    stretched(&resize(&priors, width, height, Alignment::Corners))
}

/// The transform of the square and the band-pass on its spectrum.
struct BandPass {
    fourier: Fourier,
    filter: Vec<f64>,
}

impl BandPass {
    /// The only one there is: the size is fixed.
    fn shared() -> &'static Self {
        static BAND_PASS: OnceLock<BandPass> = OnceLock::new();
        BAND_PASS.get_or_init(|| {
            let strength = |x: usize, y: usize| {
                let radius = signed_frequency(x, SIDE).hypot(signed_frequency(y, SIDE));
                let radius = radius / SIDE as f64;
                if radius == 0.0 || radius > 0.5 {
                    return 0.0;
                }
                (-(radius / BAND_CENTRE).ln().powi(2) / (2.0 * BAND_DEVIATION.powi(2))).exp()
            };
            let filter = (0..SIDE * SIDE).map(|i| strength(i / SIDE, i % SIDE)).collect();
            Self { fourier: Fourier::new(SIDE, SIDE), filter }
        })
    }
}

/// Root of the summed squares of the band-passed planes.
fn band_strength(planes: &[Plane; 3]) -> Plane {
    let BandPass { fourier, filter } = BandPass::shared();
    let bands = planes.each_ref().map(|plane| {
        // The band excludes frequency 0; without the offset a flat plane stays exactly 0.
        let mut spectrum = fourier.forward(plane, plane.at(0, 0));
        spectrum.data.iter_mut().zip(filter).for_each(|(s, f)| *s *= f);
        fourier.inverse(spectrum)
    });
    Plane::from_fn(SIDE, SIDE, |x, y| {
        let squares = bands.iter().map(|band| band.data[y * SIDE + x].re.powi(2));
        squares.sum::<f64>().sqrt()
    })
}

/// The plane scaled so that its values span 0…1; 0 everywhere when it is flat.
fn stretched(plane: &Plane) -> Plane {
    let low = plane.data.iter().copied().fold(f64::INFINITY, f64::min);
    let high = plane.data.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    plane.map(|v| (v - low) / (high - low + f64::EPSILON))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_red_patch_near_the_centre_is_salient_and_a_flat_picture_is_not() {
        let inside = |x: usize, y: usize| (20..28).contains(&x) && (12..20).contains(&y);
        let red = Plane::from_fn(48, 32, |x, y| if inside(x, y) { 0.9 } else { 0.4 });
        let rest = Plane::from_fn(48, 32, |x, y| if inside(x, y) { 0.1 } else { 0.4 });
        let found = saliency(&[red, rest.clone(), rest]);
        assert!(found.at(24, 16) > 0.8 && found.at(2, 2) < 0.2, "{}", found.at(24, 16));
        assert!(found.data.iter().all(|v| (0.0..=1.0).contains(v)));
        let flat = Plane::from_fn(3, 5, |_, _| 0.7);
        assert_eq!(saliency(&[flat.clone(), flat.clone(), flat]).data, [0.0; 15]);
    }
}
