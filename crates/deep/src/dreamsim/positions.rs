//! Positions of patches for pictures of another size than they were learned for.
//!
//! DINOv2 learned 37 × 37 positions and sees 16 × 16 patches of 224 pixels. Its code enlarges by
//! (n + 0.1)/N, a trick against rounding that moves all positions a little, with the cubic of Keys, a = −¾,
//! over the four nearest, the outermost standing for those beyond.
//!
//! Reproduces `torch.nn.functional.interpolate` (bicubic, by a scale factor) within 1e-5.

/// What DINOv2 adds to the number of patches.
const OFFSET: f64 = 0.1;

/// `from` × `from` vectors of `width` as `to` × `to`.
pub(super) fn interpolated(positions: &[f32], width: usize, from: usize, to: usize) -> Vec<f32> {
    let taps = taps(from, to);
    let mut found = Vec::with_capacity(to * to * width);
    for rows in &taps {
        for columns in &taps {
            found.extend((0..width).map(|feature| {
                let mut sum = 0.0;
                for (row, by_row) in rows {
                    for (column, by_column) in columns {
                        let at = (row * from + column) * width + feature;
                        sum += by_row * by_column * f64::from(positions[at]);
                    }
                }
                sum as f32
            }));
        }
    }
    found
}

/// The places that each new place takes of, with weights.
fn taps(from: usize, to: usize) -> Vec<[(usize, f64); 4]> {
    let ratio = from as f64 / (to as f64 + OFFSET);
    let one = |place: usize| {
        let centre = (place as f64 + 0.5) * ratio - 0.5;
        let first = centre.floor();
        std::array::from_fn(|tap| {
            let position = first + tap as f64 - 1.0;
            let index = position.clamp(0.0, from.saturating_sub(1) as f64) as usize;
            (index, cubic(centre - position))
        })
    };
    (0..to).map(one).collect()
}

fn cubic(t: f64) -> f64 {
    let (t, a) = (t.abs(), -0.75);
    match t {
        t if t <= 1.0 => ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0,
        t if t < 2.0 => (((t - 5.0) * t + 8.0) * t - 4.0) * a,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `torch` 2.15: (0…24)·7 mod 11 as 5 × 5, enlarged by 3.1/5.
    #[test]
    fn numbers_are_those_of_torch() {
        let positions: Vec<f32> = (0..25).map(|i| (i * 7 % 11) as f32).collect();
        let expected = [
            2.850_517, 3.606_154, 7.207_393, 2.530_744, 6.559_731, 6.455_484, 6.049_905, 4.161_521,
            3.752_781,
        ];
        let found = interpolated(&positions, 1, 5, 3);
        assert_eq!(found.len(), 9);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}
