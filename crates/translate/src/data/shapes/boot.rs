//! Boots: a shaft, a heel of one block or none; laces, a strap, elastic or a cuff.

use super::canvas::Shape;
use super::colours::{Colour, Paint, Palette, Texture, hsv};
use super::outline::{Outline, Point, bezier};
use super::{Design, Draw, Part};

/// What closures may lie on.
const BODY: [Part; 2] = [Part::Upper, Part::Shaft];

pub(super) fn design(draw: &mut Draw) -> Design {
    let heel = if draw.chance(0.3) { 0.0 } else { draw.between(0.06, 0.15) };
    let thick = draw.between(0.04, 0.075);
    let top = draw.between(0.62, 1.0) + 0.5 * heel;
    let instep = draw.between(0.40, 0.47);
    let ankle = 0.38 + 0.6 * heel;
    let back = draw.between(0.93, 0.97);
    let lean = draw.between(-0.03, 0.03);
    let base = heel + thick;
    // The front, from the instep up.
    let front: [Point; 4] = [
        [instep, ankle - 0.02],
        [instep + 0.05, ankle + 0.12],
        [instep + 0.03 + lean, top - 0.12],
        [instep + 0.02 + lean, top],
    ];
    let opening = [0.5 * (front[3][0] + back + lean), 0.5 * (back + lean - front[3][0])];
    let mut shapes = vec![
        Shape::new(
            Part::Lining,
            Outline::ellipse([opening[0], top], [opening[1], draw.between(0.02, 0.035)]),
        ),
        Shape::new(
            Part::Shaft,
            Outline(vec![front[0]])
                .curve(front[1], front[2], front[3])
                .curve(
                    [front[3][0] + 0.1, top - 0.03],
                    [back + lean - 0.1, top - 0.03],
                    [back + lean, top],
                )
                .curve(
                    [back + lean, top - 0.2],
                    [back - 0.01, ankle + 0.12],
                    [back + 0.01, ankle - 0.03],
                )
                // What the foot hides.
                .line(back + 0.01, ankle - 0.1)
                .line(instep + 0.05, ankle - 0.1),
        ),
    ];
    let toe = thick + draw.between(0.13, 0.18);
    let foot = Outline::at(0.0, 0.8 * thick)
        .curve([-0.02, 0.7 * toe + 0.3 * thick], [0.04, toe], [0.13, toe + 0.005])
        .curve([0.25, toe + 0.01], [instep - 0.10, ankle - 0.14], front[0])
        .curve([instep + 0.16, ankle + 0.01], [0.8, ankle - 0.06], [back + 0.01, ankle - 0.03])
        .curve([back + 0.03, ankle - 0.12], [0.985, base + 0.1], [0.98, base])
        .line(0.66, base)
        .curve([0.56, base], [0.52, thick], [0.42, thick])
        .line(0.1, 0.8 * thick);
    shapes.push(Shape::new(Part::Upper, foot));
    if draw.chance(0.4) {
        let x = draw.between(0.14, 0.22);
        let edge = Outline::at(-0.2, -0.1)
            .line(x + 0.03, -0.1)
            .curve([x + 0.04, 0.6 * toe], [x + 0.01, 0.9 * toe], [x - 0.03, toe + 0.1])
            .line(-0.2, toe + 0.1);
        shapes.push(Shape::on(Part::ToeCap, edge, &[Part::Upper]));
    }
    if draw.chance(0.35) {
        let x = draw.between(0.78, 0.85);
        let edge = Outline::at(1.2, base - 0.1)
            .line(x - 0.04, base - 0.1)
            .curve([x - 0.03, base + 0.1], [x + 0.05, ankle - 0.08], [x + 0.08, ankle + 0.05])
            .line(1.2, ankle + 0.05);
        shapes.push(Shape::on(Part::Counter, edge, &[Part::Upper]));
    }
    shapes.extend(closure(draw, front, [ankle, top], [instep, back, lean]));
    shapes.extend(sole(heel, thick));
    let highlights = vec![
        [0.13 + draw.between(-0.02, 0.02), 0.6 * toe + 0.4 * thick, 0.09],
        [0.62 + draw.between(-0.05, 0.05), 0.55 * (ankle + top), draw.between(0.10, 0.16)],
    ];
    Design { shapes, palette: palette(draw), highlights }
}

