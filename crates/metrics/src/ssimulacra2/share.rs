//! The map of SSIMULACRA2: what every pixel contributes to the weighted sum behind the score.
//!
//! A mean m = Σ v / N splits into v / N per position, a 4-norm n = (Σ v⁴ / N)^¼ into
//! v⁴ / (N·n³). A position of a coarser scale stands for a block of pixels, which share its part.
//! The map is the sum of all parts times the number of pixels: its mean is the weighted sum.

use fast_ssim2::pipeline::score::{ScaleAggregates, weighted_sum};
use lookalike_core::ScoreMap;

use crate::strips::artefacts::Aggregates;

/// The map of scales that were computed with maps; `norms` are theirs.
pub(super) fn map(scales: &[Aggregates], norms: &[ScaleAggregates]) -> ScoreMap {
    let (width, height) = scales.first().map_or((0, 0), |scale| (scale.width, scale.height));
    let mut total = vec![0.0_f64; width * height];
    for (index, scale) in scales.iter().enumerate() {
        let part = positions(scale, &Weights::of(index, scales.len()), &norms[index]);
        let side = 1 << index;
        let rows = total.chunks_exact_mut(width.max(1)).enumerate();
        for (y, row) in rows {
            let high = side.min(height - y / side * side);
            let part = &part[y / side * scale.width..][..scale.width];
            for (block, &part) in row.chunks_mut(side).zip(part) {
                let share = part * (width * height) as f64 / (block.len() * high) as f64;
                block.iter_mut().for_each(|pixel| *pixel += share);
            }
        }
    }
    let values = total.into_iter().map(|share| share as f32).collect();
    ScoreMap { width, height, values, left: 0, top: 0, step: 1 }
}

/// What every position of a scale contributes.
fn positions(scale: &Aggregates, weights: &Weights, norms: &ScaleAggregates) -> Vec<f64> {
    let count = scale.width * scale.height;
    let mut part = vec![0.0; count];
    let Some(maps) = &scale.maps else { return part };
    for (colour, [structure, edges]) in maps.iter().enumerate() {
        let kinds: [(&[f32], f64, _, _); 3] = [
            (structure, 1.0, weights.structure[colour], norms.avg_ssim[2 * colour + 1]),
            (edges, 1.0, weights.artefacts[colour], norms.avg_edgediff[4 * colour + 1]),
            (edges, -1.0, weights.lost[colour], norms.avg_edgediff[4 * colour + 3]),
        ];
        for (values, sign, [of_mean, of_norm], norm) in kinds {
            let of_mean = of_mean / count as f64;
            let cube = norm * norm * norm * count as f64;
            let of_fourth = if cube > 0.0 { of_norm / cube } else { 0.0 };
            for (part, &value) in part.iter_mut().zip(values) {
                let value = (sign * f64::from(value)).max(0.0);
                *part += of_mean * value + of_fourth * (value * value) * (value * value);
            }
        }
    }
    part
}

/// The weights of one scale: per colour those of the mean and of the 4-norm.
struct Weights {
    structure: [[f64; 2]; 3],
    artefacts: [[f64; 2]; 3],
    lost: [[f64; 2]; 3],
}

impl Weights {
    /// Of scale `index` when there are `count`. The crate keeps its weights to itself, but its sum
    /// is linear in the norms: where one norm is 1 and all others are 0, the sum is the weight.
    fn of(index: usize, count: usize) -> Self {
        let weight = |put: &dyn Fn(&mut ScaleAggregates)| {
            let mut scales: Vec<ScaleAggregates> = (0..count)
                .map(|_| ScaleAggregates { avg_ssim: [0.0; 6], avg_edgediff: [0.0; 12] })
                .collect();
            put(&mut scales[index]);
            weighted_sum(&scales)
        };
        let structure = |c: usize, norm: usize| weight(&|s| s.avg_ssim[2 * c + norm] = 1.0);
        let edges = |place: usize| weight(&|s| s.avg_edgediff[place] = 1.0);
        Self {
            structure: [0, 1, 2].map(|c| [0, 1].map(|norm| structure(c, norm))),
            artefacts: [0, 1, 2].map(|c| [0, 1].map(|norm| edges(4 * c + norm))),
            lost: [0, 1, 2].map(|c| [0, 1].map(|norm| edges(4 * c + 2 + norm))),
        }
    }
}
