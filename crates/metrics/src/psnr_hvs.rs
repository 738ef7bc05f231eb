//! PSNR-HVS and PSNR-HVS-M: squared error of 8×8 DCT coefficients, weighted by the eye's contrast
//! sensitivity and, in the `-m` form, reduced by what the picture's own contrast masks.
//!
//! Luma is cut into 8×8 blocks, each transformed by the orthonormal DCT-II. With u = |A − B| for
//! every coefficient of the reference block A and the candidate block B,
//!
//! * S = mean over all coefficients of (u · `SENSITIVITY`)²
//! * value = 10·log10(255² / S) decibel, +∞ when S = 0.
//!
//! With masking, u of each AC coefficient first becomes max(0, u − T / `MASKING`) with
//! T = max(e(A), e(B)) and e(Z) = sqrt(m·p) / 32, where m = Σ over AC of Z²·`MASKING` and p is the
//! summed variance of the block's four quadrants over the variance of the block (each sample
//! variance times its number of samples; p = 0 in a flat block). An edge thus masks less than a
//! texture of the same energy.
//!
//! Source: Egiazarian, Astola, Ponomarenko, Lukin, Battisti, Carli (VPQM 2006) for PSNR-HVS;
//! Ponomarenko, Silvestri, Egiazarian, Carli, Astola, Lukin (VPQM 2007) for the masking.
//!
//! Our choices: incomplete blocks at the right and lower edge are ignored, as the authors do.
//! `psnr-hvs` and `psnr-hvs-m` read unrounded BT.601 luma; `:yi` reads integer luma, which is what
//! the authors' code is usually fed.
//!
//! Reproduces: an independent f64 evaluation of the formulas to 1e-9 dB, and the authors' MATLAB
//! code `psnrhvsm.m` on rounded luma to 2e-3 dB (what is left are ties of the rounding). Where that
//! code answers 100000 for equal pictures this one answers +∞.
//!
//! Limits: blind to chroma, to the last width mod 8 columns and height mod 8 rows.

use std::f64::consts::PI;

use lookalike_core::{
    ColourUse, Direction, DisplayScale, Luma, MetricCard, Picture, ValueRange, Want,
};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, luma, score_map};
use crate::dispatch::vectorised;
use crate::plane::Plane;
use crate::registry::Definition;

const SIDE: usize = 8;

type Block = [[f64; SIDE]; SIDE];

/// Contrast sensitivity per coefficient; rows are vertical, columns horizontal frequencies.
const SENSITIVITY: Block = [
    [1.608443, 2.339554, 2.573509, 1.608443, 1.072295, 0.643377, 0.504610, 0.421887],
    [2.144591, 2.144591, 1.838221, 1.354478, 0.989811, 0.443708, 0.428918, 0.467911],
    [1.838221, 1.979622, 1.608443, 1.072295, 0.643377, 0.451493, 0.372972, 0.459555],
    [1.838221, 1.513829, 1.169777, 0.887417, 0.504610, 0.295806, 0.321689, 0.415082],
    [1.429727, 1.169777, 0.695543, 0.459555, 0.378457, 0.236102, 0.249855, 0.334222],
    [1.072295, 0.735288, 0.467911, 0.402111, 0.317717, 0.247453, 0.227744, 0.279729],
    [0.525206, 0.402111, 0.329937, 0.295806, 0.249855, 0.212687, 0.214459, 0.254803],
    [0.357432, 0.279729, 0.270896, 0.262603, 0.229778, 0.257351, 0.249855, 0.259950],
];

/// How much each coefficient's energy contributes to masking.
const MASKING: Block = [
    [0.390625, 0.826446, 1.000000, 0.390625, 0.173611, 0.062500, 0.038447, 0.026874],
    [0.694444, 0.694444, 0.510204, 0.277008, 0.147929, 0.029727, 0.027778, 0.033058],
    [0.510204, 0.591716, 0.390625, 0.173611, 0.062500, 0.030779, 0.021004, 0.031888],
    [0.510204, 0.346021, 0.206612, 0.118906, 0.038447, 0.013212, 0.015625, 0.026015],
    [0.308642, 0.206612, 0.073046, 0.031888, 0.021626, 0.008417, 0.009426, 0.016866],
    [0.173611, 0.081633, 0.033058, 0.024414, 0.015242, 0.009246, 0.007831, 0.011815],
    [0.041649, 0.024414, 0.016437, 0.013212, 0.009426, 0.006830, 0.006944, 0.009803],
    [0.019290, 0.011815, 0.011080, 0.010412, 0.007972, 0.010000, 0.009426, 0.010203],
];

