//! Sneakers: a thick sole, laces, stripes; some high, some with a toe cap of rubber.

use super::canvas::Shape;
use super::colours::{Colour, Paint, Palette, Texture, hsv};
use super::outline::{Outline, Point, bezier};
use super::{Design, Draw, Part};

/// What decoration may lie on.
const BODY: [Part; 1] = [Part::Upper];

pub(super) fn design(draw: &mut Draw) -> Design {
    let thick = draw.between(0.075, 0.13);
    let spring = draw.between(0.01, 0.045);
    let toe = thick + draw.between(0.13, 0.19);
    let high = draw.chance(0.25);
    let throat = [
        draw.between(0.46, 0.55),
        thick + draw.between(0.29, 0.36) + if high { 0.14 } else { 0.0 },
    ];
    let collar = [
        draw.between(0.62, 0.70),
        throat[1] - draw.between(0.06, 0.12) + if high { 0.04 } else { 0.0 },
    ];
    let heel = collar[1] + draw.between(0.03, 0.09);
    // From the toe box to the throat, where the laces are.
    let vamp: [Point; 4] =
        [[0.17, toe], [0.30, toe + 0.015], [throat[0] - 0.10, throat[1] - 0.09], throat];
    let mut shapes = vec![
        Shape::new(
            Part::Lining,
            Outline::at(throat[0] + 0.03, throat[1] - 0.01)
                .curve([throat[0] + 0.14, throat[1] - 0.03], [0.84, heel], [0.93, heel - 0.005])
                .line(0.92, collar[1] - 0.06)
                .line(throat[0] + 0.06, collar[1] - 0.06),
        ),
        Shape::new(
            Part::Upper,
            Outline::at(0.02, thick + 0.8 * spring)
                .curve([-0.015, thick + 0.6 * (toe - thick)], [0.05, toe], vamp[0])
                .curve(vamp[1], vamp[2], vamp[3])
                .curve(
                    [throat[0] + 0.02, throat[1] + 0.02],
                    [throat[0] + 0.05, throat[1] + 0.012],
                    [throat[0] + 0.06, throat[1] - 0.03],
                )
                .curve(
                    [throat[0] + 0.09, collar[1]],
                    [collar[0], collar[1] - 0.01],
                    [collar[0] + 0.07, collar[1]],
                )
                .curve([collar[0] + 0.15, collar[1] + 0.005], [0.90, heel - 0.03], [0.935, heel])
                .curve([0.975, heel + 0.01], [0.99, heel - 0.05], [0.975, heel - 0.1])
                .curve([0.955, 0.5 * (heel + thick)], [0.985, thick + 0.07], [0.985, thick])
                .line(0.985, 0.5 * thick)
                .line(0.03, 0.5 * thick + spring),
        ),
    ];
    let cap = draw.chance(0.5);
    if cap {
        let x = draw.between(0.15, 0.23);
        let edge = Outline::at(-0.2, -0.1)
            .line(x + 0.02, -0.1)
            .line(x + 0.03, thick)
            .curve([x + 0.02, 0.6 * toe], [x - 0.01, toe - 0.04], [x - 0.04, toe + 0.1])
            .line(-0.2, toe + 0.1);
        shapes.push(Shape::on(Part::ToeCap, edge, &BODY));
    }
    if draw.chance(0.5) {
        let x = draw.between(0.80, 0.88);
        let edge = Outline::at(1.2, -0.1)
            .line(x - 0.04, -0.1)
            .line(x - 0.04, thick)
            .curve([x - 0.02, 0.5 * heel], [x + 0.03, 0.7 * heel], [x + 0.02, heel + 0.1])
            .line(1.2, heel + 0.1);
        shapes.push(Shape::on(Part::Counter, edge, &BODY));
    }
    shapes.extend(decoration(draw, thick, throat));
    if draw.chance(0.45) {
        // The panel that the laces go through.
        let line = Outline::at(vamp[0][0] + 0.07, vamp[0][1] - 0.03).curve(
            [vamp[1][0] + 0.03, vamp[1][1] - 0.03],
            [vamp[2][0] + 0.03, vamp[2][1] - 0.04],
            [throat[0] + 0.05, throat[1] - 0.04],
        );
        shapes.push(Shape::on(Part::Trim, line.band([0.08, 0.10]), &BODY));
    }
    let laces = 3 + draw.below(3);
    for lace in 0..laces {
        let t = 0.3 + 0.62 * lace as f64 / (laces - 1) as f64;
        let [[x0, y0], [x1, y1]] = [bezier(vamp, t - 0.01), bezier(vamp, t + 0.01)];
        let length = ((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0)).sqrt();
        let normal = [(y0 - y1) / length, (x1 - x0) / length];
        let point = |far: f64| [x0 + far * normal[0] + 0.3 * far.abs() * 0.3, y0 + far * normal[1]];
        let ([a, b], [c, d]) = (point(0.012), point(-0.095));
        shapes.push(Shape::along(Part::Laces, Outline::at(a, b).line(c, d), 0.03));
    }
    let sole = Outline::at(-0.005, thick + spring)
        .curve([-0.03, 0.6 * thick + spring], [-0.01, 0.6 * spring], [0.08, 0.25 * spring])
        .curve([0.14, 0.0], [0.2, 0.0], [0.28, 0.0])
        .line(0.9, 0.0)
        .curve([0.97, 0.0], [1.005, 0.01], [1.0, 0.6 * thick])
        .curve([1.0, thick], [0.995, 1.05 * thick], [0.985, 1.1 * thick])
        .curve([0.8, 0.95 * thick], [0.4, 0.9 * thick], [0.2, 0.95 * thick])
        .curve([0.1, thick], [0.03, thick + 0.8 * spring], [-0.005, thick + spring]);
    shapes.push(Shape::new(Part::Sole, sole));
    let tread = draw.chance(0.55);
    if tread {
        let line = Outline::at(-0.1, spring + 0.1 * thick)
            .curve([0.05, 0.35 * thick], [0.1, 0.3 * thick], [0.3, 0.3 * thick])
            .line(1.1, 0.3 * thick)
            .line(1.1, -0.1)
            .line(-0.1, -0.1);
        shapes.push(Shape::on(Part::Tread, line, &[Part::Sole]));
    }
    Design { shapes, palette: palette(draw, high), highlights: highlights(draw, toe, thick) }
}

