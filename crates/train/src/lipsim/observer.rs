//! A synthetic observer: pictures made by arithmetic, and what it says of them. Nobody was asked.
//!
//! A picture shows one object on a coloured ground. Three things about the object matter to the observer: its
//! shape (weight 1.5), its hue (1.5) and its size (1.0); everything else, place, turn, stripes, lightness and the
//! ground, does not. Its distance of two pictures is
//!
//! D = 1.5·[shapes differ] + 1.5·(angle between the hues)/π + 1.0·|difference of the sizes|/(their range).
//!
//! A triplet is a reference and two pictures that change what matters with probability ½ each and what does not
//! with probability 0.8; only triplets with |D₀ − D₁| > ½ are taken, as unanimous votes would be.
//!
//! Source: the design is this project's own. Limits: says nothing about people.

use lookalike_core::{Channels, Picture};

use crate::Result;
use crate::random::{Purpose, Stream};

const SHAPES: usize = 4;
const SIZES: [f64; 2] = [0.16, 0.36];
const CHANGED: f64 = 0.5;
const NUISANCE: f64 = 0.8;
/// The least difference of distances.
const CLEAR: f64 = 0.5;
/// Samples of a pixel along each axis.
const WITHIN: usize = 3;
/// Numbers of triplets from here on are held out.
pub const HELD_OUT_TRIPLETS: u64 = 1 << 32;

/// What a picture shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    shape: usize,
    hue: f64,
    size: f64,
    lightness: f64,
    centre: [f64; 2],
    turn: f64,
    /// Waves across the picture, and how much lighter they are.
    stripes: [f64; 2],
    ground: [f64; 3],
}

/// A reference, two pictures, and whether the observer finds the right one nearer.
#[derive(Clone, Debug, PartialEq)]
pub struct Triplet {
    /// Reference, left, right.
    pub subjects: [Subject; 3],
    /// Whether the right one is nearer.
    pub right: bool,
}

impl Subject {
    fn draw(random: &mut Stream) -> Self {
        let mut subject = Self {
            shape: random.below(SHAPES),
            hue: random.unit(),
            size: SIZES[0] + (SIZES[1] - SIZES[0]) * random.unit(),
            lightness: 0.0,
            centre: [0.0; 2],
            turn: 0.0,
            stripes: [0.0; 2],
            ground: [0.0; 3],
        };
        subject.redraw_nuisances(random, 1.0);
        subject
    }

    /// Draws anew what does not matter, each with a probability.
    fn redraw_nuisances(&mut self, random: &mut Stream, probability: f64) {
        let mut drawn = |draw: &mut dyn FnMut(&mut Stream)| {
            if random.unit() < probability {
                draw(random);
            }
        };
        drawn(&mut |r| self.lightness = 0.75 + 0.25 * r.unit());
        drawn(&mut |r| self.centre = [0.38 + 0.24 * r.unit(), 0.38 + 0.24 * r.unit()]);
        drawn(&mut |r| self.turn = std::f64::consts::TAU * r.unit());
        drawn(&mut |r| self.stripes = [3.0 + 5.0 * r.unit(), 0.35 * r.unit()]);
        drawn(&mut |r| self.ground = [0; 3].map(|_| 0.2 + 0.6 * r.unit()));
    }

    /// Another picture, as a candidate of a triplet.
    fn changed(&self, random: &mut Stream) -> Self {
        let mut found = self.clone();
        let other = Self::draw(random);
        if random.unit() < CHANGED {
            found.shape = other.shape;
        }
        if random.unit() < CHANGED {
            found.hue = other.hue;
        }
        if random.unit() < CHANGED {
            found.size = other.size;
        }
        found.redraw_nuisances(random, NUISANCE);
        found
    }

    /// The observer's distance, from 0 to 4.
    pub fn distance(&self, other: &Self) -> f64 {
        let turn = (self.hue - other.hue).abs();
        let hue = 2.0 * turn.min(1.0 - turn);
        let size = (self.size - other.size).abs() / (SIZES[1] - SIZES[0]);
        let shape = f64::from(u8::from(self.shape != other.shape));
        1.5 * shape + 1.5 * hue + size
    }

