//! Sandals: straps over a footbed, flat or on a wedge.

use super::canvas::Shape;
use super::colours::{Colour, Paint, Palette, Texture, hsv};
use super::outline::{Outline, Point};
use super::{Design, Draw, Part};

/// How the footbed climbs.
struct Bed {
    front: f64,
    back: f64,
}

impl Bed {
    fn of(&self, x: f64) -> f64 {
        let rise = ((x - 0.32) / 0.48).clamp(0.0, 1.0);
        self.front + (self.back - self.front) * rise * rise * (3.0 - 2.0 * rise)
    }

    /// The footbed, raised, from toe to heel.
    fn line(&self, raised: f64) -> Vec<Point> {
        (0..=24)
            .map(|at| {
                let x = at as f64 / 24.0;
                let lip = 0.03 * ((0.12 - x).max(0.0) / 0.12);
                [x, self.of(x) + raised + lip]
            })
            .collect()
    }
}

pub(super) fn design(draw: &mut Draw) -> Design {
    let front = draw.between(0.035, 0.09);
    let wedge = if draw.chance(0.5) { draw.between(0.08, 0.26) } else { draw.between(0.0, 0.02) };
    let bed = Bed { front, back: front + wedge };
    let layer = draw.between(0.03, 0.045);
    let mut shapes = straps(draw, &bed, layer);
    let mut top = bed.line(0.0);
    top.reverse();
    let sole = Outline::at(0.0, bed.of(0.0))
        .curve([-0.015, 0.4 * front], [0.01, 0.0], [0.06, 0.0])
        .line(0.94, 0.0)
        .curve([0.98, 0.0], [0.99, 0.3 * bed.back], [1.0, bed.back]);
    shapes.push(Shape::new(Part::Sole, Outline([sole.0, top].concat())));
    let tread = wedge > 0.05 && draw.chance(0.5);
    if tread {
        let y = draw.between(0.02, 0.03);
        let line = Outline::at(-0.2, y).line(1.2, y).line(1.2, -0.1).line(-0.2, -0.1);
        shapes.push(Shape::on(Part::Tread, line, &[Part::Sole]));
    }
    let mut over = bed.line(layer);
    over.reverse();
    shapes.push(Shape::new(Part::Lining, Outline([bed.line(0.0), over].concat())));
    let highlights = vec![[0.25, bed.front + 0.15, 0.1], [0.7, bed.back + 0.25, 0.14]];
    Design { shapes, palette: palette(draw), highlights }
}

/// A strap across the toes, and what holds the heel.
fn straps(draw: &mut Draw, bed: &Bed, layer: f64) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let toe = draw.between(0.06, 0.10);
    let wide = draw.between(0.14, 0.19);
    let next = toe + wide + draw.between(0.05, 0.08);
    match draw.below(3) {
        0 => {
            // Around the ankle, with a strap or two over the instep.
            shapes.extend(ankle(draw, bed, false));
            let mut x = next;
            for _ in 0..1 + draw.below(2) {
                let wide = draw.between(0.08, 0.11);
                shapes.extend(over_the_foot(bed, layer, [x, wide], Part::Upper));
                x += wide + draw.between(0.05, 0.07);
            }
        }
        1 => shapes.extend(ankle(draw, bed, true)),
        _ => {
            // Nothing: one broad strap, or two, with buckles.
            let two = draw.chance(0.6);
            let x = if two { next } else { toe + 0.03 };
            let wide = if two { draw.between(0.15, 0.19) } else { draw.between(0.30, 0.38) };
            shapes.extend(over_the_foot(bed, layer, [x, wide], Part::Upper));
            if two || draw.chance(0.5) {
                let x = x + 0.5 * wide;
                let buckle = [x + 0.03, 0.5 * (bed.of(x) + bed.foot(x)) + layer];
                shapes.push(Shape::new(Part::Trim, Outline::ellipse(buckle, [0.032, 0.036])));
            }
            if !two {
                return shapes;
            }
        }
    }
    shapes.extend(over_the_foot(bed, layer, [toe, wide], Part::Strap));
    shapes
}

