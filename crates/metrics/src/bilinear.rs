//! Bilinear interpolation without antialiasing, in the two conventions of tensor libraries.

use rayon::prelude::*;

use crate::plane::Plane;

/// Where the samples of the new grid lie on the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alignment {
    /// Samples are centres of pixels and both grids cover the same area.
    PixelCentres,
    /// First and last samples of both grids coincide.
    Corners,
}

/// The plane on a grid of another size; beyond the outermost samples the edge is repeated.
pub(crate) fn resize(plane: &Plane, width: usize, height: usize, alignment: Alignment) -> Plane {
    let columns = neighbours(plane.width, width, alignment);
    let rows = neighbours(plane.height, height, alignment);
    let mut out = Plane::zeros(width, height);
    out.data.par_chunks_mut(width.max(1)).zip(&rows).for_each(|(to, &(top, bottom, down))| {
        let (top, bottom) = (plane.row(top), plane.row(bottom));
        for (sample, &(left, right, across)) in to.iter_mut().zip(&columns) {
            let along = |row: &[f64]| row[left] * (1.0 - across) + row[right] * across;
            *sample = along(top) * (1.0 - down) + along(bottom) * down;
        }
    });
    out
}

/// For each new sample the two old ones around it and the weight of the second.
fn neighbours(from: usize, to: usize, alignment: Alignment) -> Vec<(usize, usize, f64)> {
    let position = |i: usize| match alignment {
        Alignment::PixelCentres => (i as f64 + 0.5) * (from as f64 / to as f64) - 0.5,
        Alignment::Corners if to == 1 => 0.0,
        Alignment::Corners => i as f64 * ((from - 1) as f64 / (to - 1) as f64),
    };
    let last = from - 1;
    let around = |i: usize| {
        let position = position(i).max(0.0);
        let before = (position.floor() as usize).min(last);
        (before, (before + 1).min(last), (position - before as f64).min(1.0))
    };
    (0..to).map(around).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conventions_place_samples_differently() {
        let ramp = Plane::new(3, 1, vec![0.0, 3.0, 6.0]);
        let at = |width, alignment| resize(&ramp, width, 1, alignment).data;
        assert_eq!(at(5, Alignment::Corners), [0.0, 1.5, 3.0, 4.5, 6.0]);
        assert_eq!(at(6, Alignment::PixelCentres), [0.0, 0.75, 2.25, 3.75, 5.25, 6.0]);
        assert_eq!(at(1, Alignment::PixelCentres), [3.0]);
        assert_eq!(at(1, Alignment::Corners), [0.0]);
    }

    #[test]
    fn one_sample_fills_any_grid() {
        let dot = Plane::new(1, 1, vec![4.5]);
        for alignment in [Alignment::Corners, Alignment::PixelCentres] {
            assert_eq!(resize(&dot, 3, 2, alignment).data, [4.5; 6]);
        }
    }
}
