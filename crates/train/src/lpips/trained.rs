//! The network on a batch of triplets, with derivatives with respect to its filters.
//!
//! With activations of length one, u = f/(|f| + ε) over the channels of a position, the feature of a
//! channel is q = mean m·(u(a) − u(b))² over the positions. In training m is 0 or 2 at random for every
//! squared difference (dropout of ½, with masks of their own for the two pairs of a triplet); else 1.
//! With g the derivative of the loss with respect to u, that with respect to f is
//! g/(n + ε) − f·(g·f)/(n(n + ε)²) for n = |f|; where n is 0 the formula has none, and 0 is taken.
//!
//! Source: as [the module above](super). Reproduces: features of
//! [`Lpips::channel_moments`](lookalike_deep::Lpips::channel_moments) 1e-6, slopes of the loss. Does not:
//! PyTorch's random numbers.

use lookalike_core::Picture;
use lookalike_deep::{Net, Version, network_input};
use lookalike_nn::{
    Blocks, Forward, LANES, Line, NamedTensors, Packing, PictureBlocks, Planes, Trunk,
};
use rayon::prelude::*;

use super::cache::Reading;
use super::data::Triplet;
use super::layout::Layout;
use super::objective::Evaluation;
use super::source::FeatureSource;
use crate::random::{Purpose, Stream};
use crate::{Error, Result};

/// Added to lengths, as the metric has it.
const EPSILON: f64 = 1e-10;

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
pub struct Batch {
    forward: Forward,
    triplets: usize,
    /// For both pairs of every triplet, where there is dropout.
    masks: Option<Vec<[Mask; 2]>>,
}

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
        let triplets = pictures.batch() / 3;
        let mut tensors = NamedTensors::new();
        for slot in layout.slots().iter().filter(|slot| layout.trunk().start <= slot.range.start) {
            tensors.insert(&slot.name, &slot.shape, parameters[slot.range.clone()].to_vec());
        }
        // The filters are others at the next step.
        let trunk = Trunk::with_packing(net.backbone(), tensors, Packing::EveryBatch)
            .map_err(lookalike_deep::Error::from)?;
        let forward = trunk.forward(pictures).map_err(lookalike_deep::Error::from)?;
        let masks = dropout.map(|(seed, step)| {
            let mut stream = Stream::new(seed, Purpose::Dropout, step);
            let lines: usize = forward.taps().iter().map(|tap| tap.depth() * tap.area()).sum();
            (0..triplets).map(|_| [0, 1].map(|_| Mask::draw(&mut stream, lines))).collect()
        });
        Ok(Self { forward, triplets, masks })
    }

    /// The features of every triplet: of the reference with the first and with the second picture.
    pub fn features(&self) -> Vec<[Vec<f32>; 2]> {
        let taps = self.forward.taps();
        let of = |triplet: usize| {
            [0, 1].map(|side| {
                let mut features = Vec::new();
                let mut start = 0;
                for tap in &taps {
                    if let Some(pair) = self.pair(tap, triplet, side, start) {
                        pair.features(tap.shape()[1], &mut features);
                    }
                    start += tap.depth() * tap.area();
                }
                features
            })
        };
        (0..self.triplets).into_par_iter().map(of).collect()
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
        let mut derivatives = Vec::new();
        let (mut start, mut first) = (0, 0);
        for tap in self.forward.taps() {
            let [_, channels, ..] = tap.shape();
            let weights = lines_of(&parameters[first..first + channels]);
            let of = |triplet: usize| {
                let size = tap.depth() * tap.area();
                let mut found = [0, 1, 2].map(|_| vec![Line::ZERO; size]);
                let [reference, candidates @ ..] = &mut found;
                for (side, candidate) in candidates.iter_mut().enumerate() {
                    let slope = evaluation.by_distances[triplet][side];
                    if let Some(pair) = self.pair(tap, triplet, side, start) {
                        pair.derive(&weights, slope, reference, candidate);
                    }
                }
                found
            };
            let found: Vec<[Vec<Line>; 3]> = (0..self.triplets).into_par_iter().map(of).collect();
            let mut blocks = Blocks::new();
            blocks.reshape(tap.shape())?;
            for (triplet, of_pictures) in found.iter().enumerate() {
                for (role, lines) in of_pictures.iter().enumerate() {
                    if let Some(to) = blocks.picture_mut(role * self.triplets + triplet) {
                        to.copy_from_slice(lines);
                    }
                }
            }
            derivatives.push(blocks);
            start += tap.depth() * tap.area();
            first += channels;
        }
        let found =
            self.forward.filter_gradients(derivatives).map_err(lookalike_deep::Error::from)?;
        let mut gradient = Vec::with_capacity(layout.trunk().len());
        for convolution in found {
            gradient.extend(convolution.weight);
            gradient.extend(convolution.bias);
        }
        Ok(gradient)
    }

    /// The activations of a pair at a tap whose masks begin at a line.
    fn pair<'a>(
        &'a self,
        tap: &'a Blocks,
        triplet: usize,
        side: usize,
        start: usize,
    ) -> Option<Pair<'a>> {
        let mask = self.masks.as_ref().map(|masks| &masks[triplet][side]);
        let a = tap.picture(triplet)?;
        let b = tap.picture((1 + side) * self.triplets + triplet)?;
        Some(Pair { a, b, mask, start })
    }
}

