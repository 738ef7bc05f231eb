//! Drawn shoes and their outlines: paired data that need no photographs.
//!
//! A seed gives a sneaker, a boot, a pump or a sandal: four to nine parts of random proportions, painted over each
//! other on a grid four times as fine as the picture and averaged. The source has the lines between the parts, drawn
//! from the same geometry with a pen of about a pixel; the target has the parts in a few colours, with light from above,
//! rims that are darker and textures that no line tells of, on white.
//!
//! What a network can know from the lines, and what it cannot: the family decides what soles, linings and laces may
//! look like (mostly white rubber under sneakers, dark leather under boots, tan under pumps, cork under sandals);
//! stilettos have the colour of their upper, wedges are of cork; the toe caps of high sneakers are of the sole's rubber.
//! The colours of uppers, stripes and bows, gloss and grain are free. So a good translation keeps the lines, gets the
//! dependent colours right and still has different pictures to choose from, which a regression averages away.
//!
//! Only the four operations and square roots in double precision and [`Stream`] are used, so equal seeds give equal
//! bytes on every machine. Limits: one view, toe to the left; no shadow; drawings, not photographs.

mod boot;
mod canvas;
mod colours;
mod outline;
mod pump;
mod sandal;
mod sneaker;

use lookalike_core::{Channels, Picture};
use lookalike_train::random::{Purpose, Stream};
use serde::Serialize;

use crate::{Error, Result};
use canvas::{Canvas, FINE, Shape};
use colours::{Palette, Surface};
use outline::Point;

/// The counter of the streams of shoes: networks that draw count their steps from 0 under the same purpose.
const DRAWINGS: u64 = 1 << 32;
/// The longest side.
const LONGEST: usize = 1024;
/// Width of lines in pixels, and the side below which they are thinner, down to three quarters.
const PEN: f64 = 1.0;
const FULL_PEN: f64 = 64.0;

/// A part of a shoe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Part {
    /// White.
    Background = 0,
    /// What it stands on.
    Sole = 1,
    /// The lowest layer of a sole.
    Tread = 2,
    /// A heel of its own.
    Heel = 3,
    /// What covers the foot.
    Upper = 4,
    /// What covers the leg.
    Shaft = 5,
    /// The reinforced tip.
    ToeCap = 6,
    /// The reinforced back.
    Counter = 7,
    /// Laces.
    Laces = 8,
    /// Decoration of a sneaker.
    Stripe = 9,
    /// What is seen of the inside, and the footbed of a sandal.
    Lining = 10,
    /// A strap.
    Strap = 11,
    /// Buckles, bows, panels, cuffs.
    Trim = 12,
}

impl Part {
    /// All parts, by their number.
    pub const ALL: [Self; 13] = [
        Self::Background,
        Self::Sole,
        Self::Tread,
        Self::Heel,
        Self::Upper,
        Self::Shaft,
        Self::ToeCap,
        Self::Counter,
        Self::Laces,
        Self::Stripe,
        Self::Lining,
        Self::Strap,
        Self::Trim,
    ];

    /// What is rounded as one body.
    fn body(self) -> u8 {
        match self {
            Self::Background => 0,
            Self::Sole | Self::Tread | Self::Heel => 1,
            Self::Lining => 2,
            _ => 3,
        }
    }
}

/// A kind of shoe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Footwear {
    /// Laces, a thick sole of rubber.
    Sneaker,
    /// A shaft.
    Boot,
    /// A high heel.
    Pump,
    /// Straps on a footbed.
    Sandal,
}

/// A drawing and what it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct ShoePair {
    /// Black lines on white, grey, 8 bits.
    pub source: Picture,
    /// The coloured shoe on white, RGB, 8 bits.
    pub target: Picture,
    /// The number of the part ([`Part`]) that most of a pixel belongs to, row after row.
    pub regions: Vec<u8>,
    /// Its kind.
    pub footwear: Footwear,
}

/// What is drawn: parts from back to front, right and up, the sole on 0 and about one long.
struct Design {
    shapes: Vec<Shape>,
    palette: Palette,
    /// Where light is reflected: x, y, radius.
    highlights: Vec<[f64; 3]>,
}

/// Random numbers of a drawing.
struct Draw(Stream);