    /// Whether a point of the unit square is in the object.
    fn covers(&self, x: f64, y: f64) -> bool {
        let (dx, dy) = ((x - self.centre[0]) / self.size, (y - self.centre[1]) / self.size);
        let (sin, cos) = self.turn.sin_cos();
        let (u, v) = (dx * cos + dy * sin, dy * cos - dx * sin);
        // All about as large as a disc of radius 0.8.
        match self.shape {
            0 => u * u + v * v < 0.64,
            1 => u.abs().max(v.abs()) < 0.71,
            // A triangle that stands on its side.
            2 => v < 0.55 && v > 1.732 * u.abs() - 1.1,
            _ => u.abs().min(v.abs()) < 0.32 && u.abs().max(v.abs()) < 0.95,
        }
    }

    fn colour(&self, x: f64, y: f64) -> [f64; 3] {
        if !self.covers(x, y) {
            return self.ground;
        }
        let [waves, depth] = self.stripes;
        let wave = 1.0 - depth * (0.5 + 0.5 * (std::f64::consts::TAU * waves * (x + y)).sin());
        [0.0, 1.0 / 3.0, 2.0 / 3.0].map(|shift| {
            let away = (self.hue - shift).rem_euclid(1.0);
            let away = 6.0 * away.min(1.0 - away);
            self.lightness * wave * (2.0 - away).clamp(0.05, 1.0)
        })
    }

    /// The picture, of 8 bits.
    ///
    /// # Errors
    /// [`Error::Picture`](crate::Error::Picture) for a side of 0.
    pub fn picture(&self, side: usize) -> Result<Picture> {
        let step = 1.0 / (side * WITHIN) as f64;
        let mut samples = Vec::with_capacity(3 * side * side);
        for row in 0..side {
            for column in 0..side {
                let mut sums = [0.0; 3];
                for within in 0..WITHIN * WITHIN {
                    let at =
                        |from: usize, part: usize| ((from * WITHIN + part) as f64 + 0.5) * step;
                    let (x, y) = (at(column, within % WITHIN), at(row, within / WITHIN));
                    let colour = self.colour(x, y);
                    sums.iter_mut().zip(colour).for_each(|(sum, value)| *sum += value);
                }
                let share = 255.0 / (WITHIN * WITHIN) as f64;
                samples.extend(sums.map(|sum| (sum * share).round() as u8));
            }
        }
        Ok(Picture::from_u8(side, side, Channels::Rgb, samples)?)
    }
}

/// The triplet of a number; those from [`HELD_OUT_TRIPLETS`] on are for measuring.
pub fn triplet(seed: u64, number: u64) -> Triplet {
    let random = &mut Stream::new(seed, Purpose::Observer, number);
    loop {
        let reference = Subject::draw(random);
        let [left, right] = [0, 1].map(|_| reference.changed(random));
        let [near, far] = [&left, &right].map(|subject| reference.distance(subject));
        if (near - far).abs() > CLEAR {
            return Triplet { right: far < near, subjects: [reference, left, right] };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triplets_are_clear_repeatable_and_apart() {
        let mut rights = 0;
        for number in 0..200 {
            let found = triplet(1, number);
            let [x, a, b] = &found.subjects;
            assert!((x.distance(a) - x.distance(b)).abs() > CLEAR);
            assert_eq!(found.right, x.distance(b) < x.distance(a));
            assert_eq!(x.distance(x), 0.0);
            assert!((x.distance(a) - a.distance(x)).abs() < 1e-12);
            rights += usize::from(found.right);
        }
        assert!((70..130).contains(&rights), "{rights}");
        assert_eq!(triplet(1, 5), triplet(1, 5));
        assert_ne!(triplet(1, 5), triplet(1, HELD_OUT_TRIPLETS + 5));
        assert_ne!(triplet(1, 5), triplet(2, 5));
    }

    #[test]
    fn pictures_show_the_object_and_the_ground() {
        for number in 0..20 {
            let subject = &triplet(3, number).subjects[0];
            let picture = subject.picture(32).unwrap();
            let corner = [0, 1, 2].map(|channel| picture.plane(channel, 1.0)[0]);
            for (found, ground) in corner.into_iter().zip(subject.ground) {
                assert!((found - ground).abs() <= 0.5 / 255.0 + 1e-9);
            }
            let inside = (0..32 * 32).filter(|at| {
                let of = |value: usize| (value as f64 + 0.5) / 32.0;
                subject.covers(of(at % 32), of(at / 32))
            });
            assert!((30..600).contains(&inside.count()));
        }
        assert!(triplet(3, 0).subjects[0].picture(0).is_err());
    }
}
