//! Nearest neighbours at twice the height and width, on blocks of channels, and the adjoint.

use lookalike_kernels::{Blocks, Line};
use rayon::prelude::*;

use crate::Result;

/// Every line becomes four.
pub(super) fn double(input: &Blocks) -> Result<Blocks> {
    let [batch, channels, height, width] = input.shape();
    let mut output = Blocks::new();
    output.reshape([batch, channels, 2 * height, 2 * width])?;
    let rows = input.lines().par_chunks(width);
    output.lines_mut().par_chunks_mut(4 * width).zip(rows).for_each(|(to, from)| {
        let (above, below) = to.split_at_mut(2 * width);
        for (two, line) in above.chunks_exact_mut(2).zip(from) {
            two.fill(*line);
        }
        below.copy_from_slice(above);
    });
    Ok(output)
}

/// Four lines are added up.
pub(super) fn halve(upstream: &Blocks) -> Result<Blocks> {
    let [batch, channels, height, width] = upstream.shape();
    let mut gradient = Blocks::new();
    gradient.reshape([batch, channels, height / 2, width / 2])?;
    let rows = upstream.lines().par_chunks(2 * width);
    gradient.lines_mut().par_chunks_mut(width / 2).zip(rows).for_each(|(to, from)| {
        let (above, below) = from.split_at(width);
        let (above, _) = above.as_chunks::<2>();
        let (below, _) = below.as_chunks::<2>();
        for (to, ([a, b], [c, d])) in to.iter_mut().zip(above.iter().zip(below)) {
            let sum = |lane: usize| (a.0[lane] + b.0[lane]) + (c.0[lane] + d.0[lane]);
            *to = Line(std::array::from_fn(sum));
        }
    });
    Ok(gradient)
}
