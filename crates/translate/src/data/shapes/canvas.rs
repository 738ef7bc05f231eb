//! Parts painted over each other on a fine grid, with the lines between them.
//!
//! Every part is filled (even-odd, by the centres of fine pixels) and hides what is below it, lines included; its own
//! line is drawn on top by the distance to it. A part that lies on others, a stripe on an upper, is kept within them
//! and leaves their lines.

use super::Part;
use super::outline::{Outline, Point};

/// Fine pixels along a pixel.
pub(super) const FINE: usize = 4;

/// The line of a part.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ink {
    /// Around it.
    Around,
    /// Along a line in its middle, where it is too narrow for two.
    Along(Outline),
}

/// A part and where it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) part: Part,
    pub(super) outline: Outline,
    pub(super) ink: Ink,
    /// The parts that it lies on, where it does.
    pub(super) on: Vec<Part>,
}

impl Shape {
    pub(super) fn new(part: Part, outline: Outline) -> Self {
        Self { part, outline, ink: Ink::Around, on: Vec::new() }
    }

    /// A part on others.
    pub(super) fn on(part: Part, outline: Outline, on: &[Part]) -> Self {
        Self { on: on.to_vec(), ..Self::new(part, outline) }
    }

    /// A narrow part along a line.
    pub(super) fn along(part: Part, line: Outline, width: f64) -> Self {
        Self { ink: Ink::Along(line.clone()), ..Self::new(part, line.band([width; 2])) }
    }
}

/// A fine grid.
pub(super) struct Canvas {
    pub(super) side: usize,
    /// The part of every fine pixel.
    pub(super) parts: Vec<Part>,
    /// Whether there is a line.
    pub(super) ink: Vec<bool>,
}

impl Canvas {
    pub(super) fn new(side: usize) -> Self {
        let side = side * FINE;
        let area = side * side;
        Self { side, parts: vec![Part::Background; area], ink: vec![false; area] }
    }

    /// Paints a part; points are in fine pixels, down. `pen` is the width of lines.
    pub(super) fn paint(&mut self, shape: &Shape, place: &impl Fn(Point) -> Point, pen: f64) {
        let points: Vec<Point> = shape.outline.0.iter().map(|&point| place(point)).collect();
        let lies_on =
            |part: Part| shape.on.is_empty() || part == shape.part || shape.on.contains(&part);
        for y in 0..self.side {
            for [from, to] in spans(&points, y as f64 + 0.5) {
                // Centres from `from` on and before `to`.
                let first = (from - 0.5).ceil().max(0.0) as usize;
                let end = ((to - 0.5).ceil().max(0.0) as usize).min(self.side);
                for at in y * self.side + first..y * self.side + end.max(first) {
                    if lies_on(self.parts[at]) {
                        self.parts[at] = shape.part;
                        self.ink[at] &= !shape.on.is_empty();
                    }
                }
            }
        }
        let (line, closed) = match &shape.ink {
            Ink::Around => (points, true),
            Ink::Along(line) => (line.0.iter().map(|&point| place(point)).collect(), false),
        };
        let pieces = line.windows(2).map(|piece| [piece[0], piece[1]]);
        let last = line.first().zip(line.last()).map(|(&first, &last)| [last, first]);
        for piece in pieces.chain(last.filter(|_| closed)) {
            self.draw(piece, 0.5 * pen, &lies_on);
        }
    }

    /// Draws a straight line.
    fn draw(&mut self, [a, b]: [Point; 2], radius: f64, lies_on: &impl Fn(Part) -> bool) {
        let range = |axis: usize| {
            let (low, high) = (a[axis].min(b[axis]) - radius, a[axis].max(b[axis]) + radius);
            let end = ((high + 1.0).max(0.0) as usize).min(self.side);
            ((low - 1.0).max(0.0) as usize).min(end)..end
        };
        for y in range(1) {
            for x in range(0) {
                let at = y * self.side + x;
                if distance([x as f64 + 0.5, y as f64 + 0.5], a, b) <= radius
                    && lies_on(self.parts[at])
                {
                    self.ink[at] = true;
                }
            }
        }
    }

