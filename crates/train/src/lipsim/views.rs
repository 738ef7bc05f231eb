//! The two views of a picture that distillation shows: the clean one and a jittered one.
//!
//! Both are mirrored with probability ½, apart from each other. The second has, with probability 0.8, another
//! brightness (factor 0.6 to 1.4), contrast (0.6 to 1.4 about the mean of its luma), saturation (0.8 to 1.2) and hue
//! (turned by at most a tenth of a circle), and is grey with probability 0.2. Source: Ghazanfari et al., ICLR 2024,
//! who take these from torchvision. Choices: the order of the changes is fixed, not random, and hue turns about the
//! grey axis of RGB, not in HSV.

use crate::random::Stream;

/// Luma of BT.601.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Planes of a square picture, mirrored.
pub(super) fn mirrored(planes: &mut [f32], side: usize) {
    planes.chunks_exact_mut(side).for_each(<[f32]>::reverse);
}

/// Jitters the colours of three planes in 0…1.
pub(super) fn jittered(planes: &mut [f32], random: &mut Stream) {
    let changed = random.unit() < 0.8;
    let mut around =
        |centre: f64, width: f64| (centre + width * (2.0 * random.unit() - 1.0)) as f32;
    let (brightness, contrast) = (around(1.0, 0.4), around(1.0, 0.4));
    let (saturation, hue) = (around(1.0, 0.2), around(0.0, 0.1));
    let grey = random.unit() < 0.2;
    let area = planes.len() / 3;
    let mean = |planes: &[f32]| -> f32 {
        let sums = planes.chunks_exact(area.max(1)).map(|plane| plane.iter().sum::<f32>());
        sums.zip(LUMA).map(|(sum, weight)| sum * weight).sum::<f32>() / area as f32
    };
    if changed {
        planes.iter_mut().for_each(|x| *x *= brightness);
        let middle = mean(planes);
        planes.iter_mut().for_each(|x| *x = middle + (*x - middle) * contrast);
        let turn = turn(hue);
        for at in 0..area {
            let rgb = [0, 1, 2].map(|channel| planes[channel * area + at]);
            let luma: f32 = rgb.iter().zip(LUMA).map(|(x, weight)| x * weight).sum();
            let rgb = rgb.map(|x| luma + (x - luma) * saturation);
            for (channel, row) in turn.iter().enumerate() {
                let turned: f32 = row.iter().zip(rgb).map(|(w, x)| w * x).sum();
                planes[channel * area + at] = turned;
            }
        }
    }
    if grey {
        for at in 0..area {
            let luma: f32 = LUMA.iter().enumerate().map(|(c, w)| w * planes[c * area + at]).sum();
            (0..3).for_each(|channel| planes[channel * area + at] = luma);
        }
    }
    planes.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
}

/// The turn of RGB about its grey axis by a share of a circle.
fn turn(share: f32) -> [[f32; 3]; 3] {
    let (sin, cos) = (std::f32::consts::TAU * share).sin_cos();
    let (even, odd) = ((1.0 - cos) / 3.0, sin / 3_f32.sqrt());
    let (a, b, c) = (cos + even, even - odd, even + odd);
    [[a, b, c], [c, a, b], [b, c, a]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn jitter_stays_in_range_and_turns_keep_grey() {
        let mut random = Stream::new(1, Purpose::Augmentation, 0);
        for _ in 0..20 {
            let mut planes: Vec<f32> = (0..48).map(|i| (i * 7 % 48) as f32 / 47.0).collect();
            jittered(&mut planes, &mut random);
            assert!(planes.iter().all(|x| (0.0..=1.0).contains(x)));
        }
        for share in [-0.1, 0.0, 0.05, 1.0 / 3.0] {
            for row in turn(share) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            }
        }
        // A third of a circle takes red to green.
        assert!((turn(1.0 / 3.0)[1][0] - 1.0).abs() < 1e-6);
        let mut planes = vec![0.0, 1.0, 2.0, 3.0];
        mirrored(&mut planes, 2);
        assert_eq!(planes, [1.0, 0.0, 3.0, 2.0]);
    }
}
