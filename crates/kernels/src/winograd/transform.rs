//! The transforms of F(4×4, 3×3) and F(2×2, 5×5): tiles of 6×6 inputs to 36 products, and 36 products to
//! 4×4 or 2×2 outputs. That of the inputs is the same, since as many points are taken.
//!
//! Polynomials are interpolated at 0, ±1/√2, ±√2 and ∞. The product of the four finite points besides
//! 0 is 1, which balances the rows of the transforms: the error is that of direct convolution to within
//! a factor of four or so, and a third of that of the customary points 0, ±1, ±2.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::lanes::{LANES, Lanes, Line};

/// Positions of an input tile along one axis; their square is the number of products.
pub(super) const INPUT: usize = 6;
/// Products of a tile.
pub(super) const PRODUCTS: usize = INPUT * INPUT;

const POINTS: [f64; 5] = [0.0, FRAC_1_SQRT_2, -FRAC_1_SQRT_2, SQRT_2, -SQRT_2];

/// Rows of `G`: what takes the `SIDE` taps of a filter along one axis to six products.
pub(super) fn of_filters<const SIDE: usize>() -> [[f64; SIDE]; INPUT] {
    let mut rows = [[0.0; SIDE]; INPUT];
    for (row, &p) in rows.iter_mut().zip(&POINTS) {
        let others = POINTS.iter().filter(|&&q| q != p);
        let mut term = others.map(|q| p - q).product::<f64>().recip();
        for entry in row {
            *entry = term;
            term *= p;
        }
    }
    rows[INPUT - 1][SIDE - 1] = 1.0;
    rows
}

/// `G·k·Gᵀ` for sixteen filters `k` of `SIDE` × `SIDE` taps.
#[inline(always)]
pub(super) fn filters<const SIDE: usize>(
    g: &[[f64; SIDE]; INPUT],
    taps: &[[[f64; LANES]; SIDE]; SIDE],
) -> [Line; PRODUCTS] {
    let mut half = [[[0.0; LANES]; SIDE]; INPUT];
    for i in 0..INPUT {
        for j in 0..SIDE {
            for tap in 0..SIDE {
                for lane in 0..LANES {
                    half[i][j][lane] += g[i][tap] * taps[tap][j][lane];
                }
            }
        }
    }
    let mut products = [Line::ZERO; PRODUCTS];
    for i in 0..INPUT {
        for j in 0..INPUT {
            let mut sum = [0.0; LANES];
            for tap in 0..SIDE {
                for lane in 0..LANES {
                    sum[lane] += g[j][tap] * half[i][tap][lane];
                }
            }
            for lane in 0..LANES {
                products[i * INPUT + j].0[lane] = sum[lane] as f32;
            }
        }
    }
    products
}

const A: f32 = FRAC_1_SQRT_2 as f32;
const B: f32 = SQRT_2 as f32;

/// `Bᵀ·d` of one column or row; a²·b² = 1.
#[inline(always)]
pub(super) fn input<L: Lanes>(lanes: L, d: [L::V; INPUT]) -> [L::V; INPUT] {
    let (a, b) = (lanes.splat(A), lanes.splat(B));
    let (a2, b2, both) = (lanes.splat(0.5), lanes.splat(2.0), lanes.splat(2.5));
    let first = lanes.add(d[0], lanes.negate_mul_add(both, d[2], d[4]));
    let last = lanes.add(d[1], lanes.negate_mul_add(both, d[3], d[5]));
    let even = lanes.negate_mul_add(b2, d[2], d[4]);
    let odd = lanes.negate_mul_add(b2, d[1], d[3]);
    let even_far = lanes.negate_mul_add(a2, d[2], d[4]);
    let odd_far = lanes.negate_mul_add(a2, d[1], d[3]);
    [
        first,
        lanes.mul_add(a, odd, even),
        lanes.negate_mul_add(a, odd, even),
        lanes.mul_add(b, odd_far, even_far),
        lanes.negate_mul_add(b, odd_far, even_far),
        last,
    ]
}

/// `Aᵀ·m` of one column or row: `OUT` outputs, 4 or 2.
#[inline(always)]
pub(super) fn output<L: Lanes, const OUT: usize>(lanes: L, m: [L::V; INPUT]) -> [L::V; OUT] {
    let (a, b) = (lanes.splat(A), lanes.splat(B));
    let (p, q) = (lanes.add(m[1], m[2]), lanes.sub(m[1], m[2]));
    let (r, s) = (lanes.add(m[3], m[4]), lanes.sub(m[3], m[4]));
    let mut outputs = [lanes.add(lanes.add(m[0], p), r); OUT];
    if OUT == 2 {
        outputs[1] = lanes.mul_add(a, q, lanes.mul_add(b, s, m[5]));
    } else {
        let (a2, b2) = (lanes.splat(0.5), lanes.splat(2.0));
        let (a3, b3) = (lanes.splat(0.5 * A), lanes.splat(2.0 * B));
        outputs[1] = lanes.mul_add(a, q, lanes.mul(b, s));
        outputs[2] = lanes.mul_add(a2, p, lanes.mul(b2, r));
        outputs[3] = lanes.mul_add(a3, q, lanes.mul_add(b3, s, m[5]));
    }
    outputs
}
