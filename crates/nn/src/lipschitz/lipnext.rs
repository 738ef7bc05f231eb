//! The block of LipNeXt: y = σ(M Rᵀ Shift(R (x + p)) + b), on the channels of every position.
//!
//! R and M are orthogonal, p is a learned number for each channel and position, Shift moves groups of channels by one
//! pixel to the left, right, up and down, around the edges, and leaves the others; σ takes the absolute value of the first
//! βC channels. Proof of the constant: adding p or b moves all points alike; R, Rᵀ and M keep lengths, up to the rounding
//! of their stored matrices, whose bounds are multiplied; Shift is a permutation; | |x| − |y| | ≤ |x − y|.
//!
//! Source: "LipNeXt: Scaling up Lipschitz-based Certified Robustness to Billion-parameter Models", ICLR 2026 (arXiv
//! 2601.18513), from a description of it. Choices: R and M are given as free parameters of block reflectors (Lai et al.,
//! ICML 2025), where the paper optimises on the manifold; what a block computes is the same for the same matrices.
//! Reproduces no recorded values; held against loops. Limits: no training here; edges are joined, as published.

use super::{Bound, Linear, Real, Rows, block_reflector};
use crate::{Error, Result};

/// A block with its constant.
#[derive(Clone, Debug)]
pub struct LipNextBlock {
    channels: usize,
    size: [usize; 2],
    /// Channels that move in each direction.
    moving: usize,
    /// Channels whose absolute value is taken.
    absolute: usize,
    turn: Linear,
    mix: Linear,
    /// `[channel][row][column]`.
    place: Vec<f32>,
    bias: Vec<f32>,
    bound: Bound,
}

/// What a block is made of.
#[derive(Clone, Copy, Debug)]
pub struct LipNextParameters<'a> {
    /// The V of R, `channels` rows of `rank` numbers.
    pub turn: &'a [f32],
    /// The V of M, the same.
    pub mix: &'a [f32],
    /// Columns of both V.
    pub rank: usize,
    /// p, `[channel][row][column]`.
    pub place: &'a [f32],
    /// b, one for each channel.
    pub bias: &'a [f32],
    /// The share of the channels that move in each of four directions, at most ¼: 1/16 to 1/8 as published.
    pub moving: f64,
    /// β, the share of the channels whose absolute value is taken.
    pub absolute: f64,
}

/// Rows and columns by which the groups of channels move.
const STEPS: [[isize; 2]; 4] = [[0, 1], [0, -1], [1, 0], [-1, 0]];

impl LipNextBlock {
    /// A block for pictures of a height and width.
    ///
    /// # Errors
    /// [`Error::Numbers`]; [`Error::Unfit`] for shares that are none, and singular parameters.
    pub fn new(size: [usize; 2], parameters: LipNextParameters<'_>) -> Result<Self> {
        let LipNextParameters { turn, mix, rank, place, bias, moving, absolute } = parameters;
        let channels = bias.len();
        if !(0.0..=0.25).contains(&moving) || !(0.0..=1.0).contains(&absolute) {
            let reason = "expected a moving share from 0 to 1/4 and an absolute one from 0 to 1";
            return Err(Error::Unfit(reason.to_owned()));
        }
        Error::expect_numbers("places of a block", channels * size[0] * size[1], place.len())?;
        for v in [turn, mix] {
            Error::expect_numbers("the reflector of a block", channels * rank, v.len())?;
        }
        let (turn, mix) = (block_reflector(turn, rank)?, block_reflector(mix, rank)?);
        // Once for R, once for its transpose.
        let bound = turn.bound().then(turn.bound()).then(mix.bound());
        let share = |share: f64| (share * channels as f64) as usize;
        Ok(Self {
            channels,
            size,
            moving: share(moving),
            absolute: share(absolute),
            turn,
            mix,
            place: place.to_vec(),
            bias: bias.to_vec(),
            bound,
        })
    }

