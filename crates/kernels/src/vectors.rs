//! Products of long vectors, and multiples taken off them.

use crate::lanes::{LANES, Lanes};
use crate::processor::Kernel;
use crate::{Processor, Result};

/// Vectors of sums that are added up beside one another.
const SUMS: usize = 4;

/// Σ aᵢ·bᵢ: four vectors of lanes in turn, then across them, then the rest.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count) where they are not equally long.
pub fn dot(processor: Processor, a: &[f32], b: &[f32]) -> Result<f32> {
    crate::elementwise::check("a vector", b, a.len())?;
    Ok(processor.run(Dot { a, b }))
}

/// `to[i] −= factor·from[i]`.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count) where they are not equally long.
pub fn subtract_multiple(
    processor: Processor,
    to: &mut [f32],
    from: &[f32],
    factor: f32,
) -> Result<()> {
    crate::elementwise::check("a vector", from, to.len())?;
    processor.run(Subtract { to, from, factor });
    Ok(())
}

struct Dot<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl Kernel for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f32 {
        let (a, a_rest) = self.a.as_chunks::<LANES>();
        let (b, b_rest) = self.b.as_chunks::<LANES>();
        let (a_whole, a_few) = a.as_chunks::<SUMS>();
        let (b_whole, b_few) = b.as_chunks::<SUMS>();
        let mut sums = [lanes.splat(0.0); SUMS];
        for (a, b) in a_whole.iter().zip(b_whole) {
            for i in 0..SUMS {
                sums[i] = lanes.mul_add(lanes.read(&a[i]), lanes.read(&b[i]), sums[i]);
            }
        }
        for (a, b) in a_few.iter().zip(b_few) {
            sums[0] = lanes.mul_add(lanes.read(a), lanes.read(b), sums[0]);
        }
        let [first, second, third, fourth] = sums;
        let sum = lanes.sum(lanes.add(lanes.add(first, second), lanes.add(third, fourth)));
        a_rest.iter().zip(b_rest).fold(sum, |sum, (a, b)| sum + a * b)
    }
}

struct Subtract<'a> {
    to: &'a mut [f32],
    from: &'a [f32],
    factor: f32,
}

impl Kernel for Subtract<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (to, to_rest) = self.to.as_chunks_mut::<LANES>();
        let (from, from_rest) = self.from.as_chunks::<LANES>();
        let factor = lanes.splat(self.factor);
        for (to, from) in to.iter_mut().zip(from) {
            let value = lanes.negate_mul_add(lanes.read(from), factor, lanes.read(to));
            lanes.write(to, value);
        }
        for (to, from) in to_rest.iter_mut().zip(from_rest) {
            *to -= self.factor * from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_multiples() {
        for count in [0, 1, 15, 16, 63, 64, 65, 100, 1000] {
            let a: Vec<f32> = (0..count).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
            let b: Vec<f32> = (0..count).map(|i| (i * 53 % 89) as f32 / 44.0 - 1.0).collect();
            let exact: f64 = a.iter().zip(&b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            for processor in Processor::available() {
                let found = f64::from(dot(processor, &a, &b).unwrap());
                assert!((found - exact).abs() <= 1e-6 * (1.0 + count as f64), "{count}");
                let mut to = a.clone();
                subtract_multiple(processor, &mut to, &b, 0.75).unwrap();
                for ((to, a), b) in to.iter().zip(&a).zip(&b) {
                    assert!((to - (a - 0.75 * b)).abs() < 1e-6);
                }
                assert!(dot(processor, &a, &[&b[..], &[0.0]].concat()).is_err());
                assert!(
                    subtract_multiple(processor, &mut to, &[&b[..], &[0.0]].concat(), 1.0).is_err()
                );
            }
        }
    }
}