/// `MASKING` of the AC coefficients: the mean of a block masks nothing.
const MASKED: Block = {
    let mut weights = MASKING;
    weights[0][0] = 0.0;
    weights
};

struct PsnrHvs {
    luma: Luma,
    masking: bool,
    /// `cosines[k][n]`: the k-th orthonormal DCT-II basis vector at sample n.
    cosines: Block,
    /// Its transpose.
    frequencies: Block,
    /// 1 / `MASKING`, and 0 for the mean, which nothing masks.
    hidden: Block,
}

#[derive(Clone, Default)]
struct Spectrum {
    coefficients: Block,
    /// e(Z): how strong a difference this block hides.
    masking: f64,
}

struct Spectra {
    columns: usize,
    rows: usize,
    blocks: Vec<Spectrum>,
}

impl ClosedForm for PsnrHvs {
    type Features = Spectra;

    fn features(&self, picture: &Picture) -> Result<Spectra, Reason> {
        let plane = luma(picture, self.luma);
        let (columns, rows) = (plane.width / SIDE, plane.height / SIDE);
        let mut blocks = vec![Spectrum::default(); columns * rows];
        blocks.par_chunks_mut(columns.max(1)).enumerate().for_each(|(row, blocks)| {
            vectorised(
                #[inline(always)]
                || {
                    for (column, spectrum) in blocks.iter_mut().enumerate() {
                        *spectrum = self.spectrum(&block_at(&plane, column, row));
                    }
                },
            );
        });
        Ok(Spectra { columns, rows, blocks })
    }

    fn compare(
        &self,
        reference: &Spectra,
        candidate: &Spectra,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let mut squares = Plane::zeros(reference.columns, reference.rows);
        let columns = reference.columns.max(1);
        let pairs = reference.blocks.par_chunks(columns).zip(candidate.blocks.par_chunks(columns));
        squares.data.par_chunks_mut(columns).zip(pairs).for_each(|(squares, (a, b))| {
            vectorised(
                #[inline(always)]
                || {
                    for (square, (a, b)) in squares.iter_mut().zip(a.iter().zip(b)) {
                        *square = self.mean_square(a, b);
                    }
                },
            );
        });
        let error = squares.mean() / (255.0 * 255.0);
        let value = if error == 0.0 { f64::INFINITY } else { -10.0 * error.log10() };
        let map = want.map.then(|| score_map(&squares.map(|s| s / (255.0 * 255.0)), 0, 0, SIDE));
        Ok(Outcome::of(value).with_part("weighted_mse", error).with_map(map))
    }
}

impl PsnrHvs {
    fn new(luma: Luma, masking: bool) -> Self {
        let n = SIDE as f64;
        let basis = |k: usize, i: usize| {
            let scale = if k == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
            scale * ((2 * i + 1) as f64 * k as f64 * PI / (2.0 * n)).cos()
        };
        let cosines = std::array::from_fn(|k| std::array::from_fn(|i| basis(k, i)));
        let frequencies = std::array::from_fn(|i| std::array::from_fn(|k| basis(k, i)));
        let mut hidden = MASKING.map(|row| row.map(|mask| 1.0 / mask));
        hidden[0][0] = 0.0;
        Self { luma, masking, cosines, frequencies, hidden }
    }

    #[inline(always)]
    fn spectrum(&self, block: &Block) -> Spectrum {
        let coefficients = self.cosine_transform(block);
        if !self.masking {
            return Spectrum { coefficients, masking: 0.0 };
        }
        let mut energy = [0.0; SIDE];
        for (row, weights) in coefficients.iter().zip(&MASKED) {
            for column in 0..SIDE {
                energy[column] += row[column] * row[column] * weights[column];
            }
        }
        let energy = energy.iter().sum::<f64>();
        Spectrum { coefficients, masking: (energy * texture(block)).sqrt() / 32.0 }
    }

