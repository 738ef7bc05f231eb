//! The same aggregates as the formulas are written, in double precision, one plane after the other.

use lookalike_core::Picture;

use super::window::weights_f64;
use super::{Aggregates, Mean, RADIUS, sizes};
use crate::colour_space::srgb_decode;

pub(crate) fn aggregates(reference: &Picture, candidate: &Picture) -> Vec<Aggregates> {
    let mut light = [reference, candidate].map(light);
    let mut scales = Vec::new();
    for (width, height) in sizes(reference.width(), reference.height()) {
        if !scales.is_empty() {
            light = light.map(|planes| planes.map(|plane| plane.halved()));
        }
        let colours = light.each_ref().map(positive_xyb);
        let mut means = [[Mean::default(); 3]; 3];
        let mut maps: [[Vec<f32>; 2]; 3] = Default::default();
        for (c, means) in means.iter_mut().enumerate() {
            let (x, y) = (&colours[0][c], &colours[1][c]);
            let (mean_x, mean_y) = (x.filtered(), y.filtered());
            let [xx, yy, xy] = [(x, x), (y, y), (x, y)].map(|(a, b)| a.times(b).filtered());
            let count = (width * height) as f64;
            for i in 0..width * height {
                let (m1, m2) = (mean_x.data[i], mean_y.data[i]);
                let both = 2.0 * (xy.data[i] - m1 * m2) + 0.0009;
                let each = (xx.data[i] - m1 * m1) + (yy.data[i] - m2 * m2) + 0.0009;
                let structure = (1.0 - (1.0 - (m1 - m2).powi(2)) * both / each).max(0.0);
                let high = [(x.data[i] - m1).abs(), (y.data[i] - m2).abs()];
                let edges = (1.0 + high[1]) / (1.0 + high[0]) - 1.0;
                let kinds = [structure, edges.max(0.0), (-edges).max(0.0)];
                for (mean, value) in means.iter_mut().zip(kinds) {
                    mean.first += value / count;
                    mean.fourth += value.powi(4) / count;
                }
                maps[c][0].push(structure as f32);
                maps[c][1].push(edges as f32);
            }
        }
        scales.push(Aggregates { width, height, means, maps: Some(maps) });
    }
    scales
}

struct Plane {
    width: usize,
    height: usize,
    data: Vec<f64>,
}

impl Plane {
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let at = |x: usize, y: usize| {
            self.data[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
        };
        let four = |i: usize| {
            let (x, y) = (2 * (i % width), 2 * (i / width));
            (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0
        };
        Self { width, height, data: (0..width * height).map(four).collect() }
    }

    fn times(&self, other: &Self) -> Self {
        let data = self.data.iter().zip(&other.data).map(|(a, b)| a * b).collect();
        Self { width: self.width, height: self.height, data }
    }

    /// Filtered along both axes; 0 beyond the edges.
    fn filtered(&self) -> Self {
        let weights = weights_f64();
        let pass = |data: &[f64], step: usize, place: &dyn Fn(usize) -> (usize, usize)| {
            let weighed = |i: usize| {
                let (position, length) = place(i);
                let term = |n: isize| {
                    let inside = (0..length as isize).contains(&(position as isize + n));
                    let weight = weights[RADIUS - n.unsigned_abs()];
                    if inside {
                        weight * data[i.wrapping_add_signed(n * step as isize)]
                    } else {
                        0.0
                    }
                };
                (-(RADIUS as isize)..=RADIUS as isize).map(term).sum::<f64>()
            };
            (0..data.len()).map(weighed).collect::<Vec<f64>>()
        };
        let rows = pass(&self.data, 1, &|i| (i % self.width, self.width));
        let data = pass(&rows, self.width, &|i| (i / self.width, self.height));
        Self { width: self.width, height: self.height, data }
    }
}

fn light(picture: &Picture) -> [Plane; 3] {
    let (width, height) = (picture.width(), picture.height());
    let picture = picture.to_rgb();
    [0, 1, 2].map(|channel| {
        let data = picture.plane(channel, 1.0).into_iter().map(srgb_decode).collect();
        Plane { width, height, data }
    })
}

fn positive_xyb(light: &[Plane; 3]) -> [Plane; 3] {
    const BIAS: f64 = 0.003_793_073_255_275_449_3;
    const SHORT: [f64; 2] = [0.243_422_689_245_478_2, 0.204_767_444_244_968_2];
    let [red, green, blue] = light;
    let mut colours = light.each_ref().map(|plane| {
        let (width, height) = (plane.width, plane.height);
        Plane { width, height, data: Vec::with_capacity(width * height) }
    });
    for ((r, g), b) in red.data.iter().zip(&green.data).zip(&blue.data) {
        let root = |mixture: f64| (mixture + BIAS).cbrt() - BIAS.cbrt();
        let long = root(0.3 * r + 0.622 * g + 0.078 * b);
        let middle = root(0.23 * r + 0.692 * g + 0.078 * b);
        let short = root(SHORT[0] * r + SHORT[1] * g + (1.0 - SHORT[0] - SHORT[1]) * b);
        let y = (long + middle) / 2.0;
        colours[0].data.push(14.0 * ((long - middle) / 2.0) + 0.42);
        colours[1].data.push(y + 0.01);
        colours[2].data.push(short - y + 0.55);
    }
    colours
}
