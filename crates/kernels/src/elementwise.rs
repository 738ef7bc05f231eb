//! Operations that make one number of one number, or of two at the same place.

use rayon::prelude::*;

use crate::lanes::{LANES, Lanes};
use crate::processor::{Kernel, Processor};
use crate::{Error, Result};

/// Numbers of one task.
const CHUNK: usize = 1 << 14;

/// A function of one number.
pub(crate) trait Unary: Copy + Send + Sync {
    /// To be marked `#[inline(always)]`.
    fn of<L: Lanes>(self, lanes: L, a: L::V) -> L::V;
}

/// A function of two numbers.
pub(crate) trait Binary: Copy + Send + Sync {
    /// To be marked `#[inline(always)]`.
    fn of<L: Lanes>(self, lanes: L, a: L::V, b: L::V) -> L::V;
}

/// Refuses numbers that are not as many as expected.
pub(crate) fn check(what: &'static str, numbers: &[f32], expected: usize) -> Result<()> {
    match numbers.len() {
        found if found == expected => Ok(()),
        found => Err(Error::Count { what, expected, found }),
    }
}

/// `to[i] = f(a[i])`.
pub(crate) fn unary(processor: Processor, f: impl Unary, a: &[f32], to: &mut [f32]) -> Result<()> {
    check("output", to, a.len())?;
    a.par_chunks(CHUNK)
        .zip(to.par_chunks_mut(CHUNK))
        .for_each(|(a, to)| processor.run(OfOne { f, a, to }));
    Ok(())
}

/// `to[i] = f(a[i], b[i])`.
pub(crate) fn binary(
    processor: Processor,
    f: impl Binary,
    a: &[f32],
    b: &[f32],
    to: &mut [f32],
) -> Result<()> {
    check("upstream gradient", b, a.len())?;
    check("output", to, a.len())?;
    a.par_chunks(CHUNK)
        .zip(b.par_chunks(CHUNK))
        .zip(to.par_chunks_mut(CHUNK))
        .for_each(|((a, b), to)| processor.run(OfTwo { f, a, b, to }));
    Ok(())
}

struct OfOne<'a, F> {
    f: F,
    a: &'a [f32],
    to: &'a mut [f32],
}

impl<F: Unary> Kernel for OfOne<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (a, a_rest) = self.a.as_chunks::<LANES>();
        let (to, to_rest) = self.to.as_chunks_mut::<LANES>();
        for (a, to) in a.iter().zip(to) {
            lanes.write(to, self.f.of(lanes, lanes.read(a)));
        }
        if !a_rest.is_empty() {
            let mut last = [0.0; LANES];
            last[..a_rest.len()].copy_from_slice(a_rest);
            let result = self.f.of(lanes, lanes.read(&last));
            lanes.write(&mut last, result);
            to_rest.copy_from_slice(&last[..to_rest.len()]);
        }
    }
}

struct OfTwo<'a, F> {
    f: F,
    a: &'a [f32],
    b: &'a [f32],
    to: &'a mut [f32],
}

impl<F: Binary> Kernel for OfTwo<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (a, a_rest) = self.a.as_chunks::<LANES>();
        let (b, b_rest) = self.b.as_chunks::<LANES>();
        let (to, to_rest) = self.to.as_chunks_mut::<LANES>();
        for ((a, b), to) in a.iter().zip(b).zip(to) {
            lanes.write(to, self.f.of(lanes, lanes.read(a), lanes.read(b)));
        }
        if !a_rest.is_empty() {
            let mut last = [[0.0; LANES]; 2];
            last[0][..a_rest.len()].copy_from_slice(a_rest);
            last[1][..b_rest.len()].copy_from_slice(b_rest);
            let result = self.f.of(lanes, lanes.read(&last[0]), lanes.read(&last[1]));
            lanes.write(&mut last[0], result);
            to_rest.copy_from_slice(&last[0][..to_rest.len()]);
        }
    }
}
