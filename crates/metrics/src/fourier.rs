//! Two-dimensional discrete Fourier transforms of any size, in f64 over the crate `rustfft`.
//!
//! Spectra lie in the order of the transform: frequency 0 first, negative frequencies in the second
//! half of each axis.

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

/// The transforms of one size.
pub(crate) struct Fourier {
    width: usize,
    height: usize,
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

    /// The spectrum of a real plane, not scaled.
    pub(crate) fn forward(&self, plane: &Plane) -> ComplexPlane {
        let data = plane.data.iter().map(|&v| Complex::new(v, 0.0)).collect();
        self.transform(data, &self.forward)
    }

    /// The plane of a spectrum, divided by the number of samples.
    pub(crate) fn inverse(&self, spectrum: ComplexPlane) -> ComplexPlane {
        let mut plane = self.transform(spectrum.data, &self.inverse);
        let scale = 1.0 / plane.data.len() as f64;
        plane.data.iter_mut().for_each(|v| *v *= scale);
        plane
    }

    fn transform(
        &self,
        mut data: Vec<Complex<f64>>,
        [rows, columns]: &[Arc<dyn Fft<f64>>; 2],
    ) -> ComplexPlane {
        let (width, height) = (self.width, self.height);
        debug_assert_eq!(data.len(), width * height);
        transform_rows(&mut data, rows.as_ref());
        let mut turned = transpose(&data, width, height);
        transform_rows(&mut turned, columns.as_ref());
        ComplexPlane { width, height, data: transpose(&turned, height, width) }
    }
}

fn transform_rows(data: &mut [Complex<f64>], fft: &dyn Fft<f64>) {
    data.par_chunks_mut(fft.len().max(1)).for_each_init(
        || vec![Complex::default(); fft.get_inplace_scratch_len()],
        |scratch, row| fft.process_with_scratch(row, scratch),
    );
}

/// A `width × height` grid as `height × width`.
fn transpose(data: &[Complex<f64>], width: usize, height: usize) -> Vec<Complex<f64>> {
    let mut out = vec![Complex::default(); data.len()];
    out.par_chunks_mut(height.max(1)).enumerate().for_each(|(x, column)| {
        for (y, sample) in column.iter_mut().enumerate() {
            *sample = data[y * width + x];
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
            let back = fourier.inverse(fourier.forward(&plane));
            for (found, expected) in back.data.iter().zip(&plane.data) {
                assert!((found.re - expected).abs() < 1e-12 && found.im.abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_wave_has_one_frequency_and_its_mirror() {
        let wave = |x: usize| (std::f64::consts::TAU * 2.0 * x as f64 / 9.0).cos();
        let spectrum = Fourier::new(9, 4).forward(&Plane::from_fn(9, 4, |x, _| wave(x)));
        for y in 0..4 {
            for x in 0..9 {
                let expected = if y == 0 && (x == 2 || x == 7) { 18.0 } else { 0.0 };
                let found = spectrum.data[y * 9 + x];
                assert!((found.re - expected).abs() < 1e-9 && found.im.abs() < 1e-9, "{x} {y}");
            }
        }
    }

    #[test]
    fn frequencies_are_signed() {
        let frequencies = |n: usize| (0..n).map(|i| signed_frequency(i, n)).collect::<Vec<_>>();
        assert_eq!(frequencies(4), [0.0, 1.0, -2.0, -1.0]);
        assert_eq!(frequencies(5), [0.0, 1.0, 2.0, -2.0, -1.0]);
    }
}
