//! Random numbers that depend on the seed, on what they are for, and on a counter such as the step.
//!
//! ChaCha with eight rounds, keyed by the three. Nothing is carried from one stream to the next, so a
//! run that resumes at a step draws what the uninterrupted one would have drawn, and no state is kept.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Where random numbers come from; a run does not go on with others.
pub const GENERATOR: &str = "chacha8, keyed by seed, purpose and counter";

/// What random numbers are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Parameters at the start; counted by tensor.
    Initialisation = 1,
    /// The order of the data; counted by epoch.
    Order = 2,
    /// What is left out; counted by step.
    Dropout = 3,
    /// What is held out for validation.
    HoldOut = 4,
    /// What is random about a distortion; the seed is that of the distortion.
    Distortion = 5,
    /// Which pictures and distortions are shown together; counted by group.
    Groups = 6,
    /// How pictures are turned and mirrored; counted by step.
    Augmentation = 7,
    /// What a synthetic observer is shown; counted by triplet.
    Observer = 8,
    /// The coordinates in which a student sees its teacher; counted by row.
    Projection = 9,
    /// What a stochastic code adds to its mean; counted by step.
    Code = 10,
    /// How much noise an example gets, which, and what is hidden of its condition; counted by example.
    Noise = 11,
    /// What a picture is drawn from.
    Drawing = 12,
    /// What an autoencoder's codes vary by; counted by example.
    Latents = 13,
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a seed, a purpose and a counter.
    pub fn new(seed: u64, purpose: Purpose, counter: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(&counter.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 on and below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from `-bound` on and below `bound`.
    pub fn symmetric(&mut self, bound: f64) -> f32 {
        ((2.0 * self.unit() - 1.0) * bound) as f32
    }

    /// A normally distributed number of variance 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// So many of them, two from each pair of uniform numbers.
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(count + 1);
        while numbers.len() < count {
            let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
            let (sine, cosine) = (std::f64::consts::TAU * self.unit()).sin_cos();
            numbers.extend([(radius * cosine) as f32, (radius * sine) as f32]);
        }
        numbers.truncate(count);
        numbers
    }

    /// A whole number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        // The upper half of a product; the bias is below end / 2⁶⁴.
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// The numbers below `count` in random order (Fisher and Yates).
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }

    /// How many of `count` coins show heads.
    pub fn heads(&mut self, count: usize) -> usize {
        let mut heads = 0;
        let mut left = count;
        while left > 0 {
            let taken = left.min(64);
            heads += (self.bits() >> (64 - taken)).count_ones() as usize;
            left -= taken;
        }
        heads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_apart_and_repeatable() {
        let draw = |seed, purpose, counter| Stream::new(seed, purpose, counter).bits();
        let all = [
            draw(1, Purpose::Order, 0),
            draw(1, Purpose::Order, 1),
            draw(1, Purpose::Dropout, 0),
            draw(2, Purpose::Order, 0),
        ];
        for (index, bits) in all.iter().enumerate() {
            assert!(!all[..index].contains(bits));
        }
        assert_eq!(draw(1, Purpose::Order, 0), all[0]);
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut stream = Stream::new(7, Purpose::Initialisation, 0);
        let count = 20_000;
        let moments = |numbers: Vec<f64>| {
            let mean = numbers.iter().sum::<f64>() / count as f64;
            let variance = numbers.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / count as f64;
            (mean, variance)
        };
        let (mean, variance) = moments((0..count).map(|_| stream.normal()).collect());
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let (mean, variance) = moments((0..count).map(|_| stream.heads(100) as f64).collect());
        assert!((mean - 50.0).abs() < 0.2 && (variance - 25.0).abs() < 1.2, "{mean} {variance}");
        let (mean, _) = moments((0..count).map(|_| stream.unit()).collect());
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
    }

    #[test]
    fn permutations_hold_every_number_once() {
        let order = Stream::new(3, Purpose::Order, 9).permutation(101);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..101).collect::<Vec<_>>());
        assert_ne!(order, sorted);
        assert!(Stream::new(3, Purpose::Order, 9).permutation(0).is_empty());
    }
}
