//! Time as sines and cosines of many frequencies.
//!
//! e = \[cos(t·ωᵢ), sin(t·ωᵢ)\], ωᵢ = exp(−ln(10⁴)·i/(h − s)) for i < h, h = ⌊size/2⌋, with s = 0 (original) or 1
//! (diffusers); the last number of an odd size is 0. t counts from 0 to 999 and need not be whole; noise levels in
//! 0…1 are multiplied by 1000 first.
//!
//! Choices: single precision in the order of the reference, since phases of many turns depend on the last bit of a
//! frequency. Reproduces recorded embeddings within 2e-6, but for frequencies that PyTorch's `exp` rounds the other
//! way (two of 128), where phases differ by half an ulp of the frequency times t: 3e-5 at t = 999.

use super::architecture::Convention;

/// Numbers of an embedding in all published networks.
pub(super) const COUNT: usize = 256;

/// The embedding of a time, `size` numbers.
pub fn time_embedding(time: f64, size: usize, convention: Convention) -> Vec<f32> {
    let half = size / 2;
    let shift = match convention {
        Convention::Original => 0.0,
        Convention::Diffusers => 1.0,
    };
    let phase = |i: usize| {
        let exponent = -(10_000_f64.ln()) as f32 * i as f32 / (half as f32 - shift);
        f64::from(time as f32 * f64::from(exponent).exp() as f32)
    };
    let mut numbers: Vec<f32> = (0..half).map(|i| phase(i).cos() as f32).collect();
    numbers.extend((0..half).map(|i| phase(i).sin() as f32));
    numbers.resize(size, 0.0);
    numbers
}