/// A strap around the ankle and one behind the heel; `post` is one down to the toes.
fn ankle(draw: &mut Draw, bed: &Bed, post: bool) -> Vec<Shape> {
    let (front, y) = (draw.between(0.58, 0.64), bed.back + draw.between(0.27, 0.36));
    let wide = draw.between(0.05, 0.07);
    let mut shapes = Vec::new();
    let spine = Outline::at(0.95, bed.of(0.95)).curve(
        [0.985, bed.back + 0.12],
        [0.965, y - 0.1],
        [0.955, y + 0.01],
    );
    shapes.push(Shape::new(Part::Counter, spine.band([0.11, 0.065])));
    if post {
        let x = draw.between(0.20, 0.25);
        let line = Outline::at(front + 0.03, y + 0.01).curve(
            [front - 0.04, y - 0.10],
            [x + 0.18, bed.of(x) + 0.19],
            [x, bed.of(x) + 0.10],
        );
        shapes.push(Shape::new(Part::Upper, line.band([0.055, 0.075])));
    }
    let ring =
        Outline::at(0.98, y).curve([0.88, y - 0.03], [front + 0.12, y - 0.02], [front, y + 0.02]);
    shapes.push(Shape::new(Part::Strap, ring.band([wide, wide])));
    let x = draw.between(0.74, 0.84);
    let (a, b) = (0.026, 0.5 * wide + 0.014);
    let buckle = Outline::at(x - a, y - 0.02 - b)
        .line(x + a, y - 0.022 - b)
        .line(x + a, y - 0.022 + b)
        .line(x - a, y - 0.02 + b);
    shapes.push(Shape::new(Part::Trim, buckle));
    shapes
}

/// How high a foot is above a flat footbed.
fn instep(x: f64) -> f64 {
    0.085 + 0.24 * x + 0.18 * x * x
}

impl Bed {
    /// Where a foot ends above, whose instep is flatter on a wedge.
    fn foot(&self, x: f64) -> f64 {
        let climbed = self.of(x) - self.front;
        (self.front + instep(x) + 0.55 * climbed).max(self.of(x) + 0.1)
    }
}

/// A strap over the foot, as seen from the side, before what is seen of its inside.
fn over_the_foot(bed: &Bed, layer: f64, [x, wide]: [f64; 2], part: Part) -> [Shape; 2] {
    let top = |x: f64| bed.foot(x) + layer;
    let between = |from: f64, to: f64, lift: f64| {
        let (lean, end) = (0.05, to + 0.05);
        let mut outline = Outline::at(from, bed.of(from)).curve(
            [from, bed.of(from) + 0.5 * instep(from)],
            [from + 0.3 * lean, top(from + lean) - 0.2 * instep(from)],
            [from + lean, top(from + lean)],
        );
        for step in 1..=8 {
            let x = from + lean + (end - from - lean) * f64::from(step) / 8.0;
            outline = outline.line(x, top(x) + lift);
        }
        outline.curve(
            [end - 0.1 * lean, top(end) - 0.4 * instep(to)],
            [to + 0.1 * lean, bed.of(to) + 0.5 * instep(to)],
            [to, bed.of(to)],
        )
    };
    let inside = between(x + 0.5 * wide, x + wide + 0.035, 0.006);
    [Shape::new(Part::Lining, inside), Shape::new(part, between(x, x + wide, 0.0))]
}

fn palette(draw: &mut Draw) -> Palette {
    let textures = [Texture::Smooth, Texture::Glossy, Texture::Grain, Texture::Woven];
    let colour = if draw.chance(0.35) { draw.leather() } else { draw.free(0.75) };
    let upper = Paint { colour, texture: textures[draw.below(4)] };
    let strap = match draw.chance(0.35) {
        true => Paint { colour: draw.accent(colour), texture: Texture::Smooth },
        false => upper,
    };
    let plain = |colour: Colour| Paint { colour, texture: Texture::Smooth };
    let cork = Paint {
        colour: hsv(0.085, draw.between(0.4, 0.55), draw.between(0.6, 0.75)),
        texture: Texture::Grain,
    };
    Palette::new(upper)
        .with(Part::Strap, strap)
        .with(Part::Counter, upper)
        .with(Part::Sole, cork)
        .with(Part::Tread, plain(hsv(0.07, 0.4, draw.between(0.2, 0.3))))
        .with(Part::Lining, plain(hsv(0.075, draw.between(0.35, 0.5), draw.between(0.42, 0.58))))
        .with(Part::Trim, plain(hsv(0.13, draw.between(0.1, 0.6), draw.between(0.7, 0.85))))
}
