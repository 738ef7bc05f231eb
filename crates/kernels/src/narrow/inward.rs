//! Many channels to few: two rows of z = K x, and σ of them.

use super::split_rows::BEFORE;
use super::{Band, FEW, PRODUCTS, TOGETHER};
use crate::lanes::{LANES, Lanes, Line};
use crate::prefetch::prefetch;
use crate::processor::Kernel;

/// From four rows of the input to a band of the inner channels.
pub(super) struct Inward<'a>(pub(super) Band<'a>);

impl Kernel for Inward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(mut band) = self;
        let (tiles, sums) = core::mem::take(&mut band.room).split_at_mut(PRODUCTS * TOGETHER);
        for k in (0..band.tiles).step_by(LANES) {
            band.inward(lanes, k, tiles, sums);
        }
    }
}

impl Band<'_> {
    /// Sixteen tiles from `k` on.
    #[inline(always)]
    fn inward<L: Lanes>(&mut self, lanes: L, k: usize, tiles: &mut [Line], sums: &mut [Line]) {
        let channels = self.filters.channels;
        sums.fill(Line::ZERO);
        for first in (0..channels).step_by(TOGETHER) {
            let count = TOGETHER.min(channels - first);
            for n in 0..count {
                let start = (first + n) * 2 * self.stride;
                // The other rows were read for the band above.
                for row in &self.rows[2..] {
                    prefetch(row, start + BEFORE + k + LANES);
                    prefetch(row, start + self.stride + BEFORE + k + LANES);
                }
                let tile = read(lanes, self.rows, start, self.stride, k);
                for (product, v) in into_products(lanes, tile).into_iter().enumerate() {
                    lanes.store(&mut tiles[product * TOGETHER + n], v);
                }
            }
            let products = tiles.chunks_exact(TOGETHER).zip(sums.chunks_exact_mut(FEW));
            let filters = self.filters.inward.chunks_exact(channels);
            for ((tiles, sums), filters) in products.zip(filters) {
                let mut sum = [lanes.splat(0.0); FEW];
                for i in 0..FEW {
                    sum[i] = lanes.load(&sums[i]);
                }
                for (tile, filter) in tiles[..count].iter().zip(&filters[first..]) {
                    let v = lanes.load(tile);
                    for i in 0..FEW {
                        sum[i] = lanes.mul_add(v, lanes.splat(filter[i]), sum[i]);
                    }
                }
                for i in 0..FEW {
                    lanes.store(&mut sums[i], sum[i]);
                }
            }
        }
        for i in 0..FEW {
            let mut products = [lanes.splat(0.0); PRODUCTS];
            for (v, sums) in products.iter_mut().zip(sums.chunks_exact(FEW)) {
                *v = lanes.load(&sums[i]);
            }
            let outputs = out_of_products(lanes, products);
            let (bias, scale) =
                (lanes.splat(self.filters.bias[i]), lanes.splat(self.filters.scale[i]));
            for (row, outputs) in outputs.into_iter().enumerate() {
                for (parity, z) in outputs.into_iter().enumerate() {
                    let z = lanes.add(z, bias);
                    let active = lanes.where_positive(z, lanes.mul(scale, z));
                    let at = (2 * i + parity) * self.stride + BEFORE + k;
                    if let Some(to) = self.to[row][at..].first_chunk_mut::<LANES>() {
                        lanes.write(to, active);
                    }
                }
            }
        }
    }
}

/// 4×4 numbers of sixteen tiles from `k` on, of the channel that begins at `start`.
#[inline(always)]
pub(super) fn read<L: Lanes>(
    lanes: L,
    rows: [&[f32]; 4],
    start: usize,
    stride: usize,
    k: usize,
) -> [[L::V; 4]; 4] {
    let mut tile = [[lanes.splat(0.0); 4]; 4];
    for (to, row) in tile.iter_mut().zip(rows) {
        let (even, odd) = row[start..start + 2 * stride].split_at(stride);
        let at = BEFORE + k;
        *to = [
            vector(lanes, odd, at - 1),
            vector(lanes, even, at),
            vector(lanes, odd, at),
            vector(lanes, even, at + 1),
        ];
    }
    tile
}

/// The numbers from `at` on.
#[inline(always)]
fn vector<L: Lanes>(lanes: L, line: &[f32], at: usize) -> L::V {
    match line[at..].first_chunk::<LANES>() {
        Some(numbers) => lanes.read(numbers),
        None => lanes.splat(0.0),
    }
}

/// Bᵀ d B.
#[inline(always)]
pub(super) fn into_products<L: Lanes>(lanes: L, [a, b, c, d]: [[L::V; 4]; 4]) -> [L::V; PRODUCTS] {
    let mut columns = [[lanes.splat(0.0); 4]; 4];
    for x in 0..4 {
        columns[x] = apart(lanes, [a[x], b[x], c[x], d[x]]);
    }
    let mut products = [lanes.splat(0.0); PRODUCTS];
    for p in 0..4 {
        let row = apart(lanes, [columns[0][p], columns[1][p], columns[2][p], columns[3][p]]);
        products[4 * p..4 * p + 4].copy_from_slice(&row);
    }
    products
}

/// Bᵀ d.
#[inline(always)]
fn apart<L: Lanes>(lanes: L, [a, b, c, d]: [L::V; 4]) -> [L::V; 4] {
    [lanes.sub(a, c), lanes.add(b, c), lanes.sub(c, b), lanes.sub(b, d)]
}

/// Aᵀ m A.
#[inline(always)]
pub(super) fn out_of_products<L: Lanes>(lanes: L, m: [L::V; PRODUCTS]) -> [[L::V; 2]; 2] {
    let mut columns = [[lanes.splat(0.0); 2]; 4];
    for x in 0..4 {
        columns[x] = together(lanes, [m[x], m[4 + x], m[8 + x], m[12 + x]]);
    }
    let [a, b, c, d] = columns;
    [together(lanes, [a[0], b[0], c[0], d[0]]), together(lanes, [a[1], b[1], c[1], d[1]])]
}

/// Aᵀ m.
#[inline(always)]
fn together<L: Lanes>(lanes: L, [a, b, c, d]: [L::V; 4]) -> [L::V; 2] {
    [lanes.add(lanes.add(a, b), c), lanes.sub(lanes.sub(b, c), d)]
}
