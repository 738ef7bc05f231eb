//! When the rate falls and when a run ends: by the loss on pictures that nothing is learned from.
//!
//! After `plateau` epochs without a better held-out loss the rate is halved, after `patience` epochs the run ends.
//! What is known is a few numbers in single precision that stand among the parameters of a checkpoint, so that a run
//! that goes on decides as it would have.

/// Numbers of a schedule.
pub(super) const COUNT: usize = 5;

/// What is known so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    /// What the rate is multiplied by.
    pub(super) factor: f32,
    best: f32,
    /// Epochs since the best.
    since: f32,
    /// Epochs since the rate was halved, or since the best.
    halved: f32,
    /// Whether the run has ended.
    pub(super) ended: bool,
}

impl Schedule {
    pub(super) const START: [f32; COUNT] = [1.0, f32::MAX, 0.0, 0.0, 0.0];

    pub(super) fn of(numbers: &[f32]) -> Self {
        let at = |index: usize| numbers.get(index).copied().unwrap_or(Self::START[index]);
        Self { factor: at(0), best: at(1), since: at(2), halved: at(3), ended: at(4) != 0.0 }
    }

    pub(super) fn numbers(self) -> [f32; COUNT] {
        [self.factor, self.best, self.since, self.halved, f32::from(u8::from(self.ended))]
    }

    /// Takes up the held-out loss of an epoch.
    pub(super) fn note(&mut self, loss: f64, plateau: u64, patience: u64) {
        if (loss as f32) < self.best {
            (self.best, self.since, self.halved) = (loss as f32, 0.0, 0.0);
            return;
        }
        self.since += 1.0;
        self.halved += 1.0;
        if plateau > 0 && self.halved >= plateau as f32 {
            self.factor *= 0.5;
            self.halved = 0.0;
        }
        self.ended = patience > 0 && self.since >= patience as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_fall_on_a_plateau_and_patience_ends() {
        let mut schedule = Schedule::of(&Schedule::START);
        let mut factors = Vec::new();
        for loss in [1.0, 0.5, 0.6, 0.5, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8] {
            schedule.note(loss, 2, 5);
            factors.push(schedule.factor);
            schedule = Schedule::of(&schedule.numbers());
        }
        assert_eq!(factors, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]);
        assert!(schedule.ended);
        let mut endless = Schedule::of(&Schedule::START);
        (0..99).for_each(|_| endless.note(1.0, 0, 0));
        assert_eq!((endless.factor, endless.ended), (1.0, false));
    }
}
