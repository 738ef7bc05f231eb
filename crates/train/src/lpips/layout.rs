//! Where each tensor stands in the one vector of numbers that the optimiser sees.
//!
//! First the channel weights of all taps (`lin0`, `lin1`, …), then the preference network (`rank.…`),
//! then the trunk where it is trained.

use std::ops::Range;

use lookalike_deep::Net;
use lookalike_nn::{Initial, Layer};

use super::preference;
use crate::random::{Purpose, Stream};

/// A tensor's name, shape and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name: `lin0`, `rank.model.2.weight`, `features.3.bias`.
    pub name: String,
    /// Extents, slowest first.
    pub shape: Vec<usize>,
    /// Its numbers in the vector.
    pub range: Range<usize>,
}

/// All tensors in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    slots: Vec<Slot>,
    taps: usize,
    /// Numbers of the preference network.
    preference: usize,
}

impl Layout {
    /// The tensors of a network's channel weights and the preference network, and those of the trunk
    /// where it is trained.
    pub fn new(net: Net, trunk: bool) -> Self {
        Self::of(net, true, trunk)
    }

    /// The tensors of a metric that is learned whole and without a preference network.
    pub fn of_metric(net: Net) -> Self {
        Self::of(net, false, true)
    }

    /// Tensors by name and shape, none of which weighs channels.
    pub fn of_tensors(tensors: impl IntoIterator<Item = (String, Vec<usize>)>) -> Self {
        let mut layout = Self { slots: Vec::new(), taps: 0, preference: 0 };
        tensors.into_iter().for_each(|(name, shape)| layout.push(name, &shape));
        layout
    }

    fn of(net: Net, preference: bool, trunk: bool) -> Self {
        let mut layout = Self { slots: Vec::new(), taps: net.channels().len(), preference: 0 };
        for (tap, &channels) in net.channels().iter().enumerate() {
            layout.push(format!("lin{tap}"), &[channels]);
        }
        if preference {
            layout.preference = preference::COUNT;
            for (name, shape) in preference::TENSORS {
                layout.push(format!("rank.{name}"), shape);
            }
        }
        if trunk {
            for (path, shape) in convolutions(net) {
                layout.push(format!("{path}.weight"), &shape);
                layout.push(format!("{path}.bias"), &shape[..1]);
            }
        }
        layout
    }

    fn push(&mut self, name: String, shape: &[usize]) {
        let start = self.len();
        let range = start..start + shape.iter().product::<usize>();
        self.slots.push(Slot { name, shape: shape.to_vec(), range });
    }

    /// Numbers in all tensors together.
    pub fn len(&self) -> usize {
        self.slots.last().map_or(0, |slot| slot.range.end)
    }

    /// Whether there is none; never.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The tensors.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The channel weights of all taps.
    pub fn weights(&self) -> Range<usize> {
        0..self.slots[..self.taps].last().map_or(0, |slot| slot.range.end)
    }

    /// The preference network; empty where there is none.
    pub fn preference(&self) -> Range<usize> {
        let start = self.weights().end;
        start..start + self.preference
    }

    /// The trunk; empty where it is not trained.
    pub fn trunk(&self) -> Range<usize> {
        self.preference().end..self.len()
    }

    /// Numbers to start from, as the authors have them: channel weights and the preference network
    /// uniform within one over the root of the fan-in, negative weights included (the first step ends
    /// with those at 0); a trunk as torchvision starts it.
    pub fn initial(&self, net: Net, seed: u64) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(self.len());
        let trunk = Initial::new(net.backbone(), seed);
        // The bias of a layer has the bound of its weights.
        let mut fan_in = 1;
        for (index, slot) in self.slots.iter().enumerate() {
            if slot.name.starts_with("features.") {
                numbers.extend(trunk.numbers(&slot.name, &slot.shape));
                continue;
            }
            let mut stream = Stream::new(seed, Purpose::Initialisation, index as u64);
            if slot.name.starts_with("lin") {
                fan_in = slot.shape[0];
            } else if !slot.name.ends_with(".bias") {
                fan_in = slot.shape[1..].iter().product();
            }
            let uniform = 1.0 / (fan_in as f64).sqrt();
            numbers.extend(slot.range.clone().map(|_| stream.symmetric(uniform)));
        }
        numbers
    }
}

/// Paths and filter shapes of the convolutions of a network, in order.
pub(crate) fn convolutions(net: Net) -> Vec<(String, [usize; 4])> {
    fn collect(layers: &[Layer], to: &mut Vec<(String, [usize; 4])>) {
        for layer in layers {
            match layer {
                Layer::Convolution(c) => {
                    let shape = [c.output, c.input / c.groups.max(1), c.kernel, c.kernel];
                    to.push((c.path.clone(), shape));
                }
                Layer::Branches(branches, _) => {
                    branches.iter().for_each(|branch| collect(branch, to));
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(&net.backbone().layers(), &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_follow_each_other() {
        for (net, weights, trunk) in [
            (Net::Alex, 1152, 2_469_696),
            (Net::Vgg, 1472, 14_714_688),
            (Net::Squeeze, 2240, 722_496),
        ] {
            let whole = Layout::new(net, true);
            assert_eq!(whole.weights(), 0..weights);
            assert_eq!(whole.preference(), weights..weights + 1281);
            assert_eq!(whole.trunk().len(), trunk);
            let slots = whole.slots();
            assert!(slots.windows(2).all(|two| two[0].range.end == two[1].range.start));
            let alone = Layout::new(net, false);
            assert_eq!(alone.slots(), &slots[..alone.slots().len()]);
            assert!(alone.trunk().is_empty() && !alone.is_empty());
        }
    }

    #[test]
    fn starts_have_the_bounds_of_the_authors() {
        for net in [Net::Alex, Net::Squeeze] {
            let layout = Layout::new(net, true);
            let numbers = layout.initial(net, 5);
            assert_eq!(numbers.len(), layout.len());
            assert_eq!(numbers, layout.initial(net, 5));
            let of = |name: &str| {
                let slot = layout.slots().iter().find(|slot| slot.name == name).unwrap();
                &numbers[slot.range.clone()]
            };
            let largest = |name: &str| of(name).iter().fold(0.0_f32, |m, n| m.max(n.abs()));
            let near = |found: f32, bound: f32| found <= bound && found > 0.7 * bound;
            assert!(near(largest("lin1"), 1.0 / (net.channels()[1] as f32).sqrt()));
            assert!(of("lin1").iter().any(|&weight| weight < 0.0));
            assert!(near(largest("rank.model.0.weight"), 1.0 / 5.0_f32.sqrt()));
            assert!(near(largest("rank.model.0.bias"), 1.0 / 5.0_f32.sqrt()));
            if net == Net::Alex {
                assert!(near(largest("features.0.weight"), 1.0 / 363.0_f32.sqrt()));
                assert!(near(largest("features.3.bias"), 1.0 / 1600.0_f32.sqrt()));
            } else {
                assert!(near(largest("features.0.weight"), (6.0 / 27.0_f32).sqrt()));
                assert_eq!(largest("features.3.squeeze.bias"), 0.0);
            }
        }
    }
}
