//! Pumps: a thin sole that climbs to a high heel, a low upper; bows, buckles, ankle straps.

use super::canvas::Shape;
use super::colours::{Colour, Paint, Palette, Texture, hsv};
use super::outline::{Outline, Point};
use super::{Design, Draw, Part};

/// What decoration may lie on.
const BODY: [Part; 1] = [Part::Upper];

pub(super) fn design(draw: &mut Draw) -> Design {
    let heel = draw.between(0.14, 0.42);
    let platform = if draw.chance(0.3) { draw.between(0.03, 0.07) } else { 0.0 };
    let thick = 0.028;
    let toe = platform + draw.between(0.11, 0.15);
    let pointed = draw.chance(0.5);
    let throat = [draw.between(0.23, 0.34), toe + draw.between(0.01, 0.035)];
    let back = heel + draw.between(0.24, 0.32);
    let (low, high) = (platform, platform + thick);
    // The way up, below and above the sole.
    let climb = |line: Outline, raised: f64| {
        line.curve([0.44, raised], [0.56, heel - 0.06 + raised], [0.80, heel + raised])
            .line(0.985, heel + 0.035 + raised)
    };
    let tip = if pointed { [-0.06, high] } else { [0.0, high + 0.01] };
    let dip = 0.45 * heel + toe + draw.between(-0.02, 0.03);
    let topline = |line: Outline, lift: f64| {
        line.curve(
            [throat[0] + 0.06, throat[1] - 0.03 + lift],
            [0.46, dip - 0.06 + lift],
            [0.62, dip + 0.25 * heel + lift],
        )
        .curve(
            [0.76, dip + 0.45 * heel + 0.02 + lift],
            [0.88, back - 0.07 + 0.5 * lift],
            [0.965, back],
        )
    };
    let far = draw.between(0.03, 0.05);
    let mut shapes = vec![Shape::new(
        Part::Lining,
        topline(Outline(vec![[throat[0] - 0.05, throat[1] - 0.02]]), far)
            .line(0.9, heel + 0.1)
            .line(throat[0] + 0.05, high + 0.01),
    )];
    let upper = Outline(vec![tip]).curve(
        [tip[0] + 0.02, high + if pointed { 0.035 } else { 0.09 }],
        [0.08, toe],
        [0.17, toe + 0.005],
    );
    let upper = upper.curve([0.20, toe + 0.01], [throat[0] - 0.03, throat[1]], throat);
    let upper = topline(upper, 0.0).curve(
        [0.995, back - 0.03],
        [1.0, heel + 0.15],
        [0.985, heel + 0.035 + thick],
    );
    let mut under: Vec<Point> = climb(Outline::at(0.27, high), high).0;
    under.reverse();
    let upper = Outline([upper.0, under].concat()).line(0.06, high);
    shapes.push(Shape::new(Part::Upper, upper));
    if draw.chance(0.3) {
        let x = draw.between(0.11, 0.17);
        let edge = Outline::at(-0.2, -0.1)
            .line(x + 0.02, -0.1)
            .curve([x + 0.04, 0.6 * toe], [x + 0.02, 0.9 * toe], [x - 0.02, toe + 0.1])
            .line(-0.2, toe + 0.1);
        shapes.push(Shape::on(Part::ToeCap, edge, &BODY));
    }
    if draw.chance(0.35) {
        let x = draw.between(0.82, 0.88);
        let edge = Outline::at(1.2, heel - 0.1)
            .line(x, heel - 0.1)
            .curve([x - 0.03, heel + 0.08], [x - 0.01, back - 0.1], [x + 0.01, back + 0.1])
            .line(1.2, back + 0.1);
        shapes.push(Shape::on(Part::Counter, edge, &BODY));
    }
    let kind = draw.below(3);
    shapes.push(Shape::new(Part::Heel, heel_of(kind, heel, low)));
    let bottom = climb(Outline::at(tip[0], low + 0.5 * thick).line(0.03, low).line(0.27, low), low);
    let mut over: Vec<Point> = climb(Outline::at(0.27, high), high).0;
    over.reverse();
    let sole = Outline([bottom.0, over].concat()).line(0.05, high).line(tip[0], high);
    if platform > 0.0 {
        let slab = Outline::at(0.0, platform + 0.01)
            .curve([-0.01, 0.3 * platform], [0.03, 0.0], [0.07, 0.0])
            .line(0.27, 0.0)
            .curve([0.33, 0.0], [0.36, 0.5 * platform], [0.42, platform + 0.03])
            .line(0.27, platform + 0.01);
        shapes.push(Shape::new(Part::Tread, slab));
    }
    shapes.push(Shape::new(Part::Sole, sole));
    shapes.extend(ornament(draw, throat, [heel, back]));
    let highlights = vec![
        [0.10 + draw.between(-0.02, 0.02), 0.7 * toe + 0.3 * high, 0.075],
        [0.88 + draw.between(-0.03, 0.03), 0.5 * (heel + back) + 0.02, 0.08],
    ];
    Design { shapes, palette: palette(draw, kind), highlights }
}

