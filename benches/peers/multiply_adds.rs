//! Multiply-adds in f32 that the machine can do at most, measured.

use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};

/// Independent chains of multiply-adds: enough to hide the latency of two units.
const CHAINS: usize = 12;

/// Steps of every chain in one run.
const STEPS: u64 = 1 << 22;

/// Runs independent chains of fused multiply-adds on all threads with the widest vectors; gives
/// the number of multiply-adds.
pub fn multiply_adds() -> f64 {
    rayon::broadcast(|_| Arch::new().dispatch(Chains(black_box(0.999_f32)))).into_iter().sum()
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
