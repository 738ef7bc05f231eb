//! Features of pictures: one row for each picture.

use crate::error::check_finite;
use crate::{Error, Result};

/// At least one row of at least one finite number each.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    columns: usize,
    values: Vec<f64>,
}

impl Features {
    /// Rows one after another, each of `columns` numbers.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::Shape`]; [`Error::NotANumber`], [`Error::NotFinite`].
    pub fn new(columns: usize, values: Vec<f64>) -> Result<Self> {
        if columns == 0 || values.is_empty() {
            return Err(Error::Empty);
        }
        if !values.len().is_multiple_of(columns) {
            return Err(Error::Shape { numbers: values.len(), columns });
        }
        check_finite(&values)?;
        Ok(Self { columns, values })
    }

    /// How many pictures.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// How many numbers for each.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The features of one picture.
    ///
    /// # Panics
    /// Where there is no such row, as slices do.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// All rows, one after another.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Some of the rows, in the order named.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|&row| self.row(row)).copied().collect();
        Self { columns: self.columns, values }
    }

    /// Every row divided by its Euclidean norm.
    pub(super) fn normalised(&self) -> Result<Self> {
        let mut values = self.values.clone();
        for (index, row) in values.chunks_exact_mut(self.columns).enumerate() {
            let norm = row.iter().map(|value| value * value).sum::<f64>().sqrt();
            if norm == 0.0 || norm.is_infinite() {
                return Err(Error::NoDirection { index });
            }
            row.iter_mut().for_each(|value| *value /= norm);
        }
        Ok(Self { columns: self.columns, values })
    }

    /// Sums of squares of the rows.
    pub(super) fn squares(&self) -> Vec<f64> {
        let rows = self.values.chunks_exact(self.columns);
        rows.map(|row| row.iter().map(|value| value * value).sum()).collect()
    }
}

/// Whether both are of one network, or could be.
pub(super) fn check_columns(left: &Features, right: &Features) -> Result<()> {
    if left.columns == right.columns {
        return Ok(());
    }
    Err(Error::Columns { left: left.columns, right: right.columns })
}

/// Whether there are enough rows.
pub(super) fn check_rows(features: &Features, least: usize) -> Result<()> {
    let found = features.rows();
    if found < least { Err(Error::TooFew { found, least }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole_and_finite() {
        let features = Features::new(2, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!((features.rows(), features.columns(), features.row(1)), (2, 2, &[3.0, 4.0][..]));
        assert_eq!(Features::new(0, vec![1.0]), Err(Error::Empty));
        assert_eq!(Features::new(3, vec![]), Err(Error::Empty));
        let ragged = Features::new(2, vec![1.0; 3]);
        assert_eq!(ragged, Err(Error::Shape { numbers: 3, columns: 2 }));
        let lost = Features::new(1, vec![1.0, f64::NAN]);
        assert_eq!(lost, Err(Error::NotANumber { index: 1 }));
        let zero = Features::new(2, vec![1.0, 0.0, 0.0, 0.0]).unwrap();
        assert_eq!(zero.normalised(), Err(Error::NoDirection { index: 1 }));
    }
}