    /// Eight frequencies side by side along the rows, then eight columns down the columns.
    #[inline(always)]
    fn cosine_transform(&self, block: &Block) -> Block {
        let mut horizontal = [[0.0; SIDE]; SIDE];
        for (to, row) in horizontal.iter_mut().zip(block) {
            for (sample, frequencies) in row.iter().zip(&self.frequencies) {
                for k in 0..SIDE {
                    to[k] += sample * frequencies[k];
                }
            }
        }
        let mut coefficients = [[0.0; SIDE]; SIDE];
        for (to, cosines) in coefficients.iter_mut().zip(&self.cosines) {
            for (cosine, row) in cosines.iter().zip(&horizontal) {
                for k in 0..SIDE {
                    to[k] += cosine * row[k];
                }
            }
        }
        coefficients
    }

    /// Mean of the squared weighted differences of one block.
    #[inline(always)]
    fn mean_square(&self, a: &Spectrum, b: &Spectrum) -> f64 {
        let threshold = if self.masking { a.masking.max(b.masking) } else { 0.0 };
        let mut sums = [0.0; SIDE];
        let rows = a.coefficients.iter().zip(&b.coefficients);
        for ((a, b), (hidden, sensitivity)) in rows.zip(self.hidden.iter().zip(&SENSITIVITY)) {
            for k in 0..SIDE {
                let seen = ((a[k] - b[k]).abs() - threshold * hidden[k]).max(0.0);
                let weighted = seen * sensitivity[k];
                sums[k] += weighted * weighted;
            }
        }
        sums.iter().sum::<f64>() / (SIDE * SIDE) as f64
    }
}

#[inline(always)]
fn block_at(plane: &Plane, column: usize, row: usize) -> Block {
    std::array::from_fn(|y| {
        let line = &plane.row(row * SIDE + y)[column * SIDE..];
        std::array::from_fn(|x| line[x])
    })
}

/// p: variance inside the quadrants over variance of the whole block; 0 for a flat block.
#[inline(always)]
fn texture(block: &Block) -> f64 {
    let whole = scaled_variance::<SIDE>(block, 0, 0);
    if whole == 0.0 {
        return 0.0;
    }
    let half = SIDE / 2;
    let corners = [(0, 0), (0, half), (half, 0), (half, half)];
    let mut quadrants = 0.0;
    for (top, left) in corners {
        quadrants += scaled_variance::<{ SIDE / 2 }>(block, top, left);
    }
    quadrants / whole
}

/// Sample variance (divisor n − 1) of a square of a block, times its number of samples.
#[inline(always)]
fn scaled_variance<const EDGE: usize>(block: &Block, top: usize, left: usize) -> f64 {
    let n = (EDGE * EDGE) as f64;
    let mut sums = [0.0; EDGE];
    for row in &block[top..top + EDGE] {
        for x in 0..EDGE {
            sums[x] += row[left + x];
        }
    }
    let mean = sums.iter().sum::<f64>() / n;
    let mut squares = [0.0; EDGE];
    for row in &block[top..top + EDGE] {
        for x in 0..EDGE {
            let z = row[left + x] - mean;
            squares[x] += z * z;
        }
    }
    squares.iter().sum::<f64>() * n / (n - 1.0)
}

const PSNR_HVS_M: MetricCard = MetricCard {
    id: "psnr-hvs-m",
    default_profile: true,
    title: "PSNR-HVS-M: PSNR weighted by contrast sensitivity and masking",
    definition: "10 log10(255^2 / mean of squared 8x8 DCT differences of luma, each lowered by masking and weighted by contrast sensitivity) decibel",
    source: "Ponomarenko, Silvestri, Egiazarian, Carli, Astola, Lukin: On between-coefficient contrast masking of DCT basis functions, VPQM 2007",
    reproduces: "an independent f64 implementation, 1e-9 dB; the authors' psnrhvsm.m on rounded luma, 2e-3 dB; +inf for equal pictures, where the authors' code gives 100000",
    direction: Direction::HigherIsBetter,
    // By Parseval's theorem no error outweighs 255 times the largest sensitivity.
    range: ValueRange { low: -8.22, high: f64::INFINITY },
    equal: f64::INFINITY,
    minimum_side: SIDE,
    when_smaller: "use psnr:y",
    colour: ColourUse::Luma,
    map: Some(DisplayScale { same: 0.0, different: 0.01 }),
    blind_to: &["chroma", "incomplete 8x8 blocks at the right and lower edge"],
    notes: &[
        "its map holds the weighted mean squared error of every 8x8 block, 0..1 being full scale",
        "tools that pool R, G and B instead of luma give values about 9 dB lower",
        "the version in daala uses other tables and overlapping blocks",
    ],
    ..MetricCard::BASE
};

