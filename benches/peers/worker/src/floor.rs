//! What the machine can do at most, measured: copying the inputs, and multiply-adds in f32.

use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::decoded_pair::Pair;
use crate::line_protocol::Work;

/// Independent chains of multiply-adds: enough to hide the latency of two units.
const CHAINS: usize = 12;

/// Steps of every chain in one run.
const STEPS: u64 = 1 << 22;

/// Copies the samples of both pictures with all threads; gives the number of bytes read.
pub fn copy(pair: Pair) -> Work {
    let sources = [pair.reference, pair.candidate];
    let mut targets = sources.clone();
    Box::new(move || {
        let mut bytes = 0;
        for (target, source) in targets.iter_mut().zip(&sources) {
            let share = source.len().div_ceil(rayon::current_num_threads());
            target
                .par_chunks_mut(share)
                .zip(source.par_chunks(share))
                .for_each(|(target, source)| target.copy_from_slice(black_box(source)));
            bytes += source.len();
        }
        black_box(&mut targets);
        Ok(bytes as f64)
    })
}

/// Runs independent chains of fused multiply-adds on all threads with the widest vectors; gives
/// the number of multiply-adds.
pub fn multiply_adds() -> Work {
    Box::new(|| {
        let counts = rayon::broadcast(|_| Arch::new().dispatch(Chains(black_box(0.999_f32))));
        Ok(counts.into_iter().sum())
    })
}

struct Chains(f32);

impl WithSimd for Chains {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let factor = simd.splat_f32s(self.0);
        let term = simd.splat_f32s(1.0 - self.0);
        let mut chains = [simd.splat_f32s(0.5); CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = simd.mul_add_f32s(*chain, factor, term);
            }
        }
        for chain in chains {
            black_box(simd.reduce_sum_f32s(chain));
        }
        (STEPS * (CHAINS * S::F32_LANES) as u64) as f64
    }
}
