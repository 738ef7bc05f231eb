//! Inner products and distances of all rows of two sets, some rows at a time.
//!
//! ‖x − y‖² is ‖x‖² + ‖y‖² − 2xᵀy, which makes it a product of matrices; where that is less than a millionth
//! of the sum of squares it is computed from differences instead. So it is certain to 1e-9 of itself, and
//! zero for equal rows.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::Features;

/// Rows at a time. Fixed, as sums are made over them.
const BLOCK: usize = 128;

/// What `of` makes of every block of rows of the left: it gets the number of the first of them and, row
/// after row, the inner product with every row of the right.
pub(super) fn inner<T: Send>(
    left: &Features,
    right: &Features,
    of: impl Fn(usize, &mut [f64]) -> T + Sync,
) -> Vec<T> {
    let columns = left.columns();
    let others = MatRef::from_row_major_slice(right.values(), right.rows(), columns).transpose();
    let block = |(number, rows): (usize, &[f64])| {
        let count = rows.len() / columns;
        let mut products = vec![0.0; count * right.rows()];
        matmul(
            MatMut::from_row_major_slice_mut(&mut products, count, right.rows()),
            Accum::Replace,
            MatRef::from_row_major_slice(rows, count, columns),
            others,
            1.0,
            Par::Seq,
        );
        of(number * BLOCK, &mut products)
    };
    left.values().par_chunks(BLOCK * columns).enumerate().map(block).collect()
}

/// What `of` makes of every row of the left: it gets its number and the squared distance from every row of
/// the right.
pub(super) fn squared_distances<T: Send>(
    left: &Features,
    right: &Features,
    of: impl Fn(usize, &mut [f64]) -> T + Sync,
) -> Vec<T> {
    let (squares, others) = (left.squares(), right.squares());
    let blocks = inner(left, right, |first, products| {
        let rows = products.chunks_exact_mut(right.rows()).enumerate();
        let of_row = |(offset, row): (usize, &mut [f64])| {
            let number = first + offset;
            for (other, value) in row.iter_mut().enumerate() {
                let sum = squares[number] + others[other];
                let difference = sum - 2.0 * *value;
                *value = if difference < 1e-6 * sum {
                    direct(left.row(number), right.row(other))
                } else {
                    difference
                };
            }
            of(number, row)
        };
        rows.map(of_row).collect::<Vec<T>>()
    });
    blocks.into_iter().flatten().collect()
}

fn direct(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::seeded;

    pub(crate) fn even(stream: u64, rows: usize, columns: usize) -> Features {
        let mut draws = seeded::stream(17, stream);
        let values = (0..rows * columns)
            .map(|_| seeded::below(&mut draws, 1_000_001) as f64 / 1e6 + 3.0)
            .collect();
        Features::new(columns, values).unwrap()
    }

    #[test]
    fn as_defined() {
        // One row repeated, one moved by next to nothing, and more rows than a block has.
        let right = even(1, 70, 5);
        let mut values = even(0, 150, 5).values().to_vec();
        values[..5].copy_from_slice(right.row(3));
        values[5..10].copy_from_slice(right.row(4));
        values[5] += 1e-7;
        let left = Features::new(5, values).unwrap();
        let found = squared_distances(&left, &right, |number, row| (number, row.to_vec()));
        assert_eq!(found.len(), 150);
        for (row, (number, found)) in found.iter().enumerate() {
            assert_eq!(row, *number);
            for (other, found) in found.iter().enumerate() {
                let expected = direct(left.row(row), right.row(other));
                assert!((found - expected).abs() <= 1e-9 * expected, "{row} {other}: {found}");
            }
        }
        assert_eq!(found[0].1[3], 0.0);
        assert!(found[1].1[4] > 0.0);
    }
}
