//! Vectors that begin between two aligned ones.
//!
//! Loading 16 numbers from elsewhere than the beginning of a cache line touches two lines and takes
//! twice as long. The row filter, which looks at each number from eleven places, would wait for
//! memory most of the time; with AVX-512 it makes half of them of two aligned ones in registers.

use pulp::Simd;

use super::processor::Processor;

/// How vectors that begin between two aligned ones are made.
pub(super) trait Ahead: Copy {
    /// Whether [`by`](Self::by) has an answer; otherwise they are loaded from memory.
    const IN_REGISTERS: bool;

    /// The last 16 − `COUNT` numbers of `low` and the first `COUNT` of `high`.
    fn by<S: Simd, const COUNT: i32>(self, low: S::f32s, high: S::f32s) -> S::f32s;
}

#[derive(Clone, Copy)]
pub(super) struct FromMemory;

impl Ahead for FromMemory {
    const IN_REGISTERS: bool = false;

    #[inline(always)]
    fn by<S: Simd, const COUNT: i32>(self, low: S::f32s, _: S::f32s) -> S::f32s {
        low
    }
}

/// With AVX-512, by one instruction; only in kernels whose vectors have 16 lanes.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct InRegisters(pulp::x86::V4);

/// Does not exist on other machines.
#[cfg(not(target_arch = "x86_64"))]
pub(super) type InRegisters = FromMemory;

#[cfg(target_arch = "x86_64")]
impl Ahead for InRegisters {
    const IN_REGISTERS: bool = true;

    #[inline(always)]
    fn by<S: Simd, const COUNT: i32>(self, low: S::f32s, high: S::f32s) -> S::f32s {
        use core::arch::x86_64::__m512i;
        use pulp::bytemuck::cast;
        if size_of::<S::f32s>() != size_of::<__m512i>() {
            return low;
        }
        let (low, high): (__m512i, __m512i) = (cast(low), cast(high));
        cast(self.0.avx512f._mm512_alignr_epi32::<COUNT>(high, low))
    }
}

/// The way of a processor, when it has one beside memory.
pub(super) fn in_registers(processor: Processor) -> Option<InRegisters> {
    match processor {
        #[cfg(target_arch = "x86_64")]
        Processor::Avx512(simd) => Some(InRegisters(simd)),
        _ => None,
    }
}

/// Whether vectors of `S` have the 16 lanes that [`InRegisters`] needs.
#[inline(always)]
pub(super) fn has_16_lanes<S: Simd>() -> bool {
    S::F32_LANES == 16
}