const PSNR_HVS_M_INTEGER: MetricCard = MetricCard {
    id: "psnr-hvs-m:yi",
    title: "PSNR-HVS-M of integer luma",
    reproduces: "the authors' psnrhvsm.m on rounded luma, 2e-3 dB",
    ..PSNR_HVS_M
};

const PSNR_HVS: MetricCard = MetricCard {
    id: "psnr-hvs",
    title: "PSNR-HVS: PSNR weighted by contrast sensitivity",
    definition: "10 log10(255^2 / mean of squared 8x8 DCT differences of luma, each weighted by contrast sensitivity) decibel",
    source: "Egiazarian, Astola, Ponomarenko, Lukin, Battisti, Carli: New full-reference quality metrics based on HVS, VPQM 2006",
    blind_to: &["chroma", "masking", "incomplete 8x8 blocks at the right and lower edge"],
    ..PSNR_HVS_M
};

const PSNR_HVS_INTEGER: MetricCard = MetricCard {
    id: "psnr-hvs:yi",
    title: "PSNR-HVS of integer luma",
    reproduces: "the second output of the authors' psnrhvsm.m on rounded luma, 2e-3 dB",
    ..PSNR_HVS
};

macro_rules! definition {
    ($card:expr, $luma:expr, $masking:expr) => {
        Definition {
            card: &$card,
            build: |id, card| Ok(Registered::boxed(id, card, PsnrHvs::new($luma, $masking))),
        }
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    definition!(PSNR_HVS_M, Luma::Y601, true),
    definition!(PSNR_HVS_M_INTEGER, Luma::Y601Integer, true),
    definition!(PSNR_HVS, Luma::Y601, false),
    definition!(PSNR_HVS_INTEGER, Luma::Y601Integer, false),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pictures::{check_card, flat, textured, value};
    use lookalike_core::Channels;

    #[test]
    fn cards_hold() {
        DEFINITIONS.iter().for_each(|definition| check_card(definition.card.id));
    }

    #[test]
    fn transform_keeps_energy_and_finds_its_own_basis() {
        let metric = PsnrHvs::new(Luma::Y601, false);
        let block: Block = std::array::from_fn(|y| {
            std::array::from_fn(|x| metric.cosines[2][y] * metric.cosines[5][x])
        });
        let found = metric.cosine_transform(&block);
        for (row, line) in found.iter().enumerate() {
            for (column, z) in line.iter().enumerate() {
                let expected = if (row, column) == (2, 5) { 1.0 } else { 0.0 };
                assert!((z - expected).abs() < 1e-14, "{row} {column}: {z}");
            }
        }
    }

    #[test]
    fn flat_difference_is_the_weight_of_the_mean() {
        // A step d changes the DC coefficient by 8d and nothing else.
        let (grey, lighter) = (flat(16, 16, [100; 3]), flat(16, 16, [110; 3]));
        let expected = 20.0 * (255.0_f64 / (10.0 * SENSITIVITY[0][0])).log10();
        for id in ["psnr-hvs", "psnr-hvs-m"] {
            assert!((value(id, &grey, &lighter) - expected).abs() < 1e-9, "{id}");
        }
    }

    #[test]
    fn masking_hides_noise_and_incomplete_blocks_are_ignored() {
        let reference = textured(21, 19, Channels::Grey, 5);
        let candidate = crate::test_pictures::noisy(&reference, 10.0, 6);
        let masked = value("psnr-hvs-m", &reference, &candidate);
        assert!(masked > value("psnr-hvs", &reference, &candidate) + 1.0);
        let crop = |picture: &Picture| picture.crop(0, 0, 16, 16).unwrap();
        assert_eq!(masked, value("psnr-hvs-m", &crop(&reference), &crop(&candidate)));
    }
}
