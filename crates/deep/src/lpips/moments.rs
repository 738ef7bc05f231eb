//! What LPIPS weighs: squared differences of activations of length one, per channel.
//!
//! With δ = (u(a) − u(b))² at every position of a channel, the distance is Σ w·mean δ over the channels
//! of all taps: the mean over positions and the weights commute. Who learns the weights `w` needs the
//! means alone, once for every pair, and not the network.
//!
//! A second number per channel says over how many positions the differences are spread,
//! (Σδ)² / Σδ²: all of them where they are equal, 1 where a single position differs. It is what the
//! variance of the mean depends on when positions are left out at random.

use lookalike_core::Picture;
use lookalike_nn::{LANES, PictureBlocks, Planes};
use rayon::prelude::*;

use super::Lpips;
use crate::evaluation::activations;
use crate::plan::{Plan, batch_of};
use crate::samples::{PlanesSamples, RgbSamples, SampleRange};
use crate::tap_formula::TapPair;
use crate::{Error, Result};

/// As in [`UnitDistance`](lookalike_kernels::UnitDistance).
const EPSILON: f32 = 1e-10;

/// The squared differences of one pair, for the channels of all taps one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelMoments {
    /// Their mean over the positions, from 0 to 4.
    pub mean: Vec<f32>,
    /// Over how many positions they are spread: from 1 to as many as the tap has, 0 where nothing
    /// differs.
    pub spread: Vec<f32>,
}

