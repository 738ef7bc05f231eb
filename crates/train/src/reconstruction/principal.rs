//! Principal components of pictures: the linear code that autoencoders are held against.
//!
//! Rows x − x̄ on the eigenvectors of their covariance with the largest eigenvalues, found through the matrix of inner
//! products of the rows, as there are fewer pictures than samples.

use faer::{Mat, Side};
use rayon::prelude::*;

use super::svm::dot;
use crate::{Error, Result};

/// Directions of largest variance.
#[derive(Clone, Debug)]
pub struct Principal {
    mean: Vec<f64>,
    /// One after the other, as long as a row.
    directions: Vec<Vec<f64>>,
}

impl Principal {
    /// At most `count` directions of rows of `width` numbers; fewer where the rows have no more.
    ///
    /// # Errors
    /// [`Error::Refused`] where there is no row, or a number is not finite.
    pub fn of(rows: &[f32], width: usize, count: usize) -> Result<Self> {
        let good = width > 0 && !rows.is_empty() && rows.len().is_multiple_of(width);
        if !good || !rows.iter().all(|x| x.is_finite()) {
            return Err(Error::Refused(format!(
                "principal components: expected rows of {width} finite numbers, found {} numbers",
                rows.len()
            )));
        }
        let n = rows.len() / width;
        let mut mean = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x) / n as f64);
        }
        let centred: Vec<Vec<f64>> = rows
            .par_chunks_exact(width)
            .map(|row| row.iter().zip(&mean).map(|(&x, mean)| f64::from(x) - mean).collect())
            .collect();
        let products: Vec<Vec<f64>> = centred
            .par_iter()
            .enumerate()
            .map(|(at, a)| centred[..=at].iter().map(|b| dot(a, b)).collect())
            .collect();
        let gram = Mat::from_fn(n, n, |i, j| products[i.max(j)][i.min(j)]);
        let eigen = gram.self_adjoint_eigen(Side::Lower).map_err(|error| {
            Error::Refused(format!("principal components: no eigenvalues ({error:?})"))
        })?;
        let (values, vectors) = (eigen.S(), eigen.U());
        // Ascending; what is nothing beside the largest is rounding.
        let least = 1e-10 * values[n - 1];
        let places: Vec<usize> =
            (0..n).rev().take(count).filter(|&at| values[at] > least).collect();
        let directions = places
            .into_par_iter()
            .map(|at| {
                let scale = 1.0 / values[at].sqrt();
                let mut direction = vec![0.0; width];
                for (row, x) in centred.iter().enumerate() {
                    let by = scale * vectors[(row, at)];
                    direction.iter_mut().zip(x).for_each(|(sum, x)| *sum += by * x);
                }
                direction
            })
            .collect();
        Ok(Self { mean, directions })
    }

    /// Rows as their coordinates, picture after picture, and how many each has.
    pub fn code(&self, rows: &[f32]) -> (Vec<f64>, usize) {
        let coordinates = |row: &[f32]| -> Vec<f64> {
            let x: Vec<f64> = row.iter().zip(&self.mean).map(|(&x, m)| f64::from(x) - m).collect();
            self.directions.iter().map(|direction| dot(direction, &x)).collect()
        };
        let found: Vec<Vec<f64>> = rows.par_chunks(self.mean.len()).map(coordinates).collect();
        (found.concat(), self.directions.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_orthonormal_and_hold_what_varies() {
        // Two directions, of which one has nine times the variance.
        let (a, b) = ([0.6_f32, 0.8, 0.0, 0.0], [0.0_f32, 0.0, 0.6, -0.8]);
        let rows: Vec<f32> = (0..20)
            .flat_map(|at| {
                let (s, t) = (3.0 * (at as f32).sin(), (1.7 * at as f32).cos());
                (0..4).map(move |i| 5.0 + s * a[i] + t * b[i])
            })
            .collect();
        let found = Principal::of(&rows, 4, 9).unwrap();
        assert_eq!(found.directions.len(), 2);
        for (i, x) in found.directions.iter().enumerate() {
            for (j, y) in found.directions.iter().enumerate() {
                assert!((dot(x, y) - f64::from(u8::from(i == j))).abs() < 1e-9);
            }
        }
        let (codes, width) = found.code(&rows);
        assert_eq!((codes.len(), width), (40, 2));
        let back: Vec<f64> = (0..4)
            .map(|i| {
                found.mean[i]
                    + codes[6] * found.directions[0][i]
                    + codes[7] * found.directions[1][i]
            })
            .collect();
        for (back, x) in back.iter().zip(&rows[12..16]) {
            assert!((back - f64::from(*x)).abs() < 1e-5);
        }
        assert!(Principal::of(&[], 4, 2).is_err());
        assert!(Principal::of(&[f32::NAN; 4], 4, 2).is_err());
    }
}