    /// Its Lipschitz constant.
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// The values. With `negative`, `[row][channel][column]` truth values, it is noted whose sign was turned, for
    /// [`backward`](Self::backward).
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn forward<R: Real>(&self, x: &Rows<R>, negative: Option<&mut [bool]>) -> Result<Rows<R>> {
        self.check(x)?;
        let [_, width] = self.size;
        let mut moved = x.clone();
        for (at, value) in moved.data.iter_mut().enumerate() {
            let (column, channel, row) =
                (at % width, at / width % self.channels, at / width / self.channels);
            *value += R::of(self.place[(channel * self.size[0] + row) * width + column]);
        }
        let moved = self.every_position(&moved, |v| self.turn.forward(v))?;
        let moved = self.shifted(&moved, false);
        let moved = self.every_position(&moved, |v| transposed(&self.turn, v))?;
        let mut y = self.every_position(&moved, |v| self.mix.forward(v))?;
        let mut turned = vec![false; y.data.len()];
        for (at, value) in y.data.iter_mut().enumerate() {
            let channel = at / width % self.channels;
            *value += R::of(self.bias[channel]);
            if channel < self.absolute && *value < R::default() {
                *value = R::default() - *value;
                turned[at] = true;
            }
        }
        if let Some(negative) = negative {
            Error::expect_numbers("signs of a block", turned.len(), negative.len())?;
            negative.copy_from_slice(&turned);
        }
        Ok(y)
    }

    /// The derivative with respect to the values read, given that with respect to those written.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn backward<R: Real>(&self, upstream: &Rows<R>, negative: &[bool]) -> Result<Rows<R>> {
        self.check(upstream)?;
        Error::expect_numbers("signs of a block", upstream.data.len(), negative.len())?;
        let mut slopes = upstream.clone();
        for (slope, _) in slopes.data.iter_mut().zip(negative).filter(|(_, turned)| **turned) {
            *slope = R::default() - *slope;
        }
        let slopes = self.every_position(&slopes, |v| transposed(&self.mix, v))?;
        let slopes = self.every_position(&slopes, |v| self.turn.forward(v))?;
        let slopes = self.shifted(&slopes, true);
        self.every_position(&slopes, |v| transposed(&self.turn, v))
    }

    fn check<R: Real>(&self, x: &Rows<R>) -> Result<()> {
        let [height, width] = self.size;
        Error::expect_numbers("channels of a block", self.channels, x.channels)?;
        Error::expect_numbers("rows of a block", height, x.height)?;
        Error::expect_numbers("columns of a block", width, x.width)
    }

    /// A map of the channels of every position.
    fn every_position<R: Real>(
        &self,
        x: &Rows<R>,
        map: impl Fn(&[R]) -> Result<Vec<R>>,
    ) -> Result<Rows<R>> {
        let [height, width] = self.size;
        let mut y = x.clone();
        for row in 0..height {
            for column in 0..width {
                let at = |channel: usize| (row * self.channels + channel) * width + column;
                let vector: Vec<R> =
                    (0..self.channels).map(|channel| x.data[at(channel)]).collect();
                for (channel, value) in map(&vector)?.into_iter().enumerate() {
                    y.data[at(channel)] = value;
                }
            }
        }
        Ok(y)
    }

    /// Groups of channels moved by a pixel around the edges, or back.
    fn shifted<R: Real>(&self, x: &Rows<R>, back: bool) -> Rows<R> {
        let [height, width] = self.size;
        let mut y = x.clone();
        for channel in 0..4 * self.moving {
            let [dy, dx] = STEPS[channel / self.moving];
            for row in 0..height {
                for column in 0..width {
                    let around = |at: usize, by: isize, end: usize| {
                        (at as isize + by).rem_euclid(end as isize) as usize
                    };
                    let here = (row * self.channels + channel) * width + column;
                    let there = (around(row, dy, height) * self.channels + channel) * width
                        + around(column, dx, width);
                    let (to, from) = if back { (here, there) } else { (there, here) };
                    y.data[to] = x.data[from];
                }
            }
        }
        y
    }
}

/// Mᵀ x of a square matrix.
fn transposed<R: Real>(matrix: &Linear, x: &[R]) -> Result<Vec<R>> {
    let size = x.len();
    Error::expect_numbers("a square matrix", size * size, matrix.matrix().len())?;
    let mut y = vec![R::default(); size];
    for (row, &x) in matrix.matrix().chunks_exact(size.max(1)).zip(x) {
        y.iter_mut().zip(row).for_each(|(y, &m)| *y += R::of(m) * x);
    }
    Ok(y)
}
