//! The widest vector instructions of the processor at hand, found out when the program runs.

/// Runs `work` compiled for the widest instructions that the processor has (AVX-512 or AVX2 on
/// x86-64, otherwise what the target promises).
///
/// Lanes hold what scalar code would compute, products and sums are not fused and sums are not
/// reordered, so every processor gives the same bits. Functions that `work` calls need
/// `#[inline(always)]`, and so does `work` itself: whatever is not inlined keeps the instructions of
/// the build target. It is `FnMut` although it runs once: where `FnOnce` is asked for, the compiler
/// calls such a closure through a shim, and the shim is not inlined.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnMut() -> R) -> R {
    pulp::Arch::new().dispatch(Work(work))
}

struct Work<F>(F);

impl<R, F: FnMut() -> R> pulp::WithSimd for Work<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// Numbers that are added side by side.
const LANES: usize = 16;

/// The sum of `count` terms in a fixed order that vector instructions can follow.
#[inline(always)]
pub(crate) fn sum_of(count: usize, term: impl Fn(usize) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let whole = count - count % LANES;
    for first in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(first + lane);
        }
    }
    let rest: f64 = (whole..count).map(term).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_every_term_once() {
        for count in [0, 1, 15, 16, 17, 100] {
            let found = vectorised(|| sum_of(count, |i| i as f64));
            assert_eq!(found, (0..count).sum::<usize>() as f64, "{count}");
        }
    }
}
