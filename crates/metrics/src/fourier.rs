//! Two-dimensional discrete Fourier transforms of any size, in f64 over the crate `rustfft`.
//!
//! Spectra lie column by column, which is how the second of the two passes leaves them and how the
//! first pass of the way back wants them. Along each axis they are in the order of the transform:
//! frequency 0 first, negative frequencies in the second half.

use std::sync::Arc;

use rayon::prelude::*;
use rustfft::{Fft, FftPlanner};

use crate::plane::Plane;

pub(crate) use rustfft::num_complex::Complex;

/// `width × height` complex numbers, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ComplexPlane {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: Vec<Complex<f64>>,
}

/// Columns of a spectrum: the one at `column` of those asked for holds its frequency y at
/// `column · height + y`.
pub(crate) struct Spectrum {
    pub(crate) height: usize,
    pub(crate) data: Vec<Complex<f64>>,
}

/// The transforms of one size.
pub(crate) struct Fourier {
    width: usize,
    height: usize,
    /// Along rows and along columns.
    forward: [Arc<dyn Fft<f64>>; 2],
    inverse: [Arc<dyn Fft<f64>>; 2],
}

impl Fourier {
    /// Plans for planes of this size.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let mut planner = FftPlanner::new();
        let sides = [width, height];
        let forward = sides.map(|side| planner.plan_fft_forward(side));
        let inverse = sides.map(|side| planner.plan_fft_inverse(side));
        Self { width, height, forward, inverse }
    }

    /// The spectrum of a real plane less `offset`, not scaled.
    pub(crate) fn forward(&self, plane: &Plane, offset: f64) -> Spectrum {
        self.forward_columns(plane, offset, &(0..self.width).collect::<Vec<usize>>())
    }

    /// The columns of [`forward`](Self::forward) that belong to the given horizontal frequencies.
    pub(crate) fn forward_columns(
        &self,
        plane: &Plane,
        offset: f64,
        columns: &[usize],
    ) -> Spectrum {
        let [along_rows, along_columns] = &self.forward;
        let mut rows = vec![Complex::default(); columns.len() * self.height];
        rows.par_chunks_mut(columns.len().max(1)).enumerate().for_each_init(
            || (vec![Complex::default(); self.width], scratch(along_rows.as_ref())),
            |(line, scratch), (y, to)| {
                for (sample, &from) in line.iter_mut().zip(plane.row(y)) {
                    *sample = Complex::new(from - offset, 0.0);
                }
                along_rows.process_with_scratch(line, scratch);
                for (sample, &column) in to.iter_mut().zip(columns) {
                    *sample = line[column];
                }
            },
        );
        let mut data = transpose(&rows, columns.len(), self.height);
        transform_lines(&mut data, along_columns.as_ref());
        Spectrum { height: self.height, data }
    }

    /// The plane of a whole spectrum, divided by the number of samples.
    pub(crate) fn inverse(&self, spectrum: Spectrum) -> ComplexPlane {
        let [along_rows, along_columns] = &self.inverse;
        let (width, height) = (self.width, self.height);
        let mut turned = spectrum.data;
        transform_lines(&mut turned, along_columns.as_ref());
        let mut data = transpose(&turned, height, width);
        transform_lines(&mut data, along_rows.as_ref());
        let scale = 1.0 / data.len() as f64;
        data.par_iter_mut().with_min_len(1 << 14).for_each(|v| *v *= scale);
        ComplexPlane { width, height, data }
    }
}

fn scratch(fft: &dyn Fft<f64>) -> Vec<Complex<f64>> {
    vec![Complex::default(); fft.get_inplace_scratch_len()]
}

fn transform_lines(data: &mut [Complex<f64>], fft: &dyn Fft<f64>) {
    data.par_chunks_mut(fft.len().max(1))
        .for_each_init(|| scratch(fft), |scratch, line| fft.process_with_scratch(line, scratch));
}

/// A `width × height` grid as `height × width`.
fn transpose(data: &[Complex<f64>], width: usize, height: usize) -> Vec<Complex<f64>> {
    /// Columns that are turned together, so that a cache line is read once for all its numbers.
    const TOGETHER: usize = 8;
    let mut out = vec![Complex::default(); data.len()];
    out.par_chunks_mut((height * TOGETHER).max(1)).enumerate().for_each(|(block, columns)| {
        for y in 0..height {
            let row = &data[y * width + block * TOGETHER..(y + 1) * width];
            for (column, &sample) in columns.chunks_exact_mut(height).zip(row) {
                column[y] = sample;
            }
        }
    });
    out
}

/// The signed frequency that lies at `index` of an axis of `length` samples.
pub(crate) fn signed_frequency(index: usize, length: usize) -> f64 {
    if index < length.div_ceil(2) { index as f64 } else { index as f64 - length as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_undoes_forward_at_odd_and_even_sizes() {
        for (width, height) in [(1, 1), (5, 3), (8, 6), (7, 12)] {
            let plane = Plane::from_fn(width, height, |x, y| ((x * 5 + y * 3) % 7) as f64);
            let fourier = Fourier::new(width, height);
            let back = fourier.inverse(fourier.forward(&plane, 0.0));
            for (found, expected) in back.data.iter().zip(&plane.data) {
                assert!((found.re - expected).abs() < 1e-12 && found.im.abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_wave_has_one_frequency_and_its_mirror() {
        let wave = |x: usize| (std::f64::consts::TAU * 2.0 * x as f64 / 9.0).cos();
        let spectrum = Fourier::new(9, 4).forward(&Plane::from_fn(9, 4, |x, _| wave(x)), 0.0);
        for y in 0..4 {
            for x in 0..9 {
                let expected = if y == 0 && (x == 2 || x == 7) { 18.0 } else { 0.0 };
                let found = spectrum.data[x * 4 + y];
                assert!((found.re - expected).abs() < 1e-9 && found.im.abs() < 1e-9, "{x} {y}");
            }
        }
    }

    #[test]
    fn columns_are_those_of_the_whole_spectrum() {
        let plane = Plane::from_fn(10, 6, |x, y| ((x * x + 3 * y) % 11) as f64);
        let fourier = Fourier::new(10, 6);
        let (whole, some) =
            (fourier.forward(&plane, 2.0), fourier.forward_columns(&plane, 2.0, &[9, 0, 4]));
        for (i, column) in [9, 0, 4].into_iter().enumerate() {
            assert_eq!(some.data[i * 6..][..6], whole.data[column * 6..][..6]);
        }
    }

    #[test]
    fn frequencies_are_signed() {
        let frequencies = |n: usize| (0..n).map(|i| signed_frequency(i, n)).collect::<Vec<_>>();
        assert_eq!(frequencies(4), [0.0, 1.0, -2.0, -1.0]);
        assert_eq!(frequencies(5), [0.0, 1.0, 2.0, -2.0, -1.0]);
    }
}
