//! Improved precision and recall.
//!
//! Around every picture of a set is a ball that reaches to its k-th nearest neighbour in the set. Precision
//! is the share of generated pictures in a ball of a real one, recall the share of real ones in a ball of a
//! generated one.
//!
//! Source: Kynkäänniemi, Karras, Laine, Lehtinen, Aila, "Improved Precision and Recall Metric for Assessing
//! Generative Models", NeurIPS 2019; k = 3, on features of VGG16's second fully connected layer.
//!
//! Choices: what lies on the surface is inside, as in the authors' code. Reproduces the definition in NumPy,
//! exactly; the authors' half precision can differ at surfaces. Limits: one outlier among the real makes a
//! large ball; see [`density_coverage`](super::density_coverage). Both depend on the number of pictures.

use super::features::{check_columns, check_rows};
use super::{Features, products};
use crate::{Error, Result};

/// The authors' k.
pub const NEIGHBOURS: usize = 3;

/// Shares from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// Of the generated, those that could be real.
    pub precision: f64,
    /// Of the real, those that could be generated.
    pub recall: f64,
}

/// Precision and recall of generated pictures, more than `neighbours` of either.
///
/// # Errors
/// [`Error::Columns`]; [`Error::TooFew`]; [`Error::Empty`] of no neighbours.
pub fn of(real: &Features, generated: &Features, neighbours: usize) -> Result<PrecisionRecall> {
    check_columns(real, generated)?;
    Ok(PrecisionRecall {
        precision: covered(generated, real, neighbours)?,
        recall: covered(real, generated, neighbours)?,
    })
}

/// The share of items within a ball of the others.
fn covered(items: &Features, others: &Features, neighbours: usize) -> Result<f64> {
    let radii = squared_radii(others, neighbours)?;
    let inside = products::squared_distances(items, others, |_, distances| {
        distances.iter().zip(&radii).any(|(distance, radius)| distance <= radius)
    });
    Ok(inside.iter().filter(|&&inside| inside).count() as f64 / items.rows() as f64)
}

/// The squared distance of every row from its k-th nearest, itself not counted.
pub(super) fn squared_radii(features: &Features, neighbours: usize) -> Result<Vec<f64>> {
    if neighbours == 0 {
        return Err(Error::Empty);
    }
    check_rows(features, neighbours + 1)?;
    // Itself is the nearest, or as near as the nearest.
    let of_row = |_, row: &mut [f64]| *row.select_nth_unstable_by(neighbours, f64::total_cmp).1;
    Ok(products::squared_distances(features, features, of_row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64]) -> Features {
        Features::new(1, values.to_vec()).unwrap()
    }

    #[test]
    fn balls_on_a_line() {
        let real = line(&[0.0, 1.0, 3.0]);
        // Radii to the nearest: 1, 1, 2.
        assert_eq!(squared_radii(&real, 1), Ok(vec![1.0, 1.0, 4.0]));
        let generated = line(&[-1.0, 5.0, 5.5, 9.0]);
        // Radii .5² and 3.5², 6² and so on; −1 and 5 lie on surfaces.
        let found = of(&real, &generated, 1).unwrap();
        assert_eq!(found.precision, 0.5);
        // 5's ball is of .5, 5.5's of .5, 9's of 3.5, −1's of 6.
        assert_eq!(found.recall, 1.0);
        assert_eq!(of(&real, &real, 1).unwrap(), PrecisionRecall { precision: 1.0, recall: 1.0 });
        let elsewhere = of(&real, &line(&[50.0, 51.0]), 1).unwrap();
        assert_eq!(elsewhere, PrecisionRecall { precision: 0.0, recall: 0.0 });
    }

    #[test]
    fn what_has_no_neighbours_is_refused() {
        let three = line(&[0.0, 1.0, 2.0]);
        assert_eq!(of(&three, &three, 3), Err(Error::TooFew { found: 3, least: 4 }));
        assert_eq!(of(&three, &three, 0), Err(Error::Empty));
    }
}
