//! Closed and open lines of points, made of straight lines and cubic Bézier curves.

/// A point: right, up.
pub(super) type Point = [f64; 2];

/// Straight pieces of a curve.
const PIECES: usize = 14;
/// How far the control points of a quarter of a circle are, over its radius.
const QUARTER: f64 = 0.552_284_75;

/// Points in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outline(pub(super) Vec<Point>);

impl Outline {
    pub(super) fn at(x: f64, y: f64) -> Self {
        Self(vec![[x, y]])
    }

    pub(super) fn line(mut self, x: f64, y: f64) -> Self {
        self.0.push([x, y]);
        self
    }

    /// A cubic Bézier curve from where the line ends.
    pub(super) fn curve(mut self, first: Point, second: Point, end: Point) -> Self {
        let start = self.0.last().copied().unwrap_or(end);
        let points = (1..=PIECES)
            .map(|piece| bezier([start, first, second, end], piece as f64 / PIECES as f64));
        self.0.extend(points);
        self
    }

    pub(super) fn ellipse([x, y]: Point, [a, b]: Point) -> Self {
        let (k, l) = (QUARTER * a, QUARTER * b);
        Self::at(x + a, y)
            .curve([x + a, y + l], [x + k, y + b], [x, y + b])
            .curve([x - k, y + b], [x - a, y + l], [x - a, y])
            .curve([x - a, y - l], [x - k, y - b], [x, y - b])
            .curve([x + k, y - b], [x + a, y - l], [x + a, y])
    }

    /// A band along an open line, as wide as said at its beginning and at its end.
    pub(super) fn band(&self, [from, to]: [f64; 2]) -> Self {
        let points = &self.0;
        let last = points.len().saturating_sub(1);
        let mut near = Vec::with_capacity(2 * points.len());
        let mut far = Vec::with_capacity(points.len());
        for (at, &[x, y]) in points.iter().enumerate() {
            let (before, after) = (points[at.saturating_sub(1)], points[(at + 1).min(last)]);
            let [dx, dy] = [after[0] - before[0], after[1] - before[1]];
            let length = (dx * dx + dy * dy).sqrt().max(1e-9);
            let half = 0.5 * (from + (to - from) * at as f64 / last.max(1) as f64) / length;
            near.push([x - dy * half, y + dx * half]);
            far.push([x + dy * half, y - dx * half]);
        }
        far.reverse();
        near.extend(far);
        Self(near)
    }
}

/// A point of a curve.
pub(super) fn bezier([a, b, c, d]: [Point; 4], t: f64) -> Point {
    let s = 1.0 - t;
    let [p, q, r, u] = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    [0, 1].map(|axis| p * a[axis] + q * b[axis] + r * c[axis] + u * d[axis])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_end_where_they_should_and_bands_have_their_width() {
        let line = Outline::at(0.0, 0.0).curve([0.0, 1.0], [1.0, 1.0], [1.0, 0.0]);
        assert_eq!(line.0.len(), PIECES + 1);
        assert_eq!(line.0.last(), Some(&[1.0, 0.0]));
        assert_eq!(bezier([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]], 0.5), [0.5, 0.75]);
        let band = Outline::at(0.0, 0.0).line(2.0, 0.0).band([0.4, 0.2]);
        assert_eq!(band.0, [[0.0, 0.2], [2.0, 0.1], [2.0, -0.1], [0.0, -0.2]]);
        for [x, y] in Outline::ellipse([1.0, 2.0], [3.0, 3.0]).0 {
            let radius = ((x - 1.0) * (x - 1.0) + (y - 2.0) * (y - 2.0)).sqrt();
            assert!((radius - 3.0).abs() < 2e-3, "{radius}");
        }
    }
}