/// Stripes, a sweep or nothing.
fn decoration(draw: &mut Draw, thick: f64, throat: Point) -> Vec<Shape> {
    let kind = draw.below(4);
    let x = draw.between(0.50, 0.58);
    let low = thick - 0.03;
    match kind {
        0 => (0..2 + draw.below(2))
            .map(|stripe| {
                let x = x + 0.085 * stripe as f64;
                let line = Outline::at(x - 0.05, throat[1]).line(x + 0.05, low);
                Shape::on(Part::Stripe, line.band([0.04, 0.045]), &BODY)
            })
            .collect(),
        1 => {
            let (y, end) = (thick + 0.08, throat[1] - draw.between(0.08, 0.14));
            let sweep = Outline::at(0.36, y + 0.05)
                .curve([0.38, y - 0.05], [0.46, y - 0.06], [0.56, y])
                .line(0.92, end)
                .line(0.56, y + 0.075)
                .curve([0.50, y + 0.05], [0.42, y + 0.01], [0.36, y + 0.05]);
            vec![Shape::on(Part::Stripe, sweep, &BODY)]
        }
        2 => {
            // A panel along the sole.
            let y = thick + draw.between(0.05, 0.08);
            let panel = Outline::at(-0.1, y)
                .curve([0.2, y + 0.01], [0.4, y - 0.02], [0.6, y])
                .curve([0.8, y + 0.02], [0.9, y + 0.06], [1.1, y + 0.08])
                .line(1.1, -0.1)
                .line(-0.1, -0.1);
            vec![Shape::on(Part::Stripe, panel, &BODY)]
        }
        _ => Vec::new(),
    }
}

fn palette(draw: &mut Draw, high: bool) -> Palette {
    let textures = [Texture::Smooth, Texture::Woven, Texture::Grain, Texture::Glossy];
    let upper = Paint { colour: draw.free(0.7), texture: textures[draw.below(4)] };
    let accent = Paint { colour: draw.accent(upper.colour), texture: Texture::Smooth };
    let plain = |colour: Colour| Paint { colour, texture: Texture::Smooth };
    let rubber = match draw.below(6) {
        0 => hsv(0.08, 0.55, draw.between(0.5, 0.65)),
        1 => hsv(0.6, 0.1, draw.between(0.15, 0.25)),
        _ => hsv(0.12, 0.07, draw.between(0.86, 0.96)),
    };
    let tread = if draw.chance(0.5) { accent.colour } else { hsv(0.08, 0.5, 0.45) };
    Palette::new(upper)
        .with(Part::Sole, plain(rubber))
        .with(Part::Tread, Paint { colour: tread, texture: Texture::Grooved })
        .with(
            Part::ToeCap,
            if high { plain(rubber) } else { Paint { texture: Texture::Grain, ..accent } },
        )
        .with(Part::Counter, accent)
        .with(Part::Stripe, accent)
        .with(Part::Laces, plain(hsv(0.12, 0.04, draw.between(0.88, 0.97))))
        .with(Part::Lining, plain(hsv(0.6, 0.08, draw.between(0.3, 0.5))))
        .with(Part::Trim, plain(upper.colour.map(|sample| 0.72 * sample)))
}

fn highlights(draw: &mut Draw, toe: f64, thick: f64) -> Vec<[f64; 3]> {
    vec![
        [0.13 + draw.between(-0.02, 0.03), 0.3 * thick + 0.7 * toe, 0.09],
        [0.72 + draw.between(-0.06, 0.06), thick + 0.12, draw.between(0.08, 0.13)],
    ]
}
