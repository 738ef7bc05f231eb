//! Pairs of pictures through a network, with derivatives with respect to its filters.
//!
//! With activations of length one, u = f/(|f| + ε) over the channels of a position, the feature of a
//! channel is q = mean m·(u(a) − u(b))² over the positions. In training with dropout m is 0 or 2 at random
//! for every squared difference, with masks of their own for every pair; else 1.
//! With g the derivative of the loss with respect to u, that with respect to f is
//! g/(n + ε) − f·(g·f)/(n(n + ε)²) for n = |f|; where n is 0 the formula has none, and 0 is taken.
//!
//! Source: Zhang et al., CVPR 2018, as [`lpips`](crate::lpips). Reproduces: features of
//! [`Lpips::channel_moments`](lookalike_deep::Lpips::channel_moments) 1e-6, slopes of the loss. Does not:
//! PyTorch's random numbers.

use lookalike_deep::Net;
use lookalike_nn::{
    Blocks, Forward, LANES, Line, NamedTensors, Packing, PictureBlocks, Planes, Trunk,
};
use rayon::prelude::*;

use crate::Result;
use crate::lpips::Layout;
use crate::random::{Purpose, Stream};

/// Added to lengths, as the metric has it.
const EPSILON: f64 = 1e-10;

/// A batch of pictures that went through a network, and which of them are compared.
pub(crate) struct PairBatch {
    forward: Forward,
    pairs: Vec<[usize; 2]>,
    /// For every pair, where there is dropout.
    masks: Option<Vec<Mask>>,
}

impl PairBatch {
    /// Takes pictures through the network whose parameters are in `parameters`; `pairs` are their places.
    /// `dropout` is a seed and a step.
    ///
    /// # Errors
    /// [`Error::Deep`](crate::Error::Deep) for pictures that the network cannot read and parameters that
    /// are not finite.
    pub(crate) fn new(
        net: Net,
        layout: &Layout,
        parameters: &[f32],
        pictures: Planes,
        pairs: Vec<[usize; 2]>,
        dropout: Option<(u64, u64)>,
    ) -> Result<Self> {
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
            pairs.iter().map(|_| Mask::draw(&mut stream, lines)).collect()
        });
        Ok(Self { forward, pairs, masks })
    }

    /// The features of every pair, those of all taps one after the other.
    pub(crate) fn features(&self) -> Vec<Vec<f32>> {
        let taps = self.forward.taps();
        let of = |at: usize| {
            let mut features = Vec::new();
            let mut start = 0;
            for tap in &taps {
                if let Some(pair) = self.pair(tap, at, start) {
                    pair.features(tap.shape()[1], &mut features);
                }
                start += tap.depth() * tap.area();
            }
            features
        };
        (0..self.pairs.len()).into_par_iter().map(of).collect()
    }

    /// The derivatives of the loss with respect to the trunk, in the order of the layout, of its
    /// derivatives with respect to the distance of every pair.
    ///
    /// # Errors
    /// [`Error::Deep`](crate::Error::Deep) when a kernel refuses.
    pub(crate) fn trunk_gradient(
        self,
        layout: &Layout,
        parameters: &[f32],
        slopes: &[f64],
    ) -> Result<Vec<f32>> {
        let mut derivatives = Vec::new();
        let (mut start, mut first) = (0, 0);
        for tap in self.forward.taps() {
            let [_, channels, ..] = tap.shape();
            let weights = lines_of(&parameters[first..first + channels]);
            let size = tap.depth() * tap.area();
            let of = |(at, &slope): (usize, &f64)| {
                let mut found = [0, 1].map(|_| vec![Line::ZERO; size]);
                let [a, b] = &mut found;
                if let Some(pair) = self.pair(tap, at, start) {
                    pair.derive(&weights, slope, a, b);
                }
                found
            };
            let found: Vec<[Vec<Line>; 2]> = slopes.par_iter().enumerate().map(of).collect();
            // Pictures of several pairs add up.
            let mut blocks = Blocks::zeros(tap.shape())?;
            for (lines, picture) in found.as_flattened().iter().zip(self.pairs.as_flattened()) {
                let Some(to) = blocks.picture_mut(*picture) else { continue };
                for (sum, line) in to.iter_mut().zip(lines) {
                    for (sum, number) in sum.0.iter_mut().zip(line.0) {
                        *sum += number;
                    }
                }
            }
            derivatives.push(blocks);
            start += size;
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
    fn pair<'a>(&'a self, tap: &'a Blocks, at: usize, start: usize) -> Option<Pair<'a>> {
        let mask = self.masks.as_ref().map(|masks| &masks[at]);
        let [a, b] = self.pairs[at].map(|picture| tap.picture(picture));
        Some(Pair { a: a?, b: b?, mask, start })
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
