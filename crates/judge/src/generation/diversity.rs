//! How much pictures generated from one source differ among themselves.
//!
//! * [`mean_distance`]: the mean Euclidean distance over all pairs of rows of features
//! * [`mean_deviation`]: the mean over samples (of pixels and channels) of the standard deviation over
//!   pictures, divided by their number, in units of the samples
//!
//! Source of the second: Li, Xue, Liu, Lai, "BBDM: Image-to-Image Translation with Brownian Bridge Diffusion
//! Models", CVPR 2023, for five pictures of each source on a scale of 0…255. Limits: noise is diverse as well,
//! so neither says anything alone.

use super::features::check_rows;
use super::{Features, products};
use crate::error::check_finite;
use crate::{Error, Result};

/// The mean over all pairs of at least two rows.
///
/// # Errors
/// [`Error::TooFew`].
pub fn mean_distance(features: &Features) -> Result<f64> {
    check_rows(features, 2)?;
    let count = features.rows();
    let later = |number: usize, row: &mut [f64]| -> f64 {
        row[number + 1..].iter().map(|square| square.sqrt()).sum()
    };
    let sum: f64 = products::squared_distances(features, features, later).iter().sum();
    Ok(sum / (count as f64 * (count - 1) as f64 / 2.0))
}

/// The mean over samples of at least two pictures of equally many.
///
/// # Errors
/// [`Error::TooFew`], [`Error::Empty`], [`Error::Lengths`], [`Error::NotANumber`], [`Error::NotFinite`].
pub fn mean_deviation(pictures: &[&[f64]]) -> Result<f64> {
    let [first, others @ ..] = pictures else {
        return Err(Error::TooFew { found: 0, least: 2 });
    };
    if others.is_empty() {
        return Err(Error::TooFew { found: 1, least: 2 });
    }
    if first.is_empty() {
        return Err(Error::Empty);
    }
    for picture in pictures {
        if picture.len() != first.len() {
            return Err(Error::Lengths { left: first.len(), right: picture.len() });
        }
        check_finite(picture)?;
    }
    let count = pictures.len() as f64;
    let deviation = |sample: usize| {
        let mean = pictures.iter().map(|picture| picture[sample]).sum::<f64>() / count;
        let squares = pictures.iter().map(|picture| (picture[sample] - mean).powi(2));
        (squares.sum::<f64>() / count).sqrt()
    };
    Ok((0..first.len()).map(deviation).sum::<f64>() / first.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_defined() {
        let features = Features::new(2, vec![0.0, 0.0, 3.0, 4.0, 0.0, 0.0]).unwrap();
        assert!((mean_distance(&features).unwrap() - 10.0 / 3.0).abs() < 1e-15);
        assert_eq!(mean_deviation(&[&[0.0, 7.0], &[2.0, 7.0]]), Ok(0.5));
    }

    #[test]
    fn one_picture_is_not_diverse() {
        let one = Features::new(2, vec![0.0, 0.0]).unwrap();
        let few = Error::TooFew { found: 1, least: 2 };
        assert_eq!(mean_distance(&one), Err(few));
        assert_eq!(mean_deviation(&[&[1.0]]), Err(few));
        let uneven = mean_deviation(&[&[1.0], &[1.0, 2.0]]);
        assert_eq!(uneven, Err(Error::Lengths { left: 1, right: 2 }));
    }
}
