//! Weighted sums of gamma-coded red, green and blue: the chroma axes of YIQ and of similar spaces.

use lookalike_core::Picture;

use crate::pixels::planes_of;
use crate::plane::Plane;

/// Rows I and Q of YIQ, as weights of red, green and blue.
pub(crate) type ChromaRows = [[f64; 3]; 2];

/// With the digits of the authors of FSIM and HaarPSI.
pub(crate) const YIQ_THREE_DIGITS: ChromaRows = [[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]];

/// With the digits of piq.
pub(crate) const YIQ_FOUR_DIGITS: ChromaRows =
    [[0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]];

/// Red, green and blue from 0 to `peak` of every pixel, weighed and added.
pub(crate) fn weighted_sums<const N: usize>(
    picture: &Picture,
    peak: f64,
    weights: [[f64; 3]; N],
) -> [Plane; N] {
    planes_of(picture, peak, |v| v, |colour| weights.map(|weights| weigh(colour, weights)))
}

/// Red, green and blue planes weighed and added, position by position.
pub(crate) fn weighted_sum([red, green, blue]: &[Plane; 3], weights: [f64; 3]) -> Plane {
    let mut sum = red.clone();
    for ((red, &green), &blue) in sum.data.iter_mut().zip(&green.data).zip(&blue.data) {
        *red = weigh([*red, green, blue], weights);
    }
    sum
}

#[inline(always)]
fn weigh([red, green, blue]: [f64; 3], [r, g, b]: [f64; 3]) -> f64 {
    r * red + (g * green + b * blue)
}
