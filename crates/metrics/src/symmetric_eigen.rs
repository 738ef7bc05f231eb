//! Eigenvalues and eigenvectors of small symmetric matrices by cyclic Jacobi rotations.
//!
//! A = Σ_k λ_k·q_k·q_kᵀ. Each rotation zeroes one pair of off-diagonal entries (Golub, Van Loan,
//! "Matrix Computations", section 8.5); sweeps over all pairs converge quadratically. Accurate to a
//! few units of rounding of the largest eigenvalue, meant for tens of rows.

/// One eigenvalue with its eigenvector of length 1.
#[derive(Clone, Debug)]
pub(crate) struct EigenPair {
    pub(crate) value: f64,
    pub(crate) vector: Vec<f64>,
}

/// Far more sweeps than any matrix needs; about six are usual.
const MOST_SWEEPS: usize = 64;

/// All eigenpairs of a symmetric matrix given as rows, in no particular order.
pub(crate) fn symmetric_eigen(matrix: &[Vec<f64>]) -> Vec<EigenPair> {
    let n = matrix.len();
    let mut a = matrix.to_vec();
    // Row k becomes the eigenvector of a[k][k].
    let mut vectors: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
    let size: f64 = matrix.iter().flatten().map(|v| v * v).sum();
    for _ in 0..MOST_SWEEPS {
        let off_diagonal: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| 2.0 * a[i][j] * a[i][j])
            .sum();
        if off_diagonal <= size * f64::EPSILON * f64::EPSILON {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    vectors
        .into_iter()
        .enumerate()
        .map(|(k, vector)| EigenPair { value: a[k][k], vector })
        .collect()
}

/// Turns the plane of the axes p and q so that the entry between them becomes 0.
fn rotate(a: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    // The smaller root of t² + 2θt − 1 = 0 is the tangent of the angle.
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turn = |x: f64, y: f64| (cosine * x - sine * y, sine * x + cosine * y);
    for row in a.iter_mut() {
        (row[p], row[q]) = turn(row[p], row[q]);
    }
    for rows in [a, vectors] {
        for k in 0..rows[p].len() {
            (rows[p][k], rows[q][k]) = turn(rows[p][k], rows[q][k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// Orthonormal rows by Gram and Schmidt.
    fn orthonormal(n: usize) -> Vec<Vec<f64>> {
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for i in 0..n {
            let mut row: Vec<f64> =
                (0..n).map(|j| ((i * 7 + j * j * 3 + 1) as f64).sin()).collect();
            for _ in 0..2 {
                for other in &rows {
                    let along = dot(&row, other);
                    row.iter_mut().zip(other).for_each(|(r, o)| *r -= along * o);
                }
            }
            let length = dot(&row, &row).sqrt();
            rows.push(row.into_iter().map(|r| r / length).collect());
        }
        rows
    }

    #[test]
    fn finds_the_eigenpairs_a_matrix_was_made_of() {
        let n = 10;
        let values: Vec<f64> =
            (0..n).map(|k| [1e4, -3.0, 0.0, 1e-6][k % 4] * (k + 1) as f64).collect();
        let vectors = orthonormal(n);
        let entry = |i: usize, j: usize| -> f64 {
            (0..n).map(|k| values[k] * vectors[k][i] * vectors[k][j]).sum()
        };
        let matrix: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect();
        let found = symmetric_eigen(&matrix);

        let mut expected = values.clone();
        let mut sorted: Vec<f64> = found.iter().map(|pair| pair.value).collect();
        expected.sort_by(f64::total_cmp);
        sorted.sort_by(f64::total_cmp);
        for (e, s) in expected.iter().zip(&sorted) {
            assert!((e - s).abs() < 1e-10, "{e} {s}");
        }
        for pair in &found {
            assert!((dot(&pair.vector, &pair.vector) - 1.0).abs() < 1e-14);
            for (row, v) in matrix.iter().zip(&pair.vector) {
                assert!((dot(row, &pair.vector) - pair.value * v).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn diagonal_zero_and_equal_entries_are_no_trouble() {
        for matrix in [
            vec![vec![0.0; 3]; 3],
            vec![vec![2.0; 3]; 3],
            vec![vec![5.0, 0.0, 0.0], vec![0.0, 5.0, 0.0], vec![0.0, 0.0, -1.0]],
        ] {
            let trace: f64 = (0..3).map(|i| matrix[i][i]).sum();
            let sum: f64 = symmetric_eigen(&matrix).iter().map(|pair| pair.value).sum();
            assert!((sum - trace).abs() < 1e-14);
        }
        assert!(symmetric_eigen(&[]).is_empty());
    }
}