/// A stiletto, a block or a wedge.
fn heel_of(kind: usize, heel: f64, platform: f64) -> Outline {
    let top = heel + platform;
    match kind {
        0 => Outline::at(0.79, top + 0.015)
            .curve([0.89, 0.85 * top], [0.905, 0.35 * top], [0.925, 0.0])
            .line(0.965, 0.0)
            .curve([0.965, 0.35 * top], [0.985, 0.8 * top], [0.99, top + 0.05]),
        1 => {
            Outline::at(0.75, top + 0.01).line(0.785, 0.0).line(0.965, 0.0).line(0.988, top + 0.05)
        }
        _ => Outline::at(0.30, platform)
            .line(0.40, 0.0)
            .line(0.96, 0.0)
            .line(0.988, top + 0.05)
            .line(0.80, top + 0.015)
            .curve([0.56, top - 0.06], [0.44, platform + 0.015], [0.30, platform + 0.015]),
    }
}

/// A bow, a buckle, a strap around the ankle, or nothing.
fn ornament(draw: &mut Draw, [x, y]: Point, [heel, back]: [f64; 2]) -> Vec<Shape> {
    match draw.below(4) {
        0 => {
            let (wide, high) = (draw.between(0.06, 0.09), draw.between(0.04, 0.06));
            let (x, y) = (x - 0.03, y + 0.015);
            let wing = |sign: f64| {
                Outline::at(x, y)
                    .curve(
                        [x + sign * 0.4 * wide, y + high],
                        [x + sign * wide, y + high],
                        [x + sign * wide, y],
                    )
                    .curve([x + sign * wide, y - high], [x + sign * 0.4 * wide, y - high], [x, y])
            };
            vec![
                Shape::new(Part::Trim, wing(-1.0)),
                Shape::new(Part::Trim, wing(1.0)),
                Shape::new(Part::Trim, Outline::ellipse([x, y], [0.022, 0.026])),
            ]
        }
        1 => {
            let (x, y) = (x - 0.08, y - 0.015);
            vec![Shape::new(Part::Trim, Outline::ellipse([x, y], [0.04, 0.034]))]
        }
        2 => {
            // From the back of the heel around the ankle.
            let rise = draw.between(0.03, 0.08);
            let front = draw.between(0.60, 0.66);
            let ring = Outline::at(0.965, back - 0.01)
                .curve([0.9, back - 0.03], [front + 0.1, back - 0.04 + rise], [front, back + rise])
                .curve(
                    [front + 0.06, back + rise + 0.07],
                    [0.9, back + 0.07],
                    [0.965, back + 0.045],
                );
            let buckle = Outline::ellipse([0.80, back - 0.005 + 0.4 * rise], [0.026, 0.03]);
            let _ = heel;
            vec![Shape::new(Part::Strap, ring), Shape::new(Part::Trim, buckle)]
        }
        _ => Vec::new(),
    }
}

fn palette(draw: &mut Draw, heel: usize) -> Palette {
    let textures = [Texture::Glossy, Texture::Glossy, Texture::Smooth, Texture::Grain];
    let upper = Paint { colour: draw.free(0.65), texture: textures[draw.below(4)] };
    let plain = |colour: Colour| Paint { colour, texture: Texture::Smooth };
    let sole = plain(hsv(0.085, draw.between(0.35, 0.5), draw.between(0.5, 0.68)));
    let trim = match draw.below(3) {
        0 => hsv(0.13, 0.55, draw.between(0.75, 0.9)),
        1 => hsv(0.6, 0.04, draw.between(0.7, 0.85)),
        _ => draw.accent(upper.colour),
    };
    // Stilettos have the colour of the upper, blocks are darker, wedges are of cork.
    let heel = match heel {
        0 => plain(upper.colour),
        1 => plain(upper.colour.map(|sample| 0.6 * sample)),
        _ => Paint { colour: hsv(0.09, 0.45, draw.between(0.62, 0.75)), texture: Texture::Grain },
    };
    Palette::new(upper)
        .with(Part::Sole, sole)
        .with(Part::Tread, heel)
        .with(Part::Heel, heel)
        .with(
            Part::ToeCap,
            Paint { colour: upper.colour.map(|sample| 0.55 * sample), texture: Texture::Glossy },
        )
        .with(Part::Counter, plain(draw.accent(upper.colour)))
        .with(Part::Lining, plain(hsv(0.09, draw.between(0.2, 0.35), draw.between(0.78, 0.9))))
        .with(Part::Strap, upper)
        .with(Part::Trim, Paint { colour: trim, texture: Texture::Glossy })
}
