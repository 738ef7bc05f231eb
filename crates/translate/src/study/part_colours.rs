//! Colours of parts, copied: what can be had without a network by who knows where the parts are.
//!
//! Every part of a drawn shoe gets the mean colour that its pixels have in all targets that are learned from (by the
//! part that most of a pixel belongs to). A part that none of them has gets the mean colour of all pixels but those of
//! the background.

use std::time::Instant;

use lookalike_core::{Channels, Picture, Samples};
use lookalike_train::sight::Role;
use rayon::prelude::*;

use crate::data::{Pairs, Part, ShoePair, shoe};
use crate::{Error, Result};

/// What names of drawn pairs begin with, before their seeds.
const DRAWN: &str = "shoe:";
/// Parts.
const PARTS: usize = Part::ALL.len();

/// Sums of red, green and blue, and pixels.
type Sums = [[u64; 4]; PARTS];

/// A colour of every part.
pub(super) struct PartColours {
    side: usize,
    colours: [[u8; 3]; PARTS],
    seconds: f64,
}

fn seed(name: &str) -> Option<u64> {
    name.strip_prefix(DRAWN)?.parse().ok()
}

fn drawn(name: &str, side: usize) -> Result<ShoePair> {
    let seed = seed(name).ok_or_else(|| {
        Error::Refused(format!("colours of parts: expected a drawn shoe, found {name}"))
    })?;
    shoe(seed, side)
}

impl PartColours {
    /// Whether it is known of all pairs what part a pixel belongs to.
    pub(super) fn are_known(pairs: &Pairs) -> bool {
        pairs.names.iter().all(|name| seed(name).is_some())
    }

    /// The mean colours of the pairs that are learned from.
    pub(super) fn learned(pairs: &Pairs) -> Result<Self> {
        let (start, side) = (Instant::now(), pairs.side);
        let of = |&place: &usize| -> Result<Sums> {
            let shoe = drawn(&pairs.names[place], side)?;
            let mut sums = [[0; 4]; PARTS];
            if let Samples::U8(codes) = shoe.target.samples() {
                for (pixel, &part) in codes.chunks_exact(3).zip(&shoe.regions) {
                    let sum = &mut sums[usize::from(part).min(PARTS - 1)];
                    sum.iter_mut().zip(pixel).for_each(|(sum, &code)| *sum += u64::from(code));
                    sum[3] += 1;
                }
            }
            Ok(sums)
        };
        let all: Vec<Sums> =
            pairs.places(Role::Learned).par_iter().map(of).collect::<Result<_>>()?;
        let mut sums: Sums = [[0; 4]; PARTS];
        let mut of_shoes = [0; 4];
        for one in &all {
            for (part, (sum, one)) in sums.iter_mut().zip(one).enumerate() {
                sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
                if part != Part::Background as usize {
                    of_shoes.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
                }
            }
        }
        let mean = |sum: [u64; 4]| {
            let [red, green, blue, count] = sum;
            [red, green, blue].map(|sum| ((sum + count / 2) / count.max(1)) as u8)
        };
        let colours = sums.map(|sum| mean(if sum[3] > 0 { sum } else { of_shoes }));
        Ok(Self { side, colours, seconds: start.elapsed().as_secs_f64() })
    }

    /// Seconds that this took.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The drawn shoe of a name in these colours.
    pub(super) fn of(&self, name: &str) -> Result<Picture> {
        let shoe = drawn(name, self.side)?;
        let colour = |&part: &u8| self.colours[usize::from(part).min(PARTS - 1)];
        let codes = shoe.regions.iter().flat_map(colour).collect();
        Ok(Picture::from_u8(self.side, self.side, Channels::Rgb, codes)?)
    }
}
