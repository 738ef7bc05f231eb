//! Matrices with orthonormal columns, made of free parameters.
//!
//! * [`cayley`]: A = U − Uᵀ + VᵀV; the rows of (I + A)⁻¹(I − A), then those of −2V(I + A)⁻¹. Source: Trockman and Kolter, ICLR 2021; for
//!   more rows than columns, Wang and Manchester, ICML 2023.
//! * [`block_reflector`]: I − 2V(VᵀV)⁻¹Vᵀ. Source: Lai, Xu, Wei, Sun, Jang, Wang, "Enhancing Certified Robustness via
//!   Block Reflector Orthogonal Layers and Logit Annealing Loss", ICML 2025.
//!
//! Proof of the constant 1. Cayley: with S = U − Uᵀ skew and P = VᵀV, (I − A)ᵀ(I − A) + 4P =
//! (I + S − P)(I − S − P) + 4P = (I − S + P)(I + S + P) = (I + A)ᵀ(I + A), which is MᵀM = I after the inverses. Reflector:
//! V(VᵀV)⁻¹Vᵀ is a projection Q, and (I − 2Q)² = I.
//!
//! Reproduce recorded matrices within 1e-6: they are solved in double precision and stored in single, and
//! the certified constant is that of the stored matrix, 1 plus some 1e-7 times its size.
//! Limits: dense; V of a reflector needs independent columns.

use faer::Mat;
use faer::prelude::Solve;

use super::Linear;
use crate::{Error, Result};

/// The Cayley transform of `weight`: rows of `columns` numbers, at least as many as columns. The first
/// `columns` rows are U, the others V.
///
/// # Errors
/// [`Error::Numbers`]; [`Error::Unfit`] where there are fewer rows than columns or a number is not finite.
pub fn cayley(weight: &[f32], columns: usize) -> Result<Linear> {
    let rows = weight.len() / columns.max(1);
    Error::expect_numbers("a matrix", rows * columns, weight.len())?;
    if rows < columns {
        let reason = format!("a Cayley transform has at least {columns} rows, found {rows}");
        return Err(Error::Unfit(reason));
    }
    let w = whole(weight, rows, columns);
    let u = w.subrows(0, columns);
    let v = w.subrows(columns, rows - columns);
    let a = u - u.transpose() + v.transpose() * v;
    let one = Mat::<f64>::identity(columns, columns);
    let solver = (&one + &a).partial_piv_lu();
    let inverse = solver.solve(&one);
    let upper = &inverse * (&one - &a);
    let lower = v * &inverse;
    let entry = |i: usize, j: usize| {
        if i < columns { upper[(i, j)] } else { -2.0 * lower[(i - columns, j)] }
    };
    linear(rows, columns, entry)
}

/// I − 2V(VᵀV)⁻¹Vᵀ of `v`, rows of `rank` numbers.
///
/// # Errors
/// [`Error::Numbers`]; [`Error::Unfit`] where columns depend on each other or a number is not finite.
pub fn block_reflector(v: &[f32], rank: usize) -> Result<Linear> {
    let size = v.len() / rank.max(1);
    Error::expect_numbers("a matrix", size * rank, v.len())?;
    let v = whole(v, size, rank);
    let gram = v.transpose() * &v;
    let solved = gram.partial_piv_lu().solve(v.transpose());
    let projection = &v * solved;
    let entry = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * projection[(i, j)];
    linear(size, size, entry)
}

fn whole(numbers: &[f32], rows: usize, columns: usize) -> Mat<f64> {
    Mat::from_fn(rows, columns, |i, j| f64::from(numbers[i * columns + j]))
}

fn linear(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> f64) -> Result<Linear> {
    let at = |i: usize| (0..columns).map(move |j| (i, j));
    let matrix: Vec<f64> = (0..rows).flat_map(at).map(|(i, j)| entry(i, j)).collect();
    if matrix.iter().any(|m| !m.is_finite()) {
        let reason = "the parameters of an orthogonal layer have no such matrix: they are singular";
        return Err(Error::Unfit(reason.to_owned()));
    }
    Linear::new(columns, &matrix, None)
}