impl Draw {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.unit()
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.0.unit() < probability
    }

    fn below(&mut self, end: usize) -> usize {
        self.0.below(end)
    }
}

/// Draws the shoe of a seed.
///
/// # Errors
/// [`Error::Refused`] for a side of 0 or more than 1024.
pub fn shoe(seed: u64, side: usize) -> Result<ShoePair> {
    if side == 0 || side > LONGEST {
        return Err(Error::Refused(format!(
            "expected a side from 1 to {LONGEST} for a drawing, found {side}"
        )));
    }
    let mut draw = Draw(Stream::new(seed, Purpose::Drawing, DRAWINGS));
    let (footwear, design) = match draw.below(4) {
        0 => (Footwear::Sneaker, sneaker::design(&mut draw)),
        1 => (Footwear::Boot, boot::design(&mut draw)),
        2 => (Footwear::Pump, pump::design(&mut draw)),
        _ => (Footwear::Sandal, sandal::design(&mut draw)),
    };
    let frame = Frame::of(&design, &mut draw, side);
    let mut canvas = Canvas::new(side);
    let pen = PEN * FINE as f64 * (side as f64 / FULL_PEN).clamp(0.75, 1.0);
    for shape in &design.shapes {
        canvas.paint(shape, &|point| frame.place(point), pen);
    }
    let surface = Surface::new(&design, &canvas, seed);
    let [mut lines, mut colours, mut regions] =
        [(); 3].map(|()| Vec::with_capacity(3 * side * side));
    for y in 0..side {
        for x in 0..side {
            let fine = (0..FINE * FINE)
                .map(|at| (y * FINE + at / FINE) * canvas.side + x * FINE + at % FINE);
            let count = (FINE * FINE) as f64;
            let white = fine.clone().filter(|&at| !canvas.ink[at]).count() as f64 / count;
            lines.push(rounded(255.0 * white));
            let mut sum = [0.0; 3];
            let mut votes = [0_usize; Part::ALL.len()];
            for at in fine {
                let colour = surface.colour(at, frame.taken_back(at, canvas.side));
                sum.iter_mut().zip(colour).for_each(|(sum, sample)| *sum += sample);
                votes[canvas.parts[at] as usize] += 1;
            }
            colours.extend(sum.map(|sum| rounded(sum / count)));
            let most = votes.iter().copied().max().unwrap_or_default();
            let region = votes.iter().position(|&count| count == most).unwrap_or_default();
            regions.push(region as u8);
        }
    }
    let source = Picture::from_u8(side, side, Channels::Grey, lines)?;
    let target = Picture::from_u8(side, side, Channels::Rgb, colours)?;
    Ok(ShoePair { source, target, regions, footwear })
}

fn rounded(sample: f64) -> u8 {
    (sample.clamp(0.0, 255.0) + 0.5).floor() as u8
}

/// Where a design lies on the fine grid.
struct Frame {
    scale: f64,
    left: f64,
    bottom: f64,
}

impl Frame {
    /// As large as fits, in the middle, up to a little.
    fn of(design: &Design, draw: &mut Draw, side: usize) -> Self {
        let points = || design.shapes.iter().filter(|s| s.on.is_empty()).flat_map(|s| &s.outline.0);
        let extent = |axis: usize| {
            points().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
                (low.min(point[axis]), high.max(point[axis]))
            })
        };
        let [(left, right), (bottom, top)] = [0, 1].map(extent);
        let fine = (side * FINE) as f64;
        let size = fine * draw.between(0.84, 0.92);
        let scale = size / (right - left).max(top - bottom);
        let mut shift = || fine * 0.02 * draw.between(-1.0, 1.0);
        Self {
            scale,
            left: (fine - scale * (left + right)) / 2.0 + shift(),
            bottom: (fine + scale * (bottom + top)) / 2.0 + shift(),
        }
    }

    fn place(&self, [x, y]: Point) -> Point {
        [self.left + self.scale * x, self.bottom - self.scale * y]
    }

    /// The design's point at the centre of a fine pixel.
    fn taken_back(&self, at: usize, side: usize) -> Point {
        let [x, y] = [at % side, at / side].map(|at| at as f64 + 0.5);
        [(x - self.left) / self.scale, (self.bottom - y) / self.scale]
    }
}

#[cfg(test)]
mod tests;
