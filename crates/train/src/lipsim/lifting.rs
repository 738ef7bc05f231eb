//! How pictures lie while a network learns, and the steps that move numbers without changing them.
//!
//! Activations are `[channel][picture][place]`. A 3×3 convolution acts on columns of neighbours ("im2col", with
//! zeros beyond the border), and the adjoint adds columns back to where they came from; space to depth and the sums
//! over windows are as in the layers of the same names.

use lookalike_deep::lipsim::Extent;

/// `[picture][channel][place]` as `[channel][picture][place]`.
pub(super) fn turned(pictures: &[f32], count: usize, channels: usize, area: usize) -> Vec<f32> {
    let mut found = Vec::with_capacity(pictures.len());
    for channel in 0..channels {
        for picture in 0..count {
            let start = (picture * channels + channel) * area;
            found.extend_from_slice(&pictures[start..start + area]);
        }
    }
    found
}

/// `[channel][picture][place]` as `[channel × place][picture]`.
pub(super) fn flattened(x: &[f32], at: Extent, count: usize) -> Vec<f32> {
    let area = at.side * at.side;
    let mut found = vec![0.0; x.len()];
    for (row, plane) in x.chunks_exact(area).enumerate() {
        let (channel, picture) = (row / count, row % count);
        for (place, &value) in plane.iter().enumerate() {
            found[(channel * area + place) * count + picture] = value;
        }
    }
    found
}

pub(super) fn unflattened(x: &[f32], at: Extent, count: usize) -> Vec<f32> {
    let area = at.side * at.side;
    let mut found = vec![0.0; x.len()];
    for (row, plane) in found.chunks_exact_mut(area).enumerate() {
        let (channel, picture) = (row / count, row % count);
        for (place, value) in plane.iter_mut().enumerate() {
            *value = x[(channel * area + place) * count + picture];
        }
    }
    found
}

/// Where a number stands before and after windows became channels, for each; `at` is the larger.
pub(super) fn depth(x: &[f32], at: Extent, count: usize, side: usize, back: bool) -> Vec<f32> {
    let (large, small) = (at.side, at.side / side);
    let mut found = vec![0.0; x.len()];
    for channel in 0..at.channels {
        for picture in 0..count {
            for y in 0..large {
                let within = (channel * side + y % side) * side;
                for x_ in 0..large {
                    let to = ((within + x_ % side) * count + picture) * small * small
                        + y / side * small
                        + x_ / side;
                    let from = ((channel * count + picture) * large + y) * large + x_;
                    if back {
                        found[from] = x[to];
                    } else {
                        found[to] = x[from];
                    }
                }
            }
        }
    }
    found
}

pub(super) fn window(x: &[f32], at: Extent, count: usize, side: usize) -> Vec<f32> {
    let (large, small) = (at.side, at.side / side);
    let mut found = vec![0.0; at.channels * count * small * small];
    let share = 1.0 / side as f32;
    for (to, from) in found.chunks_exact_mut(small * small).zip(x.chunks_exact(large * large)) {
        for (place, &value) in from.iter().enumerate() {
            to[place / large / side * small + place % large / side] += value * share;
        }
    }
    found
}

pub(super) fn window_back(g: &[f32], at: Extent, count: usize, side: usize) -> Vec<f32> {
    let (large, small) = (at.side, at.side / side);
    let mut found = vec![0.0; at.numbers() * count];
    let share = 1.0 / side as f32;
    for (to, from) in found.chunks_exact_mut(large * large).zip(g.chunks_exact(small * small)) {
        for (place, value) in to.iter_mut().enumerate() {
            *value = from[place / large / side * small + place % large / side] * share;
        }
    }
    found
}

/// Columns of 3×3 neighbours: `[channel][tap][picture][place]`, zeros beyond the border.
pub(super) fn columns(x: &[f32], at: Extent, count: usize) -> Vec<f32> {
    let side = at.side;
    let plane = side * side;
    let mut found = vec![0.0; 9 * x.len()];
    for (channel, planes) in x.chunks_exact(count * plane).enumerate() {
        for tap in 0..9 {
            let to = &mut found[(channel * 9 + tap) * count * plane..][..count * plane];
            for (to, from) in to.chunks_exact_mut(plane).zip(planes.chunks_exact(plane)) {
                neighbours(side, tap, |here, there, length| {
                    to[here..here + length].copy_from_slice(&from[there..there + length]);
                });
            }
        }
    }
    found
}

/// x plus columns added back to where they came from.
pub(super) fn add_back(mut x: Vec<f32>, lifted: &[f32], at: Extent, count: usize) -> Vec<f32> {
    let side = at.side;
    let plane = side * side;
    for (channel, planes) in x.chunks_exact_mut(count * plane).enumerate() {
        for tap in 0..9 {
            let from = &lifted[(channel * 9 + tap) * count * plane..][..count * plane];
            for (to, from) in planes.chunks_exact_mut(plane).zip(from.chunks_exact(plane)) {
                neighbours(side, tap, |here, there, length| {
                    let from = &from[here..here + length];
                    let to = &mut to[there..there + length];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                });
            }
        }
    }
    x
}

/// Runs of places and of their neighbours at a tap, as starts and a length.
fn neighbours(side: usize, tap: usize, mut run: impl FnMut(usize, usize, usize)) {
    let (dy, dx) = (tap / 3, tap % 3);
    for y in 0..side {
        // The neighbour's row is y + dy − 1.
        let Some(v) = (y + dy).checked_sub(1).filter(|&v| v < side) else { continue };
        let (first, last) = (usize::from(dx == 0), side - usize::from(dx == 2));
        if first < last {
            run(y * side + first, v * side + first + dx - 1, last - first);
        }
    }
}