/// Which squared differences are kept: a bit for every lane of every line.
struct Mask(Vec<u16>);

impl Mask {
    fn draw(stream: &mut Stream, lines: usize) -> Self {
        let mut bits = Vec::with_capacity(lines.next_multiple_of(4));
        while bits.len() < lines {
            let drawn = stream.bits();
            bits.extend([0, 16, 32, 48].map(|shift| (drawn >> shift) as u16));
        }
        Self(bits)
    }
}

struct Pair<'a> {
    a: PictureBlocks<'a>,
    b: PictureBlocks<'a>,
    mask: Option<&'a Mask>,
    start: usize,
}

impl Pair<'_> {
    fn depth(&self) -> usize {
        self.a.lines().len() / self.a.area().max(1)
    }

    /// What a squared difference counts.
    fn kept(&self, line: usize, lane: usize) -> f64 {
        match self.mask {
            None => 1.0,
            Some(mask) => f64::from(2 * (mask.0[self.start + line] >> lane & 1)),
        }
    }

    /// Lengths of the activations at a position.
    fn lengths(&self, position: usize) -> [f64; 2] {
        [self.a, self.b].map(|side| {
            let lines = side.lines()[position..].iter().step_by(side.area());
            let squares = |line: &Line| -> f64 {
                line.0.iter().map(|&number| f64::from(number) * f64::from(number)).sum()
            };
            lines.map(squares).sum::<f64>().sqrt()
        })
    }

    fn features(&self, channels: usize, to: &mut Vec<f32>) {
        let area = self.a.area();
        let mut sums = vec![0.0; self.depth() * LANES];
        for position in 0..area {
            let [a, b] = self.lengths(position).map(|length| 1.0 / (length + EPSILON));
            for block in 0..self.depth() {
                let line = block * area + position;
                let (x, y) = (self.a.lines()[line].0, self.b.lines()[line].0);
                for lane in 0..LANES {
                    let difference = f64::from(x[lane]) * a - f64::from(y[lane]) * b;
                    sums[block * LANES + lane] += self.kept(line, lane) * difference * difference;
                }
            }
        }
        to.extend(sums[..channels].iter().map(|sum| (sum / area as f64) as f32));
    }

    /// Adds `slope` times the derivatives of the distance.
    fn derive(&self, weights: &[Line], slope: f64, of_a: &mut [Line], of_b: &mut [Line]) {
        let area = self.a.area();
        let scale = 2.0 * slope / area as f64;
        let mut outer = vec![[0.0; LANES]; self.depth()];
        for position in 0..area {
            let lengths = self.lengths(position);
            let [ra, rb] = lengths.map(|length| 1.0 / (length + EPSILON));
            let mut along = [0.0; 2];
            for (block, outer) in outer.iter_mut().enumerate() {
                let line = block * area + position;
                let (x, y) = (self.a.lines()[line].0, self.b.lines()[line].0);
                for lane in 0..LANES {
                    let (x, y) = (f64::from(x[lane]), f64::from(y[lane]));
                    let weight = f64::from(weights[block].0[lane]) * self.kept(line, lane);
                    let g = scale * weight * (x * ra - y * rb);
                    outer[lane] = g;
                    along[0] += g * x;
                    along[1] -= g * y;
                }
            }
            for (side, of) in [&mut *of_a, &mut *of_b].into_iter().enumerate() {
                let length = lengths[side];
                if length == 0.0 {
                    continue;
                }
                let (own, sign, r) = if side == 0 { (self.a, 1.0, ra) } else { (self.b, -1.0, rb) };
                let back = along[side] * r * r / length;
                for (block, outer) in outer.iter().enumerate() {
                    let line = block * area + position;
                    for (lane, &outer) in outer.iter().enumerate() {
                        let number = f64::from(own.lines()[line].0[lane]);
                        of[line].0[lane] += (sign * outer * r - number * back) as f32;
                    }
                }
            }
        }
    }
}

/// Numbers in lines, with zeros behind.
fn lines_of(numbers: &[f32]) -> Vec<Line> {
    let mut lines = vec![Line::ZERO; numbers.len().div_ceil(LANES)];
    for (line, numbers) in lines.iter_mut().zip(numbers.chunks(LANES)) {
        line.0[..numbers.len()].copy_from_slice(numbers);
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lookalike_deep::{Head, Lpips, SampleRange};
    use lookalike_nn::{Parameters as _, Seeded};

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