    /// The distance of every fine pixel to the next of another kind, in fine pixels, by steps of 1 and √2, and at
    /// least ½.
    pub(super) fn depths(&self, kind: impl Fn(Part) -> u8) -> Vec<f64> {
        let (side, diagonal) = (self.side, 2.0_f64.sqrt());
        let kinds: Vec<u8> = self.parts.iter().map(|&part| kind(part)).collect();
        let beside = |at: usize, right: isize, down: isize| {
            let (x, y) = ((at % side) as isize + right, (at / side) as isize + down);
            let inside = (0..side as isize).contains(&x) && (0..side as isize).contains(&y);
            inside.then(|| y as usize * side + x as usize)
        };
        let straight = [(1, 0), (0, 1), (-1, 0), (0, -1)];
        let mut depths: Vec<f64> = (0..kinds.len())
            .map(|at| {
                let other = |&(right, down): &(isize, isize)| {
                    beside(at, right, down).is_none_or(|beside| kinds[beside] != kinds[at])
                };
                if straight.iter().any(other) { 0.5 } else { f64::INFINITY }
            })
            .collect();
        let before = [(-1, 0, 1.0), (0, -1, 1.0), (-1, -1, diagonal), (1, -1, diagonal)];
        let mut pass = |order: &mut dyn Iterator<Item = usize>, sign: isize| {
            for at in order {
                for (right, down, step) in before {
                    if let Some(beside) = beside(at, sign * right, sign * down) {
                        depths[at] = depths[at].min(depths[beside] + step);
                    }
                }
            }
        };
        pass(&mut (0..kinds.len()), 1);
        pass(&mut (0..kinds.len()).rev(), -1);
        depths
    }
}

/// Where a row is inside an outline.
fn spans(points: &[Point], y: f64) -> Vec<[f64; 2]> {
    let mut crossings = Vec::new();
    for (at, &[x0, y0]) in points.iter().enumerate() {
        let [x1, y1] = points[(at + 1) % points.len()];
        if (y0 <= y) != (y1 <= y) {
            crossings.push(x0 + (y - y0) / (y1 - y0) * (x1 - x0));
        }
    }
    crossings.sort_by(f64::total_cmp);
    crossings.as_chunks().0.to_vec()
}

/// The distance of a point to a straight line between two.
fn distance([x, y]: Point, a: Point, b: Point) -> f64 {
    let [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    let square = dx * dx + dy * dy;
    let along = if square > 0.0 { ((x - a[0]) * dx + (y - a[1]) * dy) / square } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    let [ex, ey] = [x - a[0] - along * dx, y - a[1] - along * dy];
    (ex * ex + ey * ey).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(from: f64, to: f64) -> Outline {
        Outline::at(from, from).line(to, from).line(to, to).line(from, to)
    }

    #[test]
    fn parts_hide_parts_and_their_lines() {
        let mut canvas = Canvas::new(4);
        let place = |point: Point| point;
        canvas.paint(&Shape::new(Part::Upper, square(2.0, 12.0)), &place, 1.0);
        canvas.paint(&Shape::new(Part::Sole, square(6.0, 14.0)), &place, 1.0);
        let at = |x: usize, y: usize| y * 16 + x;
        assert_eq!(canvas.parts[at(3, 3)], Part::Upper);
        assert_eq!(canvas.parts[at(7, 7)], Part::Sole);
        assert_eq!(canvas.parts.iter().filter(|&&part| part == Part::Sole).count(), 64);
        assert!(canvas.ink[at(2, 4)] && canvas.ink[at(6, 9)] && canvas.ink[at(13, 9)]);
        // The upper's line is gone where the sole lies over it.
        assert!(!canvas.ink[at(11, 9)] && !canvas.ink[at(9, 9)]);
    }

    #[test]
    fn parts_on_others_stay_within_them() {
        let mut canvas = Canvas::new(4);
        let place = |point: Point| point;
        canvas.paint(&Shape::new(Part::Upper, square(2.0, 10.0)), &place, 1.0);
        let before = canvas.ink.clone();
        canvas.paint(&Shape::on(Part::Stripe, square(6.0, 15.0), &[Part::Upper]), &place, 1.0);
        assert_eq!(canvas.parts.iter().filter(|&&part| part == Part::Stripe).count(), 16);
        assert!(before.iter().zip(&canvas.ink).all(|(before, after)| !before || *after));
        assert!(!canvas.ink[14 * 16 + 12]);
    }

    #[test]
    fn depths_grow_inwards() {
        let mut canvas = Canvas::new(4);
        canvas.paint(&Shape::new(Part::Upper, square(3.0, 14.0)), &|point| point, 1.0);
        let depths = canvas.depths(|part| part as u8);
        assert_eq!(depths[3 * 16 + 8], 0.5);
        assert_eq!(depths[8 * 16 + 8], 5.5);
        assert_eq!(distance([3.0, 4.0], [0.0, 0.0], [0.0, 0.0]), 5.0);
        assert_eq!(distance([1.0, 2.0], [0.0, 0.0], [4.0, 0.0]), 2.0);
    }
}
