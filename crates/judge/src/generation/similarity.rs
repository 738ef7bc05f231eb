//! How alike each generated picture is to the one that it should have been: the mean cosine between their
//! features, row by row.
//!
//! cos(u, v) = u·v / (|u||v|), from −1 to 1, higher for more alike. With features of a CLIP image encoder it
//! is the CLIP similarity (image to image) of papers on translation. Limit: rows must be in the same order on
//! both sides; nothing in the numbers says whether they are.

use super::Features;
use crate::{Error, Result};

/// The mean cosine of rows at the same place.
///
/// # Errors
/// [`Error::Columns`], [`Error::Lengths`] where they do not belong together; [`Error::NoDirection`] for a
/// row of zeros.
pub fn of(target: &Features, out: &Features) -> Result<f64> {
    if target.columns() != out.columns() {
        return Err(Error::Columns { left: target.columns(), right: out.columns() });
    }
    if target.rows() != out.rows() {
        return Err(Error::Lengths { left: target.rows(), right: out.rows() });
    }
    let mut sum = 0.0;
    for index in 0..target.rows() {
        let [a, b] = [target, out].map(|features| features.row(index));
        // Divided by the largest, so that no square overflows or vanishes.
        let largest = |row: &[f64]| row.iter().fold(0.0_f64, |most, number| most.max(number.abs()));
        let (most_a, most_b) = (largest(a), largest(b));
        if most_a == 0.0 || most_b == 0.0 {
            return Err(Error::NoDirection { index });
        }
        let (mut product, mut squares) = (0.0, [0.0; 2]);
        for (a, b) in a.iter().zip(b) {
            let (a, b) = (a / most_a, b / most_b);
            product += a * b;
            squares[0] += a * a;
            squares[1] += b * b;
        }
        sum += product / (squares[0] * squares[1]).sqrt();
    }
    Ok(sum / target.rows() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(columns: usize, values: &[f64]) -> Features {
        Features::new(columns, values.to_vec()).unwrap()
    }

    #[test]
    fn directions_count_and_lengths_do_not() {
        let a = features(2, &[1.0, 0.0, 3.0, 4.0]);
        assert!((of(&a, &features(2, &[5.0, 0.0, 6e200, 8e200])).unwrap() - 1.0).abs() < 1e-15);
        // Cosines of 0 and of (3·4 + 4·3)/25.
        let found = of(&a, &features(2, &[0.0, -2.0, 4e-200, 3e-200])).unwrap();
        assert!((found - 0.48).abs() < 1e-15, "{found}");
        assert!((of(&a, &features(2, &[-1.0, 0.0, -3.0, -4.0])).unwrap() + 1.0).abs() < 1e-15);
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let a = features(2, &[1.0, 0.0, 3.0, 4.0]);
        assert!(matches!(of(&a, &features(2, &[1.0, 0.0])), Err(Error::Lengths { .. })));
        assert!(matches!(of(&a, &features(4, &[1.0; 4])), Err(Error::Columns { .. })));
        let zero = of(&a, &features(2, &[1.0, 0.0, 0.0, 0.0]));
        assert_eq!(zero, Err(Error::NoDirection { index: 1 }));
    }
}
