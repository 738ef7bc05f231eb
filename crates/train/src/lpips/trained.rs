//! The network on a batch of triplets, and on the triplets of a run.

use lookalike_core::Picture;
use lookalike_deep::{Net, Version, network_input};
use lookalike_nn::Planes;
use rayon::prelude::*;

use super::cache::Reading;
use super::data::Triplet;
use super::layout::Layout;
use super::objective::Evaluation;
use super::source::FeatureSource;
use crate::pairs::PairBatch;
use crate::{Error, Result};

/// A network that is trained, and the triplets that it sees.
pub(crate) struct Trained {
    net: Net,
    layout: Layout,
    reading: Reading,
    triplets: Vec<Triplet>,
    /// The seed of the masks, where there is dropout.
    dropout: Option<u64>,
    /// The last batch of training, waiting for derivatives.
    batch: Option<Batch>,
}

impl Trained {
    pub(crate) fn new(
        net: Net,
        layout: Layout,
        reading: Reading,
        triplets: Vec<Triplet>,
        dropout: Option<u64>,
    ) -> Self {
        Self { net, layout, reading, triplets, dropout, batch: None }
    }

    /// The pictures of triplets as the network reads them.
    fn pictures(&self, places: &[usize]) -> Result<Planes> {
        let read = |&place: &usize| self.reading.open(&self.triplets[place]);
        let triplets: Vec<[Picture; 3]> = places.par_iter().map(read).collect::<Result<_>>()?;
        let size = |triplet: &[Picture; 3]| [triplet[0].width(), triplet[0].height()];
        let first = triplets.first().map_or([0; 2], size);
        if let Some(other) = triplets.iter().position(|triplet| size(triplet) != first) {
            let ([w, h], [x, y]) = (first, size(&triplets[other]));
            return Err(Error::Unsuitable {
                path: self.triplets[places[other]].pictures[0].clone(),
                reason: format!(
                    "a network is trained on pictures of one size: expected {w}x{h} as the others of \
                     the batch, found {x}x{y}; bring them to one size"
                ),
            });
        }
        let roles = (0..3).flat_map(|role| triplets.iter().map(move |triplet| &triplet[role]));
        Ok(network_input(Version::V0_1, &roles.collect::<Vec<_>>())?)
    }
}

impl FeatureSource for Trained {
    fn features(
        &mut self,
        parameters: &[f32],
        places: &[usize],
        step: Option<u64>,
    ) -> Result<Vec<[Vec<f32>; 2]>> {
        let pictures = self.pictures(places)?;
        let dropout = self.dropout.zip(step);
        let batch = Batch::new(self.net, &self.layout, parameters, pictures, dropout)?;
        let features = batch.features();
        self.batch = step.map(|_| batch);
        Ok(features)
    }

    fn trunk_gradient(&mut self, parameters: &[f32], evaluation: &Evaluation) -> Result<Vec<f32>> {
        match self.batch.take() {
            Some(batch) => batch.trunk_gradient(&self.layout, parameters, evaluation),
            None => Err(Error::Refused("derivatives of a batch that was not seen".to_owned())),
        }
    }
}

/// A batch of triplets that went through the network.
pub struct Batch(PairBatch);

impl Batch {
    /// Takes a batch through the network whose parameters are in `parameters`. `pictures` are all
    /// references, then all first and all second pictures, as
    /// [`network_input`](lookalike_deep::network_input) gives them. `dropout` is a seed and a step; without
    /// it nothing is left out.
    ///
    /// # Errors
    /// [`Error::Deep`] for pictures that the network cannot read and parameters that are not finite.
    pub fn new(
        net: Net,
        layout: &Layout,
        parameters: &[f32],
        pictures: Planes,
        dropout: Option<(u64, u64)>,
    ) -> Result<Self> {
        let count = pictures.batch() / 3;
        let pairs = (0..count).flat_map(|at| [[at, count + at], [at, 2 * count + at]]).collect();
        Ok(Self(PairBatch::new(net, layout, parameters, pictures, pairs, dropout)?))
    }

    /// The features of every triplet: of the reference with the first and with the second picture.
    pub fn features(&self) -> Vec<[Vec<f32>; 2]> {
        let mut found = self.0.features().into_iter();
        let mut triplets = Vec::with_capacity(found.len() / 2);
        while let (Some(first), Some(second)) = (found.next(), found.next()) {
            triplets.push([first, second]);
        }
        triplets
    }

