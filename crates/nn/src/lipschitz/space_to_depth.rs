//! k×k neighbours become k² channels: a smaller picture without losing anything.
//!
//! Proof of the constant 1: it moves numbers about, so it keeps every distance exactly.
//!
//! Reproduces `pixel_unshuffle` of PyTorch: channel c·k² + dy·k + dx holds the pixels (y k + dy, x k + dx).

use super::{Real, Rows};

/// Windows of `side` by `side` as channels; rows and columns beyond a multiple of it are dropped.
pub fn space_to_depth<R: Real>(x: &Rows<R>, side: usize) -> Rows<R> {
    let side = side.max(1);
    let mut y = Rows::zeros([x.channels * side * side, x.height / side, x.width / side]);
    visit(side, [x.channels, x.height, x.width], |small, large| y.data[small] = x.data[large]);
    y
}

/// The inverse, and the derivative.
pub fn depth_to_space<R: Real>(x: &Rows<R>, side: usize) -> Rows<R> {
    let side = side.max(1);
    let shape = [x.channels / (side * side), x.height * side, x.width * side];
    let mut y = Rows::zeros(shape);
    visit(side, shape, |small, large| y.data[large] = x.data[small]);
    y
}

/// Where every number of the larger picture stands in both.
fn visit(side: usize, [channels, height, width]: [usize; 3], mut pair: impl FnMut(usize, usize)) {
    let (all, columns) = (channels * side * side, width / side);
    for row in 0..height / side * side {
        for channel in 0..channels {
            for column in 0..columns * side {
                let within = (channel * side + row % side) * side + column % side;
                let small = (row / side * all + within) * columns + column / side;
                pair(small, (row * channels + channel) * width + column);
            }
        }
    }
}
