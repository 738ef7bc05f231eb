//! Asks for memory before it is used.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{_MM_HINT_ET1, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};

use crate::disjoint::Disjoint;
use crate::lanes::Line;

/// Asks for the cache line with number `at`, where there is one, to be read at once; no number and no error depends
/// on it.
#[inline(always)]
pub(crate) fn prefetch(numbers: &[f32], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(number) = numbers.get(at) {
        // SAFETY: every processor of this architecture has the instruction, and it neither reads nor writes anything
        // that a program can see.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(number).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (numbers, at);
}

/// Asks for line `at`, where there is one, to be read later: it comes as far as the second cache.
#[inline(always)]
pub(crate) fn prefetch_for_later(lines: &[Line], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(line) = lines.get(at) {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(core::ptr::from_ref(line).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (lines, at);
}

/// Asks for line `at`, where there is one, to be written later. The instruction for that is not among those that kernels are
/// compiled with, so that it is asked for as to be read, which on one core comes to the same.
#[inline(always)]
pub(crate) fn prefetch_to_write(lines: &Disjoint<'_, Line>, at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(line) = lines.address(at) {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_ET1>(line.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (lines, at);
}
