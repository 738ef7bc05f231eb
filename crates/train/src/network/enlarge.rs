//! Nearest neighbours at twice the height and width, on blocks of channels, and the adjoint.

use lookalike_kernels::{Blocks, Line};
use rayon::prelude::*;

use crate::{Error, Result};

/// Every line becomes four.
///
/// # Errors
/// [`Error::Kernel`] where that is more than memory holds.
pub fn double(input: &Blocks) -> Result<Blocks> {
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

/// Four lines are added up: the derivatives of what was doubled.
///
/// # Errors
/// [`Error::Refused`] for an odd height or width; [`Error::Kernel`].
pub fn halve(upstream: &Blocks) -> Result<Blocks> {
    let [batch, channels, height, width] = upstream.shape();
    if !height.is_multiple_of(2) || !width.is_multiple_of(2) {
        return Err(Error::Refused(format!(
            "doubled activations: expected even sides, found {height} x {width}"
        )));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_of_one_and_one_of_four() {
        let planes: Vec<f32> = (0..17 * 6).map(|n| n as f32).collect();
        let mut blocks = Blocks::new();
        blocks.read_planes([1, 17, 2, 3], &planes).unwrap();
        let doubled = double(&blocks).unwrap();
        assert_eq!(doubled.shape(), [1, 17, 4, 6]);
        let found = doubled.to_planes();
        assert_eq!(found[..12], [0., 0., 1., 1., 2., 2., 0., 0., 1., 1., 2., 2.]);
        assert_eq!(found[16 * 24 + 12..][..6], [99., 99., 100., 100., 101., 101.]);
        let back = halve(&doubled).unwrap().to_planes();
        assert!(back.iter().zip(&planes).all(|(found, one)| *found == 4.0 * one));
        assert!(halve(&blocks).is_err(), "three columns");
    }
}