    /// The derivatives of the loss with respect to the trunk, in the order of the layout, of the
    /// evaluation of these features.
    ///
    /// # Errors
    /// [`Error::Deep`] when a kernel refuses.
    pub fn trunk_gradient(
        self,
        layout: &Layout,
        parameters: &[f32],
        evaluation: &Evaluation,
    ) -> Result<Vec<f32>> {
        self.0.trunk_gradient(layout, parameters, evaluation.by_distances.as_flattened())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lookalike_deep::{Head, Lpips, SampleRange};
    use lookalike_nn::{NamedTensors, Parameters as _, Seeded, Trunk};

    use super::*;
    use crate::lpips::objective;

    /// Numbers between 0 and 1.
    fn samples(pictures: usize) -> Planes {
        let shape = [pictures, 3, 37, 41];
        Planes::new(shape, Seeded::new("triplets").f32("lin", &shape).unwrap()).unwrap()
    }

    /// As the network reads them.
    fn scaled(samples: &Planes) -> Planes {
        let plane = samples.height() * samples.width();
        let mut scaled = samples.clone();
        for (index, plane) in scaled.data_mut().chunks_mut(plane).enumerate() {
            let mean = [0.485, 0.456, 0.406][index % 3];
            let deviation = [0.229, 0.224, 0.225][index % 3];
            plane.iter_mut().for_each(|v| *v = ((f64::from(*v) - mean) / deviation) as f32);
        }
        scaled
    }

    fn start(net: Net, layout: &Layout) -> Vec<f32> {
        let mut parameters = layout.initial(net, 7);
        parameters[layout.weights()].iter_mut().for_each(|weight| *weight = weight.abs());
        parameters
    }

    #[test]
    fn features_are_those_of_the_metric() {
        let pictures = samples(6);
        for net in [Net::Alex, Net::Vgg, Net::Squeeze] {
            let layout = Layout::new(net, true);
            let parameters = start(net, &layout);
            let mut tensors = NamedTensors::new();
            for slot in layout.slots().iter().filter(|slot| slot.name.starts_with("features.")) {
                tensors.insert(&slot.name, &slot.shape, parameters[slot.range.clone()].to_vec());
            }
            let trunk = Arc::new(Trunk::new(net.backbone(), &tensors).unwrap());
            let lpips = Lpips::new(net, Version::V0_1, trunk, Head::Uniform).unwrap();
            let pairs = [[0, 2], [0, 4], [1, 3], [1, 5]];
            let expected =
                lpips.channel_moments_of_planes(&pictures, SampleRange::ZeroToOne, &pairs).unwrap();
            let batch = Batch::new(net, &layout, &parameters, scaled(&pictures), None).unwrap();
            let found: Vec<Vec<f32>> = batch.features().into_iter().flatten().collect();
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.len(), expected.mean.len());
                let largest = expected.mean.iter().fold(0.0_f32, |m, &q| m.max(q));
                for (found, expected) in found.iter().zip(&expected.mean) {
                    assert!((found - expected).abs() <= 1e-5 * largest, "{found} {expected}");
                }
            }
        }
    }

    /// The loss in double precision of what the network gives in single precision.
    fn loss(net: Net, layout: &Layout, parameters: &[f32], dropout: Option<(u64, u64)>) -> f64 {
        let batch = Batch::new(net, layout, parameters, scaled(&samples(6)), dropout).unwrap();
        objective::evaluate(layout, parameters, &batch.features(), &[0.0, 1.0]).loss
    }

    #[test]
    fn derivatives_are_slopes_of_the_loss() {
        for (net, dropout) in
            [(Net::Alex, None), (Net::Alex, Some((5, 9))), (Net::Squeeze, Some((1, 1)))]
        {
            let layout = Layout::new(net, true);
            let mut parameters = start(net, &layout);
            // So that distances are not tiny, and the loss hangs on them.
            parameters[layout.weights()].iter_mut().for_each(|weight| *weight *= 10.0);
            let batch =
                Batch::new(net, &layout, &parameters, scaled(&samples(6)), dropout).unwrap();
            let features = batch.features();
            let evaluation = objective::evaluate(&layout, &parameters, &features, &[0.0, 1.0]);
            let gradient = batch.trunk_gradient(&layout, &parameters, &evaluation).unwrap();
            assert_eq!(gradient.len(), layout.trunk().len());
            let start = layout.trunk().start;
            for slot in layout.slots().iter().filter(|slot| slot.range.start >= start).step_by(3) {
                let own = &gradient[slot.range.start - start..slot.range.end - start];
                let length = own.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
                assert!(length > 0.0, "{}", slot.name);
                // Along the derivative itself the slope is its length. How far the loss is straight
                // differs by layer, and below some step single precision ends.
                let error = |step: f64| {
                    let moved = |sign: f64| {
                        let mut moved = parameters.clone();
                        for (number, &g) in moved[slot.range.clone()].iter_mut().zip(own) {
                            *number += (sign * step * f64::from(g) / length) as f32;
                        }
                        loss(net, &layout, &moved, dropout)
                    };
                    ((moved(1.0) - moved(-1.0)) / (2.0 * step * length) - 1.0).abs()
                };
                let least = [1e-3, 3e-4, 1e-4, 3e-5].map(error).into_iter().fold(1.0, f64::min);
                assert!(least < 0.02, "{}: {least} of {length}", slot.name);
            }
        }
    }

    #[test]
    fn half_of_the_differences_are_left_out_and_the_rest_doubled() {
        let layout = Layout::new(Net::Alex, true);
        let parameters = start(Net::Alex, &layout);
        let of = |dropout| {
            let batch =
                Batch::new(Net::Alex, &layout, &parameters, scaled(&samples(6)), dropout).unwrap();
            let features = batch.features();
            features.concat().concat().iter().map(|&q| f64::from(q)).collect::<Vec<f64>>()
        };
        let whole = of(None);
        assert_eq!(of(Some((3, 4))), of(Some((3, 4))));
        assert_ne!(of(Some((3, 4))), of(Some((3, 5))));
        let draws = 40;
        let mut mean = vec![0.0; whole.len()];
        for step in 0..draws {
            for (mean, found) in mean.iter_mut().zip(of(Some((3, step)))) {
                *mean += found / draws as f64;
            }
        }
        let total = |numbers: &[f64]| numbers.iter().sum::<f64>();
        assert!((total(&mean) / total(&whole) - 1.0).abs() < 0.02);
    }
}
