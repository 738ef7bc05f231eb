//! The networks written out in double precision with plain loops, straight from their definitions and
//! without a line of the crate's own layers: what the crate is compared with.

// Each test that includes this file uses its own part of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use lookalike_nn::{Parameters, Planes};

/// Channels × rows × columns numbers.
#[derive(Clone, Debug)]
pub struct Grid {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub data: Vec<f64>,
}

impl Grid {
    /// One picture of a batch.
    pub fn of(planes: &Planes, index: usize) -> Self {
        let data = planes.picture(index).iter().map(|&v| f64::from(v)).collect();
        let [_, channels, height, width] = planes.shape();
        Self { channels, height, width, data }
    }

    pub fn at(&self, channel: usize, y: usize, x: usize) -> f64 {
        self.data[(channel * self.height + y) * self.width + x]
    }
}

/// Parameters, with the arithmetic of a layer.
pub struct Definition<'a>(pub &'a dyn Parameters);

impl Definition<'_> {
    /// A convolution at a path, rectified.
    fn rectified(
        &self,
        x: &Grid,
        path: &str,
        (output, kernel, stride, padding): (usize, usize, usize, usize),
    ) -> Grid {
        let shape = [output, x.channels, kernel, kernel];
        let weight = self.0.f32(&format!("{path}.weight"), &shape).unwrap();
        let bias = self.0.f32(&format!("{path}.bias"), &[output]).unwrap();
        let height = (x.height + 2 * padding - kernel) / stride + 1;
        let width = (x.width + 2 * padding - kernel) / stride + 1;
        let mut data = Vec::with_capacity(output * height * width);
        for o in 0..output {
            for y in 0..height {
                for column in 0..width {
                    let mut sum = f64::from(bias[o]);
                    for c in 0..x.channels {
                        for i in 0..kernel {
                            let row = (y * stride + i).wrapping_sub(padding);
                            if row >= x.height {
                                continue;
                            }
                            for j in 0..kernel {
                                let at = (column * stride + j).wrapping_sub(padding);
                                if at < x.width {
                                    let w =
                                        weight[((o * x.channels + c) * kernel + i) * kernel + j];
                                    sum += f64::from(w) * x.at(c, row, at);
                                }
                            }
                        }
                    }
                    data.push(sum.max(0.0));
                }
            }
        }
        Grid { channels: output, height, width, data }
    }

    /// AlexNet's five taps.
    pub fn alexnet(&self, x: &Grid) -> Vec<Grid> {
        let one = self.rectified(x, "features.0", (64, 11, 4, 2));
        let two = self.rectified(&max_pool(&one, 3, false), "features.3", (192, 5, 1, 2));
        let three = self.rectified(&max_pool(&two, 3, false), "features.6", (384, 3, 1, 1));
        let four = self.rectified(&three, "features.8", (256, 3, 1, 1));
        let five = self.rectified(&four, "features.10", (256, 3, 1, 1));
        vec![one, two, three, four, five]
    }

    /// VGG-16's five taps, with some pooling between the blocks.
    pub fn vgg16(&self, x: &Grid, pool: impl Fn(&Grid) -> Grid) -> Vec<Grid> {
        let blocks: [(usize, &[usize]); 5] = [
            (64, &[0, 2]),
            (128, &[5, 7]),
            (256, &[10, 12, 14]),
            (512, &[17, 19, 21]),
            (512, &[24, 26, 28]),
        ];
        let mut taps: Vec<Grid> = Vec::new();
        for (channels, layers) in blocks {
            let mut x = taps.last().map_or_else(|| x.clone(), &pool);
            for layer in layers {
                x = self.rectified(&x, &format!("features.{layer}"), (channels, 3, 1, 1));
            }
            taps.push(x);
        }
        taps
    }

    /// SqueezeNet 1.1's seven taps.
    pub fn squeezenet(&self, x: &Grid) -> Vec<Grid> {
        let fire = |x: &Grid, index: usize, squeezed: usize, expanded: usize| {
            let path = format!("features.{index}");
            let s = self.rectified(x, &format!("{path}.squeeze"), (squeezed, 1, 1, 0));
            let mut out = self.rectified(&s, &format!("{path}.expand1x1"), (expanded, 1, 1, 0));
            let wide = self.rectified(&s, &format!("{path}.expand3x3"), (expanded, 3, 1, 1));
            out.channels += wide.channels;
            out.data.extend(wide.data);
            out
        };
        let zero = self.rectified(x, "features.0", (64, 3, 2, 0));
        let one = fire(&fire(&max_pool(&zero, 3, true), 3, 16, 64), 4, 16, 64);
        let two = fire(&fire(&max_pool(&one, 3, true), 6, 32, 128), 7, 32, 128);
        let three = fire(&max_pool(&two, 3, true), 9, 48, 192);
        let four = fire(&three, 10, 48, 192);
        let five = fire(&four, 11, 64, 256);
        let six = fire(&five, 12, 64, 256);
        vec![zero, one, two, three, four, five, six]
    }
}

/// The largest of every window, two positions apart.
pub fn max_pool(x: &Grid, kernel: usize, ceil: bool) -> Grid {
    let count = |length: usize| {
        let rest = length as f64 - kernel as f64;
        let windows = if ceil { (rest / 2.0).ceil() } else { (rest / 2.0).floor() };
        (windows + 1.0) as usize
    };
    let (height, width) = (count(x.height), count(x.width));
    let mut data = Vec::new();
    for c in 0..x.channels {
        for y in 0..height {
            for column in 0..width {
                let mut largest = f64::NEG_INFINITY;
                for row in 2 * y..(2 * y + kernel).min(x.height) {
                    for at in 2 * column..(2 * column + kernel).min(x.width) {
                        largest = largest.max(x.at(c, row, at));
                    }
                }
                data.push(largest);
            }
        }
    }
    Grid { channels: x.channels, height, width, data }
}

/// The root of the mean square under a Hanning window of three positions, two apart.
pub fn hanning_pool(x: &Grid) -> Grid {
    let window = [0.25, 0.5, 0.25];
    let (height, width) = (x.height.div_ceil(2), x.width.div_ceil(2));
    let mut data = Vec::new();
    for c in 0..x.channels {
        for y in 0..height {
            for column in 0..width {
                let mut sum = 0.0;
                for (i, wy) in window.iter().enumerate() {
                    for (j, wx) in window.iter().enumerate() {
                        let row = (2 * y + i).wrapping_sub(1);
                        let at = (2 * column + j).wrapping_sub(1);
                        if row < x.height && at < x.width {
                            sum += wy * wx * x.at(c, row, at).powi(2);
                        }
                    }
                }
                data.push((sum + 1e-12).sqrt());
            }
        }
    }
    Grid { channels: x.channels, height, width, data }
}
