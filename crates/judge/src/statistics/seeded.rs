//! Numbers drawn from a seed.
//!
//! Every resample has a stream of its own, so the order in which threads take them does not matter. The
//! arithmetic is written here, not taken from a crate of distributions, whose draws may change between
//! releases: results belong in papers.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The draws of one resample.
pub fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut draws = ChaCha8Rng::seed_from_u64(seed);
    draws.set_stream(stream);
    draws
}

/// One of 0 … count − 1, each as likely but for 2⁻⁶⁴·count; 0 where there is none.
pub fn below(draws: &mut ChaCha8Rng, count: usize) -> usize {
    let product = u128::from(draws.next_u64()) * count as u128;
    // At most count − 1.
    (product >> 64) as usize
}

/// As many as `count` of two sides, each as likely.
pub fn coins(draws: &mut ChaCha8Rng, count: usize) -> Vec<bool> {
    let mut coins = Vec::with_capacity(count.next_multiple_of(64));
    while coins.len() < count {
        let bits = draws.next_u64();
        coins.extend((0..64).map(|bit| bits >> bit & 1 == 1));
    }
    coins.truncate(count);
    coins
}

/// As many as `size` different ones of 0 … count − 1, at most `count`, in random order.
pub fn sample(draws: &mut ChaCha8Rng, count: usize, size: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    let size = size.min(count);
    for at in 0..size {
        let other = at + below(draws, count - at);
        all.swap(at, other);
    }
    all.truncate(size);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even() {
        let mut draws = stream(1, 0);
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[below(&mut draws, 7)] += 1);
        // Five standard deviations of a binomial count.
        assert!(counts.iter().all(|&count: &i32| (count - 10_000).abs() < 463), "{counts:?}");
        let heads = coins(&mut draws, 10_001).iter().filter(|&&coin| coin).count();
        assert!(heads.abs_diff(5_000) < 250, "{heads}");
    }

    #[test]
    fn samples_are_even_and_without_repetition() {
        let mut draws = stream(2, 0);
        let mut counts = [0; 6];
        for _ in 0..6_000 {
            let mut found = sample(&mut draws, 6, 3);
            found.iter().for_each(|&index| counts[index] += 1);
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), 3);
        }
        assert!(counts.iter().all(|&count: &i32| (count - 3_000).abs() < 200), "{counts:?}");
        assert_eq!(sample(&mut draws, 2, 5).len(), 2);
    }

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |seed, number| below(&mut stream(seed, number), usize::MAX);
        assert_eq!(draw(3, 4), draw(3, 4));
        assert_ne!(draw(3, 4), draw(3, 5));
        assert_ne!(draw(3, 4), draw(4, 4));
    }
}
