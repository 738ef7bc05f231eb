//! Polynomial maximum mean discrepancy: KID where the features are Inception's.
//!
//! k(x, y) = (xᵀy / D + 1)³; MMD² = Σᵢ≠ⱼ k(xᵢ, xⱼ) / (m(m − 1)) + Σᵢ≠ⱼ k(yᵢ, yⱼ) / (n(n − 1)) − 2 Σᵢⱼ k(xᵢ, yⱼ) / (mn),
//! without bias, so it can be below 0. KID is the mean over subsets drawn without replacement.
//!
//! Source: Bińkowski, Sutherland, Arbel, Gretton, "Demystifying MMD GANs", ICLR 2018.
//!
//! Choices: 100 subsets of 1000 as in torch-fidelity, which refuses smaller sets; as in clean-fid, a subset
//! is no larger than the smaller of the sets, and the size is reported. The deviation is over subsets,
//! divided by their number (as torch-fidelity; subsets overlap, so it is no standard error). Subsets are
//! drawn by our own generator: with equal seeds they are not those of NumPy.
//!
//! Reproduces the formula in NumPy, 1e-9 of the value.

use super::features::{check_columns, check_rows};
use super::{Features, products};
use crate::statistics::seeded;
use crate::{Error, Result};

/// How subsets are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subsets {
    /// How many.
    pub count: usize,
    /// Of how many rows of either set, at most.
    pub size: usize,
    /// From which seed.
    pub seed: u64,
}

impl Default for Subsets {
    fn default() -> Self {
        Self { count: 100, size: 1000, seed: 0 }
    }
}

/// The distance over subsets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelDistance {
    /// The mean.
    pub mean: f64,
    /// The standard deviation over subsets.
    pub deviation: f64,
    /// Of how many rows they were.
    pub size: usize,
}

/// MMD² of two whole sets, at least two rows each.
///
/// # Errors
/// [`Error::Columns`], [`Error::TooFew`].
pub fn discrepancy(left: &Features, right: &Features) -> Result<f64> {
    check_columns(left, right)?;
    check_rows(left, 2)?;
    check_rows(right, 2)?;
    let within = |features: &Features| {
        let count = features.rows() as f64;
        let own: f64 =
            features.squares().iter().map(|&square| kernel(square, features.columns())).sum();
        (sum(features, features) - own) / (count * (count - 1.0))
    };
    let across = sum(left, right) / (left.rows() as f64 * right.rows() as f64);
    Ok(within(left) + within(right) - 2.0 * across)
}

/// Mean and deviation of MMD² over subsets.
///
/// # Errors
/// [`Error::Columns`]; [`Error::TooFew`] below two rows or two of a subset; [`Error::Empty`] of no subsets.
pub fn of(left: &Features, right: &Features, subsets: Subsets) -> Result<KernelDistance> {
    check_columns(left, right)?;
    if subsets.count == 0 {
        return Err(Error::Empty);
    }
    let size = subsets.size.min(left.rows()).min(right.rows());
    if size < 2 {
        return Err(Error::TooFew { found: size, least: 2 });
    }
    if size == left.rows() && size == right.rows() {
        // Every subset would be the whole.
        return Ok(KernelDistance { mean: discrepancy(left, right)?, deviation: 0.0, size });
    }
    let of_one = |number: usize| {
        let mut draws = seeded::stream(subsets.seed, number as u64);
        let mut draw = |features: &Features| {
            features.select(&seeded::sample(&mut draws, features.rows(), size))
        };
        discrepancy(&draw(left), &draw(right))
    };
    let values = (0..subsets.count).map(of_one).collect::<Result<Vec<f64>>>()?;
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    Ok(KernelDistance { mean, deviation: variance.sqrt(), size })
}

fn kernel(product: f64, columns: usize) -> f64 {
    let base = product / columns as f64 + 1.0;
    base * base * base
}

fn sum(left: &Features, right: &Features) -> f64 {
    let of_block = |_, products: &mut [f64]| -> f64 {
        products.iter().map(|&product| kernel(product, left.columns())).sum()
    };
    products::inner(left, right, of_block).iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(stream: u64, rows: usize) -> Features {
        let mut draws = seeded::stream(23, stream);
        let value = |_| seeded::below(&mut draws, 1_000_001) as f64 / 1e6;
        Features::new(4, (0..rows * 4).map(value).collect()).unwrap()
    }

    #[test]
    fn without_bias() {
        let far = Features::new(4, drawn(1, 300).values().iter().map(|v| v + 1.0).collect());
        let apart = discrepancy(&drawn(0, 300), &far.unwrap()).unwrap();
        assert!(apart > 0.5, "{apart}");
        // Halves of one distribution are on either side of zero.
        let halves =
            (0..40).map(|i| discrepancy(&drawn(2 * i, 30), &drawn(2 * i + 1, 30)).unwrap());
        let below = halves.filter(|&found| found < 0.0).count();
        assert!((8..=32).contains(&below), "{below} of 40");
    }

    #[test]
    fn the_only_subset_is_the_whole() {
        let (left, right) = (drawn(0, 50), drawn(1, 50));
        let whole = discrepancy(&left, &right).unwrap();
        let found = of(&left, &right, Subsets { count: 3, ..Subsets::default() }).unwrap();
        assert_eq!(found, KernelDistance { mean: whole, deviation: 0.0, size: 50 });
        let some = Subsets { count: 20, size: 25, seed: 1 };
        let found = of(&left, &right, some).unwrap();
        assert!(found.deviation > 0.0);
        assert_eq!(Ok(found), of(&left, &right, some));
        assert_ne!(Ok(found), of(&left, &right, Subsets { seed: 2, ..some }));
    }

    #[test]
    fn what_has_no_distance_is_refused() {
        let one = drawn(0, 1);
        let few = Error::TooFew { found: 1, least: 2 };
        assert_eq!(discrepancy(&one, &drawn(1, 9)), Err(few));
        assert_eq!(of(&one, &drawn(1, 9), Subsets::default()), Err(few));
        let none = Subsets { count: 0, ..Subsets::default() };
        assert_eq!(of(&drawn(0, 9), &drawn(1, 9), none), Err(Error::Empty));
    }
}