/// Sums over the positions of all tiles.
#[derive(Clone)]
struct Sums {
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Lpips {
    /// The channel moments of pairs of pictures, given as places in a list. Each picture goes through
    /// the network once, and the activations of all are kept meanwhile: hand over at most
    /// [`pictures_at_once`](Self::pictures_at_once).
    ///
    /// # Errors
    /// [`Error::Sizes`] when pictures are not all of one size, [`Error::Batches`] for a place beyond the
    /// list; when they are too small.
    pub fn channel_moments(
        &self,
        pictures: &[&Picture],
        pairs: &[[usize; 2]],
    ) -> Result<Vec<ChannelMoments>> {
        let samples: Vec<&dyn RgbSamples> = pictures.iter().map(|&picture| picture as _).collect();
        self.moments(&samples, pairs)
    }

    /// The same of a batch `[pictures, 3, height, width]` in red, green, blue.
    ///
    /// # Errors
    /// As [`channel_moments`](Self::channel_moments).
    pub fn channel_moments_of_planes(
        &self,
        planes: &Planes,
        range: SampleRange,
        pairs: &[[usize; 2]],
    ) -> Result<Vec<ChannelMoments>> {
        if planes.channels() != 3 {
            let (network, found) = (self.trunk.backbone().name(), planes.channels());
            return Err(lookalike_nn::Error::Channels { network, expected: 3, found }.into());
        }
        let pictures: Vec<PlanesSamples<'_>> =
            (0..planes.batch()).map(|index| PlanesSamples { planes, index, range }).collect();
        let samples: Vec<&dyn RgbSamples> = pictures.iter().map(|picture| picture as _).collect();
        self.moments(&samples, pairs)
    }

    /// How many pictures of a height and width fill the memory that a batch may take; one at least.
    pub fn pictures_at_once(&self, height: usize, width: usize) -> usize {
        batch_of(&self.trunk.geometry().unwrap_or_default(), [height, width])
    }

    fn moments(
        &self,
        pictures: &[&dyn RgbSamples],
        pairs: &[[usize; 2]],
    ) -> Result<Vec<ChannelMoments>> {
        let Some(first) = pictures.first() else {
            return match pairs {
                [] => Ok(Vec::new()),
                _ => Err(Error::Batches { references: 0, candidates: pairs.len() }),
            };
        };
        let size = first.size();
        if let Some(other) = pictures.iter().map(|picture| picture.size()).find(|&s| s != size) {
            return Err(Error::Sizes { reference: size, candidate: other });
        }
        if let Some(&beyond) = pairs.iter().flatten().find(|&&place| place >= pictures.len()) {
            return Err(Error::Batches { references: pictures.len(), candidates: beyond + 1 });
        }
        let plan = Plan::new(self, size)?;
        let depths: Vec<usize> =
            self.taps.iter().map(|tap| tap.channels().div_ceil(LANES) * LANES).collect();
        let empty = |&depth: &usize| Sums { first: vec![0.0; depth], second: vec![0.0; depth] };
        let mut sums: Vec<Vec<Sums>> =
            pairs.iter().map(|_| depths.iter().map(empty).collect()).collect();
        for tile in plan.tiles() {
            let found = activations(self, tile, pictures)?;
            sums.par_iter_mut().zip(pairs).try_for_each(|(sums, &[a, b])| {
                for (tap, (sums, found)) in sums.iter_mut().zip(&found).enumerate() {
                    let absent =
                        || Error::Batches { references: pictures.len(), candidates: a + 1 };
                    let pair = [a, b].map(|place| found.picture(place).ok_or_else(absent));
                    let [a, b] = pair;
                    add(sums, &tile.pair(tap, [a?, b?]));
                }
                Ok::<(), Error>(())
            })?;
        }
        Ok(sums.into_iter().map(|taps| self.finished(&plan, taps)).collect())
    }

    fn finished(&self, plan: &Plan, taps: Vec<Sums>) -> ChannelMoments {
        let count = self.taps.iter().map(|tap| tap.channels()).sum();
        let mut moments =
            ChannelMoments { mean: Vec::with_capacity(count), spread: Vec::with_capacity(count) };
        for ((sums, tap), [height, width]) in taps.into_iter().zip(&self.taps).zip(&plan.taps) {
            let positions = (height * width) as f64;
            for (&first, &second) in sums.first.iter().zip(&sums.second).take(tap.channels()) {
                moments.mean.push((first / positions) as f32);
                let spread = if second > 0.0 { first * first / second } else { 0.0 };
                moments.spread.push(spread as f32);
            }
        }
        moments
    }
}

/// Adds the squared differences of one tap of one tile, and their squares.
fn add(sums: &mut Sums, pair: &TapPair<'_>) {
    let (a, b) = (pair.reference, pair.candidate);
    let area = b.area();
    let (first, _) = sums.first.as_chunks_mut::<LANES>();
    let (second, _) = sums.second.as_chunks_mut::<LANES>();
    for position in pair.runs().into_iter().flatten() {
        let [x, y] = [a, b].map(|blocks| inverse_length(blocks, first.len(), position));
        for (block, (first, second)) in first.iter_mut().zip(second.iter_mut()).enumerate() {
            let at = block * area + position;
            let (u, v) = (&a.lines()[at].0, &b.lines()[at].0);
            for lane in 0..LANES {
                let difference = u[lane] * x - v[lane] * y;
                let squared = f64::from(difference * difference);
                first[lane] += squared;
                second[lane] += squared * squared;
            }
        }
    }
}

fn inverse_length(blocks: PictureBlocks<'_>, depth: usize, position: usize) -> f32 {
    let mut squares = [0.0_f32; LANES];
    for block in 0..depth {
        let line = &blocks.lines()[block * blocks.area() + position].0;
        for (square, number) in squares.iter_mut().zip(line) {
            *square += number * number;
        }
    }
    let length = squares.iter().map(|&square| f64::from(square)).sum::<f64>().sqrt();
    1.0 / (length as f32 + EPSILON)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lookalike_nn::{Parameters as _, Seeded, Trunk};

    use super::*;
    use crate::{Head, Net, Version};

    #[test]
    fn weighed_and_summed_they_are_the_distance() {
        for net in [Net::Alex, Net::Squeeze] {
            let trunk = Trunk::new(net.backbone(), &Seeded::new(net.as_str())).unwrap();
            let head = Head::load(net, &Seeded::new("head")).unwrap();
            let Head::Learned(weights) = head.clone() else { panic!("it was learned") };
            let lpips = Lpips::new(net, Version::V0_1, Arc::new(trunk), head).unwrap();
            let shape = [3, 3, 43, 61];
            let numbers = Seeded::new("pictures").f32("lin", &shape).unwrap();
            let planes = Planes::new(shape, numbers).unwrap();
            let range = SampleRange::ZeroToOne;
            let pairs = [[0, 1], [0, 2], [1, 1]];
            let moments = lpips.channel_moments_of_planes(&planes, range, &pairs).unwrap();
            for (moments, pair) in moments.iter().zip(pairs) {
                let [a, b] = pair.map(|place| {
                    let data = planes.picture(place).to_vec();
                    Planes::new([1, 3, 43, 61], data).unwrap()
                });
                let expected = lpips.distances(&a, &b, range).unwrap()[0].value;
                let terms = weights.iter().flatten().zip(&moments.mean);
                let found: f64 = terms.map(|(&w, &q)| f64::from(w) * f64::from(q)).sum();
                assert!((found - expected).abs() <= 2e-6 * expected, "{found} {expected}");
                let positions = 61.0 * 43.0;
                let sound = |&spread: &f32| spread == 0.0 || (0.999..positions).contains(&spread);
                assert!(moments.spread.iter().all(sound));
                assert_eq!(pair[0] == pair[1], moments.mean.iter().all(|&mean| mean == 0.0));
            }
            assert!(lpips.channel_moments_of_planes(&planes, range, &[[0, 3]]).is_err());
        }
    }
}
