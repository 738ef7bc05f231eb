//! Colours, light and textures of drawn shoes.

use super::canvas::{Canvas, FINE};
use super::outline::Point;
use super::{Design, Draw, Part};

/// Red, green, blue, 0…255.
pub(super) type Colour = [f64; 3];

/// What a surface is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Texture {
    Smooth,
    /// Reflects light.
    Glossy,
    /// Suede, cork: specks.
    Grain,
    /// Woven: a fine check.
    Woven,
    /// Grooves from top to bottom.
    Grooved,
}

/// A colour and what it is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Paint {
    pub(super) colour: Colour,
    pub(super) texture: Texture,
}

/// What every part is painted with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Palette([Paint; Part::ALL.len()]);

impl Palette {
    /// One paint for everything that is not said otherwise.
    pub(super) fn new(upper: Paint) -> Self {
        Self([upper; Part::ALL.len()])
    }

    pub(super) fn with(mut self, part: Part, paint: Paint) -> Self {
        self.0[part as usize] = paint;
        self
    }

    pub(super) fn of(&self, part: Part) -> Paint {
        self.0[part as usize]
    }
}

/// A colour by hue, saturation and value, all in 0…1.
pub(super) fn hsv(hue: f64, saturation: f64, value: f64) -> Colour {
    [0.0, 4.0, 2.0].map(|shift| {
        let place = (6.0 * hue + shift) % 6.0;
        let ramp = ((place - 3.0).abs() - 1.0).clamp(0.0, 1.0);
        255.0 * value * (1.0 - saturation * (1.0 - ramp))
    })
}

impl Draw {
    /// Any strong colour.
    pub(super) fn vivid(&mut self) -> Colour {
        let (hue, saturation) = (self.between(0.0, 1.0), self.between(0.55, 0.95));
        hsv(hue, saturation, self.between(0.45, 0.95))
    }

    /// Black, grey, white, navy, tan.
    pub(super) fn quiet(&mut self) -> Colour {
        let kind = self.below(5);
        let value = self.between(0.0, 1.0);
        match kind {
            0 => hsv(0.08, 0.15, 0.10 + 0.12 * value),
            1 => hsv(0.58, 0.08, 0.35 + 0.35 * value),
            2 => hsv(0.12, 0.05, 0.84 + 0.1 * value),
            3 => hsv(0.62, 0.55, 0.22 + 0.2 * value),
            _ => hsv(0.09, 0.45, 0.5 + 0.3 * value),
        }
    }

    /// Browns and blacks of leather.
    pub(super) fn leather(&mut self) -> Colour {
        if self.chance(0.25) {
            return hsv(0.08, 0.2, self.between(0.09, 0.18));
        }
        let hue = self.between(0.035, 0.095);
        let value = self.between(0.25, 0.75);
        hsv(hue, 0.85 - 0.4 * value, value)
    }

    /// The free colour of an upper.
    pub(super) fn free(&mut self, vivid: f64) -> Colour {
        if self.chance(vivid) { self.vivid() } else { self.quiet() }
    }

    /// A colour that is well apart from another.
    pub(super) fn accent(&mut self, beside: Colour) -> Colour {
        let mut best = self.free(0.7);
        for _ in 0..3 {
            let other = self.free(0.7);
            if apart(other, beside) > apart(best, beside) {
                best = other;
            }
        }
        best
    }
}

fn apart(one: Colour, other: Colour) -> f64 {
    one.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// How light falls on a drawing.
pub(super) struct Surface<'a> {
    design: &'a Design,
    canvas: &'a Canvas,
    /// Fine pixels to the border of a body.
    depths: Vec<f64>,
    top: f64,
    seed: u64,
}

impl<'a> Surface<'a> {
    pub(super) fn new(design: &'a Design, canvas: &'a Canvas, seed: u64) -> Self {
        let heights = design.shapes.iter().flat_map(|shape| &shape.outline.0).map(|point| point[1]);
        let top = heights.fold(0.1_f64, f64::max);
        Self { design, canvas, depths: canvas.depths(Part::body), top, seed }
    }

    /// The colour of a fine pixel, whose place in the design is known.
    pub(super) fn colour(&self, at: usize, [x, y]: Point) -> Colour {
        let part = self.canvas.parts[at];
        if part == Part::Background {
            return [255.0; 3];
        }
        let Paint { colour, texture } = self.design.palette.of(part);
        // Light from above, and less of it where a body turns away.
        let rim =
            (self.depths[at] / (0.055 * (self.canvas.side as f64).max(8.0 * FINE as f64))).min(1.0);
        let mut light = 0.86 + 0.2 * (y / self.top).clamp(0.0, 1.0);
        light *= 1.0 - 0.3 * (1.0 - rim) * (1.0 - rim);
        if part == Part::Lining {
            light *= 0.8;
        }
        light *= match texture {
            Texture::Smooth | Texture::Glossy => 1.0,
            Texture::Grain => 1.0 + 0.22 * (self.speck(x, y) - 0.5),
            Texture::Woven => {
                let even = (stripe(x + y, 30.0) + stripe(x - y, 30.0)).is_multiple_of(2);
                if even { 1.06 } else { 0.9 }
            }
            Texture::Grooved => [1.0, 0.72][usize::from(stripe(x, 26.0) % 2 == 1)],
        };
        let gloss = match texture {
            Texture::Glossy => 95.0,
            Texture::Smooth => 34.0,
            _ => 10.0,
        };
        let reflected: f64 = self
            .design
            .highlights
            .iter()
            .map(|&[cx, cy, radius]| {
                let square = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (radius * radius);
                let weight = (1.0 - square).max(0.0);
                weight * weight
            })
            .sum();
        let reflected = if part.body() == 3 { gloss * reflected.min(1.0) } else { 0.0 };
        colour.map(|sample| (sample * light + reflected).clamp(0.0, 255.0))
    }

    /// A random number in 0…1 that is the same within a speck.
    fn speck(&self, x: f64, y: f64) -> f64 {
        let [x, y] = [x, y].map(|place| ((place + 4.0) * 44.0) as u64);
        // SplitMix64 of the speck's place.
        let mut bits = self.seed ^ x << 32 ^ y << 8;
        bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits >> 40) as f64 / (1_u64 << 24) as f64
    }
}

/// The number of a stripe.
fn stripe(place: f64, count: f64) -> u64 {
    ((place + 4.0) * count) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_go_around() {
        assert_eq!(hsv(0.0, 1.0, 1.0), [255.0, 0.0, 0.0]);
        assert_eq!(hsv(0.5, 1.0, 1.0), [0.0, 255.0, 255.0]);
        assert_eq!(hsv(0.3, 0.0, 0.2), [51.0; 3]);
        let [red, green, blue] = hsv(2.0 / 3.0, 1.0, 1.0);
        assert!(red < 1e-9 && green < 1e-9 && blue == 255.0);
    }
}