/// What keeps it on the foot.
fn closure(
    draw: &mut Draw,
    front: [Point; 4],
    [ankle, top]: [f64; 2],
    [instep, back, lean]: [f64; 3],
) -> Vec<Shape> {
    match draw.below(4) {
        0 => {
            let count = 3 + draw.below(3);
            (0..count)
                .map(|lace| {
                    let t = 0.05 + 0.8 * lace as f64 / (count - 1) as f64;
                    let [x, y] = bezier(front, t);
                    let line = Outline::at(x - 0.012, y + 0.012).line(x + 0.11, y - 0.035);
                    Shape::along(Part::Laces, line, 0.03)
                })
                .collect()
        }
        1 => {
            let y = ankle + draw.between(0.02, 0.12);
            let line = Outline::at(instep - 0.1, y + 0.03).line(back + 0.1, y - 0.03);
            let buckle = [0.5 * (instep + back) + draw.between(-0.08, 0.1), y];
            let [x, y] = buckle;
            vec![
                Shape::on(Part::Strap, line.band([0.07, 0.06]), &BODY),
                Shape::new(
                    Part::Trim,
                    Outline::at(x - 0.035, y - 0.045)
                        .line(x + 0.035, y - 0.05)
                        .line(x + 0.035, y + 0.04)
                        .line(x - 0.035, y + 0.045),
                ),
            ]
        }
        2 => {
            // Elastic at the ankle.
            let (x, wide) = (draw.between(0.63, 0.70), draw.between(0.05, 0.07));
            let gore = Outline::at(x - wide + lean, top + 0.1)
                .line(x - 0.8 * wide, ankle)
                .curve(
                    [x - 0.5 * wide, ankle - 0.07],
                    [x + 0.5 * wide, ankle - 0.07],
                    [x + 0.8 * wide, ankle],
                )
                .line(x + wide + lean, top + 0.1);
            vec![Shape::on(Part::Trim, gore, &BODY)]
        }
        _ => {
            let low = top - draw.between(0.08, 0.16);
            let cuff = Outline::at(instep - 0.2, top + 0.2)
                .line(instep - 0.2, low)
                .curve([instep + 0.2, low - 0.03], [back - 0.1, low - 0.03], [back + 0.2, low])
                .line(back + 0.2, top + 0.2);
            vec![Shape::on(Part::Trim, cuff, &[Part::Shaft])]
        }
    }
}

/// A sole that rises to the heel, and the heel.
fn sole(heel: f64, thick: f64) -> Vec<Shape> {
    let base = heel + thick;
    let outline = Outline::at(-0.01, thick + 0.01)
        .curve([-0.025, 0.5 * thick], [0.0, 0.0], [0.08, 0.0])
        .line(0.42, 0.0)
        .curve([0.52, 0.0], [0.56, heel], [0.66, heel])
        .line(0.99, heel)
        .line(0.985, base)
        .line(0.66, base)
        .curve([0.56, base], [0.52, thick], [0.42, thick])
        .line(0.1, 0.95 * thick);
    let mut shapes = Vec::new();
    if heel > 0.0 {
        let block = Outline::at(0.665, heel + 0.5 * thick)
            .line(0.70, 0.0)
            .line(0.965, 0.0)
            .line(0.985, heel + 0.5 * thick);
        shapes.push(Shape::new(Part::Heel, block));
    }
    shapes.push(Shape::new(Part::Sole, outline));
    shapes
}

fn palette(draw: &mut Draw) -> Palette {
    let textures = [Texture::Smooth, Texture::Glossy, Texture::Grain];
    let colour = if draw.chance(0.65) { draw.leather() } else { draw.free(0.8) };
    let upper = Paint { colour, texture: textures[draw.below(3)] };
    let plain = |colour: Colour| Paint { colour, texture: Texture::Smooth };
    let sole = plain(hsv(0.07, draw.between(0.2, 0.5), draw.between(0.12, 0.26)));
    let trim = match draw.below(3) {
        0 => hsv(0.1, 0.12, draw.between(0.75, 0.95)),
        1 => hsv(0.13, 0.6, draw.between(0.6, 0.8)),
        _ => hsv(0.6, 0.1, draw.between(0.2, 0.45)),
    };
    let shaft = match draw.chance(0.25) {
        true => Paint { colour: draw.accent(colour), texture: Texture::Grain },
        false => upper,
    };
    Palette::new(upper)
        .with(Part::Shaft, shaft)
        .with(Part::Sole, sole)
        .with(Part::Heel, Paint { texture: Texture::Smooth, ..sole })
        .with(Part::ToeCap, plain(sole.colour.map(|sample| 1.35 * sample + 12.0)))
        .with(Part::Counter, plain(colour.map(|sample| 0.7 * sample)))
        .with(Part::Laces, plain(hsv(0.1, 0.4, draw.between(0.55, 0.8))))
        .with(Part::Lining, plain(hsv(0.1, 0.3, draw.between(0.5, 0.65))))
        .with(Part::Strap, plain(colour.map(|sample| 0.62 * sample)))
        .with(Part::Trim, Paint { colour: trim, texture: Texture::Grain })
}
