//! Resampling as Pillow does it: the weights of an axis, and whole pictures of 8 bits to the last bit.
//!
//! out(x) = Σ w(i)·in(i) with w(i) ∝ k((i + ½ − c)/s), c = (x + ½)·r, s = max(r, 1), where r is the length before
//! over the length after and k the kernel of the filter, whose support so widens that nothing aliases. In 8 bits
//! weights have 22 binary digits, and each of the two passes rounds: rows first, then columns, but the other way
//! around for pictures more than twice as high as wide that get lower.
//!
//! Source: `Image.resize` of Pillow. Reproduces the bits of Pillow 13.0.

/// Binary digits of the weights in 8 bits.
const DIGITS: u32 = 22;

/// What stands between samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PillowFilter {
    /// k(t) = 1 − |t| on |t| < 1.
    Bilinear,
    /// The cubic of Keys (1981) with a = −½, on |t| < 2.
    Bicubic,
}

/// What one output takes of its neighbours.
#[derive(Clone, Debug)]
pub struct PillowTaps {
    /// The first of them.
    pub first: usize,
    /// Of those from there on; they add up to 1.
    pub weights: Vec<f64>,
}

impl PillowFilter {
    fn radius(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    pub(crate) fn kernel(self, t: f64) -> f64 {
        let (t, a) = (t.abs(), -0.5);
        match self {
            Self::Bilinear => (1.0 - t).max(0.0),
            Self::Bicubic if t < 1.0 => ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0,
            Self::Bicubic if t < 2.0 => (((t - 5.0) * t + 8.0) * t - 4.0) * a,
            Self::Bicubic => 0.0,
        }
    }

    /// What every output of an axis takes, between two lengths.
    pub fn taps(self, from: usize, to: usize) -> Vec<PillowTaps> {
        let ratio = from as f64 / to as f64;
        let scale = ratio.max(1.0);
        let support = self.radius() * scale;
        let one = |x: usize| {
            let centre = (x as f64 + 0.5) * ratio;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let weight = |i: usize| self.kernel((i as f64 - centre + 0.5) / scale);
            let mut weights: Vec<f64> = (first..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|w| *w /= sum);
            PillowTaps { first, weights }
        };
        (0..to).map(one).collect()
    }

    /// Samples of 8 bits, `[height][width][channels]`, at another height and width.
    pub fn resize_8_bits(
        self,
        samples: &[u8],
        [height, width, channels]: [usize; 3],
        [to_height, to_width]: [usize; 2],
    ) -> Vec<u8> {
        let rows =
            |samples: &[u8], height| self.resample(samples, [height, width, channels], to_width);
        // Columns are rows of which every sample is a whole line.
        let columns = |samples: &[u8], width| {
            self.resample(samples, [1, height, width * channels], to_height)
        };
        if height > 2 * width && to_height < height {
            rows(&columns(samples, width), to_height)
        } else {
            columns(&rows(samples, height), to_width)
        }
    }

    /// The middle axis of `[outer, from, inner]` brought to the length `to`.
    fn resample(self, samples: &[u8], [outer, from, inner]: [usize; 3], to: usize) -> Vec<u8> {
        if from == to {
            return samples.to_vec();
        }
        let whole = |weight: f64| {
            let scaled = weight * f64::from(1 << DIGITS);
            (scaled + if weight < 0.0 { -0.5 } else { 0.5 }) as i64
        };
        let taps: Vec<(usize, Vec<i64>)> = self
            .taps(from, to)
            .into_iter()
            .map(|taps| (taps.first, taps.weights.into_iter().map(whole).collect()))
            .collect();
        let mut resampled = Vec::with_capacity(outer * to * inner);
        for block in samples.chunks_exact(from * inner) {
            for (first, weights) in &taps {
                for k in 0..inner {
                    let of = (*first..).zip(weights);
                    let sum: i64 = of.map(|(i, w)| i64::from(block[i * inner + k]) * w).sum();
                    let rounded = (sum + (1 << (DIGITS - 1))) >> DIGITS;
                    resampled.push(rounded.clamp(0, 255) as u8);
                }
            }
        }
        resampled
    }
}
