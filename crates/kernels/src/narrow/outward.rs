//! Few channels to many: two rows of y = x − Kᵀ s.

use super::inward::{into_products, out_of_products, read};
use super::split_rows::BEFORE;
use super::{Band, FEW, PRODUCTS, TOGETHER};
use crate::lanes::{LANES, Lanes, Line};
use crate::processor::Kernel;

/// From four rows of the inner channels to a band of x, which becomes y.
pub(super) struct Outward<'a>(pub(super) Band<'a>);

impl Kernel for Outward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(mut band) = self;
        let (products, tiles) = core::mem::take(&mut band.room).split_at_mut(PRODUCTS * TOGETHER);
        for k in (0..band.tiles).step_by(LANES) {
            band.outward(lanes, k, tiles, products);
        }
    }
}

impl Band<'_> {
    /// Sixteen tiles from `k` on.
    #[inline(always)]
    fn outward<L: Lanes>(&mut self, lanes: L, k: usize, tiles: &mut [Line], products: &mut [Line]) {
        for i in 0..FEW {
            let tile = read(lanes, self.rows, i * 2 * self.stride, self.stride, k);
            for (product, v) in into_products(lanes, tile).into_iter().enumerate() {
                lanes.store(&mut tiles[product * FEW + i], v);
            }
        }
        let channels = self.filters.channels;
        for first in (0..channels).step_by(TOGETHER) {
            let count = TOGETHER.min(channels - first);
            let both = tiles.chunks_exact(FEW).zip(products.chunks_exact_mut(TOGETHER));
            let filters = self.filters.outward.chunks_exact(channels);
            for ((tiles, products), filters) in both.zip(filters) {
                let mut v = [lanes.splat(0.0); FEW];
                for i in 0..FEW {
                    v[i] = lanes.load(&tiles[i]);
                }
                for (to, filter) in products[..count].iter_mut().zip(&filters[first..]) {
                    let mut sum = lanes.mul(v[0], lanes.splat(filter[0]));
                    for i in 1..FEW {
                        sum = lanes.mul_add(v[i], lanes.splat(filter[i]), sum);
                    }
                    lanes.store(to, sum);
                }
            }
            for n in 0..count {
                let mut m = [lanes.splat(0.0); PRODUCTS];
                for (v, products) in m.iter_mut().zip(products.chunks_exact(TOGETHER)) {
                    *v = lanes.load(&products[n]);
                }
                let outputs = out_of_products(lanes, m);
                for (row, outputs) in outputs.into_iter().enumerate() {
                    for (parity, sum) in outputs.into_iter().enumerate() {
                        let at = (2 * (first + n) + parity) * self.stride + BEFORE + k;
                        if let Some(to) = self.to[row][at..].first_chunk_mut::<LANES>() {
                            let y = lanes.sub(lanes.read(to), sum);
                            lanes.write(to, y);
                        }
                    }
                }
            }
        }
    }
}
