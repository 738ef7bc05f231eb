//! Asks for memory before it is read.

/// Asks for the cache line with number `at`, where there is one; no number and no error depends on it.
#[inline(always)]
pub(crate) fn prefetch(numbers: &[f32], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(number) = numbers.get(at) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
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
