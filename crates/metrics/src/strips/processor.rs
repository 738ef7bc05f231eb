//! The instruction sets that the kernels are compiled for, chosen when the program runs.
//!
//! The crate `pulp` brings the vectors: each kernel is written once, over an unknown number of
//! lanes, and compiled for AVX-512, for AVX2 with fused multiply-add, and for whatever the target
//! offers elsewhere (NEON, WebAssembly, scalar code).

use pulp::{Arch, Simd, WithSimd};

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Processor {
    /// 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// 8 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// What `pulp` finds on other machines.
    #[cfg(not(target_arch = "x86_64"))]
    Native(Arch),
    /// One lane, compiled for the least machine of the target.
    Scalar,
}

impl Processor {
    /// The best instruction set of this machine.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        return match Arch::new() {
            Arch::V4(simd) => Self::Avx512(simd),
            Arch::V3(simd) => Self::Avx2(simd),
            _ => Self::Scalar,
        };
        #[cfg(not(target_arch = "x86_64"))]
        return Self::Native(Arch::new());
    }

    /// Every instruction set of this machine, the best first.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(pulp::x86::V4::try_new().map(Self::Avx512));
            all.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        #[cfg(not(target_arch = "x86_64"))]
        all.push(Self::Native(Arch::new()));
        all.push(Self::Scalar);
        all
    }

    /// Runs a kernel.
    #[inline]
    pub(crate) fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Simd::vectorize(simd, kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, kernel),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Native(arch) => arch.dispatch(kernel),
            Self::Scalar => Simd::vectorize(pulp::Scalar, kernel),
        }
    }

    /// Runs a closure, which is to be `#[inline(always)]`: what is not inlined keeps the
    /// instructions of the build target.
    ///
    /// `FnMut` although it is called once: the compiler calls such a closure through a shim where
    /// `FnOnce` is asked for, and the shim is not inlined.
    #[inline]
    pub(crate) fn run_closure<R>(self, closure: impl FnMut() -> R) -> R {
        self.run(Closure(closure))
    }
}

struct Closure<F>(F);

impl<R, F: FnMut() -> R> WithSimd for Closure<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}
