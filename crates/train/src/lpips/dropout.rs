//! Dropout on squared differences, from two numbers per channel.
//!
//! The authors leave out every squared difference δ with probability ½ and double the rest, with masks of
//! their own for each of the two distances of a triplet. What the objective sees is the mean over the
//! positions of a channel, a random number of mean q = mean δ and variance Σδ²/N² = q²/n with
//! n = (Σδ)²/Σδ². Here n coins are thrown and q is taken 2·heads/n times, which has that mean and that
//! variance; n between two whole numbers is one of both at random, so that the variance stays exact.
//!
//! Reproduces: independence of channels, taps and distances, mean and variance; where all δ are equal or
//! one alone differs from 0, the whole distribution. Does not: the higher moments where δ are unequal,
//! and PyTorch's random numbers.

use crate::random::Stream;

/// A mean after dropout, given the mean and over how many positions the differences are spread.
pub(crate) fn dropped(stream: &mut Stream, mean: f32, spread: f32) -> f32 {
    if mean == 0.0 || spread.is_nan() || spread < 1.0 {
        // Nothing differs; or the numbers are too small for their squares.
        return if mean == 0.0 { 0.0 } else { scaled(stream, mean, 1) };
    }
    let spread = f64::from(spread);
    let below = spread.floor();
    // p/k + (1 − p)/(k + 1) = 1/s
    let p = (below + 1.0 - spread) * below / spread;
    let count = if spread == below || stream.unit() < p { below } else { below + 1.0 };
    scaled(stream, mean, count as usize)
}

fn scaled(stream: &mut Stream, mean: f32, count: usize) -> f32 {
    (f64::from(mean) * 2.0 * stream.heads(count) as f64 / count as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn mean_and_variance_are_those_of_dropout_on_positions() {
        let draws = 40_000;
        for spread in [1.0_f32, 1.5, 3.25, 40.0, 225.0] {
            let mut stream = Stream::new(3, Purpose::Dropout, 0);
            let values: Vec<f64> =
                (0..draws).map(|_| f64::from(dropped(&mut stream, 2.0, spread))).collect();
            let mean = values.iter().sum::<f64>() / f64::from(draws);
            let variance =
                values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / f64::from(draws);
            let expected = 4.0 / f64::from(spread);
            let error = 5.0 * (expected / f64::from(draws)).sqrt();
            assert!((mean - 2.0).abs() < error, "{spread}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.05, "{spread}: {variance} {expected}");
        }
        let mut stream = Stream::new(3, Purpose::Dropout, 0);
        assert_eq!(dropped(&mut stream, 0.0, 0.0), 0.0);
        assert!([0.0, 2.0].contains(&dropped(&mut stream, 1.0, 0.0)));
    }
}
