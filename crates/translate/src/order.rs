//! The order in which pairs are learned from: in every epoch all of them once, in an order of its own.

use lookalike_train::random::{Purpose, Stream};

/// An order, of which the epoch that was last asked for is kept.
pub(crate) struct Order {
    seed: u64,
    places: Vec<usize>,
    epoch: u64,
    permutation: Vec<usize>,
}

impl Order {
    /// Of some places, at least one.
    pub(crate) fn new(seed: u64, places: Vec<usize>) -> Self {
        Self { seed, places, epoch: u64::MAX, permutation: Vec::new() }
    }

    /// How many places there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// All places.
    pub(crate) fn places(&self) -> &[usize] {
        &self.places
    }

    /// The place of an example that is counted from the first of the run.
    pub(crate) fn place(&mut self, number: u64) -> usize {
        let count = self.places.len() as u64;
        let epoch = number / count;
        if self.epoch != epoch {
            let mut stream = Stream::new(self.seed, Purpose::Order, epoch);
            (self.epoch, self.permutation) = (epoch, stream.permutation(self.places.len()));
        }
        self.places[self.permutation[(number % count) as usize]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_has_all_places_once() {
        let mut order = Order::new(3, vec![5, 7, 9, 11]);
        let epochs: Vec<Vec<usize>> =
            (0..5).map(|e| (4 * e..4 * e + 4).map(|n| order.place(n)).collect()).collect();
        for epoch in &epochs {
            let mut sorted = epoch.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, order.places());
        }
        assert!(epochs.iter().any(|epoch| *epoch != epochs[0]));
        // Whatever was asked for before.
        assert_eq!(Order::new(3, vec![5, 7, 9, 11]).place(13), epochs[3][1]);
    }
}
