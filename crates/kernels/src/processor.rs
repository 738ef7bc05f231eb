//! The instruction sets that the kernels are compiled for, chosen when the program runs.

use std::sync::OnceLock;

use pulp::{NullaryFnOnce, Simd};

use crate::bfloat16::HasPairs;
use crate::lanes::{LANES, Lanes, Sixteen};
use crate::{Error, Result};

/// An instruction set that this machine has.
///
/// Values agree between instruction sets within the stated tolerances; on one of them they are the
/// same bits for any number of threads and any batch.
#[derive(Clone, Copy, Debug)]
pub struct Processor(Choice);

#[derive(Clone, Copy, Debug)]
enum Choice {
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    Portable,
}

/// What every machine has.
const PORTABLE: Processor = Processor(Choice::Portable);

/// The environment variable that names the instruction set to be used.
pub const VARIABLE: &str = "LOOKALIKE_SIMD";

/// What runs over sixteen lanes.
pub(crate) trait Kernel {
    type Output;

    /// To be marked `#[inline(always)]`.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

impl Processor {
    /// The best instruction set of this machine, or the one that the environment variable
    /// `LOOKALIKE_SIMD` names (`avx512`, `avx2`, `neon`, `portable`) where the machine has it.
    pub fn best() -> Self {
        static BEST: OnceLock<Processor> = OnceLock::new();
        *BEST.get_or_init(|| Self::chosen().or_else(|_| Self::named(None)).unwrap_or(PORTABLE))
    }

    /// As [`best`](Self::best), for what is to be refused rather than computed by another
    /// instruction set than the one that was asked for.
    ///
    /// # Errors
    /// [`Error::InstructionSet`] where `LOOKALIKE_SIMD` names one that this machine does not have.
    pub fn chosen() -> Result<Self> {
        let asked = std::env::var_os(VARIABLE).map(|name| name.to_string_lossy().into_owned());
        Self::named(asked.as_deref().filter(|name| !name.is_empty()))
    }

    /// The instruction set of this name, the best for `None`.
    fn named(name: Option<&str>) -> Result<Self> {
        let all = Self::available();
        let Some(name) = name else { return Ok(all.first().copied().unwrap_or(PORTABLE)) };
        let found = all.iter().find(|processor| processor.name() == name);
        found.copied().ok_or_else(|| Error::InstructionSet {
            found: name.to_owned(),
            available: all.iter().map(|processor| processor.name()).collect(),
        })
    }

    /// Every instruction set of this machine, the best first.
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(pulp::x86::V4::try_new().map(Choice::Avx512));
            all.extend(pulp::x86::V3::try_new().map(Choice::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(pulp::aarch64::Neon::try_new().map(Choice::Neon));
        all.push(Choice::Portable);
        all.into_iter().map(Self).collect()
    }

    /// `avx512`, `avx2`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Choice::Neon(_) => "neon",
            Choice::Portable => "portable",
        }
    }

    /// Lines of outputs in a panel of packed weights.
    pub(crate) fn panel(self) -> usize {
        struct Panel;
        impl Kernel for Panel {
            type Output = usize;

            #[inline(always)]
            fn run<L: Lanes>(self, _: L) -> usize {
                L::PANEL
            }
        }
        self.run(Panel)
    }

    /// Whether it multiplies pairs of bfloat16 numbers by instructions of its own, twice as many at a time:
    /// `AVX512_BF16`.
    pub fn has_bfloat16(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(_) => std::is_x86_feature_detected!("avx512bf16"),
            _ => false,
        }
    }

    /// The instruction set for kernels over pairs of bfloat16 numbers: itself, unless it lacks nothing but these.
    pub(crate) fn in_pairs(self) -> Self {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(_) if !self.has_bfloat16() => {
                pulp::x86::V3::try_new().map_or(PORTABLE, |simd| Self(Choice::Avx2(simd)))
            }
            _ => self,
        }
    }

    /// Runs a kernel over pairs of bfloat16 numbers, which [`in_pairs`](Self::in_pairs) has chosen the instruction set
    /// for.
    #[inline]
    #[allow(unsafe_code)]
    pub(crate) fn run_in_pairs<K: Kernel>(self, kernel: impl FnOnce(HasPairs) -> K) -> K::Output {
        // SAFETY: `in_pairs` has left AVX-512 only where there are instructions for pairs.
        let kernel = kernel(unsafe { HasPairs::promised() });
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(simd) => {
                assert!(self.has_bfloat16(), "no pairs without AVX512_BF16");
                // SAFETY: the processor has what `simd` stands for, and the one feature more.
                unsafe { enter_in_pairs(kernel, Sixteen::<_, 1, 4>(simd)) }
            }
            _ => self.run(kernel),
        }
    }

    /// Runs a kernel.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(simd) => enter(simd, kernel, Sixteen::<_, 1, 4>(simd)),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(simd) => enter(simd, kernel, Sixteen::<_, 2, 1>(simd)),
            #[cfg(target_arch = "aarch64")]
            Choice::Neon(simd) => enter(simd, kernel, Sixteen::<_, 4, 1>(simd)),
            Choice::Portable => enter(pulp::Scalar, kernel, Sixteen::<_, LANES, 1>(pulp::Scalar)),
        }
    }
}

#[inline(always)]
fn enter<S: Simd, L: Lanes, K: Kernel>(simd: S, kernel: K, lanes: L) -> K::Output {
    simd.vectorize(Entry { kernel, lanes })
}

/// As `vectorize` of AVX-512, with the instructions for pairs.
#[cfg(target_arch = "x86_64")]
#[target_feature(
    enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512bf16,avx2,avx,bmi1,bmi2,f16c,fma,lzcnt,movbe,popcnt"
)]
fn enter_in_pairs<L: Lanes, K: Kernel>(kernel: K, lanes: L) -> K::Output {
    kernel.run(lanes)
}

struct Entry<K, L> {
    kernel: K,
    lanes: L,
}

impl<K: Kernel, L: Lanes> NullaryFnOnce for Entry<K, L> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.kernel.run(self.lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_resort_is_always_there() {
        let names: Vec<_> = Processor::available().into_iter().map(Processor::name).collect();
        assert_eq!(names.last(), Some(&"portable"));
        assert!(names.contains(&Processor::best().name()));
    }
}
