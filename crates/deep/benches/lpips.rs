//! Times of LPIPS on seeded networks, from samples to the distance: `cargo bench -p lookalike-deep`,
//! with a filter such as `-- vgg` for some of them.
//!
//! Comparisons with other libraries are `benches/peers/run deep`.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use lookalike_deep::{Head, Lpips, Net, SampleRange, Version};
use lookalike_nn::{Parameters as _, Planes, Seeded, Trunk};

/// Pictures and the length of their sides.
const SIZES: [(usize, usize); 2] = [(1, 256), (16, 64)];

fn main() {
    divan::main();
}

fn pictures((batch, side): (usize, usize), seed: &str) -> Planes {
    let shape = [batch, 3, side, side];
    Planes::new(shape, Seeded::new(seed).f32("lin", &shape).unwrap()).unwrap()
}

fn pairs(bencher: Bencher<'_, '_>, net: Net, size: (usize, usize), threads: usize) {
    let trunk = Trunk::new(net.backbone(), &Seeded::new(net.as_str())).unwrap();
    let head = Head::load(net, &Seeded::new("head")).unwrap();
    let lpips = Lpips::new(net, Version::V0_1, Arc::new(trunk), head).unwrap();
    let (a, b) = (pictures(size, "a"), pictures(size, "b"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    bencher
        .counter(ItemsCount::new(size.0))
        .bench_local(|| pool.install(|| lpips.distances(&a, &b, SampleRange::ZeroToOne).unwrap()));
}

macro_rules! networks {
    ($($name:ident: $net:expr, $threads:literal;)*) => {$(
        #[divan::bench(args = SIZES)]
        fn $name(bencher: Bencher<'_, '_>, size: (usize, usize)) {
            pairs(bencher, $net, size, $threads);
        }
    )*};
}

networks! {
    alex_one_thread: Net::Alex, 1;
    alex_two_threads: Net::Alex, 2;
    squeeze_one_thread: Net::Squeeze, 1;
    squeeze_two_threads: Net::Squeeze, 2;
    vgg_one_thread: Net::Vgg, 1;
    vgg_two_threads: Net::Vgg, 2;
}
